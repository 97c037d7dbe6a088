// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/capability_keeper.h"

#include <string>
#include <utility>

#include <boost/asio/thread_pool.hpp>
#include <catch2/catch.hpp>

#include "engine/base/limits.h"
#include "engine/runtime/system_clock.h"
#include "engine/store/memory_store.h"
#include "tests/support/await.h"
#include "tests/support/store_samples.h"
#include "tests/support/watched_store.h"

namespace penstock::runtime {
namespace {

struct FixedClock final : ports::Clock {
  [[nodiscard]] Time Now() const override { return now; }

  Time now = tests::At(0);
};

struct World {
  std::string Grant(CapabilityKeeper& keeper) {
    return tests::Await(executor, keeper.Grant(capability)).value().capability;
  }

  std::size_t Keys() { return tests::Await(executor, store.LoadCapabilityKeys()).value().size(); }

  std::unique_ptr<CapabilityKeeper> Start() {
    auto keeper = std::make_unique<CapabilityKeeper>(store, clock, random);
    REQUIRE(tests::Await(executor, keeper->Load()).ok());
    keeper->SetTarget("unix:/somewhere");
    return keeper;
  }

  boost::asio::thread_pool pool{1};
  async::Executor executor = pool.get_executor();
  store::MemoryStore store;
  FixedClock clock;
  SystemRandom random;
  flow::Capability capability = [] {
    flow::Capability made;
    made.message = MessageId("m");
    made.hook = "h";
    return made;
  }();
};

}  // namespace

TEST_CASE("Capability keeper: grants nothing before it knows where", "[runtime][capability][P2]") {
  World world;
  CapabilityKeeper keeper(world.store, world.clock, world.random);
  CHECK(!keeper.Verify(""));
  keeper.SetTarget("unix:/somewhere");
  CHECK(!tests::Await(world.executor, keeper.Grant(world.capability)));
  CHECK(tests::Await(world.executor, keeper.Load()).ok());
  keeper.SetTarget("");
  CHECK(!tests::Await(world.executor, keeper.Grant(world.capability)));
  keeper.SetTarget("unix:/somewhere");
  const auto access = tests::Await(world.executor, keeper.Grant(world.capability));
  REQUIRE(access);
  CHECK(access->target == "unix:/somewhere");
  CHECK(keeper.Verify(access->capability) == world.capability);
}

TEST_CASE("Capability keeper: what was granted before a restart is good after it",
          "[runtime][capability][P2]") {
  World world;
  const std::string token = world.Grant(*world.Start());
  auto keeper = world.Start();
  CHECK(world.Keys() == 1);
  CHECK(keeper->Verify(token) == world.capability);
  CHECK(world.Grant(*keeper) == token);
  World other;
  CHECK(!other.Start()->Verify(token));
}

TEST_CASE("Capability keeper: a new key a day, an old one as long as it can be named",
          "[runtime][capability][P2]") {
  World world;
  auto keeper = world.Start();
  const std::string first = world.Grant(*keeper);
  world.clock.now += limits::kCapabilityKeyAge - Milliseconds(1);
  CHECK(world.Grant(*keeper) == first);
  world.clock.now += Milliseconds(1);
  const std::string second = world.Grant(*keeper);
  CHECK(second != first);
  CHECK(world.Keys() == 2);
  CHECK(keeper->Verify(first));
  CHECK(keeper->Verify(second));
  world.clock.now += limits::kCapabilityKeyAge;  // at a start as well as while it runs
  keeper = world.Start();
  CHECK(world.Keys() == 3);
  CHECK(keeper->Verify(first));
  world.clock.now += limits::kCapabilityKeyAge;
  CHECK(world.Grant(*keeper) != second);
  CHECK(!keeper->Verify(first));
  CHECK(keeper->Verify(second));
  CHECK(world.Keys() == 3);
}

TEST_CASE("Capability keeper: a key is kept as long as what it signed, however long that is",
          "[runtime][capability][P2][M5]") {
  World world;
  auto keeper = world.Start();
  keeper->SetRetention(std::chrono::hours(7 * 24));
  const std::string first = world.Grant(*keeper);
  world.clock.now += std::chrono::hours(8 * 24);
  CHECK(world.Grant(*keeper) != first);
  CHECK(keeper->Verify(first));
  world.clock.now += std::chrono::hours(24);
  world.Grant(*keeper);
  CHECK(!keeper->Verify(first));
}

TEST_CASE("Capability keeper: a store that fails leaves the old key in force",
          "[runtime][capability][P2]") {
  World world;
  tests::WatchedStore store(world.store);
  CapabilityKeeper keeper(store, world.clock, world.random);
  store.RefuseCommits(Unavailable("no disk"));
  CHECK(!tests::Await(world.executor, keeper.Load()).ok());
  store.RefuseCommits(OkStatus());
  CHECK(tests::Await(world.executor, keeper.Load()).ok());
  keeper.SetTarget("unix:/somewhere");
  const std::string first = world.Grant(keeper);
  world.clock.now += limits::kCapabilityKeyAge;
  store.RefuseCommits(Unavailable("no disk"));
  CHECK(world.Grant(keeper) == first);
  store.RefuseCommits(OkStatus());
  CHECK(world.Grant(keeper) != first);
}

}  // namespace penstock::runtime
