// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/hook_attempt.h"

#include "engine/base/strings.h"

namespace penstock::flow {

Status CheckInvoke(const Hook& hook, std::string_view organization,
                   rules::FlowDirection direction) {
  if (MayInvoke(hook, organization, direction)) return OkStatus();
  return PermissionDenied(Cat("organization \"", organization, "\" may not invoke hook \"",
                              hook.name, "\"; grant it: penstock hook add-permission ", hook.name,
                              " --statement-id allow-", organization, " --principal ",
                              organization));
}

Milliseconds AttemptDeadline(const Hook& hook, rules::InvocationMode mode) {
  return mode == rules::InvocationMode::kSync ? hook.sync_deadline : hook.async_deadline;
}

}  // namespace penstock::flow
