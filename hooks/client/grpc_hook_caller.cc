// SPDX-License-Identifier: Apache-2.0
#include "hooks/client/grpc_hook_caller.h"

#include <chrono>
#include <utility>

#include <grpc/support/time.h>
#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include "engine/async/grpc_call.h"
#include "engine/async/grpc_threads.h"
#include "engine/async/tls_probe.h"
#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/flow/hook_target.h"
#include "engine/wire/convert_hook_call.h"
#include "engine/wire/proto_time.h"

#include "penstock/v1/hook.grpc.pb.h"

namespace penstock::hook_client {
namespace {

using async::SteadyClock;
using InvokeCall = async::UnaryCall<v1::InvokeRequest, v1::InvokeResponse>;

// Null: plain text.
StatusOr<std::shared_ptr<async::TlsContext>> TlsOf(const flow::Hook& hook) {
  if (!hook.tls) return nullptr;
  auto tls =
      async::TlsContext::Open(Cat("hook \"", hook.name, "\""), async::TlsRole::kClient,
                              {hook.tls->certificate_file, hook.tls->key_file, hook.tls->ca_file});
  if (!tls.ok()) return Annotate(tls.status(), "tls");
  return tls;
}

std::shared_ptr<grpc::ChannelCredentials> CredentialsOf(const async::TlsMaterial* material) {
  if (material == nullptr) return grpc::InsecureChannelCredentials();
  return grpc::SslCredentials({material->authorities, material->key, material->certificates});
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

void FillContent(const ports::ContentAccess& access, v1::ContentAccess* content) {
  content->set_target(access.target);
  content->set_capability(access.capability);
  content->set_may_read(access.may_read);
  content->set_may_replace(access.may_replace);
  *content->mutable_expire_time() = wire::ToProto(access.expire_time);
}

std::shared_ptr<grpc::Channel> ChannelTo(const flow::Hook& hook,
                                         const async::TlsMaterial* material) {
  grpc::ChannelArguments arguments;
  arguments.SetServiceConfigJSON(ServiceConfig());
  // gRPC's own pause grows to two minutes; a hook that is back is to be found sooner (H3).
  constexpr auto kFirst = static_cast<int>(limits::kReconnectFirst.count());
  constexpr auto kMax = static_cast<int>(limits::kReconnectMax.count());
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kFirst);
  // Despite its name this is how long a connection may take to come up: a hook that is far away
  // needs some round trips, one that is silent is tried again no later than one that refuses.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kMax);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kMax);
  arguments.SetMaxReceiveMessageSize(limits::kHookMessageOctetsMax);
  // gRPC would unpack an answer whole before it looks at its size: 256 KiB into 256 MiB.
  arguments.SetInt(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, 1 << GRPC_COMPRESS_NONE);
  arguments.SetInt(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  arguments.SetUserAgentPrefix("penstock");
  if (hook.tls && !hook.tls->server_name.empty()) {
    arguments.SetSslTargetNameOverride(hook.tls->server_name);
  }
  // Channels of equal targets share a connection in gRPC unless told otherwise; each hook has its
  // own.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(hook.target, CredentialsOf(material), arguments);
}

// An ASYNC call's answer is ignored (R11).
StatusOr<flow::Answer> AnswerOf(const ports::HookCall& call, const v1::InvokeResponse& response) {
  if (call.mode == rules::InvocationMode::kAsync) return flow::Answer{};
  const std::size_t octets = response.ByteSizeLong();
  if (octets <= limits::kAnswerOctetsMax) return wire::ToAnswer(response);
  return InvalidArgument(
      Cat("answer: ", octets, " octets; at most ", limits::kAnswerOctetsMax, " are taken"));
}

bool SameEndpoint(const flow::Hook& a, const flow::Hook& b) {
  return a.target == b.target && a.tls == b.tls;
}

}  // namespace

GrpcHookCaller::GrpcHookCaller(const ports::Clock& clock) : clock_(clock) {
  async::KeepGrpcThreads();
}

GrpcHookCaller::~GrpcHookCaller() {
  const MutexLock lock(mutex_);
  for (const auto& [name, endpoint] : endpoints_) {
    if (endpoint.stream != nullptr) endpoint.stream->Retire();
  }
}

async::Task<flow::Answer> GrpcHookCaller::Call(ports::HookCall call) {
  auto way = WayTo(call.hook);
  PENSTOCK_CO_RETURN_IF_ERROR(way.status());
  auto answer = co_await CallOn(*std::move(way), call);
  if (answer.status().code() != StatusCode::kUnavailable) co_return answer;
  co_return co_await WhyFailed(call.hook, answer.status());
}

ports::HookState GrpcHookCaller::StateOf(const flow::Hook& hook) {
  const MutexLock lock(mutex_);
  const auto found = endpoints_.find(hook.name);
  if (found == endpoints_.end() || found->second.channel == nullptr ||
      !SameEndpoint(*found->second.hook, hook)) {
    return ports::HookState::kUncalled;
  }
  switch (found->second.channel->GetState(false)) {
    case GRPC_CHANNEL_IDLE:
      return ports::HookState::kIdle;
    case GRPC_CHANNEL_CONNECTING:
      return ports::HookState::kConnecting;
    case GRPC_CHANNEL_READY:
      return ports::HookState::kUp;
    default:
      return ports::HookState::kDown;
  }
}

async::Task<flow::Answer> GrpcHookCaller::CallOn(Way way, const ports::HookCall& call) {
  const auto deadline = SteadyClock::now() + call.timeout;
  if (way.stream != nullptr) {
    v1::ExchangeRequest request;
    Fill(call, *request.mutable_invoke());
    auto answer = co_await HookStream::Call(way.stream, std::move(request), call.timeout);
    if (answer.ok()) co_return AnswerOf(call, *answer);
    if (answer.status().code() != StatusCode::kUnimplemented) co_return answer.status();
    OffersNoStream(call.hook->name);
  }
  auto rpc = std::make_shared<InvokeCall>();
  Fill(call, rpc->request);
  const auto left = std::chrono::ceil<Milliseconds>(deadline - SteadyClock::now());
  // A monotonic deadline: the wall clock may jump while the call runs.
  rpc->context.set_deadline(
      gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(left.count(), GPR_TIMESPAN)));
  auto start = [stub = std::move(way.stub)](
                   grpc::ClientContext* context, const v1::InvokeRequest* request,
                   v1::InvokeResponse* response, std::function<void(grpc::Status)> done) {
    stub->async()->Invoke(context, request, response, std::move(done));
  };
  const grpc::Status status = co_await async::AwaitUnary(rpc, start);
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    co_return DeadlineExceeded(Cat("no complete answer within ", FormatDuration(call.timeout)));
  }
  if (!status.ok()) co_return async::FromGrpc(status);
  co_return AnswerOf(call, rpc->response);
}

