// SPDX-License-Identifier: Apache-2.0
#include "hooks/client/hook_probe.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <thread>
#include <utility>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <grpc/support/time.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>

#include "engine/async/grpc_call.h"
#include "engine/async/tls_files.h"
#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"

namespace penstock::hook_client {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

gpr_timespec After(Milliseconds timeout) {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_millis(timeout.count(), GPR_TIMESPAN));
}

Status FromEnd(const grpc::Status& status, Milliseconds timeout) {
  if (status.error_code() != grpc::StatusCode::DEADLINE_EXCEEDED) return async::FromGrpc(status);
  return DeadlineExceeded(Cat("no complete answer within ", FormatDuration(timeout)));
}

StatusOr<std::shared_ptr<grpc::ChannelCredentials>> CredentialsOf(const flow::Hook& hook) {
  if (!hook.tls) return grpc::InsecureChannelCredentials();
  const auto material =
      async::ReadTlsFiles({hook.tls->certificate_file, hook.tls->key_file, hook.tls->ca_file});
  if (!material.ok()) return Annotate(material.status(), "tls");
  return grpc::SslCredentials({material->authorities, material->key, material->certificates});
}

// Calls `take(field, content)` for each length-delimited field of a serialized message; the few
// fields that are needed of two of gRPC's own protocols are worth no generated code.
template <class Take>
void ForEachField(const std::string& message, const Take& take) {
  CodedInputStream input(reinterpret_cast<const std::uint8_t*>(message.data()),
                         static_cast<int>(message.size()));
  while (const std::uint32_t tag = input.ReadTag()) {
    std::uint32_t octets = 0;
    std::string content;
    if (WireFormatLite::GetTagWireType(tag) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
      if (!WireFormatLite::SkipField(&input, tag)) return;
      continue;
    }
    if (!input.ReadVarint32(&octets) || !input.ReadString(&content, static_cast<int>(octets)))
      return;
    take(WireFormatLite::GetTagFieldNumber(tag), content);
  }
}

std::string HealthWord(const std::string& response) {
  // HealthCheckResponse: field 1 is the status, absent for UNKNOWN.
  CodedInputStream input(reinterpret_cast<const std::uint8_t*>(response.data()),
                         static_cast<int>(response.size()));
  std::uint32_t status = 0;
  if (input.ReadTag() == WireFormatLite::MakeTag(1, WireFormatLite::WIRETYPE_VARINT)) {
    input.ReadVarint32(&status);
  }
  constexpr const char* kWords[] = {"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"};
  return status < std::size(kWords) ? kWords[status] : Cat(status);
}

}  // namespace

HookProbe::HookProbe(std::shared_ptr<grpc::Channel> channel)
    : channel_(std::move(channel)), stub_(v1::HookService::NewStub(channel_)) {}

