// SPDX-License-Identifier: Apache-2.0
#include "engine/wire/convert_hook.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/wire/proto_time.h"
#include "engine/wire/resource_name.h"
#include "engine/wire/update.h"

#include "penstock/v1/hooks.pb.h"

namespace penstock::wire {
namespace {

// 0 is "not set" on the wire, and no setting of ours is 0.
StatusOr<std::size_t> Count(std::string_view field, std::int64_t value, std::size_t otherwise) {
  if (value < 0) return InvalidArgument(Cat(field, ": ", value, " is negative"));
  return value == 0 ? otherwise : static_cast<std::size_t>(value);
}

flow::HookTls TlsFromProto(const v1::HookTls& tls) {
  return {tls.ca_file(), tls.certificate_file(), tls.key_file(), tls.server_name()};
}

}  // namespace

v1::Permission ToProto(const flow::Permission& permission) {
  v1::Permission out;
  out.set_statement_id(permission.statement_id);
  out.set_organization(permission.organization);
  if (permission.invoke) out.add_grants(v1::Permission::INVOKE);
  if (permission.read) out.add_grants(v1::Permission::READ);
  if (permission.replace) out.add_grants(v1::Permission::REPLACE);
  if (permission.inbound) out.add_directions(v1::Event::INBOUND);
  if (permission.outbound) out.add_directions(v1::Event::OUTBOUND);
  return out;
}

v1::Hook ToProto(const flow::Hook& hook) {
  v1::Hook out;
  out.set_name(HookName(hook.name));
  out.set_target(hook.target);
  out.set_json(hook.json);
  out.set_stream(hook.stream);
  *out.mutable_sync_deadline() = ToProto(std::chrono::nanoseconds(hook.sync_deadline));
  *out.mutable_async_deadline() = ToProto(std::chrono::nanoseconds(hook.async_deadline));
  out.set_max_concurrent_calls(static_cast<std::int32_t>(hook.max_concurrent_calls));
  out.mutable_labels()->insert(hook.labels.begin(), hook.labels.end());
  out.set_plain_text_allowed(hook.plain_text_allowed);
  if (hook.tls) {
    v1::HookTls& tls = *out.mutable_tls();
    tls.set_ca_file(hook.tls->ca_file);
    tls.set_certificate_file(hook.tls->certificate_file);
    tls.set_key_file(hook.tls->key_file);
    tls.set_server_name(hook.tls->server_name);
  }
  out.set_async_queue_max(static_cast<std::int64_t>(hook.async_queue_max));
  out.set_dead_letters_max(static_cast<std::int64_t>(hook.dead_letters_max));
  out.set_async_retries(hook.async_retries);
  out.set_description(hook.description);
  for (const flow::Permission& permission : hook.permissions) {
    *out.add_permissions() = ToProto(permission);
  }
  out.set_etag(Etag(out));
  return out;
}

StatusOr<flow::Permission> FromProto(const v1::Permission& permission) {
  flow::Permission out;
  out.statement_id = permission.statement_id();
  out.organization = permission.organization();
  for (int i = 0; i < permission.grants_size(); ++i) {
    switch (permission.grants(i)) {
      case v1::Permission::INVOKE:
        break;
      case v1::Permission::READ:
        out.read = true;
        break;
      case v1::Permission::REPLACE:
        out.replace = true;
        break;
      default:
        return InvalidArgument(Cat("grants[", i, "]: expected INVOKE, READ or REPLACE"));
    }
  }
  const bool both = permission.directions_size() == 0;
  out.inbound = both;
  out.outbound = both;
  for (int i = 0; i < permission.directions_size(); ++i) {
    switch (permission.directions(i)) {
      case v1::Event::INBOUND:
        out.inbound = true;
        break;
      case v1::Event::OUTBOUND:
        out.outbound = true;
        break;
      default:
        return InvalidArgument(Cat("directions[", i, "]: expected INBOUND or OUTBOUND"));
    }
  }
  PENSTOCK_RETURN_IF_ERROR(flow::Validate(out));
  return out;
}

StatusOr<flow::Hook> FromProto(const v1::Hook& hook) {
  flow::Hook out;
  PENSTOCK_ASSIGN_OR_RETURN(out.name, ParseHookName(hook.name()));
  out.target = hook.target();
  out.json = hook.json();
  out.stream = hook.stream();
  if (hook.has_sync_deadline()) {
    out.sync_deadline =
        std::chrono::ceil<std::chrono::milliseconds>(FromProto(hook.sync_deadline()));
  }
  if (hook.has_async_deadline()) {
    out.async_deadline =
        std::chrono::ceil<std::chrono::milliseconds>(FromProto(hook.async_deadline()));
  }
  PENSTOCK_ASSIGN_OR_RETURN(
      out.max_concurrent_calls,
      Count("max_concurrent_calls", hook.max_concurrent_calls(), limits::kHookCallsMax));
  PENSTOCK_ASSIGN_OR_RETURN(out.async_queue_max, Count("async_queue_max", hook.async_queue_max(),
                                                       limits::kAsyncQueueMax));
  PENSTOCK_ASSIGN_OR_RETURN(out.dead_letters_max, Count("dead_letters_max", hook.dead_letters_max(),
                                                        limits::kDeadLettersMax));
  if (hook.has_async_retries()) out.async_retries = hook.async_retries();
  out.labels = {hook.labels().begin(), hook.labels().end()};
  out.description = hook.description();
  out.plain_text_allowed = hook.plain_text_allowed();
  if (hook.has_tls()) out.tls = TlsFromProto(hook.tls());
  PENSTOCK_RETURN_IF_ERROR(flow::Validate(out));
  return out;
}

}  // namespace penstock::wire
