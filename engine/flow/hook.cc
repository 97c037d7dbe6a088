// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/hook.h"

#include <algorithm>
#include <cstdint>
#include <set>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/base/time.h"
#include "engine/flow/hook_target.h"

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

Status CheckTls(const HookTls& tls, const HookTarget& target) {
  if (target.hosts.size() > 1 && tls.server_name.empty()) {
    return InvalidArgument(
        "tls.server_name: missing; expected the name that the certificates of all addresses carry");
  }
  if (tls.certificate_file.empty() == tls.key_file.empty()) return OkStatus();
  return tls.key_file.empty()
             ? InvalidArgument("tls.key_file: missing beside `tls.certificate_file`")
             : InvalidArgument("tls.certificate_file: missing beside `tls.key_file`");
}

Status CheckTarget(const Hook& hook) {
  if (hook.target.size() > limits::kHookTargetOctetsMax) {
    return InvalidArgument(Cat("target: over ", limits::kHookTargetOctetsMax, " octets"));
  }
  const auto target = ParseHookTarget(hook.target);
  if (!target) return Refuse("target", hook.target, kTargetForms);
  if (hook.tls) return CheckTls(*hook.tls, *target);
  if (hook.plain_text_allowed || IsLocal(*target)) return OkStatus();
  return Refuse("target", hook.target,
                "plain text beyond this machine; set `tls`, or `plain_text_allowed` if the network "
                "is your own (P3)");
}

Status CheckWithin(std::string_view field, std::uint64_t value, std::uint64_t min,
                   std::uint64_t max) {
  if (value >= min && value <= max) return OkStatus();
  return InvalidArgument(Cat(field, ": ", value, " is not within ", min, " and ", max));
}

Status CheckWithin(std::string_view field, Milliseconds value, Milliseconds min, Milliseconds max) {
  if (value >= min && value <= max) return OkStatus();
  return InvalidArgument(Cat(field, ": ", FormatDuration(value), " is not within ",
                             FormatDuration(min), " and ", FormatDuration(max)));
}

Status CheckBounds(const Hook& hook) {
  PENSTOCK_RETURN_IF_ERROR(CheckWithin("sync_deadline", hook.sync_deadline,
                                       limits::kSyncCallDeadlineMin, limits::kSyncCallDeadline));
  PENSTOCK_RETURN_IF_ERROR(CheckWithin("async_deadline", hook.async_deadline,
                                       limits::kAsyncCallDeadlineMin,
                                       limits::kAsyncCallDeadlineMax));
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
  return target.size() <= limits::kHookTargetOctetsMax && ParseHookTarget(target).has_value();
}

bool IsLocalTarget(std::string_view target) {
  const auto parsed = ParseHookTarget(target);
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
