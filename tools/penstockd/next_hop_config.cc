// SPDX-License-Identifier: Apache-2.0
#include "tools/penstockd/next_hop_config.h"

#include <cstdint>
#include <utility>

#include "engine/async/endpoint.h"
#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/delivery/smtp_login.h"
#include "engine/ingress/network_set.h"

namespace penstock::daemon {
namespace {

namespace fs = std::filesystem;

constexpr int kSmtpPort = 25;
constexpr int kLmtpPort = 24;  // Postfix's choice; IANA has none

void FillServer(const fs::path& folder, int port, v1::SmtpNextHop& server) {
  const bool on_unix = !server.path().empty();
  const auto make_absolute = [&](std::string* path) {
    if (!path->empty()) *path = (folder / *path).lexically_normal().string();
  };
  make_absolute(server.mutable_path());
  if (server.has_auth()) make_absolute(server.mutable_auth()->mutable_password_file());
  if (server.port() == 0 && !on_unix) server.set_port(port);
  if (server.starttls() == v1::SmtpNextHop::START_TLS_UNSPECIFIED)
    server.set_starttls(on_unix ? v1::SmtpNextHop::NONE : v1::SmtpNextHop::MAY);
}

// Whether a server is on this machine, so that no network hears what is said to it. Empty: on a
// unix socket.
bool IsHere(const std::string& host) {
  static const auto kLoopback = ingress::NetworkSet::Parse({"127.0.0.0/8", "::1"});
  return host.empty() || host == "localhost" || kLoopback->Contains(host);
}

// The same of all servers of a next hop.
bool AllAreHere(const v1::SmtpNextHop& server) {
  bool here = IsHere(server.host());
  for (const std::string& fallback : server.fallbacks()) {
    const auto endpoint = async::Endpoint::Parse(fallback);
    here = here && endpoint.ok() && IsHere(endpoint->host);
  }
  return here;
}

class Checker {
 public:
  void CheckServer(const std::string& path, const v1::SmtpNextHop& server) {
    CheckFallbacks(path, server);
    if (server.has_auth()) CheckAuth(path, server);
    if (!server.path().empty()) return CheckUnix(path, server);
    if (server.host().empty())
      Fault(path + ".host", "missing; expected a host name or address, or `path` of a unix socket");
    CheckRange(path + ".port", server.port(), 1, 65535);
  }

  void CheckRange(const std::string& field, std::int64_t value, std::int64_t min,
                  std::int64_t max) {
    if (value < min || value > max)
      Fault(field, Cat(value, " is out of range; expected ", min, " to ", max));
  }

  void Fault(std::string field, std::string_view text) {
    findings.push_back({std::move(field), std::string(text)});
  }

  std::vector<Finding> findings;

 private:
  void CheckUnix(const std::string& path, const v1::SmtpNextHop& server) {
    if (!server.host().empty()) Fault(path + ".host", "stands beside `path`; expected one of them");
    if (server.port() != 0) Fault(path + ".port", "a unix socket has none");
    const auto endpoint = async::Endpoint::Parse("unix:" + server.path());
    if (!endpoint.ok()) Fault(path + ".path", Message(endpoint.status()));
    if (server.starttls() == v1::SmtpNextHop::VERIFY && server.tls().server_name().empty())
      Fault(path + ".tls.server_name",
            "missing; on a unix socket there is no host to take it from");
  }

  void CheckFallbacks(const std::string& path, const v1::SmtpNextHop& server) {
    if (server.fallbacks_size() > limits::kFallbackServersMax) {
      Fault(path + ".fallbacks", Cat(server.fallbacks_size(), " servers; expected at most ",
                                     limits::kFallbackServersMax));
    }
    for (int i = 0; i < server.fallbacks_size(); ++i) {
      const auto endpoint = async::Endpoint::Parse(server.fallbacks(i));
      const std::string field = Cat(path, ".fallbacks[", i, "]");
      if (!endpoint.ok()) {
        Fault(field, Message(endpoint.status()));
      } else if (endpoint->unix_path.empty()) {
        CheckRange(field, endpoint->port, 1, 65535);
      } else if (server.starttls() == v1::SmtpNextHop::VERIFY &&
                 server.tls().server_name().empty()) {
        Fault(path + ".tls.server_name",
              Cat("missing; ", field, " is a unix socket, which has no host to take it from"));
      }
    }
  }

