// SPDX-License-Identifier: Apache-2.0
#include "engine/store/group_commit.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <string>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/log.h"
#include "engine/base/metrics.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/store/async_bounds.h"

namespace penstock::store {
namespace {

// Whether an error is the disk's or the database's, not the step's.
bool ConcernsGroup(const Status& status) {
  return status.code() == StatusCode::kUnavailable || status.code() == StatusCode::kDataLoss;
}

// What a caller of the port is told: kUnavailable whatever kept the disk from it.
Status ForCaller(Status status) {
  if (status.code() != StatusCode::kDataLoss && status.code() != StatusCode::kInternal) {
    return status;
  }
  return Unavailable(Message(status));
}

void Report(const StateTables::Consequences& consequences) {
  for (const auto& [hook, event] : consequences.queue_full)
    ReportQueueFull(hook, event);
  for (const auto& [hook, event] : consequences.dropped)
    ReportDroppedDeadLetter(hook, event);
  for (const DamagedRecord& record : consequences.parked) {
    const std::string kind = Printable(record.kind);
    Count(metrics::kRecordsParked, {{"kind", kind}});
    Log(LogLevel::kError, "record_parked",
        {{"kind", kind}, {"key", record.key}, {"reason", record.reason}});
  }
}

}  // namespace

GroupCommit::GroupCommit(std::unique_ptr<StateTables> tables,
                         std::shared_ptr<ContentSegments> segments, int log_pages_max)
    : tables_(std::move(tables)),
      segments_(std::move(segments)),
      log_pages_max_(log_pages_max),
      thread_([this] { Run(); }) {}

GroupCommit::~GroupCommit() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void GroupCommit::Submit(WriteStep step) {
  {
    const MutexLock lock(mutex_);
    if (waiting_.size() < limits::kCommitQueueMax) {
      const bool wake = step.patient ? asleep_ && waiting_.empty() : !haste_;
      haste_ = haste_ || !step.patient;
      waiting_.push_back(std::move(step));
      if (wake) wake_.notify_one();
      return;
    }
  }
  step.done(ResourceExhausted(
      Cat("store: ", limits::kCommitQueueMax, " commits wait for the disk already; try again")));
}

void GroupCommit::Run() {
  std::vector<WriteStep> steps;
  while (Take(steps)) {
    if (!steps.empty()) {
      CommitGroup(steps);
    } else {
      RepairLog();
    }
    steps.clear();
    MoveLog();
  }
  if (log_is_suspect_) RepairLog();
}

// Waits for steps and takes all. None after a pause if the log is to be repaired. False: it's over.
bool GroupCommit::Take(std::vector<WriteStep>& steps) {
  const MutexLock lock(mutex_);
  AwaitHaste();
  asleep_ = true;
  while (waiting_.empty()) {
    if (stopping_) return false;
    if (!log_is_suspect_) {
      wake_.wait(mutex_);
    } else if (wake_.wait_for(mutex_, limits::kFailedCommitRepair) == std::cv_status::timeout) {
      break;
    }
  }
  asleep_ = false;
  haste_ = false;
  steps.swap(waiting_);
  return true;
}

// Returns when a step waits that is not patient, or limits::kCommitPatience after the last group.
void GroupCommit::AwaitHaste() {
  const auto end = std::chrono::steady_clock::now() + limits::kCommitPatience;
  while (!haste_ && !stopping_) {
    const auto left = end - std::chrono::steady_clock::now();
    if (left <= left.zero() || wake_.wait_for(mutex_, left) == std::cv_status::timeout) return;
  }
}

void GroupCommit::CommitGroup(std::vector<WriteStep>& steps) {
  const auto begin = std::chrono::steady_clock::now();
  std::vector<Status> results(steps.size());
  Status group = TryCommit(steps, results, Savepoints::kNone);
  if (!group.ok() && !ConcernsGroup(group) && steps.size() > 1) {
    group = TryCommit(steps, results, Savepoints::kEach);
  }
  if (!group.ok() && steps.size() > 1) {
    for (std::size_t i = 0; i < steps.size(); ++i) {
      std::vector<Status> one(1);
      const Status alone = TryCommit(Steps(steps).subspan(i, 1), one, Savepoints::kNone);
      results[i] = alone.ok() ? one[0] : alone;
    }
  } else if (!group.ok()) {
    results[0] = group;
  }
  Observe(metrics::kCommitSeconds, {},
          std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  for (std::size_t i = 0; i < steps.size(); ++i)
    steps[i].done(ForCaller(std::move(results[i])));
  for (const BlockList& freed : std::exchange(freed_, {}))
    segments_->Free(freed, ContentSegments::Stage::kKept);
}

// Commits the steps together. OK: `results` has what became of each. Else nothing has changed.
Status GroupCommit::TryCommit(Steps steps, std::vector<Status>& results, Savepoints savepoints) {
  std::set<std::uint32_t> segments;
  for (const WriteStep& step : steps)
    segments.insert(step.segments.begin(), step.segments.end());
  const std::set<std::uint32_t> failed = segments_->Sync(segments);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    results[i] = OkStatus();
    for (const std::uint32_t segment : steps[i].segments) {
      if (failed.contains(segment)) results[i] = Unavailable("content: could not be synced");
    }
  }
  PENSTOCK_RETURN_IF_ERROR(tables_->Begin());
  Status status = ApplyEach(steps, results, savepoints);
  if (status.ok() && log_is_suspect_) status = tables_->Touch();
  if (status.ok()) {
    status = tables_->Commit();
    log_is_suspect_ = !status.ok();
  }
  if (status.ok()) {
    Follow(tables_->TakeConsequences());
    return status;
  }
  if (ConcernsGroup(status)) {
    Log(LogLevel::kError, "commit_failed", {{"error", std::string(Message(status))}});
  }
  const Status undone = tables_->RollBack();
  if (!undone.ok()) {
    Log(LogLevel::kError, "rollback_failed", {{"error", std::string(Message(undone))}});
  }
  return status;
}

Status GroupCommit::ApplyEach(Steps steps, std::vector<Status>& results, Savepoints savepoints) {
  const bool each = savepoints == Savepoints::kEach;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (!results[i].ok()) continue;
    if (each) {
      PENSTOCK_RETURN_IF_ERROR(tables_->BeginStep());
    }
    results[i] = steps[i].apply(*tables_);
    if (results[i].ok()) {
      if (each) {
        PENSTOCK_RETURN_IF_ERROR(tables_->EndStep());
      }
      continue;
    }
    if (!each || ConcernsGroup(results[i]) || !tables_->in_transaction()) return results[i];
    PENSTOCK_RETURN_IF_ERROR(tables_->UndoStep());
  }
  return OkStatus();
}

void GroupCommit::Follow(StateTables::Consequences consequences) {
  Report(consequences);
  for (StagedContent* content : consequences.kept) {
    content->Keep();
    if (content->blocks().blocks.empty()) recent_.Add(content->number(), content->inline_octets());
  }
  for (const std::uint64_t content : consequences.gone)
    recent_.Remove(content);
  std::move(consequences.freed.begin(), consequences.freed.end(), std::back_inserter(freed_));
}

void GroupCommit::RepairLog() {
  std::vector<Status> none;
  if (TryCommit({}, none, Savepoints::kNone).ok()) Log(LogLevel::kInfo, "commit_repaired");
}

// Moves SQLite's log into the database once it is long. Not before the callers go on, and without
// harm where it fails: the log has everything.
void GroupCommit::MoveLog() {
  Database& database = tables_->database();
  if (database.log_pages() < log_pages_max_) return;
  const Status moved = database.Checkpoint();
  if (!moved.ok() && !log_is_stuck_) {
    Log(LogLevel::kError, "checkpoint_failed", {{"error", std::string(Message(moved))}});
  }
  log_is_stuck_ = !moved.ok();
}

}  // namespace penstock::store