void GrpcHookCaller::Fill(const ports::HookCall& call, v1::InvokeRequest& request) const {
  wire::FillInvokeRequest(call.event, call.hook->json, &request);
  request.set_mode(call.mode == rules::InvocationMode::kSync ? v1::InvokeRequest::SYNC
                                                             : v1::InvokeRequest::ASYNC);
  request.set_attempt(static_cast<std::int32_t>(call.attempt));
  request.set_hook(call.hook->name);
  request.set_rule(call.rule);
  request.set_organization(call.organization);
  if (call.content) FillContent(*call.content, request.mutable_content());
  const std::int64_t deadline = ToUnixMillis(clock_.Now() + call.timeout);
  request.mutable_deadline()->set_seconds(deadline / 1000);
  request.mutable_deadline()->set_nanos(static_cast<std::int32_t>(deadline % 1000) * 1'000'000);
}

StatusOr<GrpcHookCaller::Way> GrpcHookCaller::WayTo(const std::shared_ptr<const flow::Hook>& hook) {
  const MutexLock lock(mutex_);
  Endpoint& endpoint = endpoints_[hook->name];
  const bool same = endpoint.stub != nullptr && SameEndpoint(*endpoint.hook, *hook);
  auto tls = endpoint.tls;
  if (!same) {
    PENSTOCK_ASSIGN_OR_RETURN(tls, TlsOf(*hook));
  }
  auto material = tls == nullptr ? nullptr : tls->material();
  if (!same || material != endpoint.material) {
    if (endpoint.stream != nullptr) endpoint.stream->Retire();
    // Calls on the channel before end there.
    auto channel = ChannelTo(*hook, material.get());
    endpoint = {};
    endpoint.hook = hook;
    endpoint.tls = std::move(tls);
    endpoint.material = std::move(material);
    endpoint.stub = v1::HookService::NewStub(channel);
    endpoint.stream_stub = v1::HookStreamService::NewStub(channel);
    endpoint.channel = std::move(channel);
  }
  if (!hook->stream || SteadyClock::now() < endpoint.next_stream)
    return Way{endpoint.stub, nullptr};
  if (endpoint.stream == nullptr || !endpoint.stream->IsFresh()) {
    if (endpoint.stream != nullptr) endpoint.stream->Retire();
    endpoint.stream = HookStream::Open(*endpoint.stream_stub);
  }
  return Way{endpoint.stub, endpoint.stream};
}

async::asio::awaitable<Status> GrpcHookCaller::WhyFailed(std::shared_ptr<const flow::Hook> hook,
                                                         Status failure) {
  std::shared_ptr<async::TlsContext> tls;
  {
    const MutexLock lock(mutex_);
    const Endpoint& endpoint = endpoints_[hook->name];
    // A hook that was reached says "unavailable" for reasons of its own.
    if (endpoint.channel == nullptr || endpoint.channel->GetState(false) == GRPC_CHANNEL_READY) {
      co_return failure;
    }
    if (SteadyClock::now() - endpoint.fault_time < limits::kTlsProbeEvery) {
      co_return endpoint.fault.empty() ? failure : Unavailable(endpoint.fault);
    }
    tls = endpoint.tls;
  }
  std::string fault;
  const std::string server_name = hook->tls ? hook->tls->server_name : std::string();
  const async::Deadline deadline = async::After(limits::kTlsProbeTime);
  for (const std::string& address : flow::AddressesOf(hook->target)) {
    auto endpoint = async::Endpoint::Parse(address);
    if (!endpoint.ok() || !fault.empty()) break;
    fault = co_await async::WhyNoConnection(*std::move(endpoint), tls, server_name, deadline);
  }
  KeepFault(*hook, fault);
  if (fault.empty()) co_return failure;
  co_return Unavailable(fault);
}

void GrpcHookCaller::KeepFault(const flow::Hook& hook, const std::string& fault) {
  const MutexLock lock(mutex_);
  Endpoint& endpoint = endpoints_[hook.name];
  if (endpoint.hook == nullptr || !SameEndpoint(*endpoint.hook, hook)) return;
  endpoint.fault = fault;
  endpoint.fault_time = SteadyClock::now();
}

// Asked again after a while: the hook may have learned it.
void GrpcHookCaller::OffersNoStream(const std::string& hook) {
  const MutexLock lock(mutex_);
  Endpoint& endpoint = endpoints_[hook];
  endpoint.stream.reset();
  endpoint.next_stream = SteadyClock::now() + limits::kHookStreamAgeMax;
}

}  // namespace penstock::hook_client
