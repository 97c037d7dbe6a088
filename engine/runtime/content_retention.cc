// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/content_retention.h"

#include <memory>
#include <string>
#include <utility>

namespace penstock::runtime {

bool IsForHooks(const flow::MessageState& message, const flow::Directory& directory) {
  const auto may_see = [&](const std::string& name) {
    const auto hook = directory.FindHook(name);
    return hook != nullptr && (MayRead(*hook, message.organization, message.direction) ||
                               MayReplace(*hook, message.organization, message.direction));
  };
  for (const flow::InvocationState& invocation : message.invocations) {
    if (may_see(invocation.hook)) return true;
  }
  const std::string* last = nullptr;  // recipients of one rule often stand together
  for (const flow::RecipientState& recipient : message.recipients) {
    if (recipient.decided_by != flow::DecidedBy::kAsyncRule) continue;
    if (last != nullptr && *last == recipient.rule) continue;
    last = &recipient.rule;
    const auto* rule = directory.FindRule(message.organization, message.direction, recipient.rule);
    if (rule != nullptr && rule->run_hook && may_see(rule->run_hook->hook)) return true;
  }
  return false;
}

ports::RetainedContent Retain(const flow::MessageState& message, InvocationId invocation,
                              ContentId content, Milliseconds retention) {
  return {message.id, std::move(invocation), std::move(content), message.received + retention};
}

}  // namespace penstock::runtime
