// SPDX-License-Identifier: Apache-2.0
// Who watches what comes of the calls of hooks (`penstock hook tail`). A line is told once it is on
// record, to every watcher whose filter takes it. Without watchers it costs one look at a number;
// a watcher that is slow loses lines, and never holds up mail.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/ids.h"
#include "engine/base/mutex.h"
#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/flow/history.h"
#include "engine/flow/message_state.h"
#include "engine/rules/flow_rule.h"

namespace penstock::runtime {

// What came of one attempt. No content, no text of a bounce, no capability.
struct TailLine {
  enum class Result : std::uint8_t {
    kAnswered,
    kRetry,
    kWait,  // for the rule timeout, before which no attempt fits any more (H3)
    kFallback,
    kDeadLetter
  };

  // Recipients that get the same.
  struct Outcome {
    std::string action;                   // "BOUNCE" and the like
    std::vector<std::string> recipients;  // the first limits::kTailRecipientsMax
    std::size_t recipient_count = 0;
  };

  Time ended;
  std::string hook;
  std::string organization;
  rules::FlowDirection direction = rules::FlowDirection::kInbound;
  std::string rule;
  MessageId message;
  InvocationId invocation;
  rules::InvocationMode mode = rules::InvocationMode::kSync;
  std::uint32_t attempt = 0;  // 0: none; the rule timeout ended the wait for one (H3)
  Milliseconds duration{0};
  std::string code;    // "OK", "UNAVAILABLE", "INVALID_ANSWER"; empty where there was no attempt
  std::string detail;  // one line
  Result result = Result::kAnswered;
  std::vector<Outcome> outcomes;     // SYNC, answered or fallback
  std::optional<Time> next_attempt;  // retry; unset: it has come already
};

// What a watcher wants to see; empty: any.
struct TailFilter {
  std::string hook = {};
  std::string organization = {};
  std::optional<MessageId> message = {};
  bool failed = false;  // attempts that failed and fallbacks alone
};

class HookTail;

// A watcher's place; it watches as long as this lives. Threads: safe from any.
class TailWatch {
 public:
  struct News {
    std::shared_ptr<const TailLine> line;  // null: one of the following
    std::size_t missed = 0;                // lines left out before the next one
    bool closed = false;                   // the process stops: the last
  };

  ~TailWatch();
  TailWatch(const TailWatch&) = delete;
  TailWatch& operator=(const TailWatch&) = delete;

  // What is next; nullopt if there is nothing yet, and `wake` is called when there is.
  std::optional<News> Next();

 private:
  friend class HookTail;
  TailWatch(HookTail& tail, TailFilter filter, std::function<void()> wake);

  [[nodiscard]] bool Wants(const TailLine& line) const;
  // Whether to wake it.
  bool Add(std::shared_ptr<const TailLine> line);
  bool Close();

  HookTail& tail_;
  const TailFilter filter_;
  const std::function<void()> wake_;
  Mutex mutex_;
  std::deque<std::shared_ptr<const TailLine>> lines_ ABSL_GUARDED_BY(mutex_);
  std::size_t missed_ ABSL_GUARDED_BY(mutex_) = 0;  // after the last of lines_
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool waits_ ABSL_GUARDED_BY(mutex_) = false;
};

// Outlives every TailWatch. Threads: safe from any.
class HookTail {
 public:
  // Whether anybody watches: ask before a line is put together.
  [[nodiscard]] bool watched() const { return watchers_.load(std::memory_order_relaxed) != 0; }

  void Tell(TailLine line);

  // `wake` is called from any thread, never while Next runs; it returns at once.
  //   Errors: kResourceExhausted with limits::kTailWatchersMax watchers; kUnavailable after Close.
  StatusOr<std::shared_ptr<TailWatch>> Watch(TailFilter filter, std::function<void()> wake);

  // Ends every watch, and takes no new one.
  void Close();

 private:
  friend class TailWatch;
  void Leave();

  std::atomic<std::size_t> watchers_{0};
  Mutex mutex_;
  std::vector<std::weak_ptr<TailWatch>> watches_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

// What an entry of the kind kHookAttempt, kAsyncAttempt or kFallbackApplied tells by itself; the
// message and its invocation are for the caller.
TailLine TailLineOf(const flow::HistoryEntry& entry);

// The lines that `history`, what one step of a message recorded, tells of its SYNC hooks.
std::vector<TailLine> TailLinesOf(const flow::MessageState& state,
                                  const std::vector<flow::HistoryEntry>& history);

}  // namespace penstock::runtime
