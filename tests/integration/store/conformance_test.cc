// SPDX-License-Identifier: Apache-2.0
#include <boost/asio/thread_pool.hpp>

#include "engine/store/memory_store.h"

namespace {

class MemoryFixture {
 public:
  penstock::ports::Store& store() { return store_; }

  penstock::async::Executor executor() { return threads_.get_executor(); }

 private:
  boost::asio::thread_pool threads_{2};
  penstock::store::MemoryStore store_;
};

}  // namespace

#define STORE_FIXTURES MemoryFixture
#include "tests/support/store_conformance.h"
