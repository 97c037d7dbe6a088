// SPDX-License-Identifier: Apache-2.0
#include "hooks/builtin/config.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include <google/protobuf/util/message_differencer.h>

#include "engine/async/endpoint.h"
#include "engine/async/tls_files.h"
#include "engine/base/limits.h"
#include "engine/base/nearest.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/rules/flow_rule.h"
#include "engine/wire/proto_time.h"
#include "engine/wire/yaml.h"
#include "hooks/builtin/kinds.h"

namespace penstock::builtin {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kListenDefault = "127.0.0.1:50070";
constexpr std::chrono::seconds kDrainDefault{15};

bool IsLoopback(const async::Endpoint& endpoint) {
  return !endpoint.unix_path.empty() || endpoint.host == "localhost" || endpoint.host == "::1" ||
         endpoint.host.starts_with("127.");
}

void FillDefaults(const fs::path& folder, v1::BuiltinHooksConfig& config) {
  const auto make_absolute = [&folder](std::string* path) {
    if (!path->empty()) *path = (folder / *path).lexically_normal().string();
  };
  if (config.listen().empty()) config.set_listen(std::string(kListenDefault));
  if (!config.has_drain_deadline()) {
    *config.mutable_drain_deadline() = wire::ToProto(kDrainDefault);
  }
  if (config.has_tls()) {
    make_absolute(config.mutable_tls()->mutable_certificate_file());
    make_absolute(config.mutable_tls()->mutable_key_file());
    make_absolute(config.mutable_tls()->mutable_client_ca_file());
  }
  if (config.has_content_tls()) {
    make_absolute(config.mutable_content_tls()->mutable_ca_file());
    make_absolute(config.mutable_content_tls()->mutable_certificate_file());
    make_absolute(config.mutable_content_tls()->mutable_key_file());
  }
  for (v1::BuiltinHook& hook : *config.mutable_hooks())
    if (hook.has_saved_copy()) make_absolute(hook.mutable_saved_copy()->mutable_folder());
}

// For a text that begins with its field.
void AddStatus(const Status& status, Faults faults) {
  if (status.ok()) return;
  const std::string_view text = Message(status);
  const std::size_t colon = text.find(": ");
  if (colon == std::string_view::npos) return faults.Add("", text);
  faults.Add(text.substr(0, colon), text.substr(colon + 2));
}

void CheckListen(const v1::BuiltinHooksConfig& config, Faults faults) {
  const auto endpoint = async::Endpoint::Parse(config.listen());
  if (!endpoint.ok()) {
    faults.Add("listen", Message(endpoint.status()));
  } else if (!IsLoopback(*endpoint) && !config.has_tls()) {
    faults.Add("listen", Cat("\"", config.listen(),
                             "\" is not on loopback; expected tls beside it, or 127.0.0.1:PORT, "
                             "[::1]:PORT, unix:/PATH"));
  }
  if (config.has_tls()) {
    if (config.tls().certificate_file().empty() || config.tls().key_file().empty()) {
      faults.Add("tls", "is not complete; expected certificate_file and key_file");
    } else {
      AddStatus(async::ReadTlsFiles({config.tls().certificate_file(), config.tls().key_file(),
                                     config.tls().client_ca_file()})
                    .status(),
                faults.Below("tls"));
    }
  }
  if (config.has_content_tls()) {
    AddStatus(async::ReadTlsFiles({config.content_tls().certificate_file(),
                                   config.content_tls().key_file(), config.content_tls().ca_file()})
                  .status(),
              faults.Below("content_tls"));
    if (!config.content_tls().server_name().empty()) {
      faults.Add("content_tls.server_name",
                 "is not taken; the name is that of the target that penstockd gives");
    }
  }
  if (config.metrics().listen().empty()) return;
  const auto metrics = async::Endpoint::Parse(config.metrics().listen());
  if (!metrics.ok()) {
    faults.Add("metrics.listen", Message(metrics.status()));
  } else if (!IsLoopback(*metrics) || !metrics->unix_path.empty()) {
    faults.Add("metrics.listen", Cat("\"", config.metrics().listen(),
                                     "\" is not on loopback; expected 127.0.0.1:PORT or "
                                     "[::1]:PORT"));
  }
}

MailHookPtr Make(const v1::BuiltinHook& hook, const Surroundings& around, const Faults& faults) {
  switch (hook.kind_case()) {
    case v1::BuiltinHook::kDisclaimer:
      return MakeDisclaimer(hook.disclaimer(), around, faults.Below("disclaimer"));
    case v1::BuiltinHook::kExternalBanner:
      return MakeExternalBanner(hook.external_banner(), around, faults.Below("external_banner"));
    case v1::BuiltinHook::kRestrictedRecipients:
      return MakeRestrictedRecipients(hook.restricted_recipients(), around,
                                      faults.Below("restricted_recipients"));
    case v1::BuiltinHook::kStormBrake:
      return MakeStormBrake(hook.storm_brake(), faults.Below("storm_brake"));
    case v1::BuiltinHook::kHeaderFilter:
      return MakeHeaderFilter(hook.header_filter(), faults.Below("header_filter"));
    case v1::BuiltinHook::kAttachmentPolicy:
      return MakeAttachmentPolicy(hook.attachment_policy(), faults.Below("attachment_policy"));
    case v1::BuiltinHook::kSavedCopy:
      return MakeSavedCopy(hook.saved_copy(), faults.Below("saved_copy"));
    case v1::BuiltinHook::kArchive:
      return MakeArchive(hook.archive(), around, faults.Below("archive"));
    case v1::BuiltinHook::kCounter:
      return MakeCounter(around);
    case v1::BuiltinHook::kSteps:
      return nullptr;  // LinkSteps
    case v1::BuiltinHook::KIND_NOT_SET:
      break;
  }
  Faults(faults).Add("",
                     "says nothing to do; expected a kind with its settings, such as counter: {}");
  return nullptr;
}

// The steps of one hook, when all others are there.
void LinkSteps(const v1::BuiltinHook& hook, const HookMap& others, HookMap& hooks, Faults faults) {
  const auto& names = hook.steps().hooks();
  if (names.empty() || static_cast<std::size_t>(names.size()) > limits::kStepsMax) {
    faults.Add("hooks", Cat("has ", names.size(), " names; expected 1 to ", limits::kStepsMax));
  }
  std::vector<std::shared_ptr<MailHook>> steps;
  std::set<std::string> seen;
  for (int i = 0; i < names.size(); ++i) {
    const auto found = others.find(names[i]);
    if (found == others.end()) {
      std::vector<std::string> known;
      for (const auto& [name, other] : others)
        known.push_back(name);
      const auto nearest = NearestWord(names[i], known);
      faults.Add(Cat("hooks[", i, "]"),
                 Cat("\"", Printable(names[i]), "\" is no hook of this file without steps",
                     nearest ? Cat("; did you mean \"", *nearest, "\"?") : ""));
    } else if (!seen.insert(names[i]).second) {
      faults.Add(Cat("hooks[", i, "]"), Cat("\"", names[i], "\" stands twice"));
    } else {
      steps.push_back(found->second);
    }
  }
  hooks[hook.name()] = MakeSteps(std::move(steps));
}

// Whether a kind has to know who is inside.
bool AsksWhoIsInside(const v1::BuiltinHook& hook) {
  return !hook.has_storm_brake() && !hook.has_header_filter() && !hook.has_attachment_policy() &&
         !hook.has_saved_copy();
}

// What a hook remembers, such as a storm, outlives a reload that does not change it.
std::shared_ptr<MailHook> FindUnchanged(const v1::BuiltinHooksConfig& config,
                                        const v1::BuiltinHook& hook, const LoadedConfig* before) {
  using google::protobuf::util::MessageDifferencer;
  if (before == nullptr || hook.has_steps()) return nullptr;
  const auto& inside = config.internal_domains();
  const auto& inside_before = before->config.internal_domains();
  if (AsksWhoIsInside(hook) &&
      !std::equal(inside.begin(), inside.end(), inside_before.begin(), inside_before.end())) {
    return nullptr;
  }
  for (const v1::BuiltinHook& other : before->config.hooks())
    if (MessageDifferencer::Equals(hook, other)) return before->hooks.at(hook.name());
  return nullptr;
}

HookMap MakeHooks(const v1::BuiltinHooksConfig& config, const LoadedConfig* before, Faults faults) {
  const AddressPatterns inside =
      ReadPatterns(config.internal_domains(), "internal_domains", faults);
  const int count = config.hooks_size();
  if (count == 0 || static_cast<std::size_t>(count) > limits::kBuiltinHooksMax) {
    faults.Add("hooks", Cat("has ", count, " hooks; expected 1 to ", limits::kBuiltinHooksMax));
    return {};
  }
  HookMap hooks;
  std::map<std::string, std::string> folders;  // of saved copies, and whose
  for (int i = 0; i < count; ++i) {
    const v1::BuiltinHook& hook = config.hooks(i);
    Faults here = faults.Below(Cat("hooks[", i, "]"));
    const Status name = rules::CheckName("hook", hook.name());
    if (!name.ok()) here.Add("name", Message(name));
    std::shared_ptr<MailHook> made = FindUnchanged(config, hook, before);
    if (made == nullptr) made = Make(hook, {hook.name(), inside}, here);
    if (!hooks.emplace(hook.name(), std::move(made)).second) {
      here.Add("name", Cat("\"", hook.name(), "\" stands twice"));
    }
    if (!hook.has_saved_copy()) continue;
    const auto [other, alone] = folders.emplace(hook.saved_copy().folder(), hook.name());
    if (!alone) {
      here.Add("saved_copy.folder",
               Cat("is that of hook \"", other->second, "\"; expected a folder of its own"));
    }
  }
  HookMap others = hooks;
  for (const v1::BuiltinHook& hook : config.hooks())
    if (hook.has_steps()) others.erase(hook.name());
  for (int i = 0; i < count; ++i) {
    if (!config.hooks(i).has_steps()) continue;
    LinkSteps(config.hooks(i), others, hooks, faults.Below(Cat("hooks[", i, "].steps")));
  }
  return hooks;
}

}  // namespace

