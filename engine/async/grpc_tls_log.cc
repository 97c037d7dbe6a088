// SPDX-License-Identifier: Apache-2.0
#include "engine/async/grpc_tls_log.h"

#include <charconv>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <grpc/support/log.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <boost/asio/ssl/error.hpp>

#include "engine/async/tls_context.h"
#include "engine/base/limits.h"
#include "engine/base/log.h"
#include "engine/base/mutex.h"
#include "engine/base/strings.h"

namespace penstock::async {
namespace {

using std::chrono::steady_clock;

// Of the last chain that this thread has found wanting. gRPC logs a failure on the thread that has
// just verified.
std::string& LastCertificateFault() {
  thread_local std::string fault;
  return fault;
}

// What OpenSSL does without it (SSL_CTX_set_cert_verify_callback), and keeps why.
int VerifyAndKeepFault(X509_STORE_CTX* context, void* /*unused*/) {
  const bool good = X509_verify_cert(context) > 0;
  if (!good) LastCertificateFault() = CertificateFault(context, {});
  return good ? 1 : 0;
}

// gRPC has no door to the SSL_CTX that it makes, OpenSSL tells of each (CRYPTO_EX_new).
void OnNewContext(void* context, void* /*unused*/, CRYPTO_EX_DATA* /*unused*/, int /*unused*/,
                  long /*unused*/, void* /*unused*/) {
  SSL_CTX_set_cert_verify_callback(static_cast<SSL_CTX*>(context), &VerifyAndKeepFault, nullptr);
}

// "… fatal error SSL_ERROR_SSL: error:0A00009C:SSL routines::http request."
std::string WhyOf(std::string_view line) {
  std::string fault;
  fault.swap(LastCertificateFault());
  constexpr std::string_view kMark = "error:";
  const auto mark = line.rfind(kMark);
  unsigned long code = 0;
  if (mark != std::string_view::npos) {
    const std::string_view digits = line.substr(mark + kMark.size());
    std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
  }
  if (code == 0) return fault.empty() ? Printable(line) : fault;
  if (ERR_GET_REASON(code) != SSL_R_CERTIFICATE_VERIFY_FAILED) fault.clear();
  return HandshakeFault({static_cast<int>(code), asio::error::get_ssl_category()}, fault);
}

class Lines {
 public:
  void Add(std::string why) {
    std::size_t more = 0;
    {
      const MutexLock lock(mutex_);
      const auto now = steady_clock::now();
      if (now < next_) {
        ++more_;
        return;
      }
      next_ = now + limits::kTlsRefusalLogEvery;
      more = std::exchange(more_, 0);
    }
    Log(LogLevel::kWarning, "tls_refused", {{"why", std::move(why)}, {"more", Cat(more)}});
  }

 private:
  Mutex mutex_;
  steady_clock::time_point next_ ABSL_GUARDED_BY(mutex_);
  std::size_t more_ ABSL_GUARDED_BY(mutex_) = 0;  // not logged since the last line
};

void OnGrpcLine(gpr_log_func_args* line) {
  static auto* const lines = new Lines;  // gRPC's threads may outlive static objects
  const std::string_view text = line->message;
  if (text.starts_with("Handshake failed with fatal error")) lines->Add(WhyOf(text));
}

}  // namespace

void LogRefusedHandshakes() {
  CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL_CTX, 0, nullptr, &OnNewContext, nullptr, nullptr);
  gpr_set_log_verbosity(GPR_LOG_SEVERITY_ERROR);
  gpr_set_log_function(&OnGrpcLine);
}

}  // namespace penstock::async
