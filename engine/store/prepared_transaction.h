// SPDX-License-Identifier: Apache-2.0
// A transaction on its way to the writer: encoded and checked by its caller, as far as that needs
// no look into the database, so that the one writer has the less to do.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/ports/store.h"
#include "engine/store/content.h"
#include "engine/store/record.h"

namespace penstock::store {

struct PreparedHistory {
  std::int64_t time = 0;  // of the last entry
  std::string record;     // empty: none
};

struct PreparedHistoryWrite {
  std::string message;
  PreparedHistory history;
};

struct PreparedMessage {
  std::string id;
  std::string organization;
  std::int64_t phase = 0;
  std::optional<std::int64_t> wake;
  std::int64_t received = 0;
  std::uint64_t content = 0;  // 0: none; only a closed message has none
  std::string replaced;       // ids of ReplacedContents
  std::string record;
  PreparedHistory history;

  [[nodiscard]] bool is_open() const { return phase != kClosedPhaseCode; }
};

struct PreparedContent {
  std::shared_ptr<StagedContent> staged;
  std::string blocks;  // encoded; empty: inline
  std::uint32_t checksum = 0;
};

struct PreparedResource {
  ResourceKey key;
  std::string record;
  std::optional<flow::Hook> hook;  // for its bounds; if it's one, and not removed
  bool removed = false;
  std::string who;
  std::int64_t when = 0;
};

struct PreparedRetained {
  std::string message;
  std::string invocation;
  std::uint64_t content = 0;
  std::int64_t until = 0;
};

struct PreparedTransaction {
  std::vector<PreparedContent> contents;
  std::set<std::uint32_t> segments;  // to be synced before it is committed
  std::vector<PreparedMessage> messages;
  std::vector<ports::AsyncEvent> new_async_events;
  std::vector<ports::AsyncEvent> changed_async_events;
  std::vector<std::int64_t> done_async_events;
  std::vector<PreparedHistoryWrite> history;
  std::vector<PreparedResource> resources;
  std::vector<PreparedRetained> retained;
  std::vector<ports::CapabilityKey> new_capability_keys;
  std::vector<std::uint32_t> removed_capability_keys;

  // It tells the end of messages that were accepted before, and no more: their mail has left.
  [[nodiscard]] bool only_closes() const;
};

// Errors: kUnavailable for a content that could not be written; kFailedPrecondition for an id of
// content, of an open message or to be retained, that is no id.
StatusOr<PreparedTransaction> Prepare(ports::Transaction transaction);

PreparedHistory PrepareHistory(const std::vector<flow::HistoryEntry>& history);

}  // namespace penstock::store
