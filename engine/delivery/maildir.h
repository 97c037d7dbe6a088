// SPDX-License-Identifier: Apache-2.0
// One Maildir: a folder with tmp, new and cur, in which a message is a file. What Save has returned
// OK for is on disk, once Settle has as well.
//
// Threads: safe from any; other programs may work in the same folder. Blocks for the disk.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/status.h"
#include "engine/delivery/outgoing_content.h"

namespace penstock::delivery {

class Maildir {
 public:
  explicit Maildir(std::string folder) : folder_(std::move(folder)) {}

  // Makes the folders that are not there, mode 0700, and syncs them and those above: who made them
  // may have been killed before he did. Once a process is enough.
  //   Errors: as of Save.
  [[nodiscard]] Status Settle() const;

  // Writes all of `content` into a file named `file_name`, unique in this folder for all time:
  // tmp, fsync, rename into new, fsync of new.
  //   Errors: kResourceExhausted (no space, quota), kUnavailable (another error of the disk, no
  //   permission, a folder that is gone), both naming the file; those of OutgoingContent::Read.
  //   Nothing is left behind.
  Status Save(std::string_view file_name, OutgoingContent& content) const;

  [[nodiscard]] const std::string& folder() const { return folder_; }

 private:
  std::string folder_;
};

}  // namespace penstock::delivery
