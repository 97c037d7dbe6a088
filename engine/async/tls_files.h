// SPDX-License-Identifier: Apache-2.0
// The PEM files of one side of TLS (P3): read, checked, and read again when they change, so that a
// renewed certificate counts for the next connection without a restart.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/mutex.h"
#include "engine/base/status.h"

namespace penstock::async {

// Paths; an empty one: none.
struct TlsFiles {
  std::string certificate_file;  // ours, then the intermediate ones
  std::string key_file;          // that belongs to it, without a pass phrase
  std::string ca_file;           // authorities that the other side's certificate must come from
  friend bool operator==(const TlsFiles&, const TlsFiles&) = default;
};

// What the files hold, as PEM.
struct TlsMaterial {
  std::string certificates;
  std::string key;
  std::string authorities;
  std::vector<std::string> warnings;  // "certificate_file: FILE: expired on …; renew it"
};

// Reads and checks the files.
//   Errors: kInvalidArgument, "FIELD: FILE: why; how to mend it", with FIELD a name of TlsFiles:
//   missing, no PEM, a key that others may read, that is encrypted or belongs to another
//   certificate. A certificate that has expired is a warning: a renewal may be on its way.
StatusOr<TlsMaterial> ReadTlsFiles(const TlsFiles& files);

// Threads: safe from any.
class TlsKeeper {
 public:
  // `what` names the owner in log lines, such as `listener "mx"`. Errors: as ReadTlsFiles.
  static StatusOr<std::shared_ptr<TlsKeeper>> Open(std::string what, TlsFiles files);

  TlsKeeper(const TlsKeeper&) = delete;
  TlsKeeper& operator=(const TlsKeeper&) = delete;

  // What the files hold now: the same object until they change. Files that have become faulty are
  // logged once, and what they held before goes on. Looks at the files each time: three stat calls.
  std::shared_ptr<const TlsMaterial> Current();

  [[nodiscard]] const TlsFiles& files() const { return files_; }

 private:
  // What tells one version of the three files from the next: of each device, inode, octets, and
  // when it was written and changed, in seconds and nanoseconds.
  using Stamps = std::array<std::array<std::int64_t, 7>, 3>;

  TlsKeeper(std::string what, TlsFiles files) : what_(std::move(what)), files_(std::move(files)) {}

  [[nodiscard]] Stamps StampsOfFiles() const;

  const std::string what_;
  const TlsFiles files_;
  Mutex mutex_;
  Stamps stamps_ ABSL_GUARDED_BY(mutex_){};  // when they were last read
  std::shared_ptr<const TlsMaterial> material_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace penstock::async
