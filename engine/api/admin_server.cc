// SPDX-License-Identifier: Apache-2.0
#include "engine/api/admin_server.h"

#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/api/change_service.h"
#include "engine/api/dead_letter_service.h"
#include "engine/api/flow_rule_service.h"
#include "engine/api/hook_service.h"
#include "engine/api/manifest_service.h"
#include "engine/api/message_service.h"
#include "engine/api/organization_service.h"
#include "engine/api/unix_socket.h"
#include "engine/async/endpoint.h"
#include "engine/async/grpc_tls.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/wire/unix_target.h"

namespace penstock::api {

struct AdminServer::Parts {
  std::string path;
  std::string tcp_address;
  std::unique_ptr<async::GrpcServerTls> tls;
  std::vector<std::unique_ptr<grpc::Service>> services;
  std::unique_ptr<grpc::Server> server;
};

std::vector<std::unique_ptr<grpc::Service>> MakeAdminServices(AdminContext& admin,
                                                              StatusSources sources) {
  std::vector<std::unique_ptr<grpc::Service>> services;
  services.push_back(MakeOrganizationService(admin));
  services.push_back(MakeHookService(admin));
  services.push_back(MakeFlowRuleService(admin));
  services.push_back(MakeManifestService(admin));
  services.push_back(MakeChangeService(admin));
  services.push_back(MakeMessageService(admin));
  services.push_back(MakeDeadLetterService(admin));
  services.push_back(MakeStatusService(admin, std::move(sources)));
  return services;
}

StatusOr<std::unique_ptr<AdminServer>> AdminServer::Start(
    std::string socket_path, std::vector<std::unique_ptr<grpc::Service>> services,
    std::optional<AdminTcp> tcp) {
  PENSTOCK_RETURN_IF_ERROR(Annotate(PrepareUnixSocket(socket_path), "admin socket"));

  auto parts = std::make_unique<Parts>();
  parts->path = std::move(socket_path);
  parts->services = std::move(services);
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(limits::kAdminMessageOctetsMax);
  builder.SetMaxSendMessageSize(limits::kAdminMessageOctetsMax);
  int bound = 0;
  builder.AddListeningPort(wire::UnixTarget(parts->path), grpc::InsecureServerCredentials(),
                           &bound);
  int tcp_port = 0;
  async::Endpoint tcp_endpoint;
  if (tcp) {
    PENSTOCK_ASSIGN_OR_RETURN(tcp_endpoint, async::Endpoint::Parse(tcp->listen));
    if (tcp->tls.ca_file.empty()) {
      return InvalidArgument("admin over TCP: ca_file: missing; clients must show a certificate");
    }
    PENSTOCK_ASSIGN_OR_RETURN(parts->tls, async::GrpcServerTls::Open("admin", std::move(tcp->tls)));
    // gRPC would share the port with another daemon, and each take some of the calls.
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.AddListeningPort(tcp->listen, parts->tls->credentials(), &tcp_port);
  }
  for (const auto& service : parts->services)
    builder.RegisterService(service.get());
  const mode_t before = umask(S_IRWXG | S_IRWXO);
  parts->server = builder.BuildAndStart();
  umask(before);
  if (parts->server == nullptr || bound == 0) {
    if (tcp && bound != 0) {
      return Unavailable(Cat("admin over TCP: ", tcp->listen, " cannot be listened on; ",
                             "is the address in use, or not of this machine?"));
    }
    return Unavailable(Cat("admin socket: ", parts->path, " cannot be listened on"));
  }
  if (tcp) {
    tcp_endpoint.port = static_cast<std::uint16_t>(tcp_port);
    parts->tcp_address = tcp_endpoint.ToString();
  }
  if (chmod(parts->path.c_str(), S_IRUSR | S_IWUSR) != 0) {
    return Unavailable(Cat("admin socket: ", parts->path, ": ",
                           std::error_code(errno, std::generic_category()).message()));
  }
  return std::unique_ptr<AdminServer>(new AdminServer(std::move(parts)));
}

AdminServer::AdminServer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

AdminServer::~AdminServer() {
  Stop(Milliseconds(0));
}

std::string AdminServer::tcp_address() const {
  return parts_->tcp_address;
}

void AdminServer::Stop(Milliseconds deadline) {
  if (parts_->server == nullptr) return;
  parts_->server->Shutdown(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                        gpr_time_from_millis(deadline.count(), GPR_TIMESPAN)));
  parts_->server->Wait();
  parts_->server.reset();
  unlink(parts_->path.c_str());  // gRPC has removed it, or nobody listens on it
}

}  // namespace penstock::api
