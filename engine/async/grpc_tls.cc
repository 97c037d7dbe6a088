// SPDX-License-Identifier: Apache-2.0
#include "engine/async/grpc_tls.h"

#include <utility>

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpcpp/security/auth_context.h>

#include "engine/base/status_macros.h"

namespace penstock::async {
namespace {

// gRPC's C++ layer has no door to its own certificate fetcher but this class; its experimental
// FileWatcherCertificateProvider polls, and cannot say why a file is no good.
class FetchedCredentials final : public grpc::ServerCredentials {
 public:
  // Takes over `credentials`.
  explicit FetchedCredentials(grpc_server_credentials* credentials) : credentials_(credentials) {}

  ~FetchedCredentials() override { grpc_server_credentials_release(credentials_); }

  void SetAuthMetadataProcessor(
      const std::shared_ptr<grpc::AuthMetadataProcessor>& /*processor*/) override {}

 private:
  int AddPortToServer(const std::string& address, grpc_server* server) override {
    return grpc_server_add_http2_port(server, address.c_str(), credentials_);
  }

  grpc_server_credentials* const credentials_;
};

}  // namespace

struct GrpcServerTls::State {
  std::shared_ptr<TlsKeeper> keeper;
  std::shared_ptr<const TlsMaterial> given;  // what gRPC has; touched by its fetcher alone
  std::shared_ptr<grpc::ServerCredentials> credentials;

  // Called before each handshake, under a lock of the server's.
  static grpc_ssl_certificate_config_reload_status Fetch(
      void* state, grpc_ssl_server_certificate_config** config) {
    auto& self = *static_cast<State*>(state);
    auto current = self.keeper->Current();
    if (current == self.given) return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    const grpc_ssl_pem_key_cert_pair pair{current->key.c_str(), current->certificates.c_str()};
    *config = grpc_ssl_server_certificate_config_create(
        current->authorities.empty() ? nullptr : current->authorities.c_str(), &pair, 1);
    self.given = std::move(current);
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
  }
};

StatusOr<std::unique_ptr<GrpcServerTls>> GrpcServerTls::Open(std::string what, TlsFiles files) {
  if (files.certificate_file.empty()) {
    return InvalidArgument("certificate_file: missing; expected the file of a certificate");
  }
  auto state = std::make_unique<State>();
  PENSTOCK_ASSIGN_OR_RETURN(state->keeper, TlsKeeper::Open(std::move(what), std::move(files)));
  const auto request = state->keeper->files().ca_file.empty()
                           ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                           : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
  grpc_ssl_server_credentials_options* options =
      grpc_ssl_server_credentials_create_options_using_config_fetcher(request, &State::Fetch,
                                                                      state.get());
  state->credentials = std::make_shared<FetchedCredentials>(
      grpc_ssl_server_credentials_create_with_options(options));
  return std::unique_ptr<GrpcServerTls>(new GrpcServerTls(std::move(state)));
}

GrpcServerTls::GrpcServerTls(std::unique_ptr<State> state) : state_(std::move(state)) {}

GrpcServerTls::~GrpcServerTls() = default;

std::shared_ptr<grpc::ServerCredentials> GrpcServerTls::credentials() const {
  return state_->credentials;
}

std::string PeerSubject(const grpc::ServerContextBase& context) {
  const auto peer = context.auth_context();
  if (peer == nullptr || !peer->IsPeerAuthenticated()) return {};
  const auto subject = peer->FindPropertyValues(GRPC_X509_SUBJECT_PROPERTY_NAME);
  if (subject.empty()) return {};
  return {subject.front().data(), subject.front().size()};
}

}  // namespace penstock::async
