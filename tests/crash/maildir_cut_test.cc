// SPDX-License-Identifier: Apache-2.0
// A Maildir on a real disk, whose calls are written down on their way (the linker puts the
// functions
// __wrap_* below in their place): what a power cut after each of them leaves, and what each of them
// that fails leaves (A5: once a message is recorded as delivered, its file is all there is of it).
#include <cerrno>
#include <cstdarg>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "engine/delivery/maildir.h"
#include "tests/support/memory_content.h"
#include "tests/support/temporary_folder.h"

namespace {

struct Call {
  enum class Kind { kCreate, kWrite, kSync, kRename, kRemove, kMakeFolder };

  Kind kind;
  std::string path;
  std::string to;    // of kRename
  std::string data;  // of kWrite
  bool failed = false;
};

// What the wrapped calls share with a test, which is on the same thread.
struct Recorder {
  std::string below;  // only paths below it count
  std::vector<Call> calls;
  int fail_at = -1;  // the number of the call that fails
  int fault = 0;     // its errno

  bool Covers(std::string_view path) const { return !below.empty() && path.starts_with(below); }

  // Whether the call is to fail.
  bool Take(Call call) {
    call.failed = static_cast<int>(calls.size()) == fail_at;
    calls.push_back(std::move(call));
    if (calls.back().failed) errno = fault;
    return calls.back().failed;
  }
};

Recorder recorder;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

std::string PathOf(int descriptor) {
  return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(descriptor)).string();
}

}  // namespace

// NOLINTBEGIN: the linker says what they are called
extern "C" {
int __real_open(const char* path, int flags, ...);
ssize_t __real_write(int descriptor, const void* octets, size_t count);
int __real_fsync(int descriptor);
int __real_rename(const char* from, const char* to);
int __real_unlink(const char* path);
int __real_mkdir(const char* path, mode_t mode);

int __wrap_open(const char* path, int flags, ...) {
  std::va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  if ((flags & O_CREAT) != 0 && recorder.Covers(path) &&
      recorder.Take({Call::Kind::kCreate, path, {}, {}})) {
    return -1;
  }
  return __real_open(path, flags, mode);
}

ssize_t __wrap_write(int descriptor, const void* octets, size_t count) {
  const std::string path = PathOf(descriptor);
  // A short write is what a disk that is nearly full does.
  if (count > 1 && recorder.Covers(path)) count = count / 2;
  if (recorder.Covers(path) &&
      recorder.Take({Call::Kind::kWrite, path, {}, {static_cast<const char*>(octets), count}})) {
    return -1;
  }
  return __real_write(descriptor, octets, count);
}

int __wrap_fsync(int descriptor) {
  const std::string path = PathOf(descriptor);
  if (recorder.Covers(path) && recorder.Take({Call::Kind::kSync, path, {}, {}})) return -1;
  return __real_fsync(descriptor);
}

int __wrap_rename(const char* from, const char* to) {
  if (recorder.Covers(from) && recorder.Take({Call::Kind::kRename, from, to, {}})) return -1;
  return __real_rename(from, to);
}

int __wrap_unlink(const char* path) {
  if (recorder.Covers(path) && recorder.Take({Call::Kind::kRemove, path, {}, {}})) return -1;
  return __real_unlink(path);
}

int __wrap_mkdir(const char* path, mode_t mode) {
  struct stat there = {};
  if (recorder.Covers(path) && ::stat(path, &there) != 0 &&
      ::stat(std::filesystem::path(path).parent_path().c_str(), &there) == 0 &&
      recorder.Take({Call::Kind::kMakeFolder, path, {}, {}})) {
    return -1;
  }
  return __real_mkdir(path, mode);
}
}

// NOLINTEND

