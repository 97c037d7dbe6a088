// SPDX-License-Identifier: Apache-2.0
// A manifest as a file of the command line.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/status.h"
#include "engine/flow/directory.h"
#include "engine/wire/yaml.h"

#include "penstock/v1/manifest.pb.h"

#include "tools/penstock/output.h"

namespace penstock::cli {

struct ManifestFile {
  std::string name;  // in errors
  v1::Manifest manifest;
  wire::YamlPlaces places;
  flow::DirectorySnapshot directory;
};

// Reads and checks the file at `path`, which `option` names; "-" is standard input. What is wrong
// is told line by line.
//   Errors: kFailedPrecondition, in one sentence; those of ReadInput.
StatusOr<ManifestFile> ReadManifestFile(Output& output, std::string_view option,
                                        const std::string& path);

// Tells what the daemon has found wrong with the manifest, each line with its place in the file.
//   Returns what is left to say; `status` itself, if it is not about the manifest.
Status TellFaults(Output& output, const ManifestFile& file, const Status& status);

}  // namespace penstock::cli
