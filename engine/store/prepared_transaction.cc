// SPDX-License-Identifier: Apache-2.0
#include "engine/store/prepared_transaction.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "engine/base/check.h"
#include "engine/base/status_macros.h"
#include "engine/store/names.h"

namespace penstock::store {
namespace {

StatusOr<PreparedMessage> PrepareMessage(const ports::MessageWrite& write) {
  const flow::MessageState& state = write.state;
  PreparedMessage message;
  message.id = state.id.text();
  message.organization = state.organization;
  message.phase = PhaseCode(Phase(state));
  const std::optional<Time> wake = WakeTime(state);
  if (wake) message.wake = ToUnixMillis(*wake);
  message.received = ToUnixMillis(state.received);
  const std::optional<std::uint64_t> content = ParseContentId(state.content);
  if (!content && message.is_open()) return ContentMissing(message.id, state.content);
  message.content = content.value_or(0);
  const std::vector<ContentId> replaced = ReplacedContents(state);
  for (const ContentId& id : replaced) {
    if (!ParseContentId(id) && message.is_open()) return ContentMissing(message.id, id);
  }
  message.replaced = JoinContentIds(replaced);
  message.record = EncodeMessage(state);
  message.history = PrepareHistory(write.history);
  return message;
}

StatusOr<PreparedContent> PrepareContent(const std::shared_ptr<ports::ContentWriter>& writer) {
  const auto staged = std::dynamic_pointer_cast<StagedContent>(writer);
  PENSTOCK_CHECK(staged != nullptr);  // a writer of another store
  PreparedContent content;
  content.staged = staged;
  PENSTOCK_RETURN_IF_ERROR(staged->Finish());
  content.blocks = EncodeBlocks(staged->blocks().blocks);
  content.checksum = RecordChecksum(
      staged->id().text(), content.blocks.empty() ? staged->inline_octets() : content.blocks);
  return content;
}

PreparedResource PrepareResource(const ports::ResourceChange& change) {
  PreparedResource resource;
  resource.key = KeyOf(change.resource);
  resource.record = EncodeResource(change.resource);
  const auto* hook = std::get_if<flow::Hook>(&change.resource);
  if (hook != nullptr && !change.removed) resource.hook = *hook;
  resource.removed = change.removed;
  resource.who = change.who;
  resource.when = ToUnixMillis(change.when);
  return resource;
}

}  // namespace

PreparedHistory PrepareHistory(const std::vector<flow::HistoryEntry>& history) {
  if (history.empty()) return {};
  return {ToUnixMillis(history.back().time), EncodeHistory(history)};
}

bool PreparedTransaction::only_closes() const {
  return !messages.empty() &&
         std::none_of(messages.begin(), messages.end(),
                      [](const PreparedMessage& message) { return message.is_open(); }) &&
         contents.empty() && new_async_events.empty() && changed_async_events.empty() &&
         done_async_events.empty() && history.empty() && resources.empty() &&
         new_capability_keys.empty() && removed_capability_keys.empty();
}

StatusOr<PreparedTransaction> Prepare(ports::Transaction transaction) {
  PreparedTransaction prepared;
  for (const ports::MessageWrite& write : transaction.messages) {
    PENSTOCK_ASSIGN_OR_RETURN(PreparedMessage message, PrepareMessage(write));
    prepared.messages.push_back(std::move(message));
  }
  for (const std::shared_ptr<ports::ContentWriter>& writer : transaction.contents) {
    PENSTOCK_ASSIGN_OR_RETURN(PreparedContent content, PrepareContent(writer));
    prepared.segments.merge(content.staged->segments());
    prepared.contents.push_back(std::move(content));
  }
  for (const ports::ResourceChange& change : transaction.resources)
    prepared.resources.push_back(PrepareResource(change));
  prepared.new_async_events = std::move(transaction.new_async_events);
  prepared.changed_async_events = std::move(transaction.changed_async_events);
  prepared.done_async_events = std::move(transaction.done_async_events);
  for (const ports::HistoryWrite& write : transaction.history)
    prepared.history.push_back({write.message.text(), PrepareHistory(write.history)});
  for (const ports::RetainedContent& retained : transaction.retained) {
    const std::optional<std::uint64_t> content = ParseContentId(retained.content);
    if (!content) return ContentMissing(retained.message.text(), retained.content);
    prepared.retained.push_back({retained.message.text(), retained.invocation.text(), *content,
                                 ToUnixMillis(retained.until)});
  }
  prepared.new_capability_keys = std::move(transaction.new_capability_keys);
  prepared.removed_capability_keys = std::move(transaction.removed_capability_keys);
  return prepared;
}

}  // namespace penstock::store
