// SPDX-License-Identifier: Apache-2.0
#include "engine/api/organization_removal.h"

#include <utility>

#include "engine/base/status_macros.h"
#include "engine/base/strings.h"

namespace penstock::api {
namespace {

Status CheckNoListenerNames(const AdminContext& admin, std::string_view id) {
  if (!admin.listener_organizations) return OkStatus();
  for (const auto& [listener, organization] : admin.listener_organizations()) {
    if (organization != id) continue;
    return FailedPrecondition(
        Cat("listener \"", listener, "\" names organization \"", id,
            "\"; name another in the configuration (`organization`) and reload it first"));
  }
  return OkStatus();
}

}  // namespace

async::Task<void> CheckRemovable(const AdminContext& admin, std::string organization) {
  PENSTOCK_CO_RETURN_IF_ERROR(CheckNoListenerNames(admin, organization));
  for (const flow::MessagePhase phase : {flow::MessagePhase::kActive, flow::MessagePhase::kWaiting,
                                         flow::MessagePhase::kDelivering}) {
    ports::MessageFilter filter;
    filter.phase = phase;
    filter.organization = organization;
    std::string first_page;
    auto page = co_await admin.store.ListMessages(std::move(filter), 1, std::move(first_page));
    PENSTOCK_CO_RETURN_IF_ERROR(page.status());
    if (page->messages.empty()) continue;
    co_return FailedPrecondition(Cat("organization \"", organization,
                                     "\" still has open messages; wait until they are closed: ",
                                     "penstock message list --org ", organization));
  }
  co_return OkStatus();
}

}  // namespace penstock::api
