// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include <boost/asio/thread_pool.hpp>

#include "engine/store/memory_store.h"
#include "engine/store/sqlite_store.h"
#include "tests/support/temporary_folder.h"

namespace {

class MemoryFixture {
 public:
  penstock::ports::Store& store() { return store_; }

  penstock::async::Executor executor() { return threads_.get_executor(); }

 private:
  boost::asio::thread_pool threads_{2};
  penstock::store::MemoryStore store_;
};

class SqliteFixture {
 public:
  penstock::ports::Store& store() { return *store_; }

  penstock::async::Executor executor() { return threads_.get_executor(); }

 private:
  penstock::tests::TemporaryFolder folder_;
  boost::asio::thread_pool threads_{2};
  std::unique_ptr<penstock::store::SqliteStore> store_ =
      penstock::store::SqliteStore::Open(folder_.path()).value();
};

}  // namespace

#define STORE_FIXTURES MemoryFixture, SqliteFixture
#include "tests/support/store_conformance.h"
