// SPDX-License-Identifier: Apache-2.0
// Which folder a recipient's mail goes to. A recipient's address is hostile: whatever it holds, the
// folder lies below the part of the path that the configuration fixes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"

namespace penstock::delivery {

// An absolute path in which "{domain}" and "{local_part}" stand for those of a recipient, each any
// number of times.
class MaildirPath {
 public:
  // Errors: kInvalidArgument: not absolute, another name in braces, a "." or ".." in it, or NUL.
  static StatusOr<MaildirPath> Parse(std::string_view text);

  // Returns the recipient's folder. Both parts are put in lower case (R3), the domain in A-labels;
  // an octet that could mean something to a file system is written %XX: "/", "%", control
  // characters, a dot at the beginning, and of a domain all but letters, digits, "-" and ".". So
  // each part is one name in the path, and no two local parts or domains have the same.
  //   Errors: kInvalidArgument if the address has no such part, or if a part of the folder's name
  //   is longer than file systems take (255 octets).
  [[nodiscard]] StatusOr<std::string> For(std::string_view forward_path) const;

 private:
  enum class Kind { kText, kDomain, kLocalPart };

  struct Piece {
    Kind kind;
    std::string text;  // of kText
  };

  std::vector<Piece> pieces_;
  bool per_recipient_ = false;
};

}  // namespace penstock::delivery
