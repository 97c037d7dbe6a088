// SPDX-License-Identifier: Apache-2.0
#include "engine/api/hook_service.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "engine/api/change.h"
#include "engine/api/hook_status.h"
#include "engine/api/hook_trial.h"
#include "engine/api/invocation_tail.h"
#include "engine/api/paging.h"
#include "engine/api/unary_call.h"
#include "engine/base/check.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/wire/convert_hook.h"
#include "engine/wire/hook_trial.h"
#include "engine/wire/resource_name.h"
#include "engine/wire/update.h"

#include "penstock/v1/hooks.grpc.pb.h"

namespace penstock::api {
namespace {

using flow::Directory;
using flow::Hook;
using flow::Permission;
using google::protobuf::Empty;
using Change = runtime::DirectoryKeeper::Change;
using MakeChange = runtime::DirectoryKeeper::MakeChange;

StatusOr<Hook> Find(const Directory& directory, std::string_view id) {
  const auto found = directory.FindHook(id);
  if (found != nullptr) return *found;
  return NotFound(Cat("there is no hook \"", id, "\""));
}

StatusOr<Hook> FromCreate(const v1::CreateHookRequest& request) {
  const Status named = rules::CheckName("hook", request.hook_id());
  if (!named.ok()) return Annotate(named, "hook_id");
  v1::Hook resource = request.hook();
  const std::string name = wire::HookName(request.hook_id());
  if (!resource.name().empty() && resource.name() != name) {
    return InvalidArgument(Cat("hook.name: \"", Printable(resource.name()), "\" is not \"", name,
                               "\", as hook_id says"));
  }
  resource.set_name(name);
  return wire::FromProto(resource);
}

auto FindStatement(Hook& hook, std::string_view id) {
  return std::find_if(hook.permissions.begin(), hook.permissions.end(),
                      [&](const Permission& permission) { return permission.statement_id == id; });
}

StatusOr<Change> Replace(const Directory& now, const Hook& hook) {
  PENSTOCK_ASSIGN_OR_RETURN(auto next, now.With(hook, Directory::Write::kReplace));
  return ChangeOf(std::move(next), hook, Fate::kStays);
}

class Service final : public v1::HookRegistryService::CallbackService {
 public:
  explicit Service(AdminContext& admin) : admin_(admin) {}

  grpc::ServerUnaryReactor* GetHook(grpc::CallbackServerContext* context,
                                    const v1::GetHookRequest* request,
                                    v1::Hook* response) override {
    return RunUnary(admin_, context, response, Get(*request));
  }

  grpc::ServerUnaryReactor* ListHooks(grpc::CallbackServerContext* context,
                                      const v1::ListHooksRequest* request,
                                      v1::ListHooksResponse* response) override {
    return RunUnary(admin_, context, response, List(*request));
  }

  grpc::ServerWriteReactor<v1::TailInvocationsResponse>* TailInvocations(
      grpc::CallbackServerContext* context, const v1::TailInvocationsRequest* request) override {
    return api::TailInvocations(admin_, context, *request);
  }

  grpc::ServerUnaryReactor* CreateHook(grpc::CallbackServerContext* context,
                                       const v1::CreateHookRequest* request,
                                       v1::Hook* response) override {
    return RunUnary(admin_, context, response, Create(*request, CallerOf(*context)));
  }

  grpc::ServerUnaryReactor* UpdateHook(grpc::CallbackServerContext* context,
                                       const v1::UpdateHookRequest* request,
                                       v1::Hook* response) override {
    return RunUnary(admin_, context, response, Update(*request, CallerOf(*context)));
  }

  grpc::ServerUnaryReactor* DeleteHook(grpc::CallbackServerContext* context,
                                       const v1::DeleteHookRequest* request,
                                       Empty* response) override {
    return RunUnary(admin_, context, response, Delete(*request, CallerOf(*context)));
  }

  grpc::ServerUnaryReactor* AddPermission(grpc::CallbackServerContext* context,
                                          const v1::AddPermissionRequest* request,
                                          v1::Hook* response) override {
    return RunUnary(admin_, context, response, Add(*request, CallerOf(*context)));
  }

  grpc::ServerUnaryReactor* RemovePermission(grpc::CallbackServerContext* context,
                                             const v1::RemovePermissionRequest* request,
                                             v1::Hook* response) override {
    return RunUnary(admin_, context, response, Remove(*request, CallerOf(*context)));
  }

  grpc::ServerUnaryReactor* GetPolicy(grpc::CallbackServerContext* context,
                                      const v1::GetPolicyRequest* request,
                                      v1::Policy* response) override {
    return RunUnary(admin_, context, response, Policy(*request));
  }

