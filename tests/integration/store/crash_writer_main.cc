// SPDX-License-Identifier: Apache-2.0
// The process that crash_test kills: crash_writer FOLDER RUN. Accepts pairs of messages without
// end, and closes every second pair; says on standard output what has been committed, a line each:
//   "+ PAIR"  both messages of the pair are in the store    "- PAIR"  both are closed
// Everything of a pair follows from its name, so that the test can tell what should be there.
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include <unistd.h>

#include <boost/asio/thread_pool.hpp>

#include "engine/async/spawn.h"
#include "engine/base/strings.h"
#include "engine/store/sqlite_store.h"
#include "tests/integration/store/crash_pair.h"

namespace penstock::tests {
namespace {

constexpr int kInFlight = 16;

void Say(const std::string& line) {
  // One write, which a kill cannot split: a pipe takes this much at once.
  if (write(STDOUT_FILENO, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
    std::abort();
  }
}

async::asio::awaitable<void> Write(ports::Store* store, std::string run,
                                   std::atomic<std::uint64_t>* next) {
  for (;;) {
    const std::string pair = Cat(run, "-", (*next)++);
    ports::Transaction accept;
    accept.contents.push_back(store->NewContent().value());
    if (!accept.contents[0]->Write(PairContent(pair)).ok()) std::abort();
    const ContentId content = accept.contents[0]->id();
    for (const char* half : {"a", "b"})
      accept.messages.push_back({PairMessage(pair, half, content), PairHistory(pair)});
    accept.new_async_events.push_back(EventFor("copier", pair, At(0)));
    const Status accepted = co_await store->Commit(std::move(accept));
    if (!accepted.ok()) std::abort();
    Say(Cat("+ ", pair, "\n"));
    if (!IsToBeClosed(pair)) continue;
    ports::Transaction close;
    for (const char* half : {"a", "b"})
      close.messages.push_back({Closed(PairMessage(pair, half, content)), {}});
    const Status closed = co_await store->Commit(std::move(close));
    if (!closed.ok()) std::abort();
    Say(Cat("- ", pair, "\n"));
  }
}

}  // namespace
}  // namespace penstock::tests

int main(int argc, char** argv) {
  using namespace penstock;  // NOLINT(google-build-using-namespace)
  if (argc != 3) return 2;
  auto store = store::SqliteStore::Open(argv[1]);
  if (!store.ok()) {
    std::fprintf(stderr, "%s\n", std::string(Message(store.status())).c_str());
    return 1;
  }
  std::atomic<std::uint64_t> next{0};
  boost::asio::thread_pool threads(2);
  for (int i = 0; i < tests::kInFlight; ++i) {
    async::Spawn(threads.get_executor(), tests::Write(store->get(), argv[2], &next), "writer");
  }
  threads.join();
  return 0;
}
