// SPDX-License-Identifier: Apache-2.0
#include "engine/async/tls_files.h"

#include <cerrno>
#include <chrono>
#include <ctime>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include "engine/base/limits.h"
#include "engine/base/log.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/base/time.h"

namespace penstock::async {
namespace {

template <class T, void (*Free)(T*)>
struct Freed {
  void operator()(T* object) const { Free(object); }
};

using Bio = std::unique_ptr<BIO, Freed<BIO, BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Freed<X509, X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY, EVP_PKEY_free>>;

Status Fault(std::string_view field, const std::string& file, std::string_view why) {
  return InvalidArgument(Cat(field, ": ", Printable(file), ": ", why));
}

StatusOr<std::string> ReadFile(std::string_view field, const std::string& file) {
  if (file.empty()) return std::string();
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  const auto why = [] { return std::error_code(errno, std::generic_category()).message(); };
  if (!in) return Fault(field, file, Cat("cannot be read: ", why()));
  std::string text(limits::kTlsFileOctetsMax + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || (in.gcount() == 0 && errno == EISDIR)) {
    return Fault(field, file, Cat("cannot be read: ", why()));
  }
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > limits::kTlsFileOctetsMax) {
    return Fault(field, file, Cat("over ", limits::kTlsFileOctetsMax, " octets"));
  }
  return text;
}

// The group may read a key: Debian's services share theirs by the group ssl-cert.
Status CheckKeyMode(const std::string& file) {
  struct stat found {};

  if (::stat(file.c_str(), &found) != 0 || (found.st_mode & (S_IROTH | S_IWOTH | S_IWGRP)) == 0) {
    return OkStatus();
  }
  return Fault("key_file", file,
               Cat("others may read or change this key; mend it: chmod 600 ", file));
}

Bio Open(const std::string& pem) {
  return Bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

// All certificates of a file, or why they cannot be read.
StatusOr<std::vector<Certificate>> ReadCertificates(std::string_view field, const std::string& file,
                                                    const std::string& pem) {
  std::vector<Certificate> certificates;
  const Bio bio = Open(pem);
  while (X509* one = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    certificates.emplace_back(one);
  }
  const bool is_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (certificates.empty()) {
    return Fault(field, file, "holds no certificate; expected PEM (BEGIN CERTIFICATE)");
  }
  if (!is_end) {
    return Fault(
        field, file,
        Cat("what follows certificate ", certificates.size(), " is damaged; expected PEM"));
  }
  return certificates;
}

StatusOr<Key> ReadKey(const std::string& file, const std::string& pem) {
  bool asked = false;
  const auto no_pass_phrase = [](char* /*out*/, int /*size*/, int /*write*/, void* asked_by) {
    *static_cast<bool*>(asked_by) = true;
    return -1;
  };
  const Bio bio = Open(pem);
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_pass_phrase, &asked));
  ERR_clear_error();
  if (key != nullptr) return key;
  if (asked) {
    return Fault("key_file", file,
                 "is encrypted; expected a key without a pass phrase, with mode 0600");
  }
  return Fault("key_file", file, "holds no private key; expected PEM (BEGIN PRIVATE KEY)");
}

// "2026-11-21T19:48:00.000Z"
std::string TimeText(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return "a time that cannot be read";
  return FormatRfc3339(FromUnixMillis(std::int64_t{::timegm(&parts)} * 1000));
}

void WarnOfDates(std::string_view field, const std::string& file, const X509& certificate,
                 std::vector<std::string>& warnings) {
  const ASN1_TIME* from = X509_get0_notBefore(&certificate);
  const ASN1_TIME* until = X509_get0_notAfter(&certificate);
  std::time_t soon =
      std::time(nullptr) + std::chrono::seconds(limits::kCertificateExpiryWarn).count();
  const auto warn = [&](std::string_view why) {
    warnings.push_back(Cat(field, ": ", Printable(file), ": ", why));
  };
  if (X509_cmp_current_time(from) > 0) {
    warn(Cat("counts only from ", TimeText(from), " on; is the clock right?"));
  } else if (X509_cmp_current_time(until) < 0) {
    warn(Cat("expired on ", TimeText(until), "; renew it"));
  } else if (X509_cmp_time(until, &soon) < 0) {
    warn(Cat("expires on ", TimeText(until), "; renew it"));
  }
}

}  // namespace

