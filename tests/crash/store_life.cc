// SPDX-License-Identifier: Apache-2.0
#include "tests/crash/store_life.h"

#include <algorithm>
#include <utility>

#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/store/sqlite.h"

namespace penstock::tests {
namespace {

using Kind = Step::Kind;

constexpr char kFolder[] = "/disk/store";
constexpr std::size_t kSmallSegment = 64 * 1024;
constexpr int kSmallLogPages = 60;
constexpr std::uint32_t kPauseMicroseconds = 60;
constexpr int kOpenAttemptsMax = 20;

bool IsRefusal(const Status& status) {
  return status.code() == StatusCode::kUnavailable;
}

}  // namespace

DiskImage NewDisk() {
  DiskImage image;
  image.folders.insert("/disk");
  return image;
}

Status StoredDisk::Open() {
  store::SqliteStore::Options options;
  options.files = &files_;
  options.vfs = vfs_.name();
  options.segment_octets = kSmallSegment;
  options.write_ahead_pages_max = kSmallLogPages;
  StatusOr<std::unique_ptr<store::SqliteStore>> store =
      store::SqliteStore::Open(kFolder, std::move(options));
  PENSTOCK_RETURN_IF_ERROR(store.status());
  store_ = *std::move(store);
  return OkStatus();
}

std::string StoredDisk::Audit() {
  StatusOr<store::Database> database =
      store::Database::Open(Cat(kFolder, "/state.db"), vfs_.name());
  if (!database.ok()) return std::string(Message(database.status()));
  const StatusOr<std::string> sound = database->QueryText("PRAGMA integrity_check");
  const StatusOr<std::int64_t> parked = database->QueryInt("SELECT count(*) FROM parked");
  const StatusOr<std::int64_t> changes = database->QueryInt("SELECT count(*) FROM changes");
  if (!sound.ok() || !parked.ok() || !changes.ok()) return "database cannot be read\n";
  return Cat("database ", *sound, "\nparked ", *parked, "\nchanges ", *changes, "\n");
}

std::string PictureOf(StoredDisk& disk, Coroutines& coroutines) {
  const Status opened = disk.Open();
  if (!opened.ok()) return Cat("open: ", Message(opened));
  std::string picture = coroutines.Run(Picture(&disk.store()));
  return picture + disk.Audit();
}

StoreLife::StoreLife(std::vector<Step> script, CallFaults faults)
    : script_(std::move(script)), real_(NewDisk()) {
  if (faults.calls > 0) {
    real_.disk().FailCalls(faults.first_call, faults.calls, faults.fault);
  } else {
    real_.disk().SetPause(kPauseMicroseconds);
  }
  Live();
  real_.Close();
}

void StoreLife::Fail(std::string what) {
  if (error_.empty()) error_ = std::move(what);
}

void StoreLife::Live() {
  TakePicture();
  promises_.push_back({0, 0});
  LiveReopen();
  for (std::size_t i = 0; i < script_.size() && error_.empty();) {
    std::size_t end = i + 1;
    while (end < script_.size() && script_[end - 1].in_flight_with_next)
      ++end;
    const std::span<const Step> steps(script_.data() + i, end - i);
    if (steps.size() == 1) {
      LiveAlone(steps[0]);
    } else {
      LiveTogether(steps);
    }
    i = end;
  }
  if (real_.disk().faults_are_over()) CompareLive();
}

// A start that the disk refuses is tried again, as a person would.
void StoreLife::LiveReopen() {
  real_.Close();
  for (int attempt = 0; attempt < kOpenAttemptsMax; ++attempt) {
    const Status opened = real_.Open();
    if (opened.ok()) return FollowStart();
    if (!IsRefusal(opened)) return Fail(Cat("a start failed: ", Message(opened)));
  }
  Fail("the store does not open again");
}

// What is left of a refused step in the log is read by a start as by one after a crash.
void StoreLife::FollowStart() {
  const auto first = std::find_if(refusals_.begin(), refusals_.end(), [](const Refusal& refusal) {
    return refusal.end_operation == Refusal::kOpen;
  });
  if (first == refusals_.end()) return;
  const std::size_t told = real_.disk().operations();
  std::string found = LivePicture();
  while (!real_.disk().faults_are_over())
    found = LivePicture();
  const auto back = std::find_if(first, refusals_.end(),
                                 [&](const Refusal& refusal) { return refusal.picture == found; });
  EndRefusals(told);
  if (back == refusals_.end()) return CompareLive();
  static_cast<void>(Do(memory_, back->step, memory_dead_));
  real_dead_ = back->dead;
  Follow(back->step, told);
}

Status StoreLife::Do(ports::Store& store, const Step& step, DeadLetters& dead) {
  if (step.kind == Kind::kPurge || step.kind == Kind::kRelease || step.kind == Kind::kAddHistory) {
    return coroutines_.Run(Perform(&store, step));
  }
  StatusOr<ports::Transaction> transaction = coroutines_.Run(Prepare(&store, step, &dead));
  PENSTOCK_RETURN_IF_ERROR(transaction.status());
  return coroutines_.Run(store.Commit(*std::move(transaction)));
}

void StoreLife::LiveAlone(const Step& step) {
  if (step.kind == Kind::kReopen) return LiveReopen();
  const std::size_t begun = real_.disk().operations();
  const DeadLetters dead = real_dead_;
  const Status status = Do(real_.store(), step, real_dead_);
  if (IsRefusal(status)) {
    refusals_.push_back(
        {.first_operation = begun, .picture = PictureWith(step), .step = step, .dead = real_dead_});
    real_dead_ = dead;
  }
  Note(step, status);
  Settle();
}

// The first is held in the middle of its commit until the others wait: they make one group.
void StoreLife::LiveTogether(std::span<const Step> steps) {
  std::vector<std::pair<Step, ports::Transaction>> prepared;
  for (const Step& step : steps) {
    if (step.kind == Kind::kReopen || step.kind == Kind::kPurge || step.kind == Kind::kRelease ||
        step.kind == Kind::kAddHistory) {
      continue;
    }
    auto transaction = coroutines_.Run(Prepare(&real_.store(), step, &real_dead_));
    if (transaction.ok()) prepared.emplace_back(step, *std::move(transaction));
  }
  // The same is done in memory, in the same order.
  std::vector<ports::Transaction> in_memory;
  for (auto& [step, transaction] : prepared) {
    auto same = coroutines_.Run(Prepare(&memory_, step, &memory_dead_));
    if (!same.ok()) return Fail(Cat("step ", step.number, " is not the same in memory"));
    in_memory.push_back(*std::move(same));
  }
  std::vector<std::future<Status>> results;
  for (auto& [step, transaction] : prepared) {
    if (results.empty()) real_.disk().Hold();
    results.push_back(coroutines_.Start(real_.store().Commit(std::move(transaction))));
    if (results.size() == 1) real_.disk().WaitUntilHeld();
  }
  real_.disk().Release();
  coroutines_.Finish();
  const std::size_t told = real_.disk().operations();
  for (std::size_t i = 0; i < results.size(); ++i) {
    const Status status = results[i].get();
    const Status same = coroutines_.Run(memory_.Commit(std::move(in_memory[i])));
    if (status.code() != same.code()) {
      return Fail(Cat("step ", prepared[i].first.number, ": ", Message(status),
                      "; in memory: ", Message(same)));
    }
    if (!status.ok()) continue;
    effective_.push_back(prepared[i].first);
    changes_ += prepared[i].first.kind == Kind::kPutResource ||
                        prepared[i].first.kind == Kind::kRemoveResource
                    ? 1U
                    : 0U;
    TakePicture();
  }
  promises_.push_back({told, pictures_.size() - 1});
  Settle();
}

void StoreLife::Note(const Step& step, const Status& status) {
  const std::size_t told = real_.disk().operations();
  if (IsRefusal(status)) {
    if (real_.disk().faults_are_over()) CompareLive();
    return;
  }
  const Status same = Do(memory_, step, memory_dead_);
  if (status.code() != same.code()) {
    return Fail(Cat("step ", step.number, " ", Name(step.kind), ": ", Message(status),
                    "; in memory: ", Message(same)));
  }
  if (!status.ok()) return;
  Follow(step, told);
  EndRefusals(told);
}

// `step` is done, in memory too.
void StoreLife::Follow(const Step& step, std::size_t told) {
  effective_.push_back(step);
  if (step.kind == Kind::kPutResource || step.kind == Kind::kRemoveResource) ++changes_;
  TakePicture();
  promises_.push_back({told, pictures_.size() - 1});
}

void StoreLife::EndRefusals(std::size_t told) {
  for (Refusal& refusal : refusals_)
    refusal.end_operation = std::min(refusal.end_operation, told);
}

void StoreLife::TakePicture() {
  pictures_.push_back(
      Cat(coroutines_.Run(Picture(&memory_)), "database ok\nparked 0\nchanges ", changes_, "\n"));
}

// As if `step` had worked.
std::string StoreLife::PictureWith(const Step& step) {
  store::MemoryStore other;
  DeadLetters dead;
  for (const Step& done : effective_)
    static_cast<void>(Do(other, done, dead));
  static_cast<void>(Do(other, step, dead));
  const bool change = step.kind == Kind::kPutResource || step.kind == Kind::kRemoveResource;
  return Cat(coroutines_.Run(Picture(&other)), "database ok\nparked 0\nchanges ",
             changes_ + (change ? 1U : 0U), "\n");
}

// Waits until the writer has done what it does after its callers have gone on: a commit of nothing
// comes after that.
void StoreLife::Settle() {
  static_cast<void>(coroutines_.Run(real_.store().Commit(ports::Transaction())));
}

std::string StoreLife::LivePicture() {
  return coroutines_.Run(Picture(&real_.store())) + real_.Audit();
}

void StoreLife::CompareLive() {
  const std::string found = LivePicture();
  if (found != pictures_.back()) {
    Fail(Cat("the store shows something else than it said: ", Difference(pictures_.back(), found)));
  }
}

std::string StoreLife::Judge(std::size_t operation, const std::string& picture) const {
  std::size_t least = 0;
  for (const Promise& promise : promises_) {
    if (promise.operation <= operation) least = promise.picture;
  }
  for (std::size_t i = least; i < pictures_.size(); ++i) {
    if (pictures_[i] == picture) return "";
  }
  if (IsOfRefused(operation, picture)) return "";
  const auto older = std::find(pictures_.begin(), pictures_.end(), picture);
  if (older != pictures_.end()) {
    return Cat(least - static_cast<std::size_t>(older - pictures_.begin()),
               " commits that had returned are lost");
  }
  for (const Refusal& refusal : refusals_) {
    if (refusal.picture == picture) return "what was refused came back after the next commit";
  }
  return Difference(pictures_[least], picture);
}

bool StoreLife::IsOfRefused(std::size_t operation, const std::string& picture) const {
  return std::any_of(refusals_.begin(), refusals_.end(), [&](const Refusal& refusal) {
    return refusal.first_operation <= operation && operation < refusal.end_operation &&
           refusal.picture == picture;
  });
}

std::string StoreLife::last_audit() const {
  const std::string& last = pictures_.back();
  return last.substr(last.find("database "));
}

std::string StoreLife::JudgeEnd(const std::string& picture) const {
  return picture == pictures_.back() ? "" : Difference(pictures_.back(), picture);
}

}  // namespace penstock::tests
