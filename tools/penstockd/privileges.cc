// SPDX-License-Identifier: Apache-2.0
#include "tools/penstockd/privileges.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"

namespace penstock::daemon {
namespace {

constexpr mode_t kOthers = S_IRWXG | S_IRWXO;

Status Refused(std::string_view what) {
  return Unavailable(Cat(what, ": ", std::error_code(errno, std::generic_category()).message()));
}

std::string UserName(uid_t uid) {
  const passwd* entry = getpwuid(uid);
  return entry == nullptr ? Cat(uid) : std::string(entry->pw_name);
}

// Of this thread, and of those that it starts.
bool KeepCapabilities(unsigned kept) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  if (syscall(SYS_capget, &header, data.data()) != 0) return false;
  if ((data[0].permitted & ~kept) == 0 && data[1].permitted == 0) return true;
  for (auto& half : data) {
    half.permitted &= kept;
    half.effective = half.permitted;
    half.inheritable = 0;
    kept = 0;  // of the upper 32 none
  }
  return syscall(SYS_capset, &header, data.data()) == 0;
}

// The system takes the right to be looked at from whoever changes his user; and gives it back.
void SetDumpable(bool allowed) {
  prctl(PR_SET_DUMPABLE, allowed ? 1 : 0, 0, 0, 0);
}

void ForbidCoreDumps() {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
}

Status MakeFolder(const std::string& path, const Identity& identity) {
  struct stat found {};

  if (stat(path.c_str(), &found) == 0) return OkStatus();
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  if (mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST) return Refused(Cat("folder ", path));
  if (chown(path.c_str(), identity.uid, identity.gid) != 0) return Refused(Cat("folder ", path));
  return OkStatus();
}

Status Become(const PrivilegeOptions& options) {
  const Identity& identity = *options.identity;
  for (const std::string& folder : options.folders)
    PENSTOCK_RETURN_IF_ERROR(MakeFolder(folder, identity));
  for (int capability = 0; prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0; ++capability) {
  }
  if (initgroups(identity.user.c_str(), identity.gid) != 0) return Refused("initgroups");
  if (setresgid(identity.gid, identity.gid, identity.gid) != 0) return Refused("setresgid");
  // The saved user stays root: what is permitted goes when that goes, in every thread.
  if (setresuid(identity.uid, identity.uid, 0) != 0) return Refused("setresuid");
  return OkStatus();
}

}  // namespace

StatusOr<std::optional<Identity>> FindIdentity(const std::string& user, const std::string& group) {
  if (user.empty()) {
    if (group.empty()) return std::nullopt;
    return InvalidArgument("group: without a user it has no use");
  }
  const auto number = ParseInt<uid_t>(user);
  const passwd* entry = number ? getpwuid(*number) : getpwnam(user.c_str());
  if (entry == nullptr) {
    return NotFound(Cat("user: there is no user ", Printable(user),
                        "; make one: adduser --system --group --no-create-home ", Printable(user)));
  }
  Identity identity{entry->pw_name, entry->pw_uid, entry->pw_gid};
  if (group.empty()) return identity;
  const auto group_number = ParseInt<gid_t>(group);
  const struct group* found = group_number ? getgrgid(*group_number) : getgrnam(group.c_str());
  if (found == nullptr) return NotFound(Cat("group: there is no group ", Printable(group)));
  identity.gid = found->gr_gid;
  return identity;
}

Status EnterLeastPrivilege(const PrivilegeOptions& options) {
  umask(kOthers);
#ifdef __SANITIZE_ADDRESS__
  // LeakSanitizer looks at the memory of the process as it ends.
  PENSTOCK_CHECK(std::atexit([] { SetDumpable(true); }) == 0);
#endif
  if (!options.allow_core_dumps) ForbidCoreDumps();
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Refused("PR_SET_NO_NEW_PRIVS");
  const bool root = geteuid() == 0;
  if (!root && options.identity && options.identity->uid != geteuid()) {
    return FailedPrecondition(Cat("cannot become user ", options.identity->user, ", being ",
                                  UserName(geteuid()), "; start it as root, or as that user"));
  }
  if (root && !options.identity && !options.allow_root) {
    return FailedPrecondition(
        "runs as root, and needs not to: name a user to become (`user` in the configuration, or "
        "--user NAME), or tell it so: --allow-root");
  }
  if (root && options.identity && options.identity->uid != 0) {
    PENSTOCK_RETURN_IF_ERROR(Become(options));
  }
  if (geteuid() != 0) {
    const unsigned kept = options.low_ports ? 1U << CAP_NET_BIND_SERVICE : 0;
    if (!KeepCapabilities(kept)) return Refused("capset");
  }
  SetDumpable(options.allow_core_dumps);
  return OkStatus();
}

void GiveUpRoot(const PrivilegeOptions& options) {
  const uid_t user = geteuid();
  uid_t real = 0;
  uid_t effective = 0;
  uid_t saved = 0;
  if (user == 0 || getresuid(&real, &effective, &saved) != 0 || saved != 0) return;
  // In all threads at once, as POSIX has it. With the last user id that was root's the system takes
  // all capabilities (capabilities(7)).
  PENSTOCK_CHECK(setresuid(user, user, user) == 0);
  PENSTOCK_CHECK(setresuid(user, 0, user) != 0);
  SetDumpable(options.allow_core_dumps);
}

Status CheckDataFolder(const std::string& path) {
  struct stat folder {};

  if (stat(path.c_str(), &folder) != 0) return OkStatus();  // it is yet to be made
  const std::string me = UserName(geteuid());
  if (folder.st_uid != geteuid()) {
    return FailedPrecondition(Cat("data folder ", path, " belongs to ", UserName(folder.st_uid),
                                  ", not to ", me, "; mend it: chown -R ", me, " ", path));
  }
  if ((folder.st_mode & kOthers) != 0) {
    return FailedPrecondition(
        Cat("data folder ", path, ": others may look into it; mend it: chmod 700 ", path));
  }
  DIR* entries = opendir(path.c_str());
  if (entries == nullptr) return Refused(Cat("data folder ", path));
  Status status;
  while (const dirent* entry = readdir(entries)) {
    struct stat found {};

    const std::string_view name = entry->d_name;
    if (name == "." || name == ".." ||
        fstatat(dirfd(entries), entry->d_name, &found, AT_SYMLINK_NOFOLLOW) != 0) {
      continue;
    }
    if (found.st_uid != geteuid()) {
      status =
          FailedPrecondition(Cat(path, "/", Printable(name), " belongs to ", UserName(found.st_uid),
                                 ", not to ", me, "; mend it: chown -R ", me, " ", path));
      break;
    }
    const bool is_ours = S_ISREG(found.st_mode) || S_ISDIR(found.st_mode);
    if (is_ours && (found.st_mode & kOthers) != 0) {
      fchmodat(dirfd(entries), entry->d_name, found.st_mode & S_IRWXU, 0);
    }
  }
  closedir(entries);
  return status;
}

void NotifyServiceManager(const std::string& state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || (path[0] != '/' && path[0] != '@')) return;

  struct sockaddr_un address {};

  const std::size_t octets = std::strlen(path);
  if (octets >= sizeof address.sun_path) return;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path, octets);
  if (path[0] == '@') address.sun_path[0] = '\0';  // an abstract socket
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + octets);
  if (sendto(fd, state.data(), state.size(), MSG_NOSIGNAL,
             reinterpret_cast<const sockaddr*>(&address), size) < 0) {
    Log(LogLevel::kWarning, "service_manager_not_told", {{"error", std::strerror(errno)}});
  }
  close(fd);
}

}  // namespace penstock::daemon
