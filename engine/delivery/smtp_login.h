// SPDX-License-Identifier: Apache-2.0
// Our login at a mail server that wants one (RFC 4954).
#pragma once

#include <string>

#include "engine/base/status.h"

namespace penstock::delivery {

struct SmtpLogin {
  std::string user;           // empty: none
  std::string password_file;  // read at each connection, so that a new one needs no reload
};

// The file's first line.
//   Errors: kInvalidArgument, "FILE: why; how to mend it": it cannot be read, holds nothing or too
//   much, or others may read it.
StatusOr<std::string> ReadPassword(const std::string& file);

}  // namespace penstock::delivery
