// SPDX-License-Identifier: Apache-2.0
// The one writer of the SQLite store: a thread that takes all steps that wait, makes their contents
// durable, applies them in one SQLite transaction, commits, and lets their callers go on. While a
// commit waits for the disk the next group gathers. Steps that are patient wait a moment for one
// that is not, and go with it: where mail comes in, its acceptance takes along what earlier mail
// leaves behind, at no sync of its own.
//
// A step that fails by itself is undone alone, by a savepoint. That it fails is rare, and
// savepoints copy each page that changes: so they are set at the second try. When the disk refuses
// the whole group, its steps are tried one by one: on a full disk those that end messages still get
// through, and make room.
#pragma once

#include <memory>
#include <set>
#include <span>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"

#include "engine/base/limits.h"
#include "engine/base/mutex.h"
#include "engine/base/status.h"
#include "engine/store/await_done.h"
#include "engine/store/content_segments.h"
#include "engine/store/recent_contents.h"
#include "engine/store/state_tables.h"

namespace penstock::store {

// One thing to be committed.
struct WriteStep {
  // May be called again after it was undone.
  absl::AnyInvocable<Status(StateTables&)> apply;
  std::set<std::uint32_t> segments;  // to be durable before
  bool patient = false;              // nobody waits for it: limits::kCommitPatience
  Done<Status> done;
};

// Threads: safe from any.
class GroupCommit {
 public:
  // `log_pages_max`: a longer log of SQLite is moved into the database.
  GroupCommit(std::unique_ptr<StateTables> tables, std::shared_ptr<ContentSegments> segments,
              int log_pages_max);
  // Ends what has been submitted.
  ~GroupCommit();

  GroupCommit(const GroupCommit&) = delete;
  GroupCommit& operator=(const GroupCommit&) = delete;

  // `step.done` is called with kResourceExhausted if limits::kCommitQueueMax steps wait already.
  void Submit(WriteStep step);

  [[nodiscard]] const StateCounts& counts() const { return tables_->counts(); }

  // Of what it has committed.
  [[nodiscard]] const RecentContents& recent() const { return recent_; }

 private:
  using Steps = std::span<WriteStep>;
  enum class Savepoints { kNone, kEach };

  void Run();
  bool Take(std::vector<WriteStep>& steps);
  void AwaitHaste() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CommitGroup(std::vector<WriteStep>& steps);
  Status TryCommit(Steps steps, std::vector<Status>& results, Savepoints savepoints);
  Status ApplyEach(Steps steps, std::vector<Status>& results, Savepoints savepoints);
  void Follow(StateTables::Consequences consequences);
  void RepairLog();
  void MoveLog();

  const std::unique_ptr<StateTables> tables_;
  const std::shared_ptr<ContentSegments> segments_;
  const int log_pages_max_;
  RecentContents recent_{limits::kRecentContentOctetsMax};

  std::vector<BlockList> freed_;  // by what is committed; goes when its callers have gone on

  // A commit that failed may have left frames in the log which a crash would take for committed.
  // Any later commit that writes overwrites them, so one is made as soon as the disk allows.
  bool log_is_suspect_ = false;  // the writer's only
  bool log_is_stuck_ = false;    // the last MoveLog failed; the writer's only

  Mutex mutex_;
  ConditionVariable wake_;
  std::vector<WriteStep> waiting_ ABSL_GUARDED_BY(mutex_);
  bool haste_ ABSL_GUARDED_BY(mutex_) = false;   // one of them is not patient
  bool asleep_ ABSL_GUARDED_BY(mutex_) = false;  // the writer, until any step comes
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it runs as soon as it is made
};

}  // namespace penstock::store