  grpc::ServerUnaryReactor* InvokeHook(grpc::CallbackServerContext* context,
                                       const v1::InvokeHookRequest* request,
                                       v1::InvokeHookResponse* response) override {
    return RunUnary(admin_, context, response, Invoke(*request, context));
  }

 private:
  async::Task<v1::Hook> Get(const v1::GetHookRequest& request) {
    const flow::DirectorySnapshot directory = admin_.directory.Current();
    PENSTOCK_CO_ASSIGN_OR_RETURN(const std::string id, wire::ParseHookName(request.name()));
    PENSTOCK_CO_ASSIGN_OR_RETURN(const Hook hook, Find(*directory, id));
    co_return wire::ToProto(hook);
  }

  async::Task<v1::ListHooksResponse> List(const v1::ListHooksRequest& request) {
    const flow::DirectorySnapshot directory = admin_.directory.Current();
    PENSTOCK_CO_ASSIGN_OR_RETURN(const std::size_t rows, RowsOf(request.page_size()));
    PENSTOCK_CO_ASSIGN_OR_RETURN(const std::string after, ParsePageToken(request.page_token()));
    v1::ListHooksResponse response;
    const auto& all = directory->hooks();
    PageBounds page(rows);
    std::string last;
    for (auto it = all.upper_bound(after); it != all.end(); ++it) {
      if (page.full()) {
        response.set_next_page_token(MakePageToken(last));
        break;
      }
      *response.add_hooks() = wire::ToProto(*it->second);
      page.Count(response.hooks().rbegin()->ByteSizeLong());
      last = it->first;
    }
    if (request.with_status()) {
      const auto queues = co_await admin_.store.CountAsyncEvents();
      PENSTOCK_CO_RETURN_IF_ERROR(queues.status());
      AddStatuses(*queues, response);
    }
    co_return response;
  }

  void AddStatuses(const std::vector<ports::AsyncQueueCounts>& counts,
                   v1::ListHooksResponse& response) const {
    const AsyncQueues queues = ByHook(counts);
    for (const v1::Hook& hook : response.hooks()) {
      const auto id = wire::ParseHookName(hook.name());
      PENSTOCK_CHECK(id.ok());
      *response.add_statuses() = HookStatusOf(admin_, *id, queues);
    }
  }

  async::Task<v1::Hook> Create(const v1::CreateHookRequest& request, std::string who) {
    PENSTOCK_CO_ASSIGN_OR_RETURN(const Hook hook, FromCreate(request));
    MakeChange make = [&hook](const Directory& now) -> StatusOr<Change> {
      PENSTOCK_ASSIGN_OR_RETURN(auto next, now.With(hook, Directory::Write::kCreate));
      return ChangeOf(std::move(next), hook, Fate::kStays);
    };
    const Status applied = co_await admin_.directory.Apply(std::move(make), std::move(who));
    PENSTOCK_CO_RETURN_IF_ERROR(applied);
    co_return wire::ToProto(hook);
  }

  async::Task<v1::Hook> Update(const v1::UpdateHookRequest& request, std::string who) {
    PENSTOCK_CO_ASSIGN_OR_RETURN(const std::string id, wire::ParseHookName(request.hook().name()));
    Hook hook;
    MakeChange make = [&](const Directory& now) -> StatusOr<Change> {
      PENSTOCK_ASSIGN_OR_RETURN(const Hook before, Find(now, id));
      v1::Hook merged = wire::ToProto(before);
      PENSTOCK_RETURN_IF_ERROR(wire::CheckEtag(request.hook().etag(), merged.etag()));
      PENSTOCK_RETURN_IF_ERROR(wire::MergeUpdate(request.hook(), request.update_mask(), &merged));
      PENSTOCK_ASSIGN_OR_RETURN(hook, wire::FromProto(merged));
      hook.permissions = before.permissions;  // AddPermission and RemovePermission change them
      return Replace(now, hook);
    };
    const Status applied = co_await admin_.directory.Apply(std::move(make), std::move(who));
    PENSTOCK_CO_RETURN_IF_ERROR(applied);
    co_return wire::ToProto(hook);
  }

  async::Task<Empty> Delete(const v1::DeleteHookRequest& request, std::string who) {
    PENSTOCK_CO_ASSIGN_OR_RETURN(const std::string id, wire::ParseHookName(request.name()));
    MakeChange make = [&](const Directory& now) -> StatusOr<Change> {
      PENSTOCK_ASSIGN_OR_RETURN(Hook before, Find(now, id));
      PENSTOCK_RETURN_IF_ERROR(wire::CheckEtag(request.etag(), wire::ToProto(before).etag()));
      PENSTOCK_ASSIGN_OR_RETURN(auto next, now.WithoutHook(id));
      return ChangeOf(std::move(next), std::move(before), Fate::kRemoved);
    };
    const Status applied = co_await admin_.directory.Apply(std::move(make), std::move(who));
    PENSTOCK_CO_RETURN_IF_ERROR(applied);
    co_return Empty();
  }

