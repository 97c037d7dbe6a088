// SPDX-License-Identifier: Apache-2.0
#include "engine/wire/manifest.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "engine/base/limits.h"
#include "engine/base/nearest.h"
#include "engine/base/strings.h"
#include "engine/mail/mailbox.h"
#include "engine/wire/convert_flow_rule.h"
#include "engine/wire/convert_hook.h"
#include "engine/wire/convert_organization.h"
#include "engine/wire/output.h"
#include "engine/wire/resource_name.h"
#include "engine/wire/yaml.h"

#include "penstock/v1/manifest.pb.h"

namespace penstock::wire {
namespace {

using rules::FlowDirection;
using rules::FlowRule;
using rules::Organization;

std::string At(std::string_view list, int index) {
  return Cat(list, "[", index, "]");
}

std::string_view Word(FlowDirection direction) {
  return direction == FlowDirection::kInbound ? "inbound" : "outbound";
}

std::string_view OrganizationOf(const v1::ManifestRule& rule) {
  return rule.organization().empty() ? rules::kDefaultOrganization
                                     : std::string_view(rule.organization());
}

v1::FlowRule ResourceOf(const v1::ManifestRule& rule, std::string_view organization,
                        FlowDirection direction) {
  v1::FlowRule resource;
  resource.set_name(FlowRuleName(organization, direction, rule.name()));
  *resource.mutable_sender_patterns() = rule.sender_patterns();
  *resource.mutable_recipient_patterns() = rule.recipient_patterns();
  if (rule.has_verdict()) *resource.mutable_verdict() = rule.verdict();
  if (rule.has_run_hook()) *resource.mutable_run_hook() = rule.run_hook();
  resource.set_description(rule.description());
  return resource;
}

// One pass over one manifest.
class ManifestReader {
 public:
  explicit ManifestReader(const v1::Manifest& manifest) : manifest_(manifest) {}

  StatusOr<flow::DirectorySnapshot> Read() {
    for (int i = 0; i < manifest_.organizations_size(); ++i)
      ReadOrganization(At("organizations", i), manifest_.organizations(i));
    for (int i = 0; i < manifest_.hooks_size(); ++i)
      ReadHook(At("hooks", i), manifest_.hooks(i));
    for (int i = 0; i < manifest_.rules_size(); ++i)
      ReadRule(At("rules", i), manifest_.rules(i));
    if (!faults_.empty()) {
      std::string text = Join(faults_, "\n");
      if (faults_left_out_ > 0) Append(text, "\nand ", faults_left_out_, " more");
      return InvalidArgument(text);
    }
    auto directory =
        flow::Directory::Build(std::move(organizations_), std::move(hooks_), std::move(rules_));
    if (!directory.ok()) return Annotate(directory.status(), "rules");
    return directory;
  }

 private:
  void Fail(std::string_view where, std::string_view what) {
    if (faults_.size() == limits::kYamlFaultsMax) {
      ++faults_left_out_;
    } else {
      faults_.push_back(Cat(where, what));
    }
  }

  // Looks at all names, so only for faults that will be told.
  std::string DidYouMean(std::string_view name, const std::set<std::string>& known) const {
    if (faults_.size() == limits::kYamlFaultsMax) return {};
    const std::vector<std::string> words(known.begin(), known.end());
    const auto nearest = NearestWord(name, words);
    return nearest ? Cat("; did you mean \"", *nearest, "\"?") : "";
  }

  // Whether `name` is one, and the first of its kind.
  bool TakeName(const std::string& where, std::string_view what, const std::string& name,
                std::map<std::string, std::string>& taken, const std::string& key) {
    const Status status = rules::CheckName(what, name);
    if (!status.ok()) {
      Fail(where, Cat(".name: ", Message(status)));
      return false;
    }
    const auto [known, first] = taken.emplace(key, where);
    if (first) return true;
    Fail(where,
         Cat(".name: \"", name, "\": a second ", what, " of that name, beside ", known->second));
    return false;
  }

  bool HasNoEtag(const std::string& where, const std::string& etag) {
    if (etag.empty()) return true;
    Fail(where, ".etag: not taken; a manifest is applied as a whole, and has one etag for all");
    return false;
  }

