// SPDX-License-Identifier: Apache-2.0
// penstock rule lint: what is odd about a set of rules, in force or in a file
#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/flow/directory_lint.h"
#include "engine/wire/manifest.h"
#include "engine/wire/proto_time.h"

#include "penstock/v1/manifest.grpc.pb.h"
#include "penstock/v1/status.grpc.pb.h"

#include "tools/penstock/manifest_file.h"
#include "tools/penstock/names.h"
#include "tools/penstock/resources.h"
#include "tools/penstock/session.h"

namespace penstock::cli {
namespace {

using Kind = Parameter::Kind;

// What there is to look at; without a name and places, if it is in force.
StatusOr<ManifestFile> Load(Session& session, const Arguments& arguments) {
  if (arguments.Has("--rules"))
    return ReadManifestFile(session.output(), "--rules", arguments.Text("--rules"));
  v1::ExportManifestResponse response;
  PENSTOCK_RETURN_IF_ERROR(session.client().Call<v1::ManifestService>(
      &v1::ManifestService::Stub::ExportManifest, v1::ExportManifestRequest(), &response));
  ManifestFile file;
  file.manifest = std::move(*response.mutable_manifest());
  PENSTOCK_ASSIGN_OR_RETURN(file.directory, wire::FromProto(file.manifest));
  return file;
}

// A7: those of the daemon; a file of rules says nothing of listeners.
StatusOr<std::vector<flow::OneWayMilter>> LoadMilters(Session& session,
                                                      const Arguments& arguments) {
  std::vector<flow::OneWayMilter> milters;
  if (arguments.Has("--rules")) return milters;
  v1::ServerStatus status;
  PENSTOCK_RETURN_IF_ERROR(session.client().Call<v1::StatusService>(
      &v1::StatusService::Stub::GetServerStatus, v1::GetServerStatusRequest(), &status));
  for (const v1::ListenerStatus& listener : status.listeners()) {
    const auto hold = std::chrono::duration_cast<Milliseconds>(wire::FromProto(listener.hold()));
    for (const rules::FlowDirection direction :
         {rules::FlowDirection::kInbound, rules::FlowDirection::kOutbound}) {
      const auto& names = listener.one_way_directions();
      if (std::find(names.begin(), names.end(), Name(direction)) != names.end())
        milters.push_back({listener.listener(), direction, hold});
    }
  }
  return milters;
}

// Where in the file findings are about.
class Places {
 public:
  explicit Places(const ManifestFile& file) : file_(file) {
    for (int i = 0; i < file.manifest.organizations_size(); ++i)
      paths_[file.manifest.organizations(i).name()] = Cat("organizations[", i, "]");
    for (int i = 0; i < file.manifest.hooks_size(); ++i)
      paths_[Cat("hook ", file.manifest.hooks(i).name())] = Cat("hooks[", i, "]");
    for (int i = 0; i < file.manifest.rules_size(); ++i) {
      const auto* rule = wire::FindRule(*file.directory, file.manifest.rules(i));
      paths_[KeyOf(rule->organization, Name(rule->direction), rule->name)] = Cat("rules[", i, "]");
    }
  }

  // "flow.yaml:12:5"; "" if it is no file.
  [[nodiscard]] std::string Of(const v1::LintFinding& finding) const {
    if (file_.name.empty()) return {};
    std::string key = finding.organization();
    if (!finding.hook().empty()) key = Cat("hook ", finding.hook());
    if (!finding.rule().empty())
      key = KeyOf(finding.organization(), finding.direction(), finding.rule());
    const auto path = paths_.find(key);
    if (path == paths_.end()) return file_.name;
    const std::string where = file_.places.Where(path->second);
    return where.substr(0, where.rfind(": "));
  }

 private:
  // No name has a space.
  static std::string KeyOf(std::string_view organization, std::string_view direction,
                           std::string_view rule) {
    return Cat(organization, " ", direction, " ", rule);
  }

  const ManifestFile& file_;
  std::map<std::string, std::string> paths_;
};

v1::LintFinding ToProto(const rules::LintFinding& finding) {
  v1::LintFinding out;
  out.set_kind(std::string(Name(finding.kind)));
  out.set_organization(finding.organization);
  if (finding.direction) out.set_direction(std::string(Name(*finding.direction)));
  out.set_rule(finding.rule);
  using Found = rules::LintFinding::Kind;
  (finding.kind == Found::kHookNeverCalled ? out.mutable_hook()
   : finding.kind == Found::kCutShort      ? out.mutable_listener()
                                           : out.mutable_other())
      ->assign(finding.other);
  out.set_text(finding.text);
  return out;
}

std::string SubjectOf(const v1::LintFinding& finding) {
  if (!finding.hook().empty()) return Cat("hook ", finding.hook());
  if (finding.rule().empty()) return Cat("organization ", finding.organization());
  return Cat("rule ", finding.rule(), " (organization ", finding.organization(), ", ",
             TypedWord(finding.direction()), ")");
}

std::string ReportText(const v1::LintReport& report, int rules) {
  if (report.findings().empty()) return Cat("nothing to report about ", rules, " rules\n");
  std::string text;
  for (const v1::LintFinding& finding : report.findings()) {
    Append(text, finding.place(), finding.place().empty() ? "" : ": ", finding.kind(), ": ",
           SubjectOf(finding), ": ", finding.text(), "\n");
  }
  return text;
}

bool IsAsked(const v1::LintFinding& finding, const Arguments& arguments) {
  if (arguments.Has("--org") && finding.organization() != arguments.Text("--org")) return false;
  return !arguments.Has("--direction") || finding.direction().empty() ||
         TypedWord(finding.direction()) == arguments.Text("--direction");
}

Status Lint(Session& session, const Arguments& arguments) {
  PENSTOCK_ASSIGN_OR_RETURN(const ManifestFile file, Load(session, arguments));
  const Places places(file);
  PENSTOCK_ASSIGN_OR_RETURN(const auto milters, LoadMilters(session, arguments));
  v1::LintReport report;
  for (const rules::LintFinding& found : flow::Lint(*file.directory, milters)) {
    v1::LintFinding finding = ToProto(found);
    if (!IsAsked(finding, arguments)) continue;
    finding.set_place(places.Of(finding));
    *report.add_findings() = std::move(finding);
  }
  if (!report.findings().empty()) session.set_exit(Exit::kFound);
  return session.output().Show(report,
                               [&] { return ReportText(report, file.manifest.rules_size()); });
}

}  // namespace

Command LintCommand() {
  return {.words = "rule lint",
          .summary = "Look for rules that tie or never win, hooks that nobody calls, quotas",
          .details =
              "Looks at what is in force, also for rules that a milter without a way back cuts "
              "short; with --rules at a file, and needs no daemon. Exit code 0: nothing found, 4: "
              "something.",
          .example = "penstock rule lint --output json",
          .parameters = {{.name = "--rules",
                          .value = "FILE",
                          .help = "a manifest, as `penstock apply` takes it; - is standard input",
                          .kind = Kind::kFile},
                         {.name = "--org",
                          .value = "ORG",
                          .help = "only what is about this organization",
                          .kind = Kind::kOrganization},
                         {.name = "--direction",
                          .value = "DIRECTION",
                          .help = "only what is about mail of this direction",
                          .kind = Kind::kWord,
                          .words = {"inbound", "outbound"}}},
          .run = Lint};
}

}  // namespace penstock::cli