StatusOr<HookProbe> HookProbe::Open(const flow::Hook& hook) {
  PENSTOCK_ASSIGN_OR_RETURN(const auto credentials, CredentialsOf(hook));
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(limits::kHookMessageOctetsMax);
  // gRPC would unpack an answer whole before it looks at its size: 256 KiB into 256 MiB.
  arguments.SetInt(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, 1 << GRPC_COMPRESS_NONE);
  arguments.SetInt(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  arguments.SetUserAgentPrefix("penstock");
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  if (hook.tls && !hook.tls->server_name.empty()) {
    arguments.SetSslTargetNameOverride(hook.tls->server_name);
  }
  return HookProbe(grpc::CreateCustomChannel(hook.target, credentials, arguments));
}

Status HookProbe::Connect(Milliseconds timeout) {
  const gpr_timespec deadline = After(timeout);
  for (grpc_connectivity_state state = channel_->GetState(true); state != GRPC_CHANNEL_READY;
       state = channel_->GetState(true)) {
    // The state does not say why; a call does.
    if (state == GRPC_CHANNEL_TRANSIENT_FAILURE) {
      const auto health = Health(timeout);
      if (health.ok() || health.status().code() == StatusCode::kUnimplemented) continue;
      return Unavailable(Message(health.status()));
    }
    if (!channel_->WaitForStateChange(state, deadline)) {
      return Unavailable(Cat("no connection within ", FormatDuration(timeout)));
    }
  }
  return OkStatus();
}

StatusOr<v1::InvokeResponse> HookProbe::Invoke(const v1::InvokeRequest& request,
                                               Milliseconds timeout) {
  grpc::ClientContext context;
  context.set_deadline(After(timeout));
  v1::InvokeResponse response;
  const grpc::Status status = stub_->Invoke(&context, request, &response);
  if (!status.ok()) return FromEnd(status, timeout);
  return response;
}

void HookProbe::InvokeAndCancel(const v1::InvokeRequest& request, Milliseconds after) {
  grpc::ClientContext context;
  context.set_deadline(After(Milliseconds(limits::kHookProbeDeadline)));
  const std::jthread canceller([&context, after] {
    std::this_thread::sleep_for(after);
    context.TryCancel();
  });
  v1::InvokeResponse response;
  stub_->Invoke(&context, request, &response);
}

StatusOr<std::vector<v1::InvokeResponse>> HookProbe::Exchange(
    const std::vector<v1::InvokeRequest>& requests, Milliseconds timeout) {
  grpc::ClientContext context;
  context.set_deadline(After(timeout));
  const auto stub = v1::HookStreamService::NewStub(channel_);
  const auto stream = stub->Exchange(&context);
  v1::ExchangeRequest outgoing;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    outgoing.set_call(i + 1);
    *outgoing.mutable_invoke() = requests[i];
    if (!stream->Write(outgoing)) break;
  }
  std::vector<std::optional<v1::InvokeResponse>> answers(requests.size());
  v1::ExchangeResponse incoming;
  Status fault = OkStatus();
  for (std::size_t left = requests.size(); left > 0 && fault.ok(); --left) {
    if (!stream->Read(&incoming)) break;
    const std::uint64_t call = incoming.call();
    if (call == 0 || call > answers.size() || answers[call - 1]) {
      fault = InvalidArgument(Cat("an answer to call ", call, ", which awaits none"));
    } else if (incoming.has_failure()) {
      fault = MakeStatus(static_cast<StatusCode>(std::clamp(incoming.failure().code(), 1, 16)),
                         incoming.failure().message());
    } else {
      answers[call - 1] = std::move(*incoming.mutable_answer());
    }
  }
  std::vector<v1::InvokeResponse> all;
  for (auto& answer : answers) {
    if (answer) all.push_back(std::move(*answer));
  }
  if (!fault.ok() || all.size() == answers.size()) context.TryCancel();
  const grpc::Status end = stream->Finish();
  if (!fault.ok()) return fault;
  if (all.size() == answers.size()) return all;
  if (!end.ok()) return FromEnd(end, timeout);
  return Unavailable("the hook ended the stream without an answer");
}

StatusOr<std::string> HookProbe::Health(Milliseconds timeout) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::string response,
                            FirstMessage("/grpc.health.v1.Health/Watch", "", timeout));
  return HealthWord(response);
}

StatusOr<std::vector<std::string>> HookProbe::Services(Milliseconds timeout) {
  // ServerReflectionRequest.list_services, field 7, empty.
  PENSTOCK_ASSIGN_OR_RETURN(
      const std::string response,
      FirstMessage("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                   std::string("\x3a\0", 2), timeout));
  std::vector<std::string> services;
  ForEachField(response, [&](int field, const std::string& list) {
    if (field != 6) return;  // list_services_response
    ForEachField(list, [&](int one, const std::string& service) {
      if (one != 1) return;  // service
      ForEachField(service, [&](int part, const std::string& name) {
        if (part == 1) services.push_back(name);
      });
    });
  });
  return services;
}

StatusOr<std::string> HookProbe::FirstMessage(const std::string& method, const std::string& request,
                                              Milliseconds timeout) {
  grpc::ClientContext context;
  context.set_deadline(After(timeout));
  grpc::CompletionQueue queue;
  grpc::GenericStub stub(channel_);
  // Waits for the one thing under way, which ends by the deadline.
  const auto done = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  const auto stream = stub.PrepareCall(&context, method, &queue);
  stream->StartCall(nullptr);
  bool ok = done();
  if (ok) {
    const grpc::Slice slice(request);
    // Ends our side: Java, Node and Rust answer a Watch when the request is complete.
    stream->WriteLast(grpc::ByteBuffer(&slice, 1), grpc::WriteOptions(), nullptr);
    ok = done();
  }
  grpc::ByteBuffer response;
  if (ok) {
    stream->Read(&response, nullptr);
    ok = done();
  }
  if (ok) context.TryCancel();  // one message is enough
  grpc::Status status;
  stream->Finish(&status, nullptr);
  done();
  queue.Shutdown();
  if (!ok) {
    if (!status.ok()) return FromEnd(status, timeout);
    return Unavailable(Cat(method, " ended without a message"));
  }
  grpc::Slice slice;
  if (!response.DumpToSingleSlice(&slice).ok()) return Unavailable("a message that cannot be read");
  return std::string(reinterpret_cast<const char*>(slice.begin()), slice.size());
}

}  // namespace penstock::hook_client
