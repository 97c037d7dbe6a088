// SPDX-License-Identifier: Apache-2.0
#include "engine/delivery/maildir.h"

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"

namespace penstock::delivery {
namespace {

constexpr mode_t kFolderMode = 0700;
constexpr mode_t kFileMode = 0600;

// By errno, which the failed call has just set.
Status FileError(std::string_view what, std::string_view path) {
  const int error = errno;
  const std::string text = Cat(what, " ", path, ": ", std::generic_category().message(error));
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  return full ? ResourceExhausted(text) : Unavailable(text);
}

class File {
 public:
  File(const std::string& path, int flags, mode_t mode = 0)
      : path_(path), descriptor_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {}

  File(const File&) = delete;
  File& operator=(const File&) = delete;

  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  [[nodiscard]] bool is_open() const { return descriptor_ >= 0; }

  Status Write(std::string_view octets) {
    while (!octets.empty()) {
      const ssize_t written = ::write(descriptor_, octets.data(), octets.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return FileError("write", path_);
      octets.remove_prefix(static_cast<std::size_t>(written));
    }
    return OkStatus();
  }

  Status Sync() { return ::fsync(descriptor_) == 0 ? OkStatus() : FileError("fsync", path_); }

 private:
  const std::string& path_;
  int descriptor_;
};

// A name in a folder is on disk when the folder is.
Status SyncFolder(const std::string& path) {
  File folder(path, O_RDONLY | O_DIRECTORY);
  if (!folder.is_open()) return FileError("open", path);
  return folder.Sync();
}

std::string FolderAbove(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

// Makes `path` and what is missing above it.
Status MakeFolder(const std::string& path) {
  if (::mkdir(path.c_str(), kFolderMode) == 0 || errno == EEXIST) return OkStatus();
  if (errno != ENOENT || FolderAbove(path) == path) return FileError("mkdir", path);
  PENSTOCK_RETURN_IF_ERROR(MakeFolder(FolderAbove(path)));
  if (::mkdir(path.c_str(), kFolderMode) == 0 || errno == EEXIST) return OkStatus();
  return FileError("mkdir", path);
}

// Makes the names in `path` and above it durable. Those above folders that we may not read are
// somebody else's, who has made them durable or not.
Status SyncFoldersUpFrom(std::string path) {
  for (;; path = FolderAbove(path)) {
    const Status status = SyncFolder(path);
    if (!status.ok() && ::access(path.c_str(), R_OK) == 0) return status;
    if (path == "/") return OkStatus();
  }
}

Status WriteFile(File& file, OutgoingContent& content) {
  content.Rewind();
  std::vector<char> buffer(limits::kContentChunkOctets);
  while (true) {
    PENSTOCK_ASSIGN_OR_RETURN(const std::size_t octets, content.Read(buffer));
    if (octets == 0) return file.Sync();
    PENSTOCK_RETURN_IF_ERROR(file.Write({buffer.data(), octets}));
  }
}

}  // namespace

Status Maildir::Settle() const {
  for (const char* part : {"/tmp", "/new", "/cur"})
    PENSTOCK_RETURN_IF_ERROR(MakeFolder(folder_ + part));
  return SyncFoldersUpFrom(folder_);
}

Status Maildir::Save(std::string_view file_name, OutgoingContent& content) const {
  const std::string in_tmp = Cat(folder_, "/tmp/", file_name);
  const std::string in_new = Cat(folder_, "/new/", file_name);
  Status status;
  {
    File file(in_tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, kFileMode);
    if (!file.is_open()) return FileError("open", in_tmp);
    status = WriteFile(file, content);
  }
  if (status.ok() && ::rename(in_tmp.c_str(), in_new.c_str()) != 0) {
    status = FileError("rename", in_tmp);
  }
  if (status.ok()) status = SyncFolder(folder_ + "/new");
  if (!status.ok()) {
    ::unlink(in_tmp.c_str());
    ::unlink(in_new.c_str());
  }
  return status;
}

}  // namespace penstock::delivery
