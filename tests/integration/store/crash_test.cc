// SPDX-License-Identifier: Apache-2.0
// kill -9 under load: what a Commit has returned for is there afterwards, whole, and what is there
// is whole, whether a Commit returned for it or not (A5).
#include <chrono>
#include <csignal>
#include <map>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <thread>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/integration/store/crash_pair.h"
#include "tests/integration/store/sqlite_fixture.h"

namespace penstock::store {
namespace {

using namespace tests;  // NOLINT(google-build-using-namespace)

// Runs the writer for a while, kills it, and returns what it said, line by line.
std::vector<std::string> RunAndKill(const std::string& folder, const std::string& run,
                                    std::chrono::milliseconds after_first_line) {
  int pipe_ends[2];
  REQUIRE(pipe2(pipe_ends, O_CLOEXEC) == 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], STDOUT_FILENO);
  std::string program = STORE_CRASH_WRITER;
  std::string folder_argument = folder;
  std::string run_argument = run;
  char* arguments[] = {program.data(), folder_argument.data(), run_argument.data(), nullptr};
  pid_t child = 0;
  REQUIRE(posix_spawn(&child, program.c_str(), &actions, nullptr, arguments, environ) == 0);
  posix_spawn_file_actions_destroy(&actions);
  close(pipe_ends[1]);

  std::string said;
  char buffer[65'536];
  std::jthread killer;
  for (;;) {
    const ssize_t read_octets = read(pipe_ends[0], buffer, sizeof(buffer));
    if (read_octets <= 0) break;
    said.append(buffer, static_cast<std::size_t>(read_octets));
    if (killer.joinable()) continue;
    killer = std::jthread([child, after_first_line] {
      std::this_thread::sleep_for(after_first_line);
      kill(child, SIGKILL);
    });
  }
  close(pipe_ends[0]);
  int ended = 0;
  REQUIRE(waitpid(child, &ended, 0) == child);
  REQUIRE(WIFSIGNALED(ended));  // else it failed by itself
  CHECK(WTERMSIG(ended) == SIGKILL);
  std::vector<std::string> lines;
  for (const std::string_view line : Split(said, '\n')) {
    if (!line.empty()) lines.emplace_back(line);
  }
  return lines;
}

// What is expected of all runs so far: '+' accepted, '-' closed as well.
using Pairs = std::map<std::string, char>;

void CheckPair(SqliteFixture& fixture, const std::string& pair, char said) {
  CAPTURE(pair, said);
  ContentId content;
  for (const char* half : {"a", "b"}) {
    const auto loaded =
        Await(fixture.executor(), fixture.store().LoadMessageWithHistory(MessageId(pair + half)));
    REQUIRE(loaded.ok());
    const bool closed = Phase(loaded->state) == MessagePhase::kClosed;
    const auto accepted = PairMessage(pair, half, loaded->state.content);
    CHECK(loaded->state == (closed ? Closed(accepted) : accepted));
    CHECK(loaded->history == PairHistory(pair));
    if (said == '-') CHECK(closed);
    if (!IsToBeClosed(pair)) CHECK_FALSE(closed);
    // Both halves share one content, and one fate.
    if (!content.empty()) CHECK(loaded->state.content == content);
    content = loaded->state.content;
    CHECK(ReadContent(fixture, content) == (closed ? "NOT_FOUND" : PairContent(pair)));
  }
}

TEST_CASE("SqliteStore: kill -9 takes nothing that was committed", "[store][crash]") {
  constexpr int kKills = 20;
  const unsigned seed = std::random_device()();
  CAPTURE(seed);
  std::mt19937 random(seed);
  SqliteFixture fixture;
  Pairs pairs;
  for (int run = 0; run < kKills; ++run) {
    CAPTURE(run);
    fixture.Close();
    const auto delay = std::chrono::milliseconds(std::uniform_int_distribution(1, 60)(random));
    for (const std::string& line : RunAndKill(fixture.folder(), Cat("run", run), delay)) {
      REQUIRE(line.size() > 2);
      pairs[line.substr(2)] = line[0];
    }
    fixture.Open();
    for (const auto& [pair, said] : pairs) {
      if (pair.starts_with(Cat("run", run, "-"))) CheckPair(fixture, pair, said);
    }
  }
  // All of them again, and those that came in without their Commit having returned.
  std::set<std::string> listed;
  const std::string list = List(fixture, {}, 1000);
  for (const std::string_view id : Split(list, ' ')) {
    const std::string_view bare = id.starts_with('|') ? id.substr(1) : id;
    if (!bare.empty()) listed.insert(std::string(bare.substr(0, bare.size() - 1)));
  }
  CHECK(listed.size() >= pairs.size());
  for (const auto& [pair, said] : pairs)
    CHECK(listed.contains(pair));
  for (const std::string& pair : listed)
    CheckPair(fixture, pair, pairs.contains(pair) ? pairs[pair] : '?');
  CHECK(Counts(fixture) == Cat("copier:", listed.size(), "/0/0 "));
  std::uint64_t open = 0;
  for (const std::string& wake : Wakes(fixture))
    open += wake.ends_with("@once") ? 1U : 0U;
  CHECK(open == CountOpen(fixture));
  WARN(kKills << " kills, " << pairs.size() << " pairs said to be committed, " << listed.size()
              << " found");
}

}  // namespace
}  // namespace penstock::store