  async::Task<v1::Hook> Add(const v1::AddPermissionRequest& request, std::string who) {
    PENSTOCK_CO_ASSIGN_OR_RETURN(const std::string id, wire::ParseHookName(request.name()));
    const auto permission = wire::FromProto(request.permission());
    PENSTOCK_CO_RETURN_IF_ERROR(permission.status());
    Hook hook;
    MakeChange make = [&](const Directory& now) -> StatusOr<Change> {
      PENSTOCK_ASSIGN_OR_RETURN(hook, Find(now, id));
      if (now.FindOrganization(permission->organization) == nullptr) {
        return NotFound(Cat("there is no organization \"", permission->organization,
                            "\"; create it: penstock org create ", permission->organization));
      }
      if (FindStatement(hook, permission->statement_id) != hook.permissions.end()) {
        return AlreadyExists(Cat("hook \"", id, "\" has a statement \"", permission->statement_id,
                                 "\"; see it: penstock hook get-policy ", id));
      }
      hook.permissions.push_back(*permission);
      std::sort(
          hook.permissions.begin(), hook.permissions.end(),
          [](const Permission& a, const Permission& b) { return a.statement_id < b.statement_id; });
      return Replace(now, hook);
    };
    const Status applied = co_await admin_.directory.Apply(std::move(make), std::move(who));
    PENSTOCK_CO_RETURN_IF_ERROR(applied);
    co_return wire::ToProto(hook);
  }

  async::Task<v1::Hook> Remove(const v1::RemovePermissionRequest& request, std::string who) {
    PENSTOCK_CO_ASSIGN_OR_RETURN(const std::string id, wire::ParseHookName(request.name()));
    const Status named = rules::CheckName("statement", request.statement_id());
    PENSTOCK_CO_RETURN_IF_ERROR(Annotate(named, "statement_id"));
    Hook hook;
    MakeChange make = [&](const Directory& now) -> StatusOr<Change> {
      PENSTOCK_ASSIGN_OR_RETURN(hook, Find(now, id));
      const auto found = FindStatement(hook, request.statement_id());
      if (found == hook.permissions.end()) {
        return NotFound(Cat("hook \"", id, "\" has no statement \"",
                            Printable(request.statement_id()),
                            "\"; see them: penstock hook get-policy ", id));
      }
      hook.permissions.erase(found);
      return Replace(now, hook);
    };
    const Status applied = co_await admin_.directory.Apply(std::move(make), std::move(who));
    PENSTOCK_CO_RETURN_IF_ERROR(applied);
    co_return wire::ToProto(hook);
  }

  async::Task<v1::Policy> Policy(const v1::GetPolicyRequest& request) {
    const flow::DirectorySnapshot directory = admin_.directory.Current();
    PENSTOCK_CO_ASSIGN_OR_RETURN(const std::string id, wire::ParseHookName(request.name()));
    PENSTOCK_CO_ASSIGN_OR_RETURN(const Hook hook, Find(*directory, id));
    const v1::Hook resource = wire::ToProto(hook);
    v1::Policy policy;
    *policy.mutable_permissions() = resource.permissions();
    policy.set_etag(resource.etag());
    co_return policy;
  }

  async::Task<v1::InvokeHookResponse> Invoke(const v1::InvokeHookRequest& request,
                                             const grpc::CallbackServerContext* context) {
    const flow::DirectorySnapshot directory = admin_.directory.Current();
    PENSTOCK_CO_ASSIGN_OR_RETURN(
        flow::Trial trial,
        wire::ReadTrial(request, InvocationId(FormatHex(admin_.random.Bytes()))));
    PENSTOCK_CO_RETURN_IF_ERROR(Find(*directory, trial.hook).status());
    if (directory->FindOrganization(trial.organization) == nullptr) {
      co_return NotFound(Cat("there is no organization \"", trial.organization,
                             "\"; see them: penstock org list"));
    }
    v1::InvokeHookResponse response;
    auto made = co_await RunTrial(admin_, *context, std::move(trial));
    PENSTOCK_CO_RETURN_IF_ERROR(made.status());
    *response.mutable_trial() = *std::move(made);
    co_return response;
  }

  AdminContext& admin_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeHookService(AdminContext& admin) {
  return std::make_unique<Service>(admin);
}

}  // namespace penstock::api
