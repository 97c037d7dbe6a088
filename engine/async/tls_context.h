// SPDX-License-Identifier: Apache-2.0
// What TLS handshakes of ours take (P3): certificates that are renewed with their files, the check
// of the other side, and in words why a handshake has failed. TLS 1.2 at least; no session is
// resumed, so that every connection is judged by its own certificates.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <openssl/types.h>

#include <boost/system/error_code.hpp>

#include "engine/async/task.h"
#include "engine/async/tls_files.h"
#include "engine/base/mutex.h"

namespace boost::asio::ssl {
class context;
}

namespace penstock::async {

enum class TlsRole { kServer, kClient };

// What becomes of a certificate that does not come from an authority of `ca_file`, has expired, or
// carries another name.
enum class PeerCheck {
  kNone,    // it is not looked at
  kReport,  // TlsFacts::peer_fault says what is wrong with it
  kDemand,  // the handshake fails; a client must be shown one
};

// Of one handshake.
struct TlsHandshake {
  PeerCheck check = PeerCheck::kNone;
  std::string peer_name;  // that the peer's certificate must carry, a host or an address; or none
  bool http2 = false;     // ask for HTTP/2 (RFC 7301)
};

// What came of one.
struct TlsFacts {
  std::string version;             // "TLSv1.3"
  std::string cipher;              // "TLS_AES_256_GCM_SHA384"
  std::string peer_subject;        // RFC 2253, "CN=alice,O=Example"; empty unless it was checked
  std::string peer_fault;          // why the peer's certificate is not trusted
  bool certificate_asked = false;  // a server has asked for ours
  bool http2 = false;              // agreed upon
};

// Threads: safe from any.
class TlsContext {
 public:
  // A client without `ca_file` knows the system's authorities; a server without one asks for no
  // certificate. `what` names the owner in log lines. Errors: as ReadTlsFiles.
  static StatusOr<std::shared_ptr<TlsContext>> Open(std::string what, TlsRole role, TlsFiles files);

  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // What the next handshake takes: the same object until a file changes.
  std::shared_ptr<asio::ssl::context> Current();

  // What the files hold now.
  std::shared_ptr<const TlsMaterial> material() { return keeper_->Current(); }

  [[nodiscard]] const TlsFiles& files() const { return keeper_->files(); }

  [[nodiscard]] TlsRole role() const { return role_; }

 private:
  TlsContext(TlsRole role, std::shared_ptr<TlsKeeper> keeper)
      : role_(role), keeper_(std::move(keeper)) {}

  const TlsRole role_;
  const std::shared_ptr<TlsKeeper> keeper_;
  Mutex mutex_;
  std::shared_ptr<const TlsMaterial> material_ ABSL_GUARDED_BY(mutex_);  // of context_
  std::shared_ptr<asio::ssl::context> context_ ABSL_GUARDED_BY(mutex_);
};

// "expired on …", "is for a.example, not for b.example", "comes from CN=…, which is no known
// authority": of the certificate that `context` has just found at fault.
std::string CertificateFault(X509_STORE_CTX* context, std::string_view wanted_name);

// Why a handshake failed. `certificate_fault`, if there is one, is the reason.
std::string HandshakeFault(const boost::system::error_code& error,
                           std::string_view certificate_fault);

// "CN=alice,O=Example" (RFC 2253).
std::string SubjectOf(const X509* certificate);

}  // namespace penstock::async
