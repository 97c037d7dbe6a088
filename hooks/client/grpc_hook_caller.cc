// SPDX-License-Identifier: Apache-2.0
#include "hooks/client/grpc_hook_caller.h"

#include <chrono>
#include <fstream>
#include <iterator>
#include <utility>

#include <grpc/support/time.h>
#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include "engine/async/grpc_call.h"
#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/wire/convert_hook_call.h"

#include "penstock/v1/hook.grpc.pb.h"

namespace penstock::hook_client {
namespace {

using InvokeCall = async::UnaryCall<v1::InvokeRequest, v1::InvokeResponse>;

StatusOr<std::string> ReadFile(const std::string& name) {
  if (name.empty()) return std::string();
  std::ifstream file(name, std::ios::binary);
  if (!file) return InvalidArgument(Cat("tls: cannot read ", name));
  return std::string(std::istreambuf_iterator<char>(file), {});
}

StatusOr<std::shared_ptr<grpc::ChannelCredentials>> CredentialsOf(const flow::Hook& hook) {
  if (!hook.tls) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions options;
  PENSTOCK_ASSIGN_OR_RETURN(options.pem_root_certs, ReadFile(hook.tls->ca_file));
  PENSTOCK_ASSIGN_OR_RETURN(options.pem_cert_chain, ReadFile(hook.tls->certificate_file));
  PENSTOCK_ASSIGN_OR_RETURN(options.pem_private_key, ReadFile(hook.tls->key_file));
  return grpc::SslCredentials(options);
}

// Calls go round all endpoints that are connected and healthy (H13):
//   - health checking asks each for the health of the whole server, the service name "": an
//   endpoint
//     that knows nothing of health counts as healthy, one that says NOT_SERVING gets no calls;
//   - outlier detection leaves out for a while an endpoint on which every call of an interval has
//     failed, one that takes calls and answers none above all. Never more than half of them: a hook
//     may fail on purpose (H2). gRPC 1.51 has it under a name that may change; a version that does
//     not know it takes the next policy of the list.
std::string ServiceConfig() {
  const auto seconds = [](std::chrono::seconds value) { return Cat("\"", value.count(), "s\""); };
  return Cat(R"({"loadBalancingConfig": [{"outlier_detection_experimental": {"interval": )",
             seconds(limits::kOutlierInterval), R"(, "baseEjectionTime": )",
             seconds(limits::kOutlierEjection), R"(, "maxEjectionPercent": )",
             limits::kOutlierEjectedPercentMax,
             R"(, "failurePercentageEjection": {"threshold": 99, "minimumHosts": 2, )",
             R"("requestVolume": )", limits::kOutlierCallsMin,
             R"(}, "childPolicy": [{"round_robin": {}}]}}, {"round_robin": {}}], )",
             R"("healthCheckConfig": {"serviceName": ""}})");
}

bool SameEndpoint(const flow::Hook& a, const flow::Hook& b) {
  return a.target == b.target && a.tls == b.tls;
}

}  // namespace

GrpcHookCaller::GrpcHookCaller(const ports::Clock& clock) : clock_(clock) {}

GrpcHookCaller::~GrpcHookCaller() = default;

async::Task<flow::Answer> GrpcHookCaller::Call(ports::HookCall call) {
  auto channel = ChannelOf(call.hook);
  PENSTOCK_CO_RETURN_IF_ERROR(channel.status());
  auto rpc = std::make_shared<InvokeCall>();
  wire::FillInvokeRequest(call.event, call.hook->json, &rpc->request);
  rpc->request.set_mode(call.mode == rules::InvocationMode::kSync ? v1::InvokeRequest::SYNC
                                                                  : v1::InvokeRequest::ASYNC);
  rpc->request.set_attempt(static_cast<std::int32_t>(call.attempt));
  rpc->request.set_hook(call.hook->name);
  rpc->request.set_rule(call.rule);
  rpc->request.set_organization(call.organization);
  const std::int64_t deadline = ToUnixMillis(clock_.Now() + call.timeout);
  rpc->request.mutable_deadline()->set_seconds(deadline / 1000);
  rpc->request.mutable_deadline()->set_nanos(static_cast<std::int32_t>(deadline % 1000) *
                                             1'000'000);
  // A monotonic deadline: the wall clock may jump while the call runs.
  rpc->context.set_deadline(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                         gpr_time_from_millis(call.timeout.count(), GPR_TIMESPAN)));

  const std::shared_ptr<v1::HookService::Stub> stub = v1::HookService::NewStub(*channel);
  auto start = [stub](grpc::ClientContext* context, const v1::InvokeRequest* request,
                      v1::InvokeResponse* response, std::function<void(grpc::Status)> done) {
    stub->async()->Invoke(context, request, response, std::move(done));
  };
  const grpc::Status status = co_await async::AwaitUnary(rpc, start);
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    co_return DeadlineExceeded(Cat("no complete answer within ", FormatDuration(call.timeout)));
  }
  if (!status.ok()) co_return async::FromGrpc(status);
  if (call.mode == rules::InvocationMode::kAsync) co_return flow::Answer{};
  if (rpc->response.ByteSizeLong() > limits::kAnswerOctetsMax) {
    co_return InvalidArgument(Cat("answer: ", rpc->response.ByteSizeLong(), " octets; at most ",
                                  limits::kAnswerOctetsMax, " are taken"));
  }
  co_return wire::ToAnswer(rpc->response);
}

StatusOr<std::shared_ptr<grpc::Channel>> GrpcHookCaller::ChannelOf(
    const std::shared_ptr<const flow::Hook>& hook) {
  const MutexLock lock(mutex_);
  Endpoint& endpoint = endpoints_[hook->name];
  if (endpoint.channel != nullptr && SameEndpoint(*endpoint.hook, *hook)) return endpoint.channel;
  PENSTOCK_ASSIGN_OR_RETURN(auto credentials, CredentialsOf(*hook));
  grpc::ChannelArguments arguments;
  arguments.SetServiceConfigJSON(ServiceConfig());
  // gRPC's own pause grows to two minutes; a hook that is back is to be found sooner (H3).
  constexpr auto kFirst = static_cast<int>(limits::kReconnectFirst.count());
  constexpr auto kMax = static_cast<int>(limits::kReconnectMax.count());
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kFirst);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kFirst);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kMax);
  arguments.SetMaxReceiveMessageSize(limits::kHookMessageOctetsMax);
  arguments.SetUserAgentPrefix("penstock");
  if (hook->tls && !hook->tls->server_name.empty()) {
    arguments.SetSslTargetNameOverride(hook->tls->server_name);
  }
  // Channels of equal targets share a connection in gRPC unless told otherwise; each hook has its
  // own.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  endpoint = {hook, grpc::CreateCustomChannel(hook->target, credentials, arguments)};
  return endpoint.channel;
}

}  // namespace penstock::hook_client
