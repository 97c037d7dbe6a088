// SPDX-License-Identifier: Apache-2.0
#include "engine/async/limiter.h"

#include <chrono>
#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <catch2/catch.hpp>

#include "engine/async/deadline.h"

namespace penstock::async {
namespace {

using std::chrono::milliseconds;

asio::awaitable<void> Wait(Limiter* limiter, std::optional<Milliseconds> longest, StatusCode* got) {
  const auto permit = co_await limiter->Acquire(longest);
  *got = permit.status().code();
}

asio::awaitable<void> Hold(Limiter* limiter, milliseconds time) {
  const auto permit = co_await limiter->Acquire();
  REQUIRE(permit.ok());
  const Status slept = co_await Sleep(time);
  CHECK(slept.ok());
}

TEST_CASE("Limiter: waits no longer than told, and leaves the queue", "[async]") {
  asio::io_context context;
  Limiter limiter(1);
  StatusCode short_wait = StatusCode::kUnknown;
  StatusCode long_wait = StatusCode::kUnknown;
  StatusCode no_bound = StatusCode::kUnknown;
  const auto spawn = [&context](asio::awaitable<void> work) {
    asio::co_spawn(asio::make_strand(context), std::move(work), asio::detached);
  };
  spawn(Hold(&limiter, milliseconds(200)));
  spawn(Wait(&limiter, Milliseconds(20), &short_wait));
  spawn(Wait(&limiter, Milliseconds(60'000), &long_wait));
  spawn(Wait(&limiter, std::nullopt, &no_bound));
  context.run_for(milliseconds(100));
  CHECK(short_wait == StatusCode::kDeadlineExceeded);
  CHECK(limiter.waiting() == 2);
  context.run();
  CHECK(long_wait == StatusCode::kOk);
  CHECK(no_bound == StatusCode::kOk);
  CHECK(limiter.waiting() == 0);
}

}  // namespace
}  // namespace penstock::async
