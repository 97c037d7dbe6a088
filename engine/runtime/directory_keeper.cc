// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/directory_keeper.h"

#include <utility>

#include "engine/async/run_on.h"
#include "engine/base/status_macros.h"

namespace penstock::runtime {

DirectoryKeeper::DirectoryKeeper(ports::Store& store, const ports::Clock& clock,
                                 async::Executor compiler)
    : store_(store),
      clock_(clock),
      current_(std::make_shared<const flow::Directory>()),
      compiler_(std::move(compiler)) {
  if (!compiler_) compiler_ = thread_.emplace(1).get_executor();
}

async::Task<void> DirectoryKeeper::Load() {
  auto loaded = co_await store_.LoadResources();
  PENSTOCK_CO_ASSIGN_OR_RETURN(ports::StoredResources resources, std::move(loaded));
  auto built = flow::Directory::Build(std::move(resources.organizations),
                                      std::move(resources.hooks), std::move(resources.rules));
  PENSTOCK_CO_ASSIGN_OR_RETURN(flow::DirectorySnapshot directory, std::move(built));
  const bool is_new = directory->organizations().empty();
  Swap(std::move(directory));
  if (!is_new) co_return OkStatus();
  MakeChange make = [](const flow::Directory& now) -> StatusOr<Change> {
    rules::Organization organization;
    organization.name = "default";
    Change change;
    PENSTOCK_ASSIGN_OR_RETURN(change.next, now.With(organization, flow::Directory::Write::kCreate));
    ports::ResourceChange resource;
    resource.resource = std::move(organization);
    change.resources.push_back(std::move(resource));
    return change;
  };
  std::string who = "penstockd";
  co_return co_await Apply(std::move(make), std::move(who));
}

flow::DirectorySnapshot DirectoryKeeper::Current() const {
  const MutexLock lock(mutex_);
  return current_;
}

async::Task<void> DirectoryKeeper::Apply(MakeChange make, std::string who) {
  auto work = Make(std::move(make), std::move(who));
  co_return co_await async::RunOn(compiler_, std::move(work));
}

async::Task<void> DirectoryKeeper::Make(MakeChange make, std::string who) {
  auto turn = co_await one_change_.Acquire();
  PENSTOCK_CO_RETURN_IF_ERROR(turn.status());
  const flow::DirectorySnapshot now = Current();
  auto made = make(*now);
  PENSTOCK_CO_ASSIGN_OR_RETURN(Change change, std::move(made));
  if (change.resources.empty()) co_return OkStatus();
  ports::Transaction transaction;
  for (ports::ResourceChange& resource : change.resources) {
    resource.who = who;
    resource.when = clock_.Now();
    transaction.resources.push_back(std::move(resource));
  }
  const Status committed = co_await store_.Commit(std::move(transaction));
  PENSTOCK_CO_RETURN_IF_ERROR(committed);
  Swap(std::move(change.next));
  co_return OkStatus();
}

void DirectoryKeeper::Swap(flow::DirectorySnapshot next) {
  const MutexLock lock(mutex_);
  current_.swap(next);  // the old one goes after the lock, if nobody holds it
}

}  // namespace penstock::runtime
