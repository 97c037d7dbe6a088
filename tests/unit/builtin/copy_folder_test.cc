// SPDX-License-Identifier: Apache-2.0
#include "hooks/builtin/copy_folder.h"

#include <chrono>
#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>

#include "tests/support/temporary_folder.h"

using namespace penstock;           // NOLINT(google-build-using-namespace)
using namespace penstock::builtin;  // NOLINT(google-build-using-namespace)
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kRoom = 1000;

Status Write(CopyFolder& folder, const std::string& stem, const std::string& octets) {
  return folder.Write(stem, ".eml", [&octets](const auto& announce, const auto& sink) {
    const Status room = announce(octets.size());
    return room.ok() ? sink(octets) : room;
  });
}

void MakeOlder(const std::string& path, std::chrono::hours by) {
  fs::last_write_time(path, fs::file_time_type::clock::now() - by);
}

}  // namespace

TEST_CASE("A folder of copies takes as much as it may, and counts what it holds", "[builtin]") {
  const tests::TemporaryFolder temporary;
  const std::string path = temporary.path() + "/a/copies";
  CopyFolder folder(path, kRoom);
  REQUIRE(folder.Open().ok());
  CHECK(Write(folder, "ab1", std::string(600, 'x')).ok());
  CHECK(Write(folder, "ab2", std::string(401, 'x')).code() == StatusCode::kResourceExhausted);
  CHECK(Write(folder, "ab1", std::string(400, 'y')).ok());  // is there, and stays
  CHECK(fs::file_size(path + "/ab/ab1.eml") == 600);
  CHECK(Write(folder, "ab3", std::string(400, 'x')).ok());
  CHECK(Write(folder, "ab4", "x").code() == StatusCode::kResourceExhausted);
  CHECK(std::distance(fs::directory_iterator(path + "/ab"), {}) == 2);

  CopyFolder again(path, kRoom);
  REQUIRE(again.Open().ok());
  CHECK(Write(again, "ab4", "x").code() == StatusCode::kResourceExhausted);
  CHECK(*again.Has("ab3", ".eml"));
  CHECK(!*again.Has("ab4", ".eml"));
}

TEST_CASE("A folder of copies removes what is old, and gives its room back", "[builtin]") {
  const tests::TemporaryFolder temporary;
  const std::string path = temporary.path() + "/copies";
  CopyFolder folder(path, kRoom);
  REQUIRE(folder.Open().ok());
  REQUIRE(Write(folder, "ab1", std::string(500, 'x')).ok());
  REQUIRE(Write(folder, "ab2", std::string(500, 'x')).ok());
  MakeOlder(path + "/ab/ab1.eml", std::chrono::hours(25));
  MakeOlder(path + "/ab/ab2.eml", std::chrono::hours(23));
  const std::string cut = path + "/ab/ab3.eml.1-1.unfinished";
  const std::string running = path + "/ab/ab4.eml.1-2.unfinished";
  std::ofstream(cut) << "x";
  std::ofstream(running) << "x";
  MakeOlder(cut, std::chrono::hours(2));
  folder.Sweep(std::chrono::seconds(0));  // keeps all copies
  CHECK(fs::exists(path + "/ab/ab1.eml"));
  CHECK(!fs::exists(cut));
  CHECK(fs::exists(running));
  folder.Sweep(std::chrono::hours(24));
  CHECK(!fs::exists(path + "/ab/ab1.eml"));
  CHECK(fs::exists(path + "/ab/ab2.eml"));
  CHECK(Write(folder, "ab5", std::string(500, 'x')).ok());
}

TEST_CASE("A folder of copies is unwell by its own faults alone", "[builtin]") {
  const tests::TemporaryFolder temporary;
  const std::string path = temporary.path() + "/copies";
  CopyFolder folder(path, kRoom);
  REQUIRE(folder.Open().ok());
  const auto cut = [](const auto& announce, const auto& sink) -> Status {
    CHECK(announce(2).ok());
    CHECK(sink("x").ok());
    return Cancelled("nobody waits");
  };
  CHECK(folder.Write("ab1", ".eml", cut).code() == StatusCode::kCancelled);
  CHECK(folder.Health().ok());
  CHECK(!Write(folder, "ab2", std::string(kRoom + 1, 'x')).ok());
  CHECK(folder.Health().code() == StatusCode::kResourceExhausted);
  CHECK(!folder.Write("ab1", ".eml", cut).ok());  // says nothing of the folder
  CHECK(!Write(folder, "../x", "x").ok());
  CHECK(folder.Health().code() == StatusCode::kResourceExhausted);
  CHECK(Write(folder, "ab3", "x").ok());
  CHECK(folder.Health().ok());
  std::ofstream(path + "/cd") << "in the way";
  CHECK(Write(folder, "cd1", "x").code() == StatusCode::kUnavailable);
  CHECK(folder.Health().code() == StatusCode::kUnavailable);
}

TEST_CASE("A sweep of a folder of copies ends when it is told to", "[builtin]") {
  const tests::TemporaryFolder temporary;
  const std::string path = temporary.path() + "/copies";
  CopyFolder folder(path, kRoom);
  REQUIRE(folder.Open().ok());
  REQUIRE(Write(folder, "ab1", "x").ok());
  MakeOlder(path + "/ab/ab1.eml", std::chrono::hours(25));
  std::stop_source stop;
  stop.request_stop();
  folder.Sweep(std::chrono::hours(24), stop.get_token());
  CHECK(fs::exists(path + "/ab/ab1.eml"));
}

TEST_CASE("A folder of copies that others may enter is refused", "[builtin]") {
  const tests::TemporaryFolder temporary;
  const std::string path = temporary.path() + "/copies";
  fs::create_directory(path);
  fs::permissions(path, fs::perms::owner_all | fs::perms::group_read);
  CHECK(Message(CopyFolder(path, kRoom).Open()) ==
        path + ": others may enter it; it holds mail: chmod 700 " + path);
  std::ofstream(temporary.path() + "/file") << "x";
  CHECK(CopyFolder(temporary.path() + "/file", kRoom).Open().code() ==
        StatusCode::kFailedPrecondition);
}
