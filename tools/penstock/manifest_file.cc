// SPDX-License-Identifier: Apache-2.0
#include "tools/penstock/manifest_file.h"

#include <utility>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/wire/manifest.h"

#include "tools/penstock/input.h"

namespace penstock::cli {
namespace {

Status Refused(Output& output, const std::string& name, std::string_view faults) {
  for (const std::string_view line : Split(faults, '\n'))
    output.Tell(line);
  return FailedPrecondition(Cat(name, " is refused as a whole; mend what is told above"));
}

}  // namespace

StatusOr<ManifestFile> ReadManifestFile(Output& output, std::string_view option,
                                        const std::string& path) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::string text,
                            ReadInput(option, path, limits::kYamlOctetsMax));
  ManifestFile file;
  file.name = path == "-" ? "stdin" : path;
  auto directory = wire::ReadManifest(text, file.name, &file.manifest, &file.places);
  if (!directory.ok()) return Refused(output, file.name, Message(directory.status()));
  file.directory = *std::move(directory);
  return file;
}

Status TellFaults(Output& output, const ManifestFile& file, const Status& status) {
  const std::string located = wire::Locate(Message(status), file.places);
  if (located == Message(status)) return status;
  return Refused(output, file.name, located);
}

}  // namespace penstock::cli
