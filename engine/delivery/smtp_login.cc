// SPDX-License-Identifier: Apache-2.0
#include "engine/delivery/smtp_login.h"

#include <fstream>

#include <sys/stat.h>

#include "engine/base/limits.h"
#include "engine/base/strings.h"

namespace penstock::delivery {

StatusOr<std::string> ReadPassword(const std::string& file) {
  const auto fault = [&](std::string_view why) {
    return InvalidArgument(Cat(Printable(file), ": ", why));
  };

  struct stat found {};

  std::ifstream in(file, std::ios::binary);
  if (!in || ::stat(file.c_str(), &found) != 0) {
    return fault("cannot be read; expected a file with a password");
  }
  if ((found.st_mode & (S_IROTH | S_IWOTH | S_IWGRP)) != 0) {
    return fault(Cat("others may read or change this password; mend it: chmod 600 ", file));
  }
  std::string line;
  std::getline(in, line);
  if (line.ends_with('\r')) line.pop_back();
  if (in.bad() || line.empty() || line.size() > limits::kPasswordOctetsMax) {
    return fault(
        Cat("its first line is no password of 1 to ", limits::kPasswordOctetsMax, " octets"));
  }
  return line;
}

}  // namespace penstock::delivery