StatusOr<LoadedConfig> LoadConfig(const std::string& path, const LoadedConfig* before) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return NotFound(Cat(path, ": cannot be read; give the file by --config FILE"));
  const std::string text(std::istreambuf_iterator<char>(file), {});
  return ParseConfig(text, path, before);
}

StatusOr<LoadedConfig> ParseConfig(std::string_view text, const std::string& path,
                                   const LoadedConfig* before) {
  LoadedConfig loaded;
  wire::YamlPlaces places;
  PENSTOCK_RETURN_IF_ERROR(wire::ReadYaml(text, path, &loaded.config, &places));
  std::error_code error;
  FillDefaults(fs::absolute(fs::path(path), error).parent_path(), loaded.config);
  std::vector<Fault> found;
  const Faults faults("", found);
  CheckListen(loaded.config, faults);
  const auto& drain = loaded.config.drain_deadline();
  if (drain.seconds() < 0 || drain.nanos() < 0) {
    Faults(faults).Add("drain_deadline", "is negative; expected a duration such as 15s");
  }
  loaded.hooks = MakeHooks(loaded.config, before, faults);
  if (found.empty()) return loaded;
  std::vector<std::string> lines;
  for (const Fault& fault : found)
    lines.push_back(Cat(places.Where(fault.field), ": ", fault.text));
  return InvalidArgument(Join(lines, "\n"));
}

}  // namespace penstock::builtin
