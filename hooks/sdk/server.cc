// SPDX-License-Identifier: Apache-2.0
#include "hooks/sdk/server.h"

#include <algorithm>
#include <csignal>
#include <exception>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <utility>

#include <grpc/support/time.h>
#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_context.h>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"

#include "penstock/v1/hook.grpc.pb.h"

namespace penstock::sdk {
namespace {

StatusOr<std::string> ReadFile(const std::string& name) {
  if (name.empty()) return std::string();
  std::ifstream file(name, std::ios::binary);
  if (!file) return InvalidArgument(Cat(name, ": cannot be read"));
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// Whether no octet to `target` leaves this machine (P3).
bool IsLocal(std::string_view target) {
  for (const std::string_view scheme : {"dns:///", "ipv4:", "ipv6:"}) {
    if (target.starts_with(scheme)) target.remove_prefix(scheme.size());
  }
  return target.starts_with("unix:") || target.starts_with("127.") ||
         target.starts_with("localhost:") || target.starts_with("[::1]:");
}

grpc::Status ToGrpc(const Status& status) {
  return {static_cast<grpc::StatusCode>(status.code()), std::string(Message(status))};
}

StatusOr<std::shared_ptr<grpc::ServerCredentials>> CredentialsOf(const ServeOptions& options) {
  if (options.tls_certificate_file.empty() != options.tls_key_file.empty()) {
    return InvalidArgument("a certificate and its key go together");
  }
  if (options.tls_certificate_file.empty()) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions ssl;
  grpc::SslServerCredentialsOptions::PemKeyCertPair own;
  PENSTOCK_ASSIGN_OR_RETURN(own.cert_chain, ReadFile(options.tls_certificate_file));
  PENSTOCK_ASSIGN_OR_RETURN(own.private_key, ReadFile(options.tls_key_file));
  PENSTOCK_ASSIGN_OR_RETURN(ssl.pem_root_certs, ReadFile(options.tls_ca_file));
  ssl.pem_key_cert_pairs.push_back(std::move(own));
  if (!ssl.pem_root_certs.empty()) {
    ssl.client_certificate_request = GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
  }
  return grpc::SslServerCredentials(ssl);
}

}  // namespace

// Connections to where content is, one a target. Threads: safe from any.
class ContentChannels {
 public:
  static StatusOr<std::unique_ptr<ContentChannels>> Open(const ServeOptions& options) {
    grpc::SslCredentialsOptions ssl;
    PENSTOCK_ASSIGN_OR_RETURN(ssl.pem_root_certs, ReadFile(options.content_ca_file));
    PENSTOCK_ASSIGN_OR_RETURN(ssl.pem_cert_chain, ReadFile(options.content_certificate_file));
    PENSTOCK_ASSIGN_OR_RETURN(ssl.pem_private_key, ReadFile(options.content_key_file));
    return std::unique_ptr<ContentChannels>(new ContentChannels(std::move(ssl)));
  }

  std::shared_ptr<grpc::Channel> To(const std::string& target) {
    const std::lock_guard lock(mutex_);
    const auto found = channels_.find(target);
    if (found != channels_.end()) return found->second;
    if (channels_.size() >= limits::kSdkChannelsMax) channels_.clear();  // those in use live on
    const auto credentials =
        IsLocal(target) ? grpc::InsecureChannelCredentials() : grpc::SslCredentials(ssl_);
    return channels_[target] = grpc::CreateChannel(target, credentials);
  }

 private:
  explicit ContentChannels(grpc::SslCredentialsOptions ssl) : ssl_(std::move(ssl)) {}

  const grpc::SslCredentialsOptions ssl_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<grpc::Channel>> channels_;
};

std::chrono::milliseconds Invocation::time_left() const {
  const gpr_timespec deadline = context_.raw_deadline();
  const gpr_timespec left = gpr_time_sub(deadline, gpr_now(deadline.clock_type));
  return std::chrono::milliseconds(std::max(gpr_time_to_millis(left), 0));
}

bool Invocation::cancelled() const {
  return context_.IsCancelled();
}

namespace {

Status NotGranted(const v1::InvokeRequest& request, std::string_view what) {
  return PermissionDenied(Cat("hook \"", request.hook(), "\" may not ", what,
                              " content; grant it: penstock hook add-permission ", request.hook(),
                              " --statement-id content --principal ", request.organization(), " --",
                              what));
}

// The call ends with the invocation at the latest, and when that is cancelled.
std::unique_ptr<grpc::ClientContext> ContextIn(const grpc::ServerContext& context) {
  return grpc::ClientContext::FromServerContext(context);
}

}  // namespace

StatusOr<ContentReader> Invocation::Read(v1::GetRawMessageContentRequest::Part part,
                                         std::int64_t offset) const {
  if (!may_read()) return NotGranted(request_, "read");
  v1::GetRawMessageContentRequest request;
  request.set_message_id(event().message_id());
  request.set_capability(request_.content().capability());
  request.set_part(part);
  request.set_read_offset(offset);
  return ContentReader(channels_.To(request_.content().target()), ContextIn(context_), request);
}

StatusOr<ContentWriter> Invocation::Replace() const {
  if (!may_replace()) return NotGranted(request_, "replace");
  v1::PutRawMessageContentRequest::Start start;
  start.set_message_id(event().message_id());
  start.set_capability(request_.content().capability());
  return ContentWriter(channels_.To(request_.content().target()), ContextIn(context_), start);
}

namespace {

class Service final : public v1::HookService::Service {
 public:
  Service(Decide decide, std::unique_ptr<ContentChannels> channels)
      : decide_(std::move(decide)), channels_(std::move(channels)) {}

