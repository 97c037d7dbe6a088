// SPDX-License-Identifier: Apache-2.0
#include "hooks/builtin/copy_folder.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"

namespace penstock::builtin {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kUnfinished = ".unfinished";
constexpr std::chrono::hours kUnfinishedAge{1};  // no call lasts that long

std::atomic<std::uint64_t> files_begun{0};

Status Failed(std::string_view path, std::string_view what) {
  const int error = errno;
  return Unavailable(Cat(path, ": cannot be ", what, ": ", std::strerror(error)));
}

// A file descriptor that is closed.
class File {
 public:
  File(const std::string& path, int flags) : number_(open(path.c_str(), flags | O_CLOEXEC, 0600)) {}

  File(const File&) = delete;
  File& operator=(const File&) = delete;

  ~File() {
    if (number_ >= 0) close(number_);
  }

  [[nodiscard]] int number() const { return number_; }

 private:
  const int number_;
};

Status Sync(const std::string& folder) {
  const File file(folder, O_RDONLY | O_DIRECTORY);
  if (file.number() < 0 || fsync(file.number()) != 0) return Failed(folder, "synced");
  return OkStatus();
}

// Removes the name of an unfinished file, however its writing ended.
class Unfinished {
 public:
  explicit Unfinished(std::string path) : path_(std::move(path)) {}

  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;

