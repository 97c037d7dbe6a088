// SPDX-License-Identifier: Apache-2.0
// Where accepted mail lives. Everything durable goes through Commit; when it has returned OK, a
// power cut takes nothing of it away (A5). Adapters: engine/store (SQLite, memory), which share one
// conformance suite, tests/support/store_conformance.h.
//
// Content (the octets of a message, or what a hook put in their place) is written ahead of its
// commit and becomes durable with it. Several messages may share one content; it goes when the last
// of them is closed and nothing retains it (M5).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/async/task.h"
#include "engine/base/ids.h"
#include "engine/base/time.h"
#include "engine/flow/capability.h"
#include "engine/flow/event.h"
#include "engine/flow/history.h"
#include "engine/flow/message_state.h"
#include "engine/flow/resource.h"

namespace penstock::ports {

// Octets of a content. It stays readable while a reader is open.
// Threads: const, safe from any.
class ContentReader {
 public:
  virtual ~ContentReader() = default;
  [[nodiscard]] virtual std::uint64_t octets() const = 0;
  // Reads up to buffer.size() octets from `offset`; returns how many, 0 at the end.
  //   Errors: kUnavailable (disk error), kDataLoss (shorter than it was).
  virtual StatusOr<std::size_t> Read(std::uint64_t offset, std::span<char> buffer) const = 0;
};

// Octets on their way to disk. Destroyed without having been committed, they are gone. It may
// outlive its store, but is of no use then.
// Threads: one at a time. Write blocks for as long as the page cache takes.
class ContentWriter {
 public:
  virtual ~ContentWriter() = default;
  [[nodiscard]] virtual const ContentId& id() const = 0;
  [[nodiscard]] virtual std::uint64_t octets() const = 0;  // written so far
  // Errors: kUnavailable (no space, disk error); the writer is of no use afterwards, and neither is
  // a transaction that has it.
  virtual Status Write(std::string_view octets) = 0;
  // What has been written so far; readable for as long as the reader is there, whatever becomes of
  // the writer. Errors: those of Write, and kDataLoss.
  [[nodiscard]] virtual StatusOr<std::shared_ptr<ContentReader>> Open() const = 0;
};

// An event for an ASYNC hook, in its durable queue (H12).
struct AsyncEvent {
  std::int64_t id = 0;  // given by the store when it is queued; grows, and never comes again
  std::string hook;
  std::string organization;
  std::string rule;
  flow::Event event;
  std::uint32_t attempts_ended = 0;
  Time next_attempt;       // of a dead one: when it came to the list
  bool dead = false;       // on the dead-letter list
  std::string last_error;  // of the last attempt
  friend bool operator==(const AsyncEvent&, const AsyncEvent&) = default;
};

// A message's new state and what is added to its history.
struct MessageWrite {
  flow::MessageState state;
  std::vector<flow::HistoryEntry> history;
};

// What is added to a message's history outside of its state: ASYNC attempts, which may come after
// it closed.
struct HistoryWrite {
  MessageId message;
  std::vector<flow::HistoryEntry> history;
};

// Content that stays readable when its message is closed, and purged as well (M5).
struct RetainedContent {
  MessageId message;
  InvocationId invocation;  // who put it there (M2); empty: the message as received
  ContentId content;
  Time until;
  friend bool operator==(const RetainedContent&, const RetainedContent&) = default;
};

using flow::CapabilityKey;

// What an administrator changed (R14).
struct ResourceChange {
  flow::Resource resource;  // after; if removed, before
  bool removed = false;
  std::string who;  // certificate subject, or the unix socket's user name, marked unproven
  Time when;
};

// A change that was committed, as it stands on record (R14).
struct RecordedChange {
  std::int64_t number = 0;  // from 1; later changes have higher ones
  Time when;
  std::string who;
  std::optional<flow::Resource> before;  // unset: it was created
  std::optional<flow::Resource> after;   // unset: it was removed
  friend bool operator==(const RecordedChange&, const RecordedChange&) = default;
};

// All of it or nothing becomes durable.
struct Transaction {
  // Become durable, readable by their id; those that no message, open after it, refers to and
  // nothing retains are gone. Shared, so that a transaction that failed can be made again; nothing
  // is written to them once they stand here.
  std::vector<std::shared_ptr<ContentWriter>> contents;
  std::vector<MessageWrite> messages;  // new, or replacing the one with that id
  // Past the bounds of the event's hook (H12; limits.h for a hook that is not registered): a new
  // event, or one that comes back, goes to the dead-letter list, saying so in last_error; past that
  // list's bound its oldest event is dropped and counted.
  std::vector<AsyncEvent> new_async_events;      // id is given by the store
  std::vector<AsyncEvent> changed_async_events;  // replaced by id
  std::vector<std::int64_t> done_async_events;   // removed by id; one that is gone already is fine
  std::vector<HistoryWrite> history;             // left out where the message is gone
  std::vector<ResourceChange> resources;
  std::vector<RetainedContent> retained;  // each replaces that of its message and invocation
  std::vector<CapabilityKey> new_capability_keys;      // or replaced by id
  std::vector<std::uint32_t> removed_capability_keys;  // by id; one that is gone is fine
};

struct StoredResources {
  std::vector<rules::Organization> organizations;
  std::vector<flow::Hook> hooks;
  std::vector<rules::FlowRule> rules;
};

struct Wake {
  MessageId message;
  Time time;  // Time{}: at once
  flow::MessagePhase phase = flow::MessagePhase::kActive;
};

struct MessageFilter {
  std::optional<flow::MessagePhase> phase;
  std::string organization;  // empty: all
};

struct MessagePage {
  std::vector<flow::MessageState> messages;  // newest first
  std::string next_page_token;               // empty: no more
};

struct StoredMessage {
  flow::MessageState state;
  std::vector<flow::HistoryEntry> history;  // oldest first
};

struct DeadLetterFilter {
  std::string hook;          // empty: all
  std::string organization;  // empty: all
};

struct DeadLetterPage {
  std::vector<AsyncEvent> events;  // the oldest first
  std::string next_page_token;     // empty: no more
};

struct AsyncQueueCounts {
  std::string hook;
  std::uint64_t queued = 0;
  std::uint64_t dead = 0;
  std::uint64_t dropped = 0;  // dead letters that the list's bound pushed out, since ever
};

// Threads: safe from any. Coroutines resume on their own executor, which outlives the store.
// Cancelling one has no effect: it ends when its work has.
class Store {
 public:
  // Ends the commits that are queued. No coroutine of it runs any more afterwards.
  virtual ~Store() = default;

