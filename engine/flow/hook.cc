// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/hook.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <set>

#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/base/time.h"
#include "engine/mail/address_literal.h"

namespace penstock::flow {
namespace {

using rules::FlowDirection;

constexpr std::string_view kTargetForms =
    R"(expected "host:port", "dns:///host:port", "ipv4:…:port", "ipv6:[…]:port" or "unix:/path")";

bool Covers(const Permission& permission, std::string_view organization, FlowDirection direction) {
  return permission.organization == organization && permission.invoke &&
         (direction == FlowDirection::kInbound ? permission.inbound : permission.outbound);
}

Status Refuse(std::string_view field, std::string_view value, std::string_view why) {
  return InvalidArgument(Cat(field, ": \"", Printable(value), "\": ", why));
}

// A gRPC name taken apart (gRPC's "Name Resolution", the schemes that need no other service).
struct Target {
  bool unix_socket = false;
  std::vector<std::string_view> hosts;  // without brackets; empty for a unix socket
};

bool IsPort(std::string_view text) {
  const auto port = ParseInt<std::uint16_t>(text);
  return port.has_value() && *port > 0 && text.front() != '0';
}

bool IsHostName(std::string_view text) {
  return !text.empty() && text.size() <= limits::kDomainOctetsMax &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return IsAsciiAlpha(c) || IsAsciiDigit(c) || c == '-' || c == '.' || c == '_';
         });
}

// Takes "host:port" apart; nullopt if it is none.
std::optional<std::string_view> HostOf(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || !IsPort(text.substr(colon + 1))) return std::nullopt;
  const std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    const std::string_view address = host.substr(1, host.size() - 2);
    return mail::IsIpv6Address(address) ? std::optional(address) : std::nullopt;
  }
  return IsHostName(host) ? std::optional(host) : std::nullopt;
}

// "ipv4:" and "ipv6:" take addresses only.
std::optional<Target> ParseAddresses(std::string_view list, bool (*is_address)(std::string_view)) {
  Target target;
  for (const std::string_view piece : Split(list, ',')) {
    const auto host = HostOf(piece);
    if (!host || !is_address(*host)) return std::nullopt;
    target.hosts.push_back(*host);
  }
  return target;
}

std::optional<Target> ParseTarget(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f') return std::nullopt;
  }
  if (text.starts_with("unix:")) {
    text.remove_prefix(5);
    if (text.starts_with("//")) text.remove_prefix(2);  // unix:///path
    return text.starts_with('/') && text.size() > 1 ? std::optional(Target{true, {}})
                                                    : std::nullopt;
  }
  if (text.starts_with("unix-abstract:")) return Target{true, {}};
  if (text.starts_with("ipv4:")) return ParseAddresses(text.substr(5), mail::IsIpv4Address);
  if (text.starts_with("ipv6:")) return ParseAddresses(text.substr(5), mail::IsIpv6Address);
  if (text.starts_with("dns:")) {
    text.remove_prefix(4);
    if (text.starts_with("//")) {  // dns://authority/host:port; without authority: the system's
      const std::size_t slash = text.find('/', 2);
      if (slash == std::string_view::npos) return std::nullopt;
      text.remove_prefix(slash + 1);
    }
  }
  const auto host = HostOf(text);
  if (!host) return std::nullopt;
  return Target{false, {*host}};
}

bool IsLoopback(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  return EqualsIgnoreAsciiCase(host, "localhost") || host == "::1" ||
         (host.starts_with("127.") && mail::IsIpv4Address(host));
}

bool IsLocal(const Target& target) {
  return std::all_of(target.hosts.begin(), target.hosts.end(), IsLoopback);
}

Status CheckTarget(const Hook& hook) {
  if (hook.target.size() > limits::kHookTargetOctetsMax) {
    return InvalidArgument(Cat("target: over ", limits::kHookTargetOctetsMax, " octets"));
  }
  const auto target = ParseTarget(hook.target);
  if (!target) return Refuse("target", hook.target, kTargetForms);
  if (hook.tls || hook.plain_text_allowed || IsLocal(*target)) return OkStatus();
  return Refuse("target", hook.target,
                "plain text beyond this machine; set `tls`, or `plain_text_allowed` if the network "
                "is your own (P3)");
}

Status CheckTls(const HookTls& tls) {
  if (tls.certificate_file.empty() == tls.key_file.empty()) return OkStatus();
  return tls.key_file.empty() ? InvalidArgument("tls.key_file: missing beside certificate_file")
                              : InvalidArgument("tls.certificate_file: missing beside key_file");
}

Status CheckWithin(std::string_view field, std::uint64_t value, std::uint64_t min,
                   std::uint64_t max) {
  if (value >= min && value <= max) return OkStatus();
  return InvalidArgument(Cat(field, ": ", value, " is not within ", min, " and ", max));
}

