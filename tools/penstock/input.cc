// SPDX-License-Identifier: Apache-2.0
#include "tools/penstock/input.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"

namespace penstock::cli {
namespace {

Status Refuse(std::string_view option, const std::string& path, std::string_view why) {
  return InvalidArgument(Cat(option, " ", path, ": ", why));
}

// Reads at most `octets_max`.
StatusOr<std::string> Read(std::string_view option, const std::string& path,
                           std::size_t octets_max) {
  constexpr std::size_t kPiece = 1U << 16U;
  const auto close = [](std::FILE* file) { return file == stdin ? 0 : std::fclose(file); };
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(
      path == "-" ? stdin : std::fopen(path.c_str(), "rb"), close);
  if (file == nullptr) {
    return Refuse(option, path, Cat("the file cannot be opened: ", std::strerror(errno)));
  }
  std::string text;
  while (text.size() < octets_max) {
    const std::size_t begin = text.size();
    text.resize(std::min(begin + kPiece, octets_max));
    const std::size_t read = std::fread(text.data() + begin, 1, text.size() - begin, file.get());
    text.resize(begin + read);
    if (read == 0) break;
  }
  if (std::ferror(file.get()) != 0) {
    return Refuse(option, path, Cat("the file cannot be read: ", std::strerror(errno)));
  }
  return text;
}

}  // namespace

StatusOr<std::string> ReadInput(std::string_view option, const std::string& path,
                                std::size_t octets_max) {
  PENSTOCK_ASSIGN_OR_RETURN(std::string text, Read(option, path, octets_max + 1));
  if (text.size() <= octets_max) return text;
  return Refuse(option, path, Cat("over ", octets_max, " octets"));
}

StatusOr<std::string> ReadHeader(std::string_view option, const std::string& path) {
  return Read(option, path, limits::kHeaderSectionOctetsMax);
}

Status CheckOneStandardInput(const Arguments& arguments, std::string_view first,
                             std::string_view second) {
  if (arguments.Text(first) != "-" || arguments.Text(second) != "-") return OkStatus();
  return InvalidArgument(
      Cat(first, " and ", second, " are both \"-\": standard input can be read once"));
}

}  // namespace penstock::cli
