// SPDX-License-Identifier: Apache-2.0
// The TLS files that a configuration names: where they stand in it, and whether they are any good.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/async/tls_files.h"

#include "penstock/v1/config.pb.h"

namespace penstock::daemon {

// Something to say about one field.
struct Finding {
  std::string field;  // "admin.tls.key_file"
  std::string text;
};

struct TlsFindings {
  std::vector<Finding> faults;
  std::vector<Finding> warnings;  // such as a certificate that expires
};

async::TlsFiles ToTlsFiles(const v1::ServerTls& tls);
async::TlsFiles ToTlsFiles(const v1::ClientTls& tls);

// Makes the paths of all TLS files absolute; those that are not count from `folder`.
void MakeTlsPathsAbsolute(const std::filesystem::path& folder, v1::Config& config);

// Reads all TLS files, and judges whether TLS is where it must be (P3).
TlsFindings CheckTls(const v1::Config& config);

}  // namespace penstock::daemon
