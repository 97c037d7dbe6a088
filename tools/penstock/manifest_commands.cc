// SPDX-License-Identifier: Apache-2.0
// penstock apply, diff, export: rules as code
#include <string>
#include <vector>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/wire/manifest.h"
#include "engine/wire/output.h"

#include "penstock/v1/manifest.grpc.pb.h"

#include "tools/penstock/change_text.h"
#include "tools/penstock/manifest_file.h"
#include "tools/penstock/resources.h"
#include "tools/penstock/session.h"

namespace penstock::cli {
namespace {

using Stub = v1::ManifestService::Stub;
using Kind = Parameter::Kind;

std::vector<Parameter> Parameters() {
  return {{.name = "--file",
           .value = "FILE",
           .help = "the manifest, a YAML file; - is standard input",
           .kind = Kind::kFile,
           .required = true,
           .letter = 'f'},
          {.name = "--etag",
           .value = "ETAG",
           .help = "only if what is in force is still what `diff` or `apply` gave this for",
           .field = "etag"},
          {.name = "--allow-empty", .help = "take a manifest that removes everything"},
          {.name = "--compat", .help = "refuse what is over WorkMail's quotas instead of warning"}};
}

std::int64_t CountOf(const v1::ApplyManifestResponse& response) {
  return response.created() + response.updated() + response.removed();
}

enum class Do { kCompare, kApply };

StatusOr<v1::ApplyManifestResponse> Call(Session& session, const Arguments& arguments, Do what) {
  Output& output = session.output();
  PENSTOCK_ASSIGN_OR_RETURN(const ManifestFile file,
                            ReadManifestFile(output, "--file", arguments.Text("--file")));
  const auto rules = static_cast<std::size_t>(file.manifest.rules_size());
  if (rules > limits::kQuietRulesMax) {
    output.Tell(Cat("read ", rules, " rules; ", what == Do::kApply ? "applying" : "comparing",
                    " them, which may take a moment"));
  }
  v1::ApplyManifestRequest request;
  *request.mutable_manifest() = file.manifest;
  request.set_validate_only(what == Do::kCompare);
  request.set_compat(arguments.Has("--compat"));
  request.set_allow_empty(arguments.Has("--allow-empty"));
  request.set_etag(arguments.Text("--etag"));
  v1::ApplyManifestResponse response;
  const Status status =
      session.client().Call<v1::ManifestService>(&Stub::ApplyManifest, request, &response);
  if (!status.ok()) return TellFaults(output, file, status);
  for (const std::string& warning : response.warnings())
    output.Warn(wire::Locate(warning, file.places));
  return response;
}

// The changes that a response has no room for.
std::string RestOf(const v1::ApplyManifestResponse& response) {
  const std::int64_t left_out = CountOf(response) - response.changes_size();
  return left_out == 0 ? "" : Cat("and ", left_out, " more\n");
}

std::string AppliedText(const v1::ApplyManifestResponse& response) {
  if (CountOf(response) == 0) return "nothing to change: all of it is in force\n";
  std::string text;
  for (const v1::Change& change : response.changes())
    Append(text, ChangeTitle(change, Tense::kDone), "\n");
  return Cat(text, RestOf(response), response.created(), " created, ", response.updated(),
             " updated, ", response.removed(), " removed\n");
}

Status Apply(Session& session, const Arguments& arguments) {
  PENSTOCK_ASSIGN_OR_RETURN(const v1::ApplyManifestResponse response,
                            Call(session, arguments, Do::kApply));
  return session.output().Show(response, [&] { return AppliedText(response); });
}

std::string ComparedText(const v1::ApplyManifestResponse& response, const std::string& file) {
  if (CountOf(response) == 0) return "no difference\n";
  std::string text;
  for (const v1::Change& change : response.changes())
    text += DifferenceText(change, Tense::kWould);
  Append(text, RestOf(response), response.created(), " to create, ", response.updated(),
         " to update, ", response.removed(), " to remove\n");
  if (file == "-") return text;
  return Cat(text, "apply exactly this: penstock apply -f ", file, " --etag ", response.etag(),
             "\n");
}

Status Diff(Session& session, const Arguments& arguments) {
  PENSTOCK_ASSIGN_OR_RETURN(const v1::ApplyManifestResponse response,
                            Call(session, arguments, Do::kCompare));
  if (CountOf(response) > 0) session.set_exit(Exit::kFound);
  return session.output().Show(response,
                               [&] { return ComparedText(response, arguments.Text("--file")); });
}

Status Export(Session& session, const Arguments&) {
  v1::ExportManifestResponse response;
  PENSTOCK_RETURN_IF_ERROR(session.client().Call<v1::ManifestService>(
      &Stub::ExportManifest, v1::ExportManifestRequest(), &response));
  return session.output().Show(response.manifest(),
                               [&] { return wire::WriteYaml(response.manifest()); });
}

}  // namespace

std::vector<Command> ManifestCommands() {
  return {
      {.words = "apply",
       .summary = "Make organizations, hooks and rules what a file says, all or nothing",
       .details = "What the file lacks is removed, what is the same stays. A message sees all of "
                  "the change or nothing of it.\nOf two who apply at once the second finds what "
                  "the first has made; --etag keeps it from being taken away unseen.",
       .example = "penstock apply -f flow.yaml",
       .parameters = Parameters(),
       .run = Apply},
      {.words = "diff",
       .summary = "Say what `apply` would change",
       .details = "Changes nothing. Exit code 0: no difference, 4: some.",
       .example = "penstock diff -f flow.yaml",
       .parameters = Parameters(),
       .run = Diff},
      {.words = "export",
       .summary = "Print all that is set up as a file for `apply`",
       .details = "YAML, unless --output json is given. Applied at once it changes nothing.",
       .example = "penstock export",
       .run = Export},
  };
}

}  // namespace penstock::cli
