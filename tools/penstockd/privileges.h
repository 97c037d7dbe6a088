// SPDX-License-Identifier: Apache-2.0
// What the process may do, and gives up. Started as root it becomes a user at once, with nothing
// left but to open ports below 1024 and to go back to being root; both end with GiveUpRoot, when
// all is open. In between, what it makes belongs to the user.
//
// Threads: all but GiveUpRoot before any thread starts.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "engine/base/status.h"

namespace penstock::daemon {

struct Identity {
  std::string user;
  uid_t uid = 0;
  gid_t gid = 0;
};

// Looks up `user` (a name or a number) and `group` (empty: the user's own). No user: nullopt.
//   Errors: kNotFound, "user: …".
StatusOr<std::optional<Identity>> FindIdentity(const std::string& user, const std::string& group);

struct PrivilegeOptions {
  std::optional<Identity> identity;  // to become; nullopt: who started us
  bool allow_root = false;           // without an identity
  bool allow_core_dumps = false;     // they hold mail
  bool low_ports = false;            // ports below 1024 are to be opened
  std::vector<std::string> folders;  // made for the user if they are not there
};

// Becomes the user; no program run from here on can gain rights; files made from here on are the
// owner's alone; no core dump.
//   Errors: kFailedPrecondition (root without a user; another user, but not started as root),
//   kUnavailable (the system refuses).
Status EnterLeastPrivilege(const PrivilegeOptions& options);

// The last step: no way back, and no capability. In all threads.
void GiveUpRoot(const PrivilegeOptions& options);

// Refuses a folder with mail that others may look into, or with files of another user; takes from
// files in it what others may do with them.
//   Errors: kFailedPrecondition, with the command that mends it.
Status CheckDataFolder(const std::string& path);

// Tells the service manager "READY=1" and the like, if there is one (sd_notify(3)).
void NotifyServiceManager(const std::string& state);

}  // namespace penstock::daemon
