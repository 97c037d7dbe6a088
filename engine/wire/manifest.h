// SPDX-License-Identifier: Apache-2.0
// Rules as code: a manifest, which holds everything that administrators set up, as YAML, as the
// message that ApplyManifest takes, and as the Directory that the engine works with.
//
// FAULTS. All of a manifest are told at once, one line each that begins with the field:
//   `rules[3].run_hook.hook: there is no hook "disclaimr"; did you mean "disclaimer"?`
// at most limits::kYamlFaultsMax of them, then how many more there are. Locate puts the place in
// the file before each: `flow.yaml:12:13: rules[3].run_hook.hook: …`.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/status.h"
#include "engine/flow/directory.h"

namespace penstock::v1 {
class Manifest;
class ManifestRule;
}  // namespace penstock::v1

namespace penstock::wire {

class YamlPlaces;  // yaml.h

// Checks all that needs no other knowledge than the manifest: each resource by itself, names that
// stand twice, domains of two organizations (O2), permissions and rules of organizations that are
// not there, rules whose hook is not there or may not be invoked (R12). Compiles the rules.
//   Errors: kInvalidArgument, the lines above.
StatusOr<flow::DirectorySnapshot> FromProto(const v1::Manifest& manifest);

// In byte order of names; what has its default is left out. FromProto makes an equal Directory of
// it.
v1::Manifest ToProto(const flow::Directory& directory);

// The rule of `directory` that stands in a manifest as `rule`; null if it is not there.
const rules::FlowRule* FindRule(const flow::Directory& directory, const v1::ManifestRule& rule);

// Reads the YAML `text` and does what FromProto does; `file` is its name in errors.
//   `manifest`, `places`: if not null, filled.
StatusOr<flow::DirectorySnapshot> ReadManifest(std::string_view text, std::string_view file,
                                               v1::Manifest* manifest = nullptr,
                                               YamlPlaces* places = nullptr);

// Returns the YAML of which ReadManifest makes an equal Directory.
std::string WriteManifest(const flow::Directory& directory);

// Puts the place before each line of `text` that begins with a field of a manifest.
std::string Locate(std::string_view text, const YamlPlaces& places);

}  // namespace penstock::wire
