// SPDX-License-Identifier: Apache-2.0
// Records of what an administrator sets up: organizations, hooks, rules.
#include "engine/base/status_macros.h"
#include "engine/store/record.h"
#include "engine/store/record_parts.h"

namespace penstock::store {
namespace {

flow::HookTls FromStored(const v1::HookTls& stored) {
  flow::HookTls tls;
  tls.ca_file = stored.ca_file();
  tls.certificate_file = stored.certificate_file();
  tls.key_file = stored.key_file();
  tls.server_name = stored.server_name();
  return tls;
}

flow::Permission FromStored(const v1::Permission& stored) {
  flow::Permission permission;
  permission.statement_id = stored.statement_id();
  permission.organization = stored.organization();
  permission.invoke = stored.invoke();
  permission.read = stored.read();
  permission.replace = stored.replace();
  permission.inbound = stored.inbound();
  permission.outbound = stored.outbound();
  return permission;
}

}  // namespace

std::string EncodeOrganization(const rules::Organization& organization) {
  v1::Organization out;
  out.set_name(organization.name);
  for (const std::string& domain : organization.domains)
    out.add_domains(domain);
  return out.SerializeAsString();
}

StatusOr<rules::Organization> DecodeOrganization(std::string_view record) {
  PENSTOCK_ASSIGN_OR_RETURN(const v1::Organization stored, ParseStored<v1::Organization>(record));
  rules::Organization organization;
  organization.name = stored.name();
  organization.domains.assign(stored.domains().begin(), stored.domains().end());
  return organization;
}

std::string EncodeHook(const flow::Hook& hook) {
  v1::Hook out;
  out.set_name(hook.name);
  out.set_target(hook.target);
  out.set_json(hook.json);
  out.set_stream(hook.stream);
  out.set_sync_deadline(hook.sync_deadline.count());
  out.set_async_deadline(hook.async_deadline.count());
  out.set_max_concurrent_calls(hook.max_concurrent_calls);
  out.set_async_queue_max(hook.async_queue_max);
  out.set_dead_letters_max(hook.dead_letters_max);
  out.set_async_retries(hook.async_retries);
  for (const auto& [name, value] : hook.labels) {
    v1::Label& label = *out.add_labels();
    label.set_name(name);
    label.set_value(value);
  }
  out.set_description(hook.description);
  out.set_plain_text_allowed(hook.plain_text_allowed);
  if (hook.tls) {
    v1::HookTls& tls = *out.mutable_tls();
    tls.set_ca_file(hook.tls->ca_file);
    tls.set_certificate_file(hook.tls->certificate_file);
    tls.set_key_file(hook.tls->key_file);
    tls.set_server_name(hook.tls->server_name);
  }
  for (const flow::Permission& permission : hook.permissions) {
    v1::Permission& one = *out.add_permissions();
    one.set_statement_id(permission.statement_id);
    one.set_organization(permission.organization);
    one.set_invoke(permission.invoke);
    one.set_read(permission.read);
    one.set_replace(permission.replace);
    one.set_inbound(permission.inbound);
    one.set_outbound(permission.outbound);
  }
  return out.SerializeAsString();
}

StatusOr<flow::Hook> DecodeHook(std::string_view record) {
  PENSTOCK_ASSIGN_OR_RETURN(const v1::Hook stored, ParseStored<v1::Hook>(record));
  flow::Hook hook;
  hook.name = stored.name();
  hook.target = stored.target();
  hook.json = stored.json();
  hook.stream = stored.stream();
  if (stored.sync_deadline() != 0) {
    hook.sync_deadline = std::chrono::milliseconds(stored.sync_deadline());
  }
  hook.async_deadline = std::chrono::milliseconds(stored.async_deadline());
  hook.max_concurrent_calls = stored.max_concurrent_calls();
  hook.async_queue_max = stored.async_queue_max();
  hook.dead_letters_max = stored.dead_letters_max();
  hook.async_retries = stored.async_retries();
  for (const v1::Label& label : stored.labels())
    hook.labels.emplace(label.name(), label.value());
  hook.description = stored.description();
  hook.plain_text_allowed = stored.plain_text_allowed();
  if (stored.has_tls()) hook.tls = FromStored(stored.tls());
  for (const v1::Permission& permission : stored.permissions()) {
    hook.permissions.push_back(FromStored(permission));
  }
  return hook;
}

std::string EncodeFlowRule(const rules::FlowRule& rule) {
  v1::FlowRule out;
  out.set_organization(rule.organization);
  out.set_direction(StoredWord(kDirections, rule.direction));
  out.set_name(rule.name);
  for (const std::string& pattern : rule.sender_patterns)
    out.add_sender_patterns(pattern);
  for (const std::string& pattern : rule.recipient_patterns)
    out.add_recipient_patterns(pattern);
  StoreVerdict(rule.verdict, *out.mutable_verdict());
  if (rule.run_hook) {
    v1::RunHook& run_hook = *out.mutable_run_hook();
    run_hook.set_hook(rule.run_hook->hook);
    run_hook.set_mode(StoredWord(kModes, rule.run_hook->mode));
    StoreVerdict(rule.run_hook->fallback, *run_hook.mutable_fallback());
    run_hook.set_rule_timeout_minutes(rule.run_hook->rule_timeout.count());
  }
  out.set_description(rule.description);
  return out.SerializeAsString();
}

StatusOr<rules::FlowRule> DecodeFlowRule(std::string_view record) {
  PENSTOCK_ASSIGN_OR_RETURN(const v1::FlowRule stored, ParseStored<v1::FlowRule>(record));
  rules::FlowRule rule;
  rule.organization = stored.organization();
  if (!ReadWord(kDirections, stored.direction(), rule.direction)) return UnknownValue("direction");
  rule.name = stored.name();
  rule.sender_patterns.assign(stored.sender_patterns().begin(), stored.sender_patterns().end());
  rule.recipient_patterns.assign(stored.recipient_patterns().begin(),
                                 stored.recipient_patterns().end());
  if (!ReadVerdict(stored.verdict(), rule.verdict)) return UnknownValue("verdict");
  if (stored.has_run_hook()) {
    rules::HookInvocation& run_hook = rule.run_hook.emplace();
    run_hook.hook = stored.run_hook().hook();
    if (!ReadWord(kModes, stored.run_hook().mode(), run_hook.mode)) return UnknownValue("mode");
    if (!ReadVerdict(stored.run_hook().fallback(), run_hook.fallback))
      return UnknownValue("fallback");
    run_hook.rule_timeout = std::chrono::minutes(stored.run_hook().rule_timeout_minutes());
  }
  rule.description = stored.description();
  return rule;
}

}  // namespace penstock::store
