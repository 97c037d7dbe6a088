// SPDX-License-Identifier: Apache-2.0
#include "engine/embed/token_key.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"

namespace penstock::embed {
namespace {

Status DiskError(std::string_view path) {
  return Unavailable(Cat(path, ": ", std::strerror(errno)));
}

// A descriptor that closes itself.
class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}

  File(const File&) = delete;
  File& operator=(const File&) = delete;

  ~File() {
    if (descriptor_ >= 0) close(descriptor_);
  }

  [[nodiscard]] int get() const { return descriptor_; }

 private:
  const int descriptor_;
};

Status WriteKey(const std::string& data_folder, const std::string& path, std::string_view key) {
  const std::string aside = path + ".new";
  const File file(open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (file.get() < 0) return DiskError(aside);
  if (write(file.get(), key.data(), key.size()) != static_cast<ssize_t>(key.size()) ||
      fsync(file.get()) != 0 || rename(aside.c_str(), path.c_str()) != 0) {
    return DiskError(aside);
  }
  const File folder(open(data_folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0 || fsync(folder.get()) != 0) return DiskError(data_folder);
  return OkStatus();
}

}  // namespace

StatusOr<std::string> LoadTokenKey(const std::string& data_folder) {
  const std::string path = data_folder + "/resume.key";
  const File file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, limits::kResumeKeyOctetsMin> key{};
  if (file.get() < 0) {
    if (errno != ENOENT) return DiskError(path);
    if (getrandom(key.data(), key.size(), 0) != static_cast<ssize_t>(key.size()))
      return DiskError("getrandom");
    std::string made(key.data(), key.size());
    PENSTOCK_RETURN_IF_ERROR(WriteKey(data_folder, path, made));
    return made;
  }

  struct stat facts {};

  if (fstat(file.get(), &facts) != 0) return DiskError(path);
  if (facts.st_size != static_cast<off_t>(key.size()) ||
      read(file.get(), key.data(), key.size()) != static_cast<ssize_t>(key.size())) {
    return DataLoss(Cat(path, ": has not ", key.size(),
                        " octets; remove it, and tokens made before are refused"));
  }
  return std::string(key.data(), key.size());
}

}  // namespace penstock::embed