  grpc::Status Invoke(grpc::ServerContext* context, const v1::InvokeRequest* request,
                      v1::InvokeResponse* response) override {
    Invocation invocation(*request, *context, *channels_);
    try {
      const StatusOr<Answer> answer = decide_(invocation);
      if (!answer.ok()) return ToGrpc(answer.status());
      *response = answer->response();
    } catch (const std::exception& thrown) {
      return {grpc::StatusCode::INTERNAL, Cat("the hook threw: ", thrown.what())};
    } catch (...) {
      return {grpc::StatusCode::INTERNAL, "the hook threw"};
    }
    // What the engine would refuse is told here, where the hook's author looks (H2, H6).
    if (response->actions().empty() && response->json().empty()) {
      return {grpc::StatusCode::INTERNAL, "the hook's answer has no actions"};
    }
    if (response->ByteSizeLong() > limits::kAnswerOctetsMax) {
      return {grpc::StatusCode::INTERNAL,
              Cat("the hook's answer has ", response->ByteSizeLong(), " octets; at most ",
                  limits::kAnswerOctetsMax, " are taken")};
    }
    return grpc::Status::OK;
  }

 private:
  const Decide decide_;
  const std::unique_ptr<ContentChannels> channels_;
};

class RunningServer final : public Server {
 public:
  RunningServer(std::unique_ptr<Service> service, std::chrono::milliseconds stop_deadline)
      : service_(std::move(service)), stop_deadline_(stop_deadline) {}

  ~RunningServer() override { Stop(); }

  Status Listen(const ServeOptions& options, std::shared_ptr<grpc::ServerCredentials> credentials) {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::ServerBuilder builder;
    // gRPC would share the port with another hook, and each get some of the calls.
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    int port = 0;
    builder.AddListeningPort(options.listen, std::move(credentials), &port);
    builder.RegisterService(service_.get());
    grpc::ResourceQuota quota;
    quota.SetMaxThreads(options.calls_max + limits::kSdkServerThreads);
    builder.SetResourceQuota(quota);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr) {
      return Unavailable(Cat(options.listen,
                             ": cannot be listened on; is the address in use, or not of this "
                             "machine?"));
    }
    const bool unix_socket = options.listen.starts_with("unix:");
    const std::size_t colon = options.listen.rfind(':');
    address_ = unix_socket ? options.listen : Cat(options.listen.substr(0, colon), ":", port);
    return OkStatus();
  }

  [[nodiscard]] const std::string& address() const override { return address_; }

  void SetServing(const std::string& name, bool serving) override {
    if (auto* health = server_->GetHealthCheckService()) health->SetServingStatus(name, serving);
  }

  void Stop() override {
    if (server_ == nullptr) return;
    // Clients that watch go elsewhere; then nobody is met with a closed door.
    if (auto* health = server_->GetHealthCheckService()) health->SetServingStatus(false);
    server_->Shutdown(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                   gpr_time_from_millis(stop_deadline_.count(), GPR_TIMESPAN)));
    server_->Wait();
    server_.reset();
  }

 private:
  std::unique_ptr<Service> service_;
  std::chrono::milliseconds stop_deadline_;
  std::string address_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace

StatusOr<std::unique_ptr<Server>> Server::Start(Decide decide, ServeOptions options) {
  PENSTOCK_ASSIGN_OR_RETURN(auto credentials, CredentialsOf(options));
  PENSTOCK_ASSIGN_OR_RETURN(auto channels, ContentChannels::Open(options));
  auto service = std::make_unique<Service>(std::move(decide), std::move(channels));
  auto server = std::make_unique<RunningServer>(std::move(service), options.stop_deadline);
  PENSTOCK_RETURN_IF_ERROR(server->Listen(options, std::move(credentials)));
  if (options.listening) options.listening(server->address());
  return std::unique_ptr<Server>(std::move(server));
}

Status Serve(Decide decide, ServeOptions options) {
  sigset_t signals;
  sigset_t before;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, &before);  // the server's threads inherit it
  auto server = Server::Start(std::move(decide), std::move(options));
  if (server.ok()) {
    int signal = 0;
    sigwait(&signals, &signal);
    (*server)->Stop();
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return server.status();
}

Status Serve(Hook& hook, ServeOptions options) {
  return Serve([&hook](Invocation& invocation) { return hook.Decide(invocation); },
               std::move(options));
}

}  // namespace penstock::sdk
