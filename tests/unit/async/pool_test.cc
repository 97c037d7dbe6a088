// SPDX-License-Identifier: Apache-2.0
#include "engine/async/pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>

#include "engine/async/strand.h"
#include "engine/base/limits.h"

using namespace penstock;         // NOLINT(google-build-using-namespace)
using namespace penstock::async;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;

namespace {

// The thread that runs what a strand of the pool is given.
std::thread::id ThreadOf(Pool& pool) {
  std::promise<std::thread::id> thread;
  asio::post(MakeStrand(pool.executor()),
             [&thread] { thread.set_value(std::this_thread::get_id()); });
  return thread.get_future().get();
}

}  // namespace

TEST_CASE("Pool: its own threads run what is posted") {
  Pool pool(1);
  CHECK(ThreadOf(pool) != std::this_thread::get_id());
  CHECK(ThreadOf(pool) == ThreadOf(pool));
}

TEST_CASE("Pool: a guest runs what is dispatched at once and what is posted at the end") {
  Pool pool(1);
  const Executor strand = MakeStrand(pool.executor());
  std::vector<std::string> order;
  {
    const GuestTurn turn;
    asio::dispatch(strand, [&] {
      order.emplace_back("dispatched");
      asio::post(strand, [&] {
        order.emplace_back("posted");
        asio::post(strand, [&] { order.emplace_back("posted by the posted"); });
      });
      order.emplace_back("still dispatched");
    });
    order.emplace_back("turn");
  }
  CHECK(order == std::vector<std::string>{"dispatched", "still dispatched", "turn", "posted",
                                          "posted by the posted"});
}

TEST_CASE("Pool: after the turn this thread is a guest no more") {
  Pool pool(1);
  { const GuestTurn turn; }
  CHECK(ThreadOf(pool) != std::this_thread::get_id());
}

TEST_CASE("Pool: of many that a guest posts the pool runs the rest") {
  Pool pool(1);
  const std::thread::id here = std::this_thread::get_id();
  std::atomic<std::size_t> mine = 0;
  std::atomic<std::size_t> others = 0;
  {
    const GuestTurn turn;
    for (std::size_t i = 0; i < limits::kGuestFunctionsMax + 5; ++i)
      asio::post(pool.executor(), [&] { ++(std::this_thread::get_id() == here ? mine : others); });
  }
  pool.Join();
  CHECK(mine == limits::kGuestFunctionsMax);
  CHECK(others == 5);
}

TEST_CASE("Pool: a strand runs one thing after the other on all of its threads") {
  Pool pool(3);
  const Executor strand = MakeStrand(pool.executor());
  std::vector<int> order;
  std::atomic<int> inside = 0;
  bool alone = true;
  for (int i = 0; i < 1000; ++i) {
    asio::post(strand, [&, i] {
      alone = alone && ++inside == 1;
      order.push_back(i);
      --inside;
    });
  }
  pool.Join();
  CHECK(alone);
  REQUIRE(order.size() == 1000);
  CHECK(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("Pool: is not joined while work is to come") {
  Pool pool(1);
  bool done = false;
  {
    auto work = asio::make_work_guard(MakeStrand(pool.executor()));
    std::thread later([&pool, &done, work = std::move(work)] {
      std::this_thread::sleep_for(20ms);
      asio::post(pool.executor(), [&done] { done = true; });
    });
    pool.Join();
    later.join();
  }
  CHECK(done);
}

TEST_CASE("Pool: a guest of one pool is none of another's") {
  Pool pool(1);
  Pool other(1);
  std::promise<std::thread::id> thread;
  {
    const GuestTurn turn;
    asio::dispatch(pool.executor(), [] {});
    asio::dispatch(other.executor(), [&] { thread.set_value(std::this_thread::get_id()); });
    CHECK(thread.get_future().get() != std::this_thread::get_id());
  }
}

TEST_CASE("Pool: is not joined while a guest is in it") {
  Pool pool(1);
  std::promise<void> inside;
  std::promise<void> go;
  std::atomic<bool> joined = false;
  std::atomic<bool> joined_before_end = true;
  std::thread guest([&] {
    const GuestTurn turn;
    asio::dispatch(pool.executor(), [&] {
      inside.set_value();
      go.get_future().wait();
      joined_before_end = joined.load();
    });
  });
  inside.get_future().wait();
  pool.Stop();
  std::thread joiner([&] {
    pool.Join();
    joined = true;
  });
  std::this_thread::sleep_for(20ms);
  go.set_value();
  guest.join();
  joiner.join();
  CHECK_FALSE(joined_before_end);
  CHECK(joined);
}