Status CheckBounds(const Hook& hook) {
  if (hook.async_deadline < limits::kAsyncCallDeadlineMin ||
      hook.async_deadline > limits::kAsyncCallDeadlineMax) {
    return InvalidArgument(Cat("async_deadline: ", FormatDuration(hook.async_deadline),
                               " is not within ", FormatDuration(limits::kAsyncCallDeadlineMin),
                               " and ", FormatDuration(limits::kAsyncCallDeadlineMax)));
  }
  PENSTOCK_RETURN_IF_ERROR(
      CheckWithin("max_concurrent_calls", hook.max_concurrent_calls, 1, limits::kHookCallsCeiling));
  PENSTOCK_RETURN_IF_ERROR(
      CheckWithin("async_queue_max", hook.async_queue_max, 1, limits::kAsyncEventsCeiling));
  PENSTOCK_RETURN_IF_ERROR(
      CheckWithin("dead_letters_max", hook.dead_letters_max, 1, limits::kAsyncEventsCeiling));
  if (hook.async_retries < 0 || hook.async_retries > limits::kAsyncRetriesCeiling) {
    return InvalidArgument(Cat("async_retries: ", hook.async_retries, " is not within 0 and ",
                               limits::kAsyncRetriesCeiling));
  }
  return OkStatus();
}

Status CheckWords(const Hook& hook) {
  if (hook.labels.size() > limits::kLabelsMax) {
    return InvalidArgument(Cat("labels: ", hook.labels.size(), "; at most ", limits::kLabelsMax));
  }
  for (const auto& [key, value] : hook.labels) {
    if (key.empty()) return InvalidArgument("labels: an empty key");
    if (key.size() > limits::kLabelOctetsMax || value.size() > limits::kLabelOctetsMax) {
      return Refuse("labels", key, Cat("over ", limits::kLabelOctetsMax, " octets"));
    }
  }
  if (hook.description.size() > limits::kDescriptionOctetsMax) {
    return InvalidArgument(Cat("description: over ", limits::kDescriptionOctetsMax, " octets"));
  }
  return OkStatus();
}

}  // namespace

bool MayInvoke(const Hook& hook, std::string_view organization, FlowDirection direction) {
  return std::any_of(hook.permissions.begin(), hook.permissions.end(),
                     [&](const Permission& p) { return Covers(p, organization, direction); });
}

bool MayRead(const Hook& hook, std::string_view organization, FlowDirection direction) {
  return std::any_of(hook.permissions.begin(), hook.permissions.end(), [&](const Permission& p) {
    return p.read && Covers(p, organization, direction);
  });
}

bool MayReplace(const Hook& hook, std::string_view organization, FlowDirection direction) {
  return std::any_of(hook.permissions.begin(), hook.permissions.end(), [&](const Permission& p) {
    return p.replace && Covers(p, organization, direction);
  });
}

bool IsTarget(std::string_view target) {
  return target.size() <= limits::kHookTargetOctetsMax && ParseTarget(target).has_value();
}

bool IsLocalTarget(std::string_view target) {
  const auto parsed = ParseTarget(target);
  return parsed.has_value() && IsLocal(*parsed);
}

Status Validate(const Permission& permission) {
  PENSTOCK_RETURN_IF_ERROR(
      Annotate(rules::CheckName("statement", permission.statement_id), "statement_id"));
  PENSTOCK_RETURN_IF_ERROR(
      Annotate(rules::CheckName("organization", permission.organization), "organization"));
  if (!permission.invoke) return InvalidArgument("grants: without INVOKE nothing is granted");
  if (!permission.inbound && !permission.outbound) {
    return InvalidArgument("directions: none; expected INBOUND, OUTBOUND or both");
  }
  return OkStatus();
}

Status Validate(const Hook& hook) {
  PENSTOCK_RETURN_IF_ERROR(Annotate(rules::CheckName("hook", hook.name), "name"));
  PENSTOCK_RETURN_IF_ERROR(CheckTarget(hook));
  if (hook.tls) PENSTOCK_RETURN_IF_ERROR(CheckTls(*hook.tls));
  PENSTOCK_RETURN_IF_ERROR(CheckBounds(hook));
  PENSTOCK_RETURN_IF_ERROR(CheckWords(hook));
  if (hook.permissions.size() > limits::kPermissionsMax) {
    return InvalidArgument(
        Cat("permissions: ", hook.permissions.size(), "; at most ", limits::kPermissionsMax));
  }
  std::set<std::string_view> statements;
  for (std::size_t i = 0; i < hook.permissions.size(); ++i) {
    const std::string where = Cat("permissions[", i, "]");
    const Status status = Validate(hook.permissions[i]);
    if (!status.ok()) return InvalidArgument(Cat(where, ".", Message(status)));
    const std::string& id = hook.permissions[i].statement_id;
    if (!statements.insert(id).second) {
      return Refuse(Cat(where, ".statement_id"), id, "another statement has this id");
    }
  }
  return OkStatus();
}

}  // namespace penstock::flow
