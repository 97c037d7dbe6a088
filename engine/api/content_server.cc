// SPDX-License-Identifier: Apache-2.0
#include "engine/api/content_server.h"

#include <chrono>
#include <cstdint>
#include <utility>

#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/thread_pool.hpp>

#include "engine/api/message_flow_service.h"
#include "engine/api/unix_socket.h"
#include "engine/async/endpoint.h"
#include "engine/async/grpc_tls.h"
#include "engine/async/spawn.h"
#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/flow/hook.h"
#include "engine/wire/unix_target.h"

namespace penstock::api {
namespace {

constexpr mode_t kSocketMode = S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP;

bool IsLocal(async::Endpoint endpoint) {
  endpoint.port = 1;  // any will do, but 0, which nobody connects to
  return flow::IsLocalTarget(endpoint.ToString());
}

// Addresses to listen on that nobody can connect to.
bool IsWildcard(const async::Endpoint& endpoint) {
  return endpoint.host == "0.0.0.0" || endpoint.host == "::";
}

void Configure(grpc::ServerBuilder& builder) {
  constexpr int kFramingOctets = 1024;  // of a piece, around its data
  builder.SetMaxReceiveMessageSize(static_cast<int>(limits::kContentPutPieceOctetsMax) +
                                   kFramingOctets);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, limits::kContentStreamsOfConnection);
  builder.AddChannelArgument(
      GRPC_ARG_MAX_CONNECTION_IDLE_MS,
      static_cast<int>(std::chrono::milliseconds(limits::kContentConnectionIdle).count()));
  // Who connects needs no capability to begin a large message on each of many streams.
  builder.SetResourceQuota(grpc::ResourceQuota("content").Resize(limits::kContentGrpcOctetsMax));
  // gRPC would unpack a message whole before it looks at its size: 1 MiB into 1 GiB.
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  // gRPC would share the port with another daemon, and each take some of the calls.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // A fixed window instead of one that grows with the speed of the line: memory stays flat (M6).
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES,
                             static_cast<int>(limits::kContentOctetsAhead));
}

}  // namespace

Status Validate(const ContentServerOptions& options) {
  const auto endpoint = async::Endpoint::Parse(options.listen);
  if (!endpoint.ok()) return Annotate(endpoint.status(), "listen");
  if (!options.tls && !IsLocal(*endpoint)) {
    return InvalidArgument(Cat("listen: \"", Printable(options.listen),
                               "\": plain text beyond this machine; set tls, or listen on "
                               "127.0.0.1 or a unix socket"));
  }
  if (options.target.empty()) {
    if (!IsWildcard(*endpoint)) return OkStatus();
    return InvalidArgument(
        "target: missing; hooks cannot connect to all addresses: expected the name by which they "
        "reach this machine, such as dns:///mx1.example.com:8443");
  }
  if (flow::IsTarget(options.target)) return OkStatus();
  return InvalidArgument(Cat("target: \"", Printable(options.target),
                             "\": expected host:port, dns:///host:port or unix:/path"));
}

struct ContentServer::Parts {
  std::string address;
  std::string target;
  std::string unix_path;
  async::TaskGroup tasks;
  async::asio::thread_pool threads{limits::kContentThreads};
  std::unique_ptr<grpc::Service> service;
  std::unique_ptr<async::GrpcServerTls> tls;
  std::unique_ptr<grpc::Server> server;
};

StatusOr<std::unique_ptr<ContentServer>> ContentServer::Start(
    ContentServerOptions options, const runtime::DirectoryKeeper& directory,
    const runtime::CapabilityKeeper& capabilities, runtime::ContentDesk& desk,
    const ports::Clock& clock) {
  PENSTOCK_RETURN_IF_ERROR(Validate(options));
  PENSTOCK_ASSIGN_OR_RETURN(async::Endpoint endpoint, async::Endpoint::Parse(options.listen));
  auto parts = std::make_unique<Parts>();
  parts->unix_path = endpoint.unix_path;
  const bool is_unix = !endpoint.unix_path.empty();
  if (is_unix) PENSTOCK_RETURN_IF_ERROR(PrepareUnixSocket(endpoint.unix_path));
  std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials();
  if (options.tls) {
    PENSTOCK_ASSIGN_OR_RETURN(parts->tls, async::GrpcServerTls::Open("content", *options.tls));
    credentials = parts->tls->credentials();
  }
  ContentContext context{directory,   capabilities, desk, clock, parts->threads.get_executor(),
                         parts->tasks};
  parts->service = MakeMessageFlowService(std::move(context));
  grpc::ServerBuilder builder;
  Configure(builder);
  int bound = 0;
  builder.AddListeningPort(is_unix ? wire::UnixTarget(endpoint.unix_path) : endpoint.ToString(),
                           credentials, &bound);
  builder.RegisterService(parts->service.get());
  parts->server = builder.BuildAndStart();
  if (parts->server == nullptr || bound == 0) {
    return Unavailable(Cat(options.listen, " cannot be listened on; is the address in use, or not ",
                           "of this machine?"));
  }
  if (is_unix) {
    chmod(endpoint.unix_path.c_str(), kSocketMode);
  } else {
    endpoint.port = static_cast<std::uint16_t>(bound);
  }
  parts->address = endpoint.ToString();
  if (!options.target.empty()) {
    parts->target = std::move(options.target);
  } else {
    parts->target = is_unix ? wire::UnixTarget(endpoint.unix_path) : parts->address;
  }
  return std::unique_ptr<ContentServer>(new ContentServer(std::move(parts)));
}

ContentServer::ContentServer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

ContentServer::~ContentServer() {
  Stop();
}

void ContentServer::Stop() {
  if (parts_->server == nullptr) return;
  const std::chrono::milliseconds deadline = limits::kContentStopDeadline;
  parts_->server->Shutdown(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                        gpr_time_from_millis(deadline.count(), GPR_TIMESPAN)));
  parts_->server->Wait();  // for the last reactor, so every coroutine is at its end
  parts_->threads.join();
  parts_->server.reset();
  if (!parts_->unix_path.empty()) unlink(parts_->unix_path.c_str());
}

const std::string& ContentServer::address() const {
  return parts_->address;
}

const std::string& ContentServer::target() const {
  return parts_->target;
}

}  // namespace penstock::api