  // Transactions take effect in the order of the calls; one that fails takes no other with it. What
  // is read after it has returned shows it.
  //   Errors: kUnavailable (disk error, no space): nothing of it happened, the caller may try
  //   again; kResourceExhausted: the queue of waiting commits is full (limits::kCommitQueueMax);
  //   kFailedPrecondition: a content that an open message refers to, or that is to be retained, is
  //   neither here nor in the store; kNotFound: a changed event is gone.
  virtual async::Task<void> Commit(Transaction transaction) = 0;

  // Whether more mail may be taken. Mail that is here already needs room to leave, so asking before
  // each acceptance keeps a full disk from being full for good; nothing else asks.
  //   Errors: kResourceExhausted, with the figures; kUnavailable.
  virtual Status CheckRoom() = 0;

  // Errors: kUnavailable.
  virtual StatusOr<std::unique_ptr<ContentWriter>> NewContent() = 0;
  //   Errors: kNotFound, kUnavailable, kDataLoss (its record is damaged).
  virtual StatusOr<std::shared_ptr<ContentReader>> OpenContent(const ContentId& id) = 0;

  // What is retained of a message, in order of invocations: the message as received comes first.
  virtual async::Task<std::vector<RetainedContent>> LoadRetained(MessageId message) = 0;

  // Retains no longer what was to be readable until a time before `before`, the earliest first, at
  // most `limit`; returns how many. The octets of one whose message is closed are gone, and their
  // room on disk is free, at the latest when the next commit ends. Errors: those of Commit.
  virtual async::Task<std::size_t> ReleaseRetained(Time before, std::size_t limit) = 0;

  // In order of ids. One that is damaged is reported and left out.
  virtual async::Task<std::vector<CapabilityKey>> LoadCapabilityKeys() = 0;

  // In order of names. A record that is damaged is parked, reported and left out.
  virtual async::Task<StoredResources> LoadResources() = 0;

  // Changes of resources whose number is under `before`, the newest first, at most `limit`. They
  // stay on record for good. One that is damaged is logged and has neither before nor after.
  virtual async::Task<std::vector<RecordedChange>> ListChanges(std::int64_t before,
                                                               std::size_t limit) = 0;

  // All messages that are not closed, for the schedule after a start.
  virtual async::Task<std::vector<Wake>> LoadWakes() = 0;

  // Errors: kNotFound; kDataLoss for a record that is damaged: it is parked and reported, its
  // content kept.
  virtual async::Task<flow::MessageState> LoadMessage(MessageId id) = 0;
  // A damaged entry of the history is parked, reported, and shown as a warning in its place.
  virtual async::Task<StoredMessage> LoadMessageWithHistory(MessageId id) = 0;
  // At most `page_size` messages (0: limits::kListPageDefault; over kListPageMax: that). Damaged
  // ones are parked, reported and left out. `page_token`: empty, or next_page_token of a page with
  // the same filter; kInvalidArgument for others.
  virtual async::Task<MessagePage> ListMessages(MessageFilter filter, std::size_t page_size,
                                                std::string page_token) = 0;
  virtual async::Task<std::uint64_t> CountOpenMessages() = 0;

  // Events of `hook` that are not dead, by next attempt; at most `limit`.
  virtual async::Task<std::vector<AsyncEvent>> LoadAsyncEvents(std::string hook,
                                                               std::size_t limit) = 0;
  // Dead letters (H12), at most `page_size` (0: limits::kListPageDefault; over kListPageMax: that).
  // A page may have fewer, and yet a next one. `page_token` and damaged ones: as in ListMessages.
  virtual async::Task<DeadLetterPage> ListDeadLetters(DeadLetterFilter filter,
                                                      std::size_t page_size,
                                                      std::string page_token) = 0;
  // Errors: kNotFound, also for an event that is queued; kDataLoss as in LoadMessage.
  virtual async::Task<AsyncEvent> LoadDeadLetter(std::int64_t id) = 0;
  // In order of names; hooks without events are left out, unless some were dropped.
  virtual async::Task<std::vector<AsyncQueueCounts>> CountAsyncEvents() = 0;

  // Removes closed messages that were received before `before` (A6), at most `limit`; returns how
  // many. Errors: those of Commit.
  virtual async::Task<std::size_t> PurgeMessages(Time before, std::size_t limit) = 0;
};

}  // namespace penstock::ports