  void CheckAuth(const std::string& path, const v1::SmtpNextHop& server) {
    if (server.auth().user().empty()) Fault(path + ".auth.user", "missing; expected a name");
    const auto password = delivery::ReadPassword(server.auth().password_file());
    if (!password.ok()) Fault(path + ".auth.password_file", Message(password.status()));
    const bool tls = server.starttls() == v1::SmtpNextHop::ENCRYPT ||
                     server.starttls() == v1::SmtpNextHop::VERIFY;
    if (!tls && !AllAreHere(server)) {
      Fault(path + ".auth",
            "a password is said within TLS alone; expected `starttls: verify` or `encrypt`");
    }
  }
};

embed::SmtpNextHop ToServer(const v1::SmtpNextHop& configured) {
  embed::SmtpNextHop smtp;
  smtp.host = configured.host();
  smtp.unix_path = configured.path();
  smtp.port = static_cast<std::uint16_t>(configured.port());
  smtp.tls = ToTlsFiles(configured.tls());
  smtp.tls_name = configured.tls().server_name();
  smtp.login = {configured.auth().user(), configured.auth().password_file()};
  for (const std::string& fallback : configured.fallbacks())
    smtp.fallbacks.push_back(async::Endpoint::Parse(fallback).value_or(async::Endpoint()));
  switch (configured.starttls()) {
    case v1::SmtpNextHop::NONE:
      smtp.starttls = delivery::StartTls::kNone;
      break;
    case v1::SmtpNextHop::ENCRYPT:
      smtp.starttls = delivery::StartTls::kEncrypt;
      break;
    case v1::SmtpNextHop::VERIFY:
      smtp.starttls = delivery::StartTls::kVerify;
      break;
    default:
      smtp.starttls = delivery::StartTls::kMay;
  }
  return smtp;
}

}  // namespace

void FillNextHop(const fs::path& folder, v1::NextHop& next_hop) {
  if (next_hop.max_concurrent_deliveries() == 0)
    next_hop.set_max_concurrent_deliveries(static_cast<int>(limits::kDeliveriesAtOnceMax));
  if (next_hop.has_smtp()) FillServer(folder, kSmtpPort, *next_hop.mutable_smtp());
  if (next_hop.has_lmtp()) FillServer(folder, kLmtpPort, *next_hop.mutable_lmtp());
  if (next_hop.has_maildir() && !next_hop.maildir().path().empty()) {
    next_hop.mutable_maildir()->set_path(
        (folder / next_hop.maildir().path()).lexically_normal().string());
  }
}

std::vector<Finding> CheckNextHop(const std::string& path, const v1::NextHop& next_hop) {
  Checker checker;
  switch (next_hop.means_case()) {
    case v1::NextHop::kSmtp:
      checker.CheckServer(path + ".smtp", next_hop.smtp());
      break;
    case v1::NextHop::kLmtp:
      checker.CheckServer(path + ".lmtp", next_hop.lmtp());
      if (next_hop.lmtp().port() == kSmtpPort)
        checker.Fault(path + ".lmtp.port", "25 is for SMTP alone (RFC 2033 §5); expected another");
      break;
    case v1::NextHop::kMaildir:
      if (next_hop.maildir().path().empty())
        checker.Fault(path + ".maildir.path", "missing; expected a folder");
      break;
    case v1::NextHop::MEANS_NOT_SET:
      checker.Fault(path, "how to deliver is missing; expected smtp, lmtp or maildir");
      break;
  }
  checker.CheckRange(path + ".max_concurrent_deliveries", next_hop.max_concurrent_deliveries(), 1,
                     10'000);
  return std::move(checker.findings);
}

std::vector<Finding> WarningsOfNextHop(const std::string& path, const v1::NextHop& next_hop) {
  std::vector<Finding> warnings;
  const bool lmtp = next_hop.has_lmtp();
  const v1::SmtpNextHop& server = lmtp ? next_hop.lmtp() : next_hop.smtp();
  if (server.has_auth() && server.starttls() == v1::SmtpNextHop::ENCRYPT && !AllAreHere(server)) {
    warnings.push_back({Cat(path, lmtp ? ".lmtp" : ".smtp", ".auth"),
                        "`starttls: encrypt` looks at no certificate, so whoever stands between "
                        "here and the server gets the password; expected `starttls: verify`"});
  }
  return warnings;
}

embed::NextHop ToNextHop(const v1::NextHop& configured) {
  embed::NextHop next_hop;
  next_hop.name = configured.name();
  next_hop.deliveries_at_once = static_cast<std::size_t>(configured.max_concurrent_deliveries());
  if (configured.has_maildir()) {
    next_hop.means =
        embed::MaildirNextHop{configured.maildir().path(), configured.maildir().return_path()};
    return next_hop;
  }
  embed::SmtpNextHop server =
      ToServer(configured.has_lmtp() ? configured.lmtp() : configured.smtp());
  server.lmtp = configured.has_lmtp();
  next_hop.means = std::move(server);
  return next_hop;
}

}  // namespace penstock::daemon