StatusOr<TlsMaterial> ReadTlsFiles(const TlsFiles& files) {
  if (files.certificate_file.empty() != files.key_file.empty()) {
    return files.key_file.empty() ? InvalidArgument("key_file: missing beside certificate_file")
                                  : InvalidArgument("certificate_file: missing beside key_file");
  }
  TlsMaterial material;
  PENSTOCK_ASSIGN_OR_RETURN(material.certificates,
                            ReadFile("certificate_file", files.certificate_file));
  PENSTOCK_ASSIGN_OR_RETURN(material.key, ReadFile("key_file", files.key_file));
  PENSTOCK_ASSIGN_OR_RETURN(material.authorities, ReadFile("ca_file", files.ca_file));
  if (!files.certificate_file.empty()) {
    PENSTOCK_RETURN_IF_ERROR(CheckKeyMode(files.key_file));
    PENSTOCK_ASSIGN_OR_RETURN(
        const auto chain,
        ReadCertificates("certificate_file", files.certificate_file, material.certificates));
    PENSTOCK_ASSIGN_OR_RETURN(const Key key, ReadKey(files.key_file, material.key));
    if (X509_check_private_key(chain.front().get(), key.get()) != 1) {
      ERR_clear_error();
      return Fault("key_file", files.key_file,
                   Cat("does not belong to the first certificate in ", files.certificate_file));
    }
    WarnOfDates("certificate_file", files.certificate_file, *chain.front(), material.warnings);
  }
  if (!files.ca_file.empty()) {
    PENSTOCK_ASSIGN_OR_RETURN(const auto authorities,
                              ReadCertificates("ca_file", files.ca_file, material.authorities));
    // Of a bundle some are always about to expire.
    if (authorities.size() == 1) {
      WarnOfDates("ca_file", files.ca_file, *authorities.front(), material.warnings);
    }
  }
  return material;
}

StatusOr<std::shared_ptr<TlsKeeper>> TlsKeeper::Open(std::string what, TlsFiles files) {
  std::shared_ptr<TlsKeeper> keeper(new TlsKeeper(std::move(what), std::move(files)));
  const MutexLock lock(keeper->mutex_);
  // Stamps first: a file that is written meanwhile is read again.
  keeper->stamps_ = keeper->StampsOfFiles();
  PENSTOCK_ASSIGN_OR_RETURN(TlsMaterial material, ReadTlsFiles(keeper->files_));
  keeper->material_ = std::make_shared<const TlsMaterial>(std::move(material));
  return keeper;
}

std::shared_ptr<const TlsMaterial> TlsKeeper::Current() {
  const MutexLock lock(mutex_);
  const Stamps stamps = StampsOfFiles();
  if (stamps == stamps_) return material_;
  stamps_ = stamps;
  StatusOr<TlsMaterial> material = ReadTlsFiles(files_);
  if (!material.ok()) {
    Log(LogLevel::kError, "tls_files_refused",
        {{"what", what_}, {"error", std::string(Message(material.status()))}});
    return material_;
  }
  Log(LogLevel::kInfo, "tls_files_read",
      {{"what", what_}, {"warnings", Join(material->warnings, "; ")}});
  material_ = std::make_shared<const TlsMaterial>(*std::move(material));
  return material_;
}

TlsKeeper::Stamps TlsKeeper::StampsOfFiles() const {
  Stamps stamps{};
  auto* stamp = stamps.data();
  for (const std::string* file : {&files_.certificate_file, &files_.key_file, &files_.ca_file}) {
    struct stat found {};

    if (!file->empty() && ::stat(file->c_str(), &found) == 0) {
      *stamp = {static_cast<std::int64_t>(found.st_dev),
                static_cast<std::int64_t>(found.st_ino),
                found.st_size,
                found.st_mtim.tv_sec,
                found.st_mtim.tv_nsec,
                found.st_ctim.tv_sec,
                found.st_ctim.tv_nsec};
    }
    ++stamp;
  }
  return stamps;
}

}  // namespace penstock::async
