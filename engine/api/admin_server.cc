// SPDX-License-Identifier: Apache-2.0
#include "engine/api/admin_server.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/api/change_service.h"
#include "engine/api/dead_letter_service.h"
#include "engine/api/flow_rule_service.h"
#include "engine/api/hook_service.h"
#include "engine/api/manifest_service.h"
#include "engine/api/message_service.h"
#include "engine/api/organization_service.h"
#include "engine/async/endpoint.h"
#include "engine/async/grpc_tls.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/wire/unix_target.h"

namespace penstock::api {
namespace {

std::string ErrorText(int error) {
  return std::error_code(error, std::generic_category()).message();
}

// Makes the folder, or checks the one that is there: who may write to it could put a socket of his
// own in the place of ours.
Status PrepareFolder(const std::filesystem::path& folder) {
  struct stat status {};

  if (stat(folder.c_str(), &status) != 0) {
    if (errno != ENOENT) {
      return Unavailable(Cat("folder ", folder.string(), ": ", ErrorText(errno)));
    }
    if (mkdir(folder.c_str(), S_IRWXU) == 0) return OkStatus();
    return Unavailable(Cat("folder ", folder.string(), " cannot be made: ", ErrorText(errno)));
  }
  if (!S_ISDIR(status.st_mode)) {
    return InvalidArgument(Cat(folder.string(), " is no folder"));
  }
  const bool others_write = (status.st_mode & (S_IWGRP | S_IWOTH)) != 0;
  const bool is_sticky = (status.st_mode & S_ISVTX) != 0;
  if (others_write && !is_sticky) {
    return InvalidArgument(Cat("folder ", folder.string(),
                               ": others may write to it; mend it: chmod 700 ", folder.string()));
  }
  return OkStatus();
}

// Removes a socket that nobody listens on.
Status PreparePath(const std::string& path) {
  struct stat status {};

  if (lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return OkStatus();
    return Unavailable(Cat(path, ": ", ErrorText(errno)));
  }
  if (!S_ISSOCK(status.st_mode)) {
    return InvalidArgument(Cat(path, " is no socket; move it away, or name another path"));
  }

  struct sockaddr_un address {};

  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return Unavailable(Cat("no socket can be made: ", ErrorText(errno)));
  const bool listens =
      connect(fd, reinterpret_cast<const struct sockaddr*>(&address), sizeof address) == 0;
  const int error = errno;
  close(fd);
  if (listens) {
    return FailedPrecondition(
        Cat("another process listens on ", path, "; stop it first, or name another path"));
  }
  if (error != ECONNREFUSED) return Unavailable(Cat(path, ": ", ErrorText(error)));
  if (unlink(path.c_str()) != 0) {
    return Unavailable(Cat(path, " is left over and cannot be removed: ", ErrorText(errno)));
  }
  return OkStatus();
}

Status CheckPath(const std::string& path) {
  if (!path.starts_with('/')) {
    return InvalidArgument(Cat("\"", Printable(path), "\": expected an absolute path"));
  }
  constexpr std::size_t kPathOctetsMax = sizeof(sockaddr_un::sun_path) - 1;
  if (path.size() > kPathOctetsMax) {
    return InvalidArgument(
        Cat(path, ": ", path.size(), " octets; a socket's path has at most ", kPathOctetsMax));
  }
  return OkStatus();
}

}  // namespace

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
  PENSTOCK_RETURN_IF_ERROR(Annotate(CheckPath(socket_path), "admin socket"));
  PENSTOCK_RETURN_IF_ERROR(
      Annotate(PrepareFolder(std::filesystem::path(socket_path).parent_path()), "admin socket"));
  PENSTOCK_RETURN_IF_ERROR(Annotate(PreparePath(socket_path), "admin socket"));

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
    return Unavailable(Cat("admin socket: ", parts->path, ": ", ErrorText(errno)));
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
