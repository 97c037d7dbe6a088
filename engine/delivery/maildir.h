// SPDX-License-Identifier: Apache-2.0
// One Maildir: a folder with tmp, new and cur, in which a message is a file. What Save has returned
// OK for is on disk.
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

  // Writes all of `content` into a file named `file_name`, unique in this folder for all time:
  // tmp, fsync, rename into new, fsync of new. Folders that are not there are made, mode 0700.
  //   Errors: kResourceExhausted (no space, quota), kUnavailable (another error of the disk, no
  //   permission), both naming the file; those of OutgoingContent::Read. Nothing is left behind.
  Status Save(std::string_view file_name, OutgoingContent& content) const;

  [[nodiscard]] const std::string& folder() const { return folder_; }

 private:
  [[nodiscard]] Status Make() const;

  std::string folder_;
};

}  // namespace penstock::delivery
