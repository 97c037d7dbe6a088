// SPDX-License-Identifier: Apache-2.0
#include "engine/store/file_system.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>
#include <system_error>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "engine/base/status_macros.h"
#include "engine/base/strings.h"

namespace penstock::store {
namespace {

Status Failed(std::string_view what, const std::string& path, int error) {
  const std::string text =
      Cat("cannot ", what, " ", path, ": ", std::generic_category().message(error));
  if (error == ENOENT) return NotFound(text);
  if (error == EEXIST) return AlreadyExists(text);
  return Unavailable(text);
}

// Calls `call` until no signal interrupts it.
template <class Call>
auto Uninterrupted(Call call) {
  for (;;) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}

  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}

  Descriptor& operator=(Descriptor&&) = delete;

  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }

  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
};

StatusOr<Descriptor> OpenDescriptor(const std::string& path, int flags) {
  const int number =
      Uninterrupted([&] { return open(path.c_str(), flags | O_CLOEXEC, S_IRUSR | S_IWUSR); });
  if (number < 0) return Failed("open", path, errno);
  return Descriptor(number);
}

class RealFile final : public File {
 public:
  RealFile(std::string path, Descriptor descriptor)
      : path_(std::move(path)), descriptor_(std::move(descriptor)) {}

  Status Write(std::uint64_t offset, std::string_view octets) override {
    while (!octets.empty()) {
      const ssize_t written = Uninterrupted([&] {
        return pwrite(descriptor_.number(), octets.data(), octets.size(),
                      static_cast<off_t>(offset));
      });
      if (written < 0) return Failed("write", path_, errno);
      octets.remove_prefix(static_cast<std::size_t>(written));
      offset += static_cast<std::uint64_t>(written);
    }
    return OkStatus();
  }

  StatusOr<std::size_t> Read(std::uint64_t offset, std::span<char> buffer) const override {
    std::size_t done = 0;
    while (done < buffer.size()) {
      const ssize_t read = Uninterrupted([&] {
        return pread(descriptor_.number(), buffer.data() + done, buffer.size() - done,
                     static_cast<off_t>(offset + done));
      });
      if (read < 0) return Failed("read", path_, errno);
      if (read == 0) break;
      done += static_cast<std::size_t>(read);
    }
    return done;
  }

  Status Sync() override {
    if (Uninterrupted([&] { return fdatasync(descriptor_.number()); }) < 0) {
      return Failed("sync", path_, errno);
    }
    return OkStatus();
  }

  Status Discard(std::uint64_t offset, std::uint64_t octets) override {
    const int result = Uninterrupted([&] {
      return fallocate(descriptor_.number(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                       static_cast<off_t>(offset), static_cast<off_t>(octets));
    });
    if (result == 0) return OkStatus();
    if (errno == EOPNOTSUPP || errno == ENOSYS) {
      return Unimplemented(Cat("cannot give back space of ", path_));
    }
    return Failed("give back space of", path_, errno);
  }

 private:
  const std::string path_;
  const Descriptor descriptor_;
};

class RealLock final : public FileLock {
 public:
  explicit RealLock(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

 private:
  const Descriptor descriptor_;
};

// What the holder of a lock wrote into it: its process id.
std::string HolderOf(const Descriptor& descriptor) {
  char text[32];
  const ssize_t octets = pread(descriptor.number(), text, sizeof(text), 0);
  const std::string_view digits =
      TrimAsciiSpace({text, octets > 0 ? static_cast<std::size_t>(octets) : 0});
  const std::optional<std::int64_t> id = ParseInt<std::int64_t>(digits);
  return id ? Cat("process ", *id) : "another process";
}

class Real final : public FileSystem {
 public:
  Status CreateFolder(const std::string& path) override {
    if (mkdir(path.c_str(), S_IRWXU) == 0) return OkStatus();
    const int error = errno;

    struct stat info {};

    if (error == EEXIST && stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
      return OkStatus();
    }
    return Failed("create folder", path, error);
  }

  Status SyncFolder(const std::string& path) override {
    PENSTOCK_ASSIGN_OR_RETURN(const Descriptor folder,
                              OpenDescriptor(path, O_RDONLY | O_DIRECTORY));
    if (Uninterrupted([&] { return fsync(folder.number()); }) < 0) {
      return Failed("sync folder", path, errno);
    }
    return OkStatus();
  }

  StatusOr<Space> SpaceAt(const std::string& folder) override {
    struct statvfs info {};

    if (Uninterrupted([&] { return statvfs(folder.c_str(), &info); }) < 0) {
      return Failed("look for space in", folder, errno);
    }
    return Space{std::uint64_t{info.f_bavail} * info.f_frsize,
                 std::uint64_t{info.f_blocks} * info.f_frsize};
  }

  StatusOr<std::vector<std::string>> List(const std::string& folder) override {
    DIR* stream = opendir(folder.c_str());
    if (stream == nullptr) return Failed("list", folder, errno);
    std::vector<std::string> names;
    errno = 0;
    // Each call has a stream of its own, which is all that readdir's thread safety asks.
    while (const dirent* entry = readdir(stream)) {  // NOLINT(concurrency-mt-unsafe)
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    const int error = errno;
    closedir(stream);
    if (error != 0) return Failed("list", folder, error);
    std::sort(names.begin(), names.end());
    return names;
  }

  StatusOr<std::unique_ptr<File>> Create(const std::string& path) override {
    return OpenAs(path, O_RDWR | O_CREAT | O_EXCL);
  }

  StatusOr<std::unique_ptr<File>> Open(const std::string& path) override {
    return OpenAs(path, O_RDWR);
  }

  Status Remove(const std::string& path) override {
    if (unlink(path.c_str()) != 0) return Failed("remove", path, errno);
    return OkStatus();
  }

  StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) override {
    PENSTOCK_ASSIGN_OR_RETURN(Descriptor file, OpenDescriptor(path, O_RDWR | O_CREAT));
    if (Uninterrupted([&] { return flock(file.number(), LOCK_EX | LOCK_NB); }) < 0) {
      if (errno != EWOULDBLOCK) return Failed("lock", path, errno);
      return FailedPrecondition(Cat(path, " is held by ", HolderOf(file)));
    }
    // For the message above only: a lock without it holds as well.
    const std::string holder = Cat(getpid(), "\n");
    if (ftruncate(file.number(), 0) == 0) {
      const ssize_t ignored = pwrite(file.number(), holder.data(), holder.size(), 0);
      static_cast<void>(ignored);
    }
    return std::make_unique<RealLock>(std::move(file));
  }

 private:
  static StatusOr<std::unique_ptr<File>> OpenAs(const std::string& path, int flags) {
    PENSTOCK_ASSIGN_OR_RETURN(Descriptor file, OpenDescriptor(path, flags));
    return std::make_unique<RealFile>(path, std::move(file));
  }
};

}  // namespace

FileSystem& RealFileSystem() {
  static Real real;
  return real;
}

}  // namespace penstock::store
