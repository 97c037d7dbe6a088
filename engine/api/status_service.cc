// SPDX-License-Identifier: Apache-2.0
#include "engine/api/status_service.h"

#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "engine/api/hook_status.h"
#include "engine/api/unary_call.h"
#include "engine/base/status_macros.h"
#include "engine/base/utf8.h"
#include "engine/wire/proto_time.h"

#include "penstock/v1/status.grpc.pb.h"

namespace penstock::api {
namespace {

v1::NextHopStatus StatusOf(const std::string& next_hop, const runtime::CallFigures& figures) {
  v1::NextHopStatus status;
  status.set_next_hop(next_hop);
  status.set_running_count(figures.running);
  status.set_success_count(static_cast<std::int64_t>(figures.succeeded));
  status.set_failure_count(static_cast<std::int64_t>(figures.failed));
  if (!figures.last_error.empty()) {
    status.set_last_error(ToValidUtf8(figures.last_error));
    *status.mutable_last_error_time() = wire::ToProto(figures.last_error_time);
  }
  return status;
}

class Service final : public v1::StatusService::CallbackService {
 public:
  Service(AdminContext& admin, StatusSources sources)
      : admin_(admin), sources_(std::move(sources)) {}

  grpc::ServerUnaryReactor* GetServerStatus(grpc::CallbackServerContext* context,
                                            const v1::GetServerStatusRequest*,
                                            v1::ServerStatus* response) override {
    return RunUnary(admin_, context, response, Get());
  }

 private:
  async::Task<v1::ServerStatus> Get() {
    v1::ServerStatus status;
    status.set_version(sources_.version);
    status.set_hostname(sources_.hostname);
    *status.mutable_start_time() = wire::ToProto(sources_.started);
    *status.mutable_uptime() = wire::ToProto(admin_.clock.Now() - sources_.started);
    const auto open = co_await admin_.store.CountOpenMessages();
    PENSTOCK_CO_RETURN_IF_ERROR(open.status());
    status.set_open_message_count(static_cast<std::int64_t>(*open));
    status.set_active_message_count(static_cast<std::int64_t>(sources_.schedule.active()));
    const auto queues = co_await admin_.store.CountAsyncEvents();
    PENSTOCK_CO_RETURN_IF_ERROR(queues.status());
    AddHooks(*queues, status);
    for (const std::string& next_hop : sources_.next_hop_names()) {
      *status.add_next_hops() = StatusOf(next_hop, sources_.next_hops.Of(next_hop));
    }
    status.set_content_address(sources_.content_address);
    status.set_content_target(sources_.content_target);
    for (const ListenerFigures& figures : sources_.listeners()) {
      v1::ListenerStatus& listener = *status.add_listeners();
      listener.set_listener(figures.name);
      listener.set_address(figures.address);
      listener.set_connection_count(figures.connections);
      *listener.mutable_hold() = wire::ToProto(figures.hold);
      for (const rules::FlowDirection direction : figures.one_way_directions)
        listener.add_one_way_directions(std::string(Name(direction)));
    }
    std::error_code error;
    const auto space = std::filesystem::space(sources_.data_folder, error);
    if (!error) status.set_disk_free_octets(static_cast<std::int64_t>(space.available));
    co_return status;
  }

  // Every registered hook, and those that are gone but have events left.
  void AddHooks(const std::vector<ports::AsyncQueueCounts>& counts, v1::ServerStatus& status) {
    const AsyncQueues queues = ByHook(counts);
    const flow::DirectorySnapshot directory = admin_.directory.Current();
    std::set<std::string> hooks;
    for (const auto& [name, hook] : directory->hooks())
      hooks.insert(name);
    for (const auto& [name, queue] : queues)
      hooks.insert(name);
    for (const std::string& name : hooks)
      *status.add_hooks() = HookStatusOf(admin_, name, queues);
  }

  AdminContext& admin_;
  const StatusSources sources_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeStatusService(AdminContext& admin, StatusSources sources) {
  return std::make_unique<Service>(admin, std::move(sources));
}

}  // namespace penstock::api
