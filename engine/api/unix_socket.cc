// SPDX-License-Identifier: Apache-2.0
#include "engine/api/unix_socket.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/base/status_macros.h"
#include "engine/base/strings.h"

namespace penstock::api {
namespace {

std::string ErrorText(int error) {
  return std::error_code(error, std::generic_category()).message();
}

// Who may write to the folder could put a socket of his own in the place of ours.
Status PrepareFolder(const std::filesystem::path& folder) {
  struct stat status {};

  if (stat(folder.c_str(), &status) != 0) {
    if (errno != ENOENT) {
      return Unavailable(Cat("folder ", folder.string(), ": ", ErrorText(errno)));
    }
    if (mkdir(folder.c_str(), S_IRWXU) == 0) return OkStatus();
    return Unavailable(Cat("folder ", folder.string(), " cannot be made: ", ErrorText(errno)));
  }
  if (!S_ISDIR(status.st_mode)) {
    return InvalidArgument(Cat(folder.string(), " is no folder"));
  }
  const bool others_write = (status.st_mode & (S_IWGRP | S_IWOTH)) != 0;
  const bool is_sticky = (status.st_mode & S_ISVTX) != 0;
  if (others_write && !is_sticky) {
    return InvalidArgument(Cat("folder ", folder.string(),
                               ": others may write to it; mend it: chmod 700 ", folder.string()));
  }
  return OkStatus();
}

// Removes a socket that nobody listens on.
Status PreparePath(const std::string& path) {
  struct stat status {};

  if (lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return OkStatus();
    return Unavailable(Cat(path, ": ", ErrorText(errno)));
  }
  if (!S_ISSOCK(status.st_mode)) {
    return InvalidArgument(Cat(path, " is no socket; move it away, or name another path"));
  }

  struct sockaddr_un address {};

  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return Unavailable(Cat("no socket can be made: ", ErrorText(errno)));
  const bool listens =
      connect(fd, reinterpret_cast<const struct sockaddr*>(&address), sizeof address) == 0;
  const int error = errno;
  close(fd);
  if (listens) {
    return FailedPrecondition(
        Cat("another process listens on ", path, "; stop it first, or name another path"));
  }
  if (error != ECONNREFUSED) return Unavailable(Cat(path, ": ", ErrorText(error)));
  if (unlink(path.c_str()) != 0) {
    return Unavailable(Cat(path, " is left over and cannot be removed: ", ErrorText(errno)));
  }
  return OkStatus();
}

Status CheckPath(const std::string& path) {
  if (!path.starts_with('/')) {
    return InvalidArgument(Cat("\"", Printable(path), "\": expected an absolute path"));
  }
  constexpr std::size_t kPathOctetsMax = sizeof(sockaddr_un::sun_path) - 1;
  if (path.size() > kPathOctetsMax) {
    return InvalidArgument(
        Cat(path, ": ", path.size(), " octets; a socket's path has at most ", kPathOctetsMax));
  }
  return OkStatus();
}

}  // namespace

Status PrepareUnixSocket(const std::string& path) {
  PENSTOCK_RETURN_IF_ERROR(CheckPath(path));
  PENSTOCK_RETURN_IF_ERROR(PrepareFolder(std::filesystem::path(path).parent_path()));
  return PreparePath(path);
}

}  // namespace penstock::api
