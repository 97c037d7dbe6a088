// SPDX-License-Identifier: Apache-2.0
// Where hooks read and replace the content of the messages they are asked about (M1, M2). What a
// SYNC hook puts is staged for the attempt that runs, and goes into the commit that records the
// outcomes of its valid answer; with any other end of the attempt it is gone. What an ASYNC hook
// puts is for its own later reading.
//
//   HookGate ──► Begin ──► Attempt ─ TakeStaged ──► Ended ──► MessageRunner: one commit
//                             ▲
//   content API ──► Replace ──┘      Open: what the invocation sees
//
// Who may read or replace what is not asked here: a claim is what a capability has proved (P2).
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <utility>

#include "engine/async/task.h"
#include "engine/base/ids.h"
#include "engine/base/limits.h"
#include "engine/base/mutex.h"
#include "engine/base/time.h"
#include "engine/mail/content_scan.h"
#include "engine/ports/store.h"
#include "engine/rules/flow_rule.h"
#include "engine/runtime/disk_room.h"

namespace penstock::runtime {

// What a capability says of a content call.
struct ContentClaim {
  MessageId message;
  InvocationId invocation;
  std::uint32_t attempt = 1;
  rules::InvocationMode mode = rules::InvocationMode::kSync;
  std::uint64_t run = 0;  // of the attempt, as flow::Capability has it
};

// What a Put was good for; its caller is told (M2).
enum class PutEffect : std::uint8_t {
  kStaged,   // SYNC: goes out if the answer of this attempt is accepted
  kMailKept  // ASYNC: later Gets of the invocation see it, the mail is as it was
};

// What an attempt leaves behind for the commit that accepts its answer.
struct StagedContent {
  std::shared_ptr<ports::ContentWriter> content;
  bool header_eight_bit = false;  // octets over 127 in its header section
  bool body_eight_bit = false;    // behind it
};

class Replacement;

// Threads: safe from any; coroutines go on on the caller's executor.
class ContentDesk {
  struct Running;  // a SYNC attempt

 public:
  // `store` outlives it, and it outlives every Attempt and Replacement.
  explicit ContentDesk(ports::Store& store);

  // What an operator may set, at any time. `content_octets_max`: of what is put.
  void SetRetention(Milliseconds retention) { retention_ = retention; }

  void SetContentOctetsMax(std::uint64_t octets) { content_octets_max_ = octets; }

  [[nodiscard]] std::uint64_t content_octets_max() const { return content_octets_max_; }

  void SetRules(mail::ContentRules rules) {
    auto next = std::make_shared<const mail::ContentRules>(std::move(rules));
    const MutexLock lock(mutex_);
    rules_.swap(next);
  }

  // How long content stays readable after its message was received, for hooks that may read it.
  [[nodiscard]] Milliseconds retention() const { return retention_; }

  // A SYNC attempt that runs; while it is there, a Put of it counts.
  class Attempt {
   public:
    Attempt(Attempt&&) = default;
    Attempt& operator=(Attempt&&) = delete;
    // Ends the attempt; what is staged and not taken is gone.
    ~Attempt();

    // Ends it. What has been put and checked until now counts, whole; content.content is null if
    // nothing was. Any Put after this, also one whose octets are coming in, is told MessageFrozen.
    StagedContent TakeStaged();

   private:
    friend class ContentDesk;

    Attempt(ContentDesk* desk, std::shared_ptr<Running> running)
        : desk_(desk), running_(std::move(running)) {}

    ContentDesk* desk_;
    std::shared_ptr<Running> running_;  // null: moved from
  };

  // `original`: the message as received. `claim` is of a SYNC invocation.
  Attempt Begin(const ContentClaim& claim, ContentId original);

  // Ends what runs of an invocation that somebody else has decided: nothing put now would count.
  void Freeze(const InvocationId& invocation);