  void ReadOrganization(const std::string& where, const v1::Organization& given) {
    organization_names_.insert(given.name());
    if (!TakeName(where, "organization", given.name(), organization_places_, given.name())) return;
    if (!HasNoEtag(where, given.etag())) return;
    v1::Organization resource = given;
    resource.set_name(OrganizationName(given.name()));
    StatusOr<Organization> organization = FromProto(resource);
    if (!organization.ok()) return Fail(where, Cat(".", Message(organization.status())));
    for (int i = 0; i < given.domains_size(); ++i) {
      const std::string domain = mail::NormalizeDomain(given.domains(i)).value_or("");
      const auto [owner, added] = owners_.emplace(domain, given.name());
      if (added || owner->second == given.name()) continue;
      Fail(where, Cat(".", At("domains", i), ": \"", domain, "\" belongs to organization \"",
                      owner->second, "\"; a domain has one owner"));
    }
    organizations_.push_back(*std::move(organization));
  }

  void ReadHook(const std::string& where, const v1::Hook& given) {
    hook_names_.insert(given.name());
    if (!TakeName(where, "hook", given.name(), hook_places_, given.name())) return;
    if (!HasNoEtag(where, given.etag())) return;
    v1::Hook resource = given;
    resource.set_name(HookName(given.name()));
    StatusOr<flow::Hook> hook = FromProto(resource);
    if (!hook.ok()) return Fail(where, Cat(".", Message(hook.status())));
    if (!ReadPermissions(where, given, *hook)) return;
    usable_hooks_.emplace(hook->name, *hook);
    hooks_.push_back(*std::move(hook));
  }

  bool ReadPermissions(const std::string& where, const v1::Hook& given, flow::Hook& hook) {
    const std::size_t before = faults_.size() + faults_left_out_;
    for (int i = 0; i < given.permissions_size(); ++i) {
      const std::string at = Cat(where, ".", At("permissions", i));
      StatusOr<flow::Permission> permission = FromProto(given.permissions(i));
      if (!permission.ok()) {
        Fail(at, Cat(".", Message(permission.status())));
        continue;
      }
      CheckOrganization(at, permission->organization);
      hook.permissions.push_back(*std::move(permission));
    }
    if (faults_.size() + faults_left_out_ > before) return false;
    const Status status = flow::Validate(hook);  // statement ids, how many
    if (!status.ok()) Fail(where, Cat(".", Message(status)));
    std::ranges::sort(hook.permissions, {}, &flow::Permission::statement_id);
    return status.ok();
  }

  void CheckOrganization(const std::string& where, const std::string& organization) {
    if (organization_names_.contains(organization)) return;
    Fail(where, Cat(".organization: there is no organization \"", Printable(organization),
                    "\" in `organizations`", DidYouMean(organization, organization_names_)));
  }

  void ReadRule(const std::string& where, const v1::ManifestRule& given) {
    const std::string organization(OrganizationOf(given));
    FlowDirection direction = FlowDirection::kInbound;
    if (given.direction() == v1::Event::OUTBOUND) {
      direction = FlowDirection::kOutbound;
    } else if (given.direction() != v1::Event::INBOUND) {
      return Fail(where, ".direction: missing; expected INBOUND or OUTBOUND");
    }
    const std::string key = FlowRuleName(organization, direction, given.name());
    if (!TakeName(where, "rule", given.name(), rule_places_, key)) return;
    const Status named = rules::CheckName("organization", organization);
    if (!named.ok()) return Fail(where, Cat(".organization: ", Message(named)));
    CheckOrganization(where, organization);
    StatusOr<FlowRule> rule = FromProto(ResourceOf(given, organization, direction));
    if (!rule.ok()) return Fail(where, Cat(".", Message(rule.status())));
    CheckHook(where, *rule);
    rules_.push_back(*std::move(rule));
  }

  // R12.
  void CheckHook(const std::string& where, const FlowRule& rule) {
    if (!rule.run_hook) return;
    const std::string& name = rule.run_hook->hook;
    if (!hook_names_.contains(name)) {
      return Fail(where, Cat(".run_hook.hook: there is no hook \"", name, "\" in `hooks`",
                             DidYouMean(name, hook_names_)));
    }
    const auto hook = usable_hooks_.find(name);
    if (hook == usable_hooks_.end()) return;  // its own faults are told
    if (flow::MayInvoke(hook->second, rule.organization, rule.direction)) return;
    Fail(where, Cat(".run_hook.hook: organization \"", rule.organization,
                    "\" may not invoke hook \"", name, "\" for ", Word(rule.direction),
                    " mail; add a statement that grants it to the hook's `permissions`"));
  }

