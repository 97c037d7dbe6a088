// SPDX-License-Identifier: Apache-2.0
// The simulator's store is one: while its disk is well it does what every store does.
#include <optional>

#include <boost/asio/thread_pool.hpp>

#include "tests/sim/sim_store.h"

namespace {

class SimFixture {
 public:
  SimFixture() { store_.emplace(disk_, weather_, watch_, penstock::sim::Dice(1), executor()); }

  penstock::ports::Store& store() { return *store_; }

  penstock::async::Executor executor() { return thread_.get_executor(); }

 private:
  penstock::store::MemoryStore disk_;
  const penstock::sim::DiskWeather weather_;
  const penstock::sim::DiskWatch watch_;
  std::optional<penstock::sim::SimStore> store_;
  boost::asio::thread_pool thread_{1};  // not the test's; ends before what runs on it
};

}  // namespace

#define STORE_FIXTURES SimFixture
#include "tests/support/store_conformance.h"
