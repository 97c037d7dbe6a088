// SPDX-License-Identifier: Apache-2.0
// The one Directory that is in force. Messages take a snapshot; an administrator's change builds
// the next one aside, on a thread of its own, makes it durable, and swaps it in (R14): no message
// waits for a compile, and none sees half a change.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/thread_pool.hpp>

#include "engine/async/limiter.h"
#include "engine/async/task.h"
#include "engine/base/mutex.h"
#include "engine/flow/directory.h"
#include "engine/ports/clock.h"
#include "engine/ports/store.h"

namespace penstock::runtime {

// Threads: safe from any.
class DirectoryKeeper {
 public:
  // What a change makes of the Directory it finds: the next one, and what to write down.
  struct Change {
    flow::DirectorySnapshot next;
    std::vector<ports::ResourceChange> resources;  // who and when are filled in by Apply; empty:
                                                   // nothing changes, and `next` is not looked at
  };

  using MakeChange = std::function<StatusOr<Change>(const flow::Directory&)>;

  // `store` and `clock` outlive it. Changes are made on `compiler`, a strand; if it is empty, on a
  // thread of the keeper's own.
  DirectoryKeeper(ports::Store& store, const ports::Clock& clock, async::Executor compiler = {});

  // Reads what the store holds; a store that is new gets the organization `default` (O1).
  async::Task<void> Load();

  [[nodiscard]] flow::DirectorySnapshot Current() const;

  // Applies one change; changes wait for each other. `who` goes on record (R14). `make` is called
  // on a thread that no message needs, so it may take its time.
  //   Errors: those of `make`, and the store's; nothing has changed then.
  async::Task<void> Apply(MakeChange make, std::string who);

 private:
  // On compiler_.
  async::Task<void> Make(MakeChange make, std::string who);
  void Swap(flow::DirectorySnapshot next);

  ports::Store& store_;
  const ports::Clock& clock_;
  async::Limiter one_change_{1};
  mutable Mutex mutex_;
  flow::DirectorySnapshot current_ ABSL_GUARDED_BY(mutex_);
  std::optional<async::asio::thread_pool> thread_;  // ends before what its work uses
  async::Executor compiler_;
};

}  // namespace penstock::runtime