  const v1::Manifest& manifest_;
  std::vector<Organization> organizations_;
  std::vector<flow::Hook> hooks_;
  std::vector<FlowRule> rules_;
  // Names of all, also of those that have faults, so that one fault does not look like several.
  std::set<std::string> organization_names_;
  std::set<std::string> hook_names_;
  std::map<std::string, flow::Hook> usable_hooks_;
  std::map<std::string, std::string> organization_places_;
  std::map<std::string, std::string> hook_places_;
  std::map<std::string, std::string> rule_places_;  // by resource name
  std::map<std::string, std::string> owners_;       // of domains
  std::vector<std::string> faults_;
  std::size_t faults_left_out_ = 0;
};

v1::Hook WithoutDefaults(const flow::Hook& hook) {
  const flow::Hook otherwise;
  v1::Hook out = ToProto(hook);
  out.set_name(hook.name);
  out.clear_etag();
  if (hook.sync_deadline == otherwise.sync_deadline) out.clear_sync_deadline();
  if (hook.async_deadline == otherwise.async_deadline) out.clear_async_deadline();
  if (hook.max_concurrent_calls == otherwise.max_concurrent_calls) out.clear_max_concurrent_calls();
  if (hook.async_queue_max == otherwise.async_queue_max) out.clear_async_queue_max();
  if (hook.dead_letters_max == otherwise.dead_letters_max) out.clear_dead_letters_max();
  if (hook.async_retries == otherwise.async_retries) out.clear_async_retries();
  return out;
}

v1::ManifestRule ManifestRuleOf(const FlowRule& rule) {
  v1::FlowRule resource = ToProto(rule);
  v1::ManifestRule out;
  out.set_name(rule.name);
  out.set_organization(rule.organization);
  out.set_direction(rule.direction == FlowDirection::kInbound ? v1::Event::INBOUND
                                                              : v1::Event::OUTBOUND);
  out.set_description(rule.description);
  out.mutable_sender_patterns()->Swap(resource.mutable_sender_patterns());
  out.mutable_recipient_patterns()->Swap(resource.mutable_recipient_patterns());
  if (resource.has_verdict()) *out.mutable_verdict() = std::move(*resource.mutable_verdict());
  if (resource.has_run_hook()) *out.mutable_run_hook() = std::move(*resource.mutable_run_hook());
  return out;
}

bool IsManifestField(std::string_view path) {
  for (const std::string_view list : {"organizations", "hooks", "rules"}) {
    if (!path.starts_with(list)) continue;
    if (path.size() == list.size() || path[list.size()] == '[') return true;
  }
  return false;
}

}  // namespace

StatusOr<flow::DirectorySnapshot> FromProto(const v1::Manifest& manifest) {
  return ManifestReader(manifest).Read();
}

v1::Manifest ToProto(const flow::Directory& directory) {
  v1::Manifest out;
  for (const auto& [name, organization] : directory.organizations()) {
    v1::Organization& one = *out.add_organizations();
    one = ToProto(organization);
    one.set_name(name);
    one.clear_etag();
  }
  for (const auto& [name, hook] : directory.hooks())
    *out.add_hooks() = WithoutDefaults(*hook);
  for (const auto& [name, organization] : directory.organizations()) {
    for (const FlowDirection direction : {FlowDirection::kInbound, FlowDirection::kOutbound}) {
      for (const FlowRule* rule : directory.ListRules(name, direction))
        *out.add_rules() = ManifestRuleOf(*rule);
    }
  }
  return out;
}

const FlowRule* FindRule(const flow::Directory& directory, const v1::ManifestRule& rule) {
  return directory.FindRule(
      OrganizationOf(rule),
      rule.direction() == v1::Event::INBOUND ? FlowDirection::kInbound : FlowDirection::kOutbound,
      rule.name());
}

StatusOr<flow::DirectorySnapshot> ReadManifest(std::string_view text, std::string_view file,
                                               v1::Manifest* manifest, YamlPlaces* places) {
  v1::Manifest own_manifest;
  YamlPlaces own_places;
  if (manifest == nullptr) manifest = &own_manifest;
  if (places == nullptr) places = &own_places;
  const Status read = ReadYaml(text, file, manifest, places);
  if (!read.ok()) return read;
  StatusOr<flow::DirectorySnapshot> directory = FromProto(*manifest);
  if (directory.ok()) return directory;
  return InvalidArgument(Locate(Message(directory.status()), *places));
}

std::string WriteManifest(const flow::Directory& directory) {
  return WriteYaml(ToProto(directory));
}

std::string Locate(std::string_view text, const YamlPlaces& places) {
  std::vector<std::string> lines;
  for (const std::string_view line : Split(text, '\n')) {
    const std::size_t end = line.find(": ");
    const std::string_view path = line.substr(0, end);
    if (end != std::string_view::npos && IsManifestField(path)) {
      lines.push_back(Cat(places.Where(path), line.substr(end)));
    } else {
      lines.emplace_back(line);
    }
  }
  return Join(lines, "\n");
}

}  // namespace penstock::wire
