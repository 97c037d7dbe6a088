// SPDX-License-Identifier: Apache-2.0
// The admin services over a store in memory, on a socket, and a client of them.
#pragma once

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <boost/asio/thread_pool.hpp>

#include "engine/api/admin_server.h"
#include "engine/api/change_service.h"
#include "engine/api/dead_letter_service.h"
#include "engine/api/flow_rule_service.h"
#include "engine/api/hook_service.h"
#include "engine/api/manifest_service.h"
#include "engine/api/message_service.h"
#include "engine/api/organization_service.h"
#include "engine/async/grpc_call.h"
#include "engine/base/strings.h"
#include "engine/runtime/system_clock.h"
#include "engine/store/memory_store.h"
#include "engine/wire/unix_target.h"
#include "tests/support/await.h"
#include "tests/support/watched_store.h"

#include "penstock/v1/error.pb.h"
#include "penstock/v1/flow_rules.grpc.pb.h"
#include "penstock/v1/organizations.grpc.pb.h"

namespace penstock::api {

using Metadata = std::multimap<std::string, std::string>;

inline std::string MakeFolder() {
  std::string folder = (std::filesystem::temp_directory_path() / "penXXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) throw std::runtime_error("no temporary folder");
  return folder;
}

class NoHooks final : public ports::HookCaller {
 public:
  async::Task<flow::Answer> Call(ports::HookCall) override { co_return Unavailable("no hooks"); }
};

// The services over a store in memory, on a socket.
class Fixture {
 public:
  // `next_hops`: those that are configured; none: any may be named.
  explicit Fixture(std::vector<std::string> next_hops = {})
      : folder_(MakeFolder()), directory_(store_, clock_) {
    if (!next_hops.empty()) admin_.next_hop_names = [next_hops] { return next_hops; };
    const Status loaded = tests::Await(executor(), directory_.Load());
    if (!loaded.ok()) throw std::runtime_error(std::string(Message(loaded)));
    std::vector<std::unique_ptr<grpc::Service>> services;
    services.push_back(MakeOrganizationService(admin_));
    services.push_back(MakeHookService(admin_));
    services.push_back(MakeFlowRuleService(admin_));
    services.push_back(MakeManifestService(admin_));
    services.push_back(MakeChangeService(admin_));
    services.push_back(MakeMessageService(admin_));
    services.push_back(MakeDeadLetterService(admin_));
    auto server = AdminServer::Start(folder_ + "/s", std::move(services));
    if (!server.ok()) throw std::runtime_error(std::string(Message(server.status())));
    server_ = *std::move(server);
    channel_ =
        grpc::CreateChannel(wire::UnixTarget(folder_ + "/s"), grpc::InsecureChannelCredentials());
  }

  ~Fixture() {
    server_.reset();
    tasks_.WaitIdle(std::chrono::seconds(10));
    pool_.stop();
    pool_.join();
    std::filesystem::remove_all(folder_);
  }

  // Calls `method`; what came with an error is in info().
  template <class Service, class Request, class Response>
  Status Call(grpc::Status (Service::Stub::*method)(grpc::ClientContext*, const Request&,
                                                    Response*),
              const Request& request, Response& response, const Metadata& metadata = {}) {
    grpc::ClientContext context;
    for (const auto& [key, value] : metadata)
      context.AddMetadata(key, value);
    const grpc::Status status =
        (Service::NewStub(channel_).get()->*method)(&context, request, &response);
    info_.Clear();
    const auto& trailers = context.GetServerTrailingMetadata();
    const auto found = trailers.find("penstock-error-info-bin");
    if (found != trailers.end()) {
      info_.ParseFromArray(found->second.data(), static_cast<int>(found->second.size()));
    }
    return async::FromGrpc(status);
  }

  Status CreateOrganization(const std::string& id, const Metadata& metadata = {}) {
    v1::CreateOrganizationRequest request;
    request.set_organization_id(id);
    v1::Organization created;
    return Call<v1::OrganizationService>(&v1::OrganizationService::Stub::CreateOrganization,
                                         request, created, metadata);
  }

  StatusOr<v1::FlowRule> CreateRule(const std::string& organization, const std::string& id,
                                    const std::vector<std::string>& senders, bool compat = false) {
    v1::CreateFlowRuleRequest request;
    request.set_parent(Cat("organizations/", organization, "/directions/inbound"));
    request.set_flow_rule_id(id);
    request.set_compat(compat);
    for (const std::string& sender : senders)
      request.mutable_flow_rule()->add_sender_patterns(sender);
    request.mutable_flow_rule()->add_recipient_patterns("*");
    request.mutable_flow_rule()->mutable_verdict()->set_action(v1::Verdict::DROP);
    v1::FlowRule rule;
    Status status =
        Call<v1::FlowRuleService>(&v1::FlowRuleService::Stub::CreateFlowRule, request, rule);
    if (!status.ok()) return status;
    return rule;
  }

  StatusOr<v1::FlowRule> UpdateRule(const v1::FlowRule& rule,
                                    const std::vector<std::string>& mask) {
    v1::UpdateFlowRuleRequest request;
    *request.mutable_flow_rule() = rule;
    for (const std::string& path : mask)
      request.mutable_update_mask()->add_paths(path);
    v1::FlowRule updated;
    Status status =
        Call<v1::FlowRuleService>(&v1::FlowRuleService::Stub::UpdateFlowRule, request, updated);
    if (!status.ok()) return status;
    return updated;
  }

  [[nodiscard]] async::Executor executor() { return pool_.get_executor(); }

  [[nodiscard]] tests::WatchedStore& store() { return store_; }

  [[nodiscard]] const v1::ErrorInfo& info() const { return info_; }

  [[nodiscard]] const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

  [[nodiscard]] std::size_t running() const { return tasks_.running(); }

  [[nodiscard]] AdminServer& server() { return *server_; }

  [[nodiscard]] AdminContext& admin() { return admin_; }

  [[nodiscard]] runtime::DirectoryKeeper& directory() { return directory_; }

 private:
  const std::string folder_;
  boost::asio::thread_pool pool_{2};
  async::TaskGroup tasks_;
  store::MemoryStore memory_;
  tests::WatchedStore store_{memory_};
  runtime::SystemClock clock_;
  runtime::DirectoryKeeper directory_;
  NoHooks hooks_;
  runtime::SystemRandom random_;
  runtime::HookGate gate_{hooks_, directory_, clock_};
  runtime::SettingsKeeper settings_{{}};
  AdminContext admin_{directory_, store_, clock_, random_, gate_, settings_, executor(), tasks_};
  std::unique_ptr<AdminServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
  v1::ErrorInfo info_;
};

}  // namespace penstock::api