namespace {

using namespace penstock;  // NOLINT(google-build-using-namespace)
using delivery::Maildir;
using delivery::OutgoingContent;
using penstock::tests::Content;
using penstock::tests::TemporaryFolder;

std::string Above(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

// What a power cut leaves of the calls so far.
class Remains {
 public:
  // `eager`: of what is not synced every name is left and no octet; else nothing is.
  Remains(const std::vector<Call>& calls, std::size_t count, const std::string& root, bool eager) {
    folders_.insert(root);
    for (std::size_t i = 0; i < count; ++i)
      Apply(calls[i]);
    if (!eager) return;
    names_ = seen_names_;
    folders_.insert(seen_folders_.begin(), seen_folders_.end());
  }

  // The files that can be reached from the root, with their octets.
  [[nodiscard]] std::map<std::string, std::string> Files(const std::string& root) const {
    std::map<std::string, std::string> files;
    for (const auto& [path, file] : names_) {
      std::string folder = Above(path);
      while (folder != root && folders_.contains(folder))
        folder = Above(folder);
      if (folder == root) files[path] = synced_.at(file);
    }
    return files;
  }

 private:
  void Apply(const Call& call) {
    if (call.failed) return;
    switch (call.kind) {
      case Call::Kind::kCreate:
        seen_names_[call.path] = written_.size();
        written_.emplace_back();
        synced_.emplace_back();
        return;
      case Call::Kind::kWrite:
        written_[seen_names_.at(call.path)] += call.data;
        return;
      case Call::Kind::kRename:
        seen_names_[call.to] = seen_names_.at(call.path);
        seen_names_.erase(call.path);
        return;
      case Call::Kind::kRemove:
        seen_names_.erase(call.path);
        return;
      case Call::Kind::kMakeFolder:
        seen_folders_.insert(call.path);
        return;
      case Call::Kind::kSync:
        Sync(call.path);
    }
  }

  void Sync(const std::string& path) {
    if (const auto name = seen_names_.find(path); name != seen_names_.end()) {
      synced_[name->second] = written_[name->second];
      return;
    }
    std::erase_if(names_, [&](const auto& name) { return Above(name.first) == path; });
    for (const auto& name : seen_names_) {
      if (Above(name.first) == path) names_.insert(name);
    }
    for (const std::string& folder : seen_folders_) {
      if (Above(folder) == path) folders_.insert(folder);
    }
  }

  std::vector<std::string> written_;  // by number of the file
  std::vector<std::string> synced_;
  std::map<std::string, std::size_t> seen_names_;  // by those who run on
  std::map<std::string, std::size_t> names_;       // durable
  std::set<std::string> seen_folders_;
  std::set<std::string> folders_;
};

constexpr char kMail[] = "Subject: s\r\n\r\nbody\r\n";

struct Box {
  Box() { recorder = {root(), {}, -1, 0}; }

  Box(const Box&) = delete;
  Box& operator=(const Box&) = delete;

  ~Box() { recorder = {}; }

  [[nodiscard]] std::string root() const { return folder.path(); }

  [[nodiscard]] Status Deliver(std::string_view name) const {
    auto content = OutgoingContent::Open("", flow::Marking::kNone, {}, Content(kMail));
    REQUIRE(content.ok());
    Status status = maildir.Settle();
    if (status.ok()) status = maildir.Save(name, *content);
    return status;
  }

  [[nodiscard]] std::string InNew(std::string_view name) const {
    return maildir.folder() + "/new/" + std::string(name);
  }

  [[nodiscard]] std::map<std::string, std::string> Left(std::size_t calls, bool eager) const {
    return Remains(recorder.calls, calls, root(), eager).Files(root());
  }

  TemporaryFolder folder;
  Maildir maildir{folder.path() + "/own.example/u"};
};

}  // namespace

TEST_CASE("Maildir: what it has saved survives a power cut, and nothing is there by half") {
  const Box box;
  REQUIRE(box.Deliver("1").ok());
  const std::size_t first = recorder.calls.size();
  REQUIRE(box.Deliver("2").ok());
  REQUIRE(recorder.calls.size() > first);
  for (std::size_t cut = 0; cut <= recorder.calls.size(); ++cut) {
    for (const bool eager : {false, true}) {
      CAPTURE(cut, eager);
      const auto left = box.Left(cut, eager);
      for (const auto& [path, octets] : left) {
        CAPTURE(path);
        if (path.find("/new/") != std::string::npos) CHECK(octets == kMail);
      }
      if (cut >= first) CHECK(left.contains(box.InNew("1")));
    }
  }
  CHECK(box.Left(recorder.calls.size(), false).contains(box.InNew("2")));
}

TEST_CASE("Maildir: a call that fails leaves nothing, and the next try is whole") {
  int calls = 0;
  {
    const Box box;
    REQUIRE(box.Deliver("1").ok());
    calls = static_cast<int>(recorder.calls.size());
  }
  for (const int fault : {EIO, ENOSPC}) {
    for (int i = 0; i < calls; ++i) {
      const Box box;
      recorder.fail_at = i;
      recorder.fault = fault;
      const Status status = box.Deliver("1");
      CAPTURE(fault, i, recorder.calls.at(i).path);
      REQUIRE(recorder.calls.at(i).failed);
      CHECK(status.code() ==
            (fault == EIO ? StatusCode::kUnavailable : StatusCode::kResourceExhausted));
      CHECK(!std::filesystem::exists(box.InNew("1")));
      REQUIRE(box.Deliver("2").ok());
      const auto left = box.Left(recorder.calls.size(), false);
      CHECK(left.contains(box.InNew("2")));
      CHECK(!left.contains(box.InNew("1")));
    }
  }
}
