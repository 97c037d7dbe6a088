// SPDX-License-Identifier: Apache-2.0
// penstock status
#include <chrono>

#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/wire/proto_time.h"

#include "penstock/v1/status.grpc.pb.h"

#include "tools/penstock/hook_status_text.h"
#include "tools/penstock/names.h"
#include "tools/penstock/resources.h"
#include "tools/penstock/session.h"

namespace penstock::cli {
namespace {

// Where it listens, and what hooks are told where that differs.
std::string ContentText(const v1::ServerStatus& status) {
  const std::string& address = status.content_address();
  if (status.content_target() == address) return address;
  return Cat(address, ", for hooks ", status.content_target());
}

std::string Head(const v1::ServerStatus& status) {
  Sheet sheet;
  sheet.Add("penstockd", Cat(status.version(), " on ", status.hostname()));
  sheet.Add("Running since",
            Cat(FormatRfc3339(wire::FromProto(status.start_time())), ", for ",
                wire::DurationText(std::chrono::duration_cast<std::chrono::seconds>(
                    wire::FromProto(status.uptime())))));
  sheet.Add("Open messages", Cat(status.open_message_count(), ", ", status.active_message_count(),
                                 " worked on now"));
  sheet.Add("Disk", Cat(status.disk_free_octets() >> 20U, " MiB free"));
  if (!status.content_address().empty()) sheet.Add("Content API", ContentText(status));
  return sheet.ToText();
}

std::string Hooks(const v1::ServerStatus& status) {
  Table table(
      {"HOOK", "RUNNING", "WAITING", "OK", "FAILED", "QUEUED", "DEAD", "DROPPED", "LAST ERROR"});
  for (const v1::HookStatus& hook : status.hooks()) {
    table.Add({hook.hook(), Cat(hook.running_call_count()), Cat(hook.waiting_call_count()),
               Cat(hook.success_count()), Cat(hook.failure_count()), Cat(hook.async_queue_count()),
               Cat(hook.dead_letter_count()), Cat(hook.dropped_count()),
               LastErrorText(hook.last_error(), hook.last_error_time())});
  }
  return table.ToText("no hooks");
}

std::string NextHops(const v1::ServerStatus& status) {
  Table table({"NEXT HOP", "RUNNING", "OK", "DEFERRED", "LAST ERROR"});
  for (const v1::NextHopStatus& next_hop : status.next_hops()) {
    table.Add({next_hop.next_hop(), Cat(next_hop.running_count()), Cat(next_hop.success_count()),
               Cat(next_hop.failure_count()),
               LastErrorText(next_hop.last_error(), next_hop.last_error_time())});
  }
  return table.ToText("no next hops");
}

std::string Listeners(const v1::ServerStatus& status) {
  Table table({"LISTENER", "ADDRESS", "CONNECTIONS"});
  for (const v1::ListenerStatus& listener : status.listeners()) {
    table.Add({listener.listener(), listener.address(), Cat(listener.connection_count())});
  }
  return table.ToText("no listeners");
}

Status Show(Session& session, const Arguments&) {
  v1::ServerStatus status;
  PENSTOCK_RETURN_IF_ERROR(session.client().Call<v1::StatusService>(
      &v1::StatusService::Stub::GetServerStatus, v1::GetServerStatusRequest(), &status));
  return session.output().Show(status, [&] {
    return Cat(Head(status), "\n", Hooks(status), "\n", NextHops(status), "\n", Listeners(status));
  });
}

}  // namespace

std::vector<Command> StatusCommands() {
  return {{.words = "status",
           .summary = "Show what the daemon is doing",
           .example = "penstock status",
           .run = Show}};
}

}  // namespace penstock::cli
