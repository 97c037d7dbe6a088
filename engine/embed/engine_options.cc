// SPDX-License-Identifier: Apache-2.0
#include "engine/embed/engine_options.h"

#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <unistd.h>

#include "engine/async/endpoint.h"
#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/delivery/smtp_login.h"
#include "engine/embed/own_delivery.h"
#include "engine/rules/flow_rule.h"

namespace penstock::embed {
namespace {

std::string MachineName() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return name.data();
}

delivery::StartTls ToStartTls(StartTls starttls) {
  switch (starttls) {
    case StartTls::kNone:
      return delivery::StartTls::kNone;
    case StartTls::kEncrypt:
      return delivery::StartTls::kEncrypt;
    case StartTls::kVerify:
      return delivery::StartTls::kVerify;
    case StartTls::kMay:
      break;
  }
  return delivery::StartTls::kMay;
}

NextHop ToNextHop(const penstock::NextHop& given) {
  NextHop next_hop;
  next_hop.name = given.name;
  if (const auto* smtp = std::get_if<penstock::SmtpNextHop>(&given.means)) {
    SmtpNextHop means;
    means.lmtp = smtp->lmtp;
    means.unix_path = smtp->unix_path;
    means.host = smtp->host;
    means.port = smtp->port;
    means.starttls = ToStartTls(smtp->starttls);
    means.tls.ca_file = smtp->ca_file;
    means.tls.certificate_file = smtp->certificate_file;
    means.tls.key_file = smtp->key_file;
    means.tls_name = smtp->server_name;
    means.login = {smtp->user, smtp->password_file};
    for (const std::string& fallback : smtp->fallbacks)
      means.fallbacks.push_back(async::Endpoint::Parse(fallback).value());
    next_hop.means = std::move(means);
  } else if (const auto* maildir = std::get_if<penstock::MaildirNextHop>(&given.means)) {
    next_hop.means = MaildirNextHop{maildir->path, maildir->return_path};
  } else {
    next_hop.means = std::make_shared<OwnDelivery>(std::get<Deliver>(given.means));
  }
  return next_hop;
}

// RFC 4954; a password is said within TLS, or does not leave the machine.
Status CheckLogin(const penstock::SmtpNextHop& smtp) {
  if (smtp.user.empty() && smtp.password_file.empty()) return OkStatus();
  if (smtp.user.empty()) return InvalidArgument("user missing beside password_file");
  PENSTOCK_RETURN_IF_ERROR(
      Annotate(delivery::ReadPassword(smtp.password_file).status(), "password_file"));
  const bool is_here = !smtp.unix_path.empty() || smtp.host == "localhost" || smtp.host == "::1" ||
                       smtp.host.starts_with("127.");
  if (is_here || smtp.starttls == StartTls::kEncrypt || smtp.starttls == StartTls::kVerify)
    return OkStatus();
  return InvalidArgument("a password is said within TLS alone; expected StartTls::kVerify");
}

Status CheckServer(const penstock::SmtpNextHop& smtp) {
  if (smtp.unix_path.empty() && (smtp.host.empty() || smtp.port == 0))
    return InvalidArgument("host or port missing");
  if (smtp.starttls > StartTls::kVerify) return InvalidArgument("starttls: no such value");
  if (smtp.fallbacks.size() > limits::kFallbackServersMax)
    return InvalidArgument(Cat("fallbacks: more than ", limits::kFallbackServersMax));
  for (const std::string& fallback : smtp.fallbacks) {
    PENSTOCK_ASSIGN_OR_RETURN(const async::Endpoint endpoint, async::Endpoint::Parse(fallback));
    if (endpoint.unix_path.empty() && endpoint.port == 0)
      return InvalidArgument(Cat("fallbacks: no port: ", Printable(fallback)));
  }
  return CheckLogin(smtp);
}

Status CheckNextHop(const penstock::NextHop& next_hop, const std::set<std::string>& names) {
  PENSTOCK_RETURN_IF_ERROR(rules::CheckName("next hop", next_hop.name));
  const auto fault = [&](std::string_view text) {
    return InvalidArgument(Cat("next hop \"", next_hop.name, "\": ", text));
  };
  if (names.contains(next_hop.name)) return fault("stands twice");
  if (const auto* smtp = std::get_if<penstock::SmtpNextHop>(&next_hop.means)) {
    const Status server = CheckServer(*smtp);
    if (!server.ok()) return fault(Message(server));
  } else if (const auto* own = std::get_if<Deliver>(&next_hop.means)) {
    if (!*own) return fault("the function to deliver by is missing");
  }
  return OkStatus();
}

// It goes into fields and commands as it is.
Status CheckHostName(std::string_view name) {
  const bool fits =
      name.size() <= limits::kDomainOctetsMax && std::all_of(name.begin(), name.end(), [](char c) {
        return IsAsciiAlpha(c) || IsAsciiDigit(c) ||
               std::string_view("-_.:[]").find(c) != std::string_view::npos;
      });
  return fits ? OkStatus() : InvalidArgument(Cat("hostname: no host name: ", Printable(name)));
}

const std::string& OrElse(const std::string& preferred, const std::string& otherwise) {
  return preferred.empty() ? otherwise : preferred;
}

StatusOr<Settings> ToSettings(const EngineOptions& options) {
  Settings settings;
  std::set<std::string> names;
  for (const penstock::NextHop& next_hop : options.next_hops) {
    PENSTOCK_RETURN_IF_ERROR(CheckNextHop(next_hop, names));
    names.insert(next_hop.name);
    settings.next_hops.push_back(ToNextHop(next_hop));
  }
  const Routes& routes = options.routes;
  for (const std::string* route : {&routes.inbound, &routes.outbound, &routes.bounces, &routes.junk,
                                   &routes.bypass_spam_check}) {
    if (!route->empty() && !names.contains(*route))
      return InvalidArgument(Cat("routes: \"", *route, "\" is no next hop"));
  }
  if (options.delivery_expiry <= Milliseconds(0) ||
      options.delivery_expiry > limits::kEngineExpiryMax) {
    return InvalidArgument(Cat("delivery_expiry: expected more than 0, and at most ",
                               limits::kEngineExpiryMax.count(), " h"));
  }
  settings.flow.inbound_next_hop = routes.inbound;
  settings.flow.outbound_next_hop = OrElse(routes.outbound, routes.inbound);
  settings.flow.bounce_next_hop = OrElse(routes.bounces, settings.flow.outbound_next_hop);
  settings.flow.junk_next_hop = routes.junk;
  settings.flow.bypass_next_hop = routes.bypass_spam_check;
  settings.flow.delivery_expiry = options.delivery_expiry;
  settings.flow.strict = options.strict;
  settings.content_octets_max = options.message_octets_max;
  settings.marking.junk = {"X-Penstock-Junk", "yes"};
  settings.marking.bypass_spam_check = {"X-Penstock-Bypass-Spam-Check", "yes"};
  return settings;
}

}  // namespace

StatusOr<AssemblyOptions> ToAssemblyOptions(const EngineOptions& options) {
  if (options.data_folder.empty())
    return InvalidArgument("data_folder: missing; expected a folder for state and content");
  if (!options.token_key.empty() && options.token_key.size() < limits::kResumeKeyOctetsMin)
    return InvalidArgument(
        Cat("token_key: too short; expected at least ", limits::kResumeKeyOctetsMin, " octets"));
  if (options.threads > limits::kEngineThreadsMax)
    return InvalidArgument(Cat("threads: more than ", limits::kEngineThreadsMax));
  PENSTOCK_RETURN_IF_ERROR(CheckHostName(options.hostname));
  AssemblyOptions assembly;
  assembly.data_folder = options.data_folder;
  assembly.hostname = options.hostname.empty() ? MachineName() : options.hostname;
  assembly.threads = options.threads;
  PENSTOCK_ASSIGN_OR_RETURN(assembly.settings, ToSettings(options));
  if (!options.content_listen.empty()) {
    assembly.content.emplace();
    assembly.content->listen = options.content_listen;
    assembly.content->target = options.content_target;
  }
  return assembly;
}

}  // namespace penstock::embed