  ~Unfinished() { unlink(path_.c_str()); }

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

bool IsStem(std::string_view stem) {
  return stem.size() >= 2 && stem.size() <= limits::kEventIdOctetsMax && stem.front() != '-' &&
         std::all_of(stem.begin(), stem.end(),
                     [](char c) { return IsAsciiAlpha(c) || IsAsciiDigit(c) || c == '-'; });
}

template <class Visit>
void ForEachFile(const std::string& folder, const std::stop_token& stop, Visit visit) {
  std::error_code error;
  for (auto at = fs::recursive_directory_iterator(folder, error);
       !error && at != fs::recursive_directory_iterator() && !stop.stop_requested();
       at.increment(error)) {
    std::error_code gone;  // somebody may remove copies meanwhile
    if (at->is_regular_file(gone)) visit(*at);
  }
}

}  // namespace

Status CopyFolder::Open() {
  std::error_code error;
  fs::create_directories(fs::path(path_).parent_path(), error);
  if (mkdir(path_.c_str(), 0700) != 0 && errno != EEXIST) return Failed(path_, "made");

  struct stat found {};

  if (stat(path_.c_str(), &found) != 0 || !S_ISDIR(found.st_mode)) {
    return FailedPrecondition(Cat(path_, ": is no folder"));
  }
  if ((found.st_mode & 077U) != 0) {
    return FailedPrecondition(
        Cat(path_, ": others may enter it; it holds mail: chmod 700 ", path_));
  }
  if (access(path_.c_str(), W_OK | X_OK) != 0) return Failed(path_, "written to");
  std::uint64_t octets = 0;
  ForEachFile(path_, {}, [&octets](const fs::directory_entry& file) {
    std::error_code gone;
    const std::uintmax_t size = file.file_size(gone);
    if (!gone) octets += size;
  });
  const MutexLock lock(mutex_);
  octets_ = octets;
  return OkStatus();
}

std::string CopyFolder::FolderOf(std::string_view stem) const {
  return Cat(path_, "/", stem.substr(0, 2));
}

// Another call may have given it its name a moment ago, and not synced that yet.
StatusOr<bool> CopyFolder::Has(std::string_view stem, std::string_view suffix) {
  if (!IsStem(stem)) return false;
  const std::string folder = FolderOf(stem);
  if (access(Cat(folder, "/", stem, suffix).c_str(), F_OK) != 0) return false;
  const Status synced = Sync(folder);
  SetHealth(synced);
  PENSTOCK_RETURN_IF_ERROR(synced);
  return true;
}

Status CopyFolder::Health() const {
  const MutexLock lock(mutex_);
  return health_;
}

void CopyFolder::SetHealth(Status health) {
  const MutexLock lock(mutex_);
  health_ = std::move(health);
}

Status CopyFolder::Reserve(std::uint64_t octets) {
  const MutexLock lock(mutex_);
  if (octets > octets_max_ || octets_ > octets_max_ - octets) {
    return ResourceExhausted(Cat(path_, ": has no room for ", octets, " octets: it holds ", octets_,
                                 " of ", octets_max_,
                                 "; remove copies, or raise folder_octets_max"));
  }
  octets_ += octets;
  return OkStatus();
}

void CopyFolder::Release(std::uint64_t octets) {
  const MutexLock lock(mutex_);
  octets_ -= std::min(octets, octets_);
}

Status CopyFolder::Write(std::string_view stem, std::string_view suffix, const Fill& fill) {
  if (!IsStem(stem)) return InvalidArgument(Cat("\"", Printable(stem), "\" names no file"));
  bool by_fill = false;
  Status placed = Place(stem, suffix, fill, by_fill);
  if (!by_fill) SetHealth(placed);
  return placed;
}

Status CopyFolder::Place(std::string_view stem, std::string_view suffix, const Fill& fill,
                         bool& by_fill) {
  const std::string folder = FolderOf(stem);
  const std::string path = Cat(folder, "/", stem, suffix);
  if (mkdir(folder.c_str(), 0700) == 0) {
    PENSTOCK_RETURN_IF_ERROR(Sync(path_));
  } else if (errno != EEXIST) {
    return Failed(folder, "made");
  }
  const Unfinished unfinished(Cat(path, ".", getpid(), "-", ++files_begun, kUnfinished));
  const File file(unfinished.path(), O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW);
  if (file.number() < 0) return Failed(unfinished.path(), "made");
  std::uint64_t reserved = 0;
  bool taken = true;  // all that was announced and given
  const Announce announce = [this, &reserved, &taken](std::uint64_t octets) {
    const Status room = Reserve(octets);
    taken = taken && room.ok();
    if (room.ok()) reserved += octets;
    return room;
  };
  std::uint64_t written = 0;
  const Sink sink = [&](std::string_view octets) -> Status {
    if (written + octets.size() > reserved) return Internal("more octets than were announced");
    written += octets.size();
    while (!octets.empty()) {
      const ssize_t count = write(file.number(), octets.data(), octets.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) {
        taken = false;
        return Failed(path, "written");
      }
      octets.remove_prefix(static_cast<std::size_t>(count));
    }
    return OkStatus();
  };
  const auto finish = [&]() -> Status {
    const Status filled = fill(announce, sink);
    by_fill = !filled.ok() && taken;
    PENSTOCK_RETURN_IF_ERROR(filled);
    if (fsync(file.number()) != 0) return Failed(path, "synced");
    // Unlike rename it never takes the place of a file that is there.
    if (link(unfinished.path().c_str(), path.c_str()) != 0) {
      return errno == EEXIST ? AlreadyExists(path) : Failed(path, "made");
    }
    const Status synced = Sync(folder);
    if (!synced.ok()) unlink(path.c_str());  // what is there counts as on disk
    return synced;
  };
  const Status finished = finish();
  Release(finished.ok() ? reserved - written : reserved);
  if (!by_fill && finished.code() == StatusCode::kAlreadyExists) return Sync(folder);
  return finished;
}

void CopyFolder::Sweep(std::chrono::seconds keep, const std::stop_token& stop) {
  const auto now = fs::file_time_type::clock::now();
  ForEachFile(path_, stop, [&](const fs::directory_entry& file) {
    const bool unfinished = file.path().native().ends_with(kUnfinished);
    if (!unfinished && keep.count() == 0) return;
    std::error_code gone;
    const auto written = file.last_write_time(gone);
    if (gone || now - written < (unfinished ? std::chrono::seconds(kUnfinishedAge) : keep)) return;
    const std::uintmax_t octets = file.file_size(gone);
    // What is unfinished was counted if it was there at the start: the sum errs to the safe side.
    if (!gone && fs::remove(file.path(), gone) && !unfinished) Release(octets);
  });
}

}  // namespace penstock::builtin
