// SPDX-License-Identifier: Apache-2.0
#include "engine/async/tls_context.h"

#include <ctime>
#include <utility>
#include <vector>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>

#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/base/time.h"

namespace penstock::async {
namespace {

using boost::system::error_code;
namespace ssl = asio::ssl;

std::string NameText(const X509_NAME* name) {
  BIO* bio = BIO_new(BIO_s_mem());
  X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  char* octets = nullptr;
  const long size = BIO_get_mem_data(bio, &octets);
  std::string text = Printable({octets, static_cast<std::size_t>(size)});
  BIO_free(bio);
  return text;
}

std::string TimeText(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return "a time that cannot be read";
  return FormatRfc3339(FromUnixMillis(std::int64_t{::timegm(&parts)} * 1000));
}

// The host names and addresses that a certificate is for (RFC 5280 §4.2.1.6).
std::string NamesOf(const X509* certificate) {
  std::vector<std::string> names;
  auto* all = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; all != nullptr && i < sk_GENERAL_NAME_num(all); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(all, i);
    if (name->type == GEN_DNS || name->type == GEN_IPADD) {
      const ASN1_STRING* octets = name->type == GEN_DNS ? name->d.dNSName : name->d.iPAddress;
      const std::string raw(reinterpret_cast<const char*>(ASN1_STRING_get0_data(octets)),
                            static_cast<std::size_t>(ASN1_STRING_length(octets)));
      if (name->type == GEN_DNS) names.push_back(Printable(raw));
      if (name->type == GEN_IPADD && raw.size() == 4) {
        const auto part = [&raw](std::size_t k) { return static_cast<unsigned char>(raw[k]); };
        names.push_back(Cat(int{part(0)}, ".", int{part(1)}, ".", int{part(2)}, ".", int{part(3)}));
      }
    }
  }
  GENERAL_NAMES_free(all);
  return names.empty() ? SubjectOf(certificate) : Join(names, ", ");
}

// What a certificate lacks makes the same fault in each handshake, so files that were checked give
// a context; an error here is OpenSSL's own.
StatusOr<std::shared_ptr<ssl::context>> MakeContext(TlsRole role, const TlsMaterial& material) {
  const bool server = role == TlsRole::kServer;
  auto context =
      std::make_shared<ssl::context>(server ? ssl::context::tls_server : ssl::context::tls_client);
  SSL_CTX* handle = context->native_handle();
  SSL_CTX_set_min_proto_version(handle, TLS1_2_VERSION);
  SSL_CTX_set_session_cache_mode(handle, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(handle, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                  SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_num_tickets(handle, 0);
  error_code error;
  const auto buffer = [](const std::string& text) {
    return asio::buffer(text.data(), text.size());
  };
  if (!material.certificates.empty()) {
    context->use_certificate_chain(buffer(material.certificates), error);
    if (!error) context->use_private_key(buffer(material.key), ssl::context::pem, error);
    if (error) return InvalidArgument(Cat("certificate_file: ", error.message()));
  }
  if (!material.authorities.empty()) {
    context->add_certificate_authority(buffer(material.authorities), error);
    if (error) return InvalidArgument(Cat("ca_file: ", error.message()));
    if (server) {  // tells clients whose certificates count
      STACK_OF(X509_OBJECT)* all = X509_STORE_get0_objects(SSL_CTX_get_cert_store(handle));
      for (int i = 0; i < sk_X509_OBJECT_num(all); ++i) {
        if (X509* one = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(all, i)))
          SSL_CTX_add_client_CA(handle, one);
      }
    }
  } else if (!server) {
    context->set_default_verify_paths(error);
  }
  return context;
}

std::string ReasonText(int reason) {
  switch (reason) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
      return "the other side speaks plain text, no TLS";
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
      return "no version of TLS in common; ours are 1.2 and 1.3";
    case SSL_R_NO_SHARED_CIPHER:
      return "no cipher in common";
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
      return "the other side refused the handshake; it may want a certificate of ours, or has no "
             "cipher in common";
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      return "the other side wants a certificate of ours";
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
      return "the other side does not know the authority of our certificate";
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
      return "the other side says that our certificate has expired";
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
      return "the other side does not take our certificate";
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return "the other side shows no certificate";
    default:
      return {};
  }
}

}  // namespace

StatusOr<std::shared_ptr<TlsContext>> TlsContext::Open(std::string what, TlsRole role,
                                                       TlsFiles files) {
  if (role == TlsRole::kServer && files.certificate_file.empty()) {
    return InvalidArgument("certificate_file: missing; expected the file of a certificate");
  }
  PENSTOCK_ASSIGN_OR_RETURN(auto keeper, TlsKeeper::Open(std::move(what), std::move(files)));
  std::shared_ptr<TlsContext> made(new TlsContext(role, std::move(keeper)));
  const MutexLock lock(made->mutex_);
  made->material_ = made->keeper_->Current();
  PENSTOCK_ASSIGN_OR_RETURN(made->context_, MakeContext(role, *made->material_));
  return made;
}

std::shared_ptr<ssl::context> TlsContext::Current() {
  auto material = keeper_->Current();
  const MutexLock lock(mutex_);
  if (material == material_) return context_;
  auto context = MakeContext(role_, *material);
  if (context.ok()) context_ = *std::move(context);
  material_ = std::move(material);
  return context_;
}

std::string CertificateFault(X509_STORE_CTX* context, std::string_view wanted_name) {
  const int error = X509_STORE_CTX_get_error(context);
  const X509* certificate = X509_STORE_CTX_get_current_cert(context);
  if (certificate == nullptr) return X509_verify_cert_error_string(error);
  const std::string whose = X509_STORE_CTX_get_error_depth(context) == 0
                                ? std::string("its certificate ")
                                : Cat("the certificate of ", SubjectOf(certificate), " ");
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return Cat(whose, "expired on ", TimeText(X509_get0_notAfter(certificate)));
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return Cat(whose, "counts only from ", TimeText(X509_get0_notBefore(certificate)), " on");
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return Cat(whose, "is for ", NamesOf(certificate), ", not for ", wanted_name);
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return Cat(whose, "comes from ", NameText(X509_get_issuer_name(certificate)),
                 ", which is none of the authorities that count here");
    case X509_V_ERR_INVALID_PURPOSE:
      return Cat(whose, "is not meant for this use (its extendedKeyUsage)");
    default:
      return Cat(whose, "is no good: ", X509_verify_cert_error_string(error));
  }
}

std::string HandshakeFault(const error_code& error, std::string_view certificate_fault) {
  if (!certificate_fault.empty()) return std::string(certificate_fault);
  if (error == asio::error::eof || error == ssl::error::stream_truncated) {
    return "the other side closed the connection in the handshake";
  }
  if (error.category() == asio::error::get_ssl_category()) {
    std::string text = ReasonText(ERR_GET_REASON(static_cast<unsigned long>(error.value())));
    if (!text.empty()) return text;
  }
  return error.message();
}

std::string SubjectOf(const X509* certificate) {
  return NameText(X509_get_subject_name(certificate));
}

}  // namespace penstock::async
