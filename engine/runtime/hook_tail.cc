// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/hook_tail.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/limits.h"
#include "engine/base/status.h"
#include "engine/base/strings.h"

namespace penstock::runtime {

using flow::HistoryEntry;
using flow::HistoryKind;
using Result = TailLine::Result;

TailWatch::TailWatch(HookTail& tail, TailFilter filter, std::function<void()> wake)
    : tail_(tail), filter_(std::move(filter)), wake_(std::move(wake)) {}

TailWatch::~TailWatch() {
  tail_.Leave();
}

std::optional<TailWatch::News> TailWatch::Next() {
  const MutexLock lock(mutex_);
  News news;
  if (!lines_.empty()) {
    news.line = std::move(lines_.front());
    lines_.pop_front();
  } else if (missed_ > 0) {
    news.missed = std::exchange(missed_, 0);
  } else if (closed_) {
    news.closed = true;
  } else {
    waits_ = true;
    return std::nullopt;
  }
  return news;
}

bool TailWatch::Wants(const TailLine& line) const {
  return (filter_.hook.empty() || filter_.hook == line.hook) &&
         (filter_.organization.empty() || filter_.organization == line.organization) &&
         (!filter_.message || *filter_.message == line.message) &&
         (!filter_.failed || line.result != Result::kAnswered);
}

// What comes while lines are missing is missed as well, until the watcher has been told: so it is
// known where they are missing.
bool TailWatch::Add(std::shared_ptr<const TailLine> line) {
  const MutexLock lock(mutex_);
  if (missed_ > 0 || lines_.size() >= limits::kTailLinesMax) {
    ++missed_;
  } else {
    lines_.push_back(std::move(line));
  }
  return std::exchange(waits_, false);
}

bool TailWatch::Close() {
  const MutexLock lock(mutex_);
  closed_ = true;
  return std::exchange(waits_, false);
}

void HookTail::Tell(TailLine line) {
  const auto shared = std::make_shared<const TailLine>(std::move(line));
  // A watch whose watcher leaves meanwhile ends with these, when the mutex is free again.
  std::vector<std::shared_ptr<TailWatch>> watches;
  std::vector<TailWatch*> to_wake;
  {
    const MutexLock lock(mutex_);
    for (const std::weak_ptr<TailWatch>& weak : watches_) {
      auto watch = weak.lock();
      if (watch == nullptr) continue;
      if (watch->Wants(*shared) && watch->Add(shared)) to_wake.push_back(watch.get());
      watches.push_back(std::move(watch));
    }
  }
  for (const TailWatch* watch : to_wake)
    watch->wake_();
}

StatusOr<std::shared_ptr<TailWatch>> HookTail::Watch(TailFilter filter,
                                                     std::function<void()> wake) {
  const MutexLock lock(mutex_);
  if (closed_) return Unavailable("the daemon is stopping");
  if (watchers_ >= limits::kTailWatchersMax) {
    return ResourceExhausted(Cat("hook calls have ", limits::kTailWatchersMax,
                                 " watchers already, and take no more; end another one first"));
  }
  std::erase_if(watches_, [](const auto& watch) { return watch.expired(); });
  const std::shared_ptr<TailWatch> watch(new TailWatch(*this, std::move(filter), std::move(wake)));
  watches_.push_back(watch);
  ++watchers_;
  return watch;
}

void HookTail::Close() {
  std::vector<std::shared_ptr<TailWatch>> watches;
  {
    const MutexLock lock(mutex_);
    closed_ = true;
    for (const std::weak_ptr<TailWatch>& weak : watches_) {
      if (auto watch = weak.lock()) watches.push_back(std::move(watch));
    }
  }
  for (const auto& watch : watches) {
    if (watch->Close()) watch->wake_();
  }
}

void HookTail::Leave() {
  --watchers_;
}

namespace {

// A message has at most one invocation of a rule (E3).
const flow::InvocationState& InvocationOf(const flow::MessageState& state, std::string_view rule) {
  const auto found = std::find_if(state.invocations.begin(), state.invocations.end(),
                                  [&](const auto& invocation) { return invocation.rule == rule; });
  PENSTOCK_CHECK(found != state.invocations.end());
  return *found;
}

TailLine LineOf(const flow::MessageState& state, const HistoryEntry& entry) {
  TailLine line = TailLineOf(entry);
  line.organization = state.organization;
  line.direction = state.direction;
  line.message = state.id;
  line.invocation = InvocationOf(state, entry.rule).id;
  return line;
}

// What follows the failed attempt of `line`: another one, or with no number the end of the timeout.
void Schedule(const flow::InvocationState& invocation, const HistoryEntry& scheduled,
              TailLine& line) {
  if (scheduled.attempt == 0) {
    line.result = Result::kWait;
  } else if (invocation.attempts_ended == line.attempt) {
    line.next_attempt = invocation.next_attempt;
  }
}

TailLine::Outcome OutcomeOf(const HistoryEntry& entry) {
  TailLine::Outcome outcome;
  outcome.action = entry.action;
  outcome.recipient_count = entry.recipients.size();
  const auto named = std::min(entry.recipients.size(), limits::kTailRecipientsMax);
  outcome.recipients.assign(entry.recipients.begin(),
                            entry.recipients.begin() + static_cast<std::ptrdiff_t>(named));
  return outcome;
}

}  // namespace

TailLine TailLineOf(const HistoryEntry& entry) {
  TailLine line;
  line.ended = entry.time;
  line.hook = entry.hook;
  line.rule = entry.rule;
  line.attempt = entry.attempt;
  line.duration = entry.duration;
  line.code = AttemptCode(entry);
  line.detail = Printable(entry.detail, limits::kTailDetailOctetsMax);
  if (line.code != CodeName(StatusCode::kOk)) line.result = Result::kRetry;
  return line;
}

std::vector<TailLine> TailLinesOf(const flow::MessageState& state,
                                  const std::vector<HistoryEntry>& history) {
  std::vector<TailLine> lines;
  for (const HistoryEntry& entry : history) {
    const bool same = !lines.empty() && lines.back().rule == entry.rule;
    switch (entry.kind) {
      case HistoryKind::kHookAttempt:
        lines.push_back(LineOf(state, entry));
        break;
      case HistoryKind::kRetryScheduled:
        if (same) Schedule(InvocationOf(state, entry.rule), entry, lines.back());
        break;
      case HistoryKind::kFallbackApplied:
        // After the last attempt, or in the place of one that never began.
        if (!same) lines.push_back(LineOf(state, entry));
        lines.back().result = Result::kFallback;
        break;
      case HistoryKind::kOutcome:
        if (!lines.empty()) lines.back().outcomes.push_back(OutcomeOf(entry));
        break;
      default:
        break;
    }
  }
  return lines;
}

}  // namespace penstock::runtime
