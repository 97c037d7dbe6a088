// SPDX-License-Identifier: Apache-2.0
#include "tools/penstock/client.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>

#include "engine/async/spawn.h"
#include "engine/async/tls_probe.h"
#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/base/utf8.h"
#include "engine/wire/unix_target.h"

namespace penstock::cli {
namespace {

constexpr const char* kErrorInfoKey = "penstock-error-info-bin";
constexpr const char* kBegunKey = "penstock-begun";
constexpr const char* kUserKey = "penstock-user";

// Name of the user who runs the program, for the record of changes (R14). It proves nothing: the
// daemon marks it so.
std::string UserName() {
  const struct passwd* entry = getpwuid(getuid());
  if (entry == nullptr) return Cat(getuid());
  return Printable(ToValidUtf8(entry->pw_name));
}

// The name of a socket's owner, for whoever may not open it.
std::string OwnerOf(const std::string& path) {
  struct stat status {};

  if (stat(path.c_str(), &status) != 0) return "another user";
  const struct passwd* entry = getpwuid(status.st_uid);
  return entry == nullptr ? Cat("user ", status.st_uid) : Cat("user ", entry->pw_name);
}

// Why nothing can be asked at `path`; OK if something listens. gRPC's own text for it says neither
// why nor what to do.
Status Knock(const std::string& path) {
  struct sockaddr_un address {};

  if (path.size() >= sizeof address.sun_path) {
    return Unavailable(Cat("socket ", path, ": the path is longer than ",
                           sizeof address.sun_path - 1, " octets; name another with --socket"));
  }
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return Unavailable(Cat("no socket can be made: ", std::strerror(errno)));
  const int connected =
      connect(fd, reinterpret_cast<const struct sockaddr*>(&address), sizeof address);
  const int error = errno;
  close(fd);
  if (connected == 0) return OkStatus();
  switch (error) {
    case ENOENT:
      return Unavailable(Cat("there is no socket ", path,
                             "; is penstockd running? name its socket with --socket PATH or "
                             "PENSTOCK_SOCKET (`admin.socket` of its configuration, else "
                             "admin.sock in its data folder)"));
    case ECONNREFUSED:
      return Unavailable(Cat("nobody listens on ", path,
                             "; penstockd is not running: start it, or look at its log"));
    case EACCES:
      return Unavailable(Cat("socket ", path, " may not be opened by this user; run this as ",
                             OwnerOf(path), ", for instance: sudo -u USER penstock …"));
    default:
      return Unavailable(Cat("socket ", path, ": ", std::strerror(error)));
  }
}

async::asio::awaitable<void> Probe(async::Endpoint endpoint, std::shared_ptr<async::TlsContext> tls,
                                   std::string server_name, std::string& why) {
  const async::Deadline deadline = async::After(limits::kTlsProbeTime);
  why = co_await async::WhyNoConnection(std::move(endpoint), std::move(tls), std::move(server_name),
                                        deadline);
}

// In words that gRPC has not; empty if TLS is not to blame.
std::string WhyNoConnection(const DaemonAddress& address) {
  auto endpoint = async::Endpoint::Parse(address.tcp);
  auto tls = async::TlsContext::Open("penstock", async::TlsRole::kClient, address.tls);
  if (!endpoint.ok() || !tls.ok()) return {};
  boost::asio::io_context loop;
  std::string why;
  async::Spawn(loop.get_executor(),
               Probe(*std::move(endpoint), *std::move(tls), address.server_name, why), "probe");
  loop.run();
  return why;
}

}  // namespace

Client::Client(DaemonAddress address, Milliseconds timeout, bool is_wish)
    : address_(std::move(address)), timeout_(timeout), is_wish_(is_wish) {}

void Client::AllowFor(Milliseconds timeout) {
  if (!is_wish_) timeout_ = std::max(timeout_, timeout);
}

void Client::RenewDeadline() {
  deadline_ = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                           gpr_time_from_millis(timeout_.count(), GPR_TIMESPAN));
}

Status Client::Connect() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(limits::kAdminMessageOctetsMax);
  // A proxy of the environment is no way to a unix socket, and none that we were told of.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  if (address_.tcp.empty()) {
    PENSTOCK_RETURN_IF_ERROR(Knock(address_.socket));
    channel_ = grpc::CreateCustomChannel(wire::UnixTarget(address_.socket),
                                         grpc::InsecureChannelCredentials(), arguments);
    return OkStatus();
  }
  PENSTOCK_ASSIGN_OR_RETURN(const async::TlsMaterial material, async::ReadTlsFiles(address_.tls));
  const grpc::SslCredentialsOptions options{material.authorities, material.key,
                                            material.certificates};
  if (!address_.server_name.empty()) arguments.SetSslTargetNameOverride(address_.server_name);
  channel_ = grpc::CreateCustomChannel(address_.tcp, grpc::SslCredentials(options), arguments);
  return OkStatus();
}

Status Client::Begin(grpc::ClientContext& context) {
  unreachable_ = false;
  error_info_.Clear();
  if (channel_ == nullptr) {
    Status open = Connect();
    if (!open.ok()) {
      unreachable_ = true;
      return open;
    }
    RenewDeadline();
  }
  context.set_deadline(deadline_);
  context.AddMetadata(kUserKey, UserName());
  return OkStatus();
}

bool Client::HasBegun(const grpc::ClientContext& context) {
  return context.GetServerInitialMetadata().contains(kBegunKey);
}

Status Client::End(const grpc::Status& status, const grpc::ClientContext& context) {
  if (status.ok()) return OkStatus();
  const auto& trailers = context.GetServerTrailingMetadata();
  const auto found = trailers.find(kErrorInfoKey);
  if (found != trailers.end()) {
    error_info_.ParseFromArray(found->second.data(), static_cast<int>(found->second.size()));
    return MakeStatus(static_cast<StatusCode>(status.error_code()), status.error_message());
  }
  // The daemon's own errors all carry an ErrorInfo: this one is gRPC's.
  unreachable_ = true;
  const std::string& where = address_.tcp.empty() ? address_.socket : address_.tcp;
  switch (status.error_code()) {
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return Unavailable(Cat("no answer on ", where, " within ", FormatDuration(timeout_),
                             "; look at penstockd's log, or give it longer with --timeout"));
    case grpc::StatusCode::UNIMPLEMENTED:
      return Unavailable(Cat("what listens on ", where,
                             " does not know this call; `penstock --version` and `penstockd "
                             "--version` should be the same"));
    default: {
      const std::string why = address_.tcp.empty() ? std::string() : WhyNoConnection(address_);
      if (!why.empty()) return Unavailable(Cat("no connection to the daemon: ", why));
      return Unavailable(Cat("the connection to ", where, " failed: ", status.error_message(),
                             "; look at penstockd's log"));
    }
  }
}

}  // namespace penstock::cli