  // What the invocation sees: what is staged in the attempt that runs; else what it put (ASYNC), or
  // what came of its accepted answer (SYNC); else the message as received.
  //   Errors: kNotFound: its time is over (M5), or there never was any; kUnavailable, kDataLoss.
  async::Task<std::shared_ptr<ports::ContentReader>> Open(ContentClaim claim);

  // Until when an invocation can read what was received (M5). Errors: as of Open.
  async::Task<Time> KeptUntil(ContentClaim claim);

  // Begins a Put.
  //   Errors: kFailedPrecondition (MessageFrozen): the SYNC attempt does not run any more;
  //   kNotFound, as of Open; kResourceExhausted: no room on disk; kUnavailable.
  async::Task<std::unique_ptr<Replacement>> Replace(ContentClaim claim);

  // Room on disk for more (M5). Errors: those of Store::CheckRoom.
  async::Task<void> MakeRoom() { return room_.Make(); }

 private:
  friend class Replacement;
  using AttemptKey = std::pair<InvocationId, std::uint32_t>;

  // Content that is in the store, and until when.
  struct Kept {
    ContentId content;
    Time until;
  };

  [[nodiscard]] std::shared_ptr<const mail::ContentRules> Rules() const {
    const MutexLock lock(mutex_);
    return rules_;
  }

  [[nodiscard]] std::shared_ptr<Running> Find(const ContentClaim& claim) const;
  void End(const Running& running);
  async::Task<Kept> FindKept(ContentClaim claim, bool as_received);

  ports::Store& store_;
  DiskRoom room_;
  std::atomic<Milliseconds> retention_{limits::kContentRetention};
  std::atomic<std::uint64_t> content_octets_max_{limits::kMessageOctetsMax};
  mutable Mutex mutex_;
  std::shared_ptr<const mail::ContentRules> rules_ ABSL_GUARDED_BY(mutex_) =
      std::make_shared<const mail::ContentRules>();
  std::map<AttemptKey, std::shared_ptr<Running>> running_ ABSL_GUARDED_BY(mutex_);
};

// The octets of one Put on their way. Destroyed before Finish has returned OK, it has changed
// nothing.
// Threads: one at a time.
class Replacement {
 public:
  // The next octets, in pieces of any size. Blocks for as long as the page cache takes.
  //   Errors: kFailedPrecondition (MessageFrozen): the SYNC attempt has ended meanwhile;
  //   kResourceExhausted: longer than content may be; kUnavailable (disk). It is of no use then.
  Status Write(std::string_view octets);

  // All octets are there: checks them against the message as received (M4), and puts them in the
  // place of what the attempt or, ASYNC, the invocation has put before. To be called once.
  //   Errors: those of Write; kInvalidArgument (MessageRejected), naming header, line or part;
  //   kNotFound: the message's content has gone meanwhile; kDataLoss.
  async::Task<PutEffect> Finish();

  [[nodiscard]] std::uint64_t octets() const { return content_->octets(); }

 private:
  friend class ContentDesk;

  Replacement(ContentDesk* desk, ContentClaim claim, std::shared_ptr<ContentDesk::Running> running,
              ContentId original, Time until, std::shared_ptr<ports::ContentWriter> content)
      : desk_(*desk),
        claim_(std::move(claim)),
        running_(std::move(running)),
        original_(std::move(original)),
        until_(until),
        content_(std::move(content)),
        rules_(desk->Rules()),
        scan_(*rules_) {}

  [[nodiscard]] Status CheckRunning() const;
  async::Task<mail::ContentFacts> ScanOriginal(bool whole) const;
  void Report() const;

  ContentDesk& desk_;
  const ContentClaim claim_;
  const std::shared_ptr<ContentDesk::Running> running_;  // null: ASYNC
  const ContentId original_;
  const Time until_;  // ASYNC: how long what is put stays readable
  const std::shared_ptr<ports::ContentWriter> content_;
  const std::shared_ptr<const mail::ContentRules> rules_;
  mail::ContentScan scan_;
};

}  // namespace penstock::runtime
