// SPDX-License-Identifier: Apache-2.0
// The admin API (SPEC P3): on a unix socket of mode 0600 in a folder that others may not write to,
// and if wished over TCP to whoever shows a certificate. Who is let in may do everything.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <grpcpp/impl/codegen/service_type.h>

#include "engine/api/status_service.h"
#include "engine/async/tls_files.h"
#include "engine/base/limits.h"
#include "engine/base/status.h"
#include "engine/base/time.h"

namespace penstock::api {

// All admin services. `admin` and what `sources` refers to outlive them.
std::vector<std::unique_ptr<grpc::Service>> MakeAdminServices(AdminContext& admin,
                                                              StatusSources sources);

// The same over TCP, with TLS and certificates on both sides.
struct AdminTcp {
  std::string listen;   // "host:port", port 0: any
  async::TlsFiles tls;  // all three files
};

// Threads: Start and Stop from one thread, which is none of the services' executor.
class AdminServer {
 public:
  // Listens. A folder that is not there is made with mode 0700; a socket that nobody listens on is
  // replaced. Changes the process's umask for an instant: files made by other threads meanwhile
  // are the owner's alone.
  //   Errors: kInvalidArgument (a path too long for a socket, a folder that others may write to,
  //   TLS files), kFailedPrecondition (another process listens), kUnavailable (the system refuses).
  static StatusOr<std::unique_ptr<AdminServer>> Start(
      std::string socket_path, std::vector<std::unique_ptr<grpc::Service>> services,
      std::optional<AdminTcp> tcp = std::nullopt);

  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;
  // Stops, if it was not stopped.
  ~AdminServer();

  // Takes no new calls, waits for those that run, cancels for their clients what is left after
  // `deadline`, and returns when the last coroutine of a call has ended. Removes the socket.
  void Stop(Milliseconds deadline = limits::kAdminStopDeadline);

  // "host:port" with the port that was taken; empty without TCP.
  [[nodiscard]] std::string tcp_address() const;

 private:
  struct Parts;
  explicit AdminServer(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace penstock::api
