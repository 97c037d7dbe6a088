// SPDX-License-Identifier: Apache-2.0
// TLS for gRPC servers of ours (P3): certificates are read again when their files change.
//
//   PENSTOCK_ASSIGN_OR_RETURN(auto tls, GrpcServerTls::Open("admin", files));
//   builder.AddListeningPort(address, tls->credentials(), &port);
//   … keep `tls` until the grpc::Server is gone.
#pragma once

#include <memory>
#include <string>

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_context.h>

#include "engine/async/tls_files.h"

namespace penstock::async {

// Threads: gRPC asks for certificates from its own, one handshake after the other.
class GrpcServerTls {
 public:
  // With a `ca_file` clients must show a certificate that comes from one of its authorities (mTLS);
  // without one none is asked for. `what` names the server in log lines.
  //   Errors: those of ReadTlsFiles; kInvalidArgument if there is no certificate.
  static StatusOr<std::unique_ptr<GrpcServerTls>> Open(std::string what, TlsFiles files);

  GrpcServerTls(const GrpcServerTls&) = delete;
  GrpcServerTls& operator=(const GrpcServerTls&) = delete;
  ~GrpcServerTls();

  // For one ServerBuilder::AddListeningPort. The server asks this object for certificates as long
  // as it lives.
  [[nodiscard]] std::shared_ptr<grpc::ServerCredentials> credentials() const;

 private:
  struct State;
  explicit GrpcServerTls(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

// Subject of the certificate that the caller has shown and that was verified, in RFC 2253's form
// such as "CN=alice,O=Example"; empty if he has shown none.
std::string PeerSubject(const grpc::ServerContextBase& context);

}  // namespace penstock::async
