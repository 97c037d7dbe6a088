// SPDX-License-Identifier: Apache-2.0
// What tests do with a store, in one line each. Fixture: see store_conformance.h.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "engine/ports/store.h"
#include "tests/support/await.h"
#include "tests/support/store_samples.h"

namespace penstock::tests {

using flow::MessagePhase;
using ports::MessageFilter;
using ports::Transaction;

template <class Fixture>
std::unique_ptr<ports::ContentWriter> Content(Fixture& fixture, std::string_view octets) {
  auto writer = fixture.store().NewContent();
  REQUIRE(writer.ok());
  REQUIRE((*writer)->Write(octets).ok());
  return *std::move(writer);
}

template <class Fixture>
Status Commit(Fixture& fixture, Transaction transaction) {
  return Await(fixture.executor(), fixture.store().Commit(std::move(transaction)));
}

inline void Add(Transaction& transaction, flow::MessageState state,
                std::vector<flow::HistoryEntry> history = {}) {
  transaction.messages.push_back({std::move(state), std::move(history)});
}

// Commits an active message with content of its own; returns its state.
template <class Fixture>
flow::MessageState Accept(Fixture& fixture, std::string id, std::string_view octets = "octets",
                          std::vector<flow::HistoryEntry> history = {}) {
  Transaction transaction;
  transaction.contents.push_back(Content(fixture, octets));
  flow::MessageState state = ActiveMessage(std::move(id), transaction.contents[0]->id());
  Add(transaction, state, std::move(history));
  REQUIRE(Commit(fixture, std::move(transaction)).ok());
  return state;
}

template <class Fixture>
Status Update(Fixture& fixture, flow::MessageState state,
              std::vector<flow::HistoryEntry> history = {}) {
  Transaction transaction;
  Add(transaction, std::move(state), std::move(history));
  return Commit(fixture, std::move(transaction));
}

template <class Fixture>
StatusOr<flow::MessageState> Load(Fixture& fixture, std::string id) {
  return Await(fixture.executor(), fixture.store().LoadMessage(MessageId(std::move(id))));
}

template <class Fixture>
std::vector<flow::HistoryEntry> HistoryOf(Fixture& fixture, std::string id) {
  auto loaded =
      Await(fixture.executor(), fixture.store().LoadMessageWithHistory(MessageId(std::move(id))));
  REQUIRE(loaded.ok());
  return loaded->history;
}

// The octets of a content, or the words of the error.
template <class Fixture>
std::string ReadContent(Fixture& fixture, const ContentId& id) {
  auto reader = fixture.store().OpenContent(id);
  return reader.ok() ? ReadAll(**reader) : std::string(CodeName(reader.status().code()));
}

// "invocation:content@seconds …" of what is retained of a message, the content by its octets.
template <class Fixture>
std::string Retained(Fixture& fixture, std::string message) {
  auto all = Await(fixture.executor(), fixture.store().LoadRetained(MessageId(std::move(message))));
  REQUIRE(all.ok());
  std::string text;
  for (const ports::RetainedContent& one : *all) {
    text += Cat(one.invocation.text(), ":", ReadContent(fixture, one.content), "@",
                (one.until - At(0)) / std::chrono::seconds(1), " ");
  }
  return text;
}

template <class Fixture>
std::uint64_t CountOpen(Fixture& fixture) {
  return Await(fixture.executor(), fixture.store().CountOpenMessages()).value();
}

// "id@seconds", or "id@once", sorted.
template <class Fixture>
std::vector<std::string> Wakes(Fixture& fixture) {
  auto wakes = Await(fixture.executor(), fixture.store().LoadWakes());
  REQUIRE(wakes.ok());
  std::vector<std::string> texts;
  for (const ports::Wake& wake : *wakes) {
    texts.push_back(wake.time == Time{} ? Cat(wake.message.text(), "@once")
                                        : Cat(wake.message.text(), "@",
                                              (wake.time - At(0)) / std::chrono::seconds(1)));
    REQUIRE((wake.phase == flow::MessagePhase::kActive) == (wake.time == Time{}));
  }
  std::sort(texts.begin(), texts.end());
  return texts;
}

template <class Fixture>
StatusOr<ports::MessagePage> Page(Fixture& fixture, MessageFilter filter, std::size_t size,
                                  std::string token = "") {
  return Await(fixture.executor(),
               fixture.store().ListMessages(std::move(filter), size, std::move(token)));
}

// All ids that match, page by page, pages separated by '|'.
template <class Fixture>
std::string List(Fixture& fixture, const MessageFilter& filter = {}, std::size_t size = 100) {
  std::string text;
  std::string token;
  do {
    auto page = Page(fixture, filter, size, token);
    REQUIRE(page.ok());
    if (!token.empty()) text += "|";
    for (const flow::MessageState& state : page->messages)
      text += state.id.text() + " ";
    token = page->next_page_token;
  } while (!token.empty());
  return text;
}

template <class Fixture>
std::vector<ports::AsyncEvent> Events(Fixture& fixture, std::string hook, std::size_t limit = 100) {
  auto events = Await(fixture.executor(), fixture.store().LoadAsyncEvents(std::move(hook), limit));
  REQUIRE(events.ok());
  return *events;
}

// "message message", by next attempt.
template <class Fixture>
std::string Queue(Fixture& fixture, std::string hook, std::size_t limit = 100) {
  std::string text;
  for (const ports::AsyncEvent& event : Events(fixture, std::move(hook), limit))
    text += event.event.message_id.text() + " ";
  return text;
}

// "message message", the oldest dead letter first, pages separated by '|'.
template <class Fixture>
std::string DeadLetters(Fixture& fixture, const ports::DeadLetterFilter& filter = {},
                        std::size_t size = 100) {
  std::string text;
  std::string token;
  do {
    auto page = Await(fixture.executor(), fixture.store().ListDeadLetters(filter, size, token));
    REQUIRE(page.ok());
    if (!token.empty()) text += "|";
    for (const ports::AsyncEvent& event : page->events)
      text += event.event.message_id.text() + " ";
    token = page->next_page_token;
  } while (!token.empty());
  return text;
}

// "hook:queued/dead/dropped …"
template <class Fixture>
std::string Counts(Fixture& fixture) {
  auto counts = Await(fixture.executor(), fixture.store().CountAsyncEvents());
  REQUIRE(counts.ok());
  std::string text;
  for (const ports::AsyncQueueCounts& hook : *counts)
    text += Cat(hook.hook, ":", hook.queued, "/", hook.dead, "/", hook.dropped, " ");
  return text;
}

template <class Fixture>
void Enqueue(Fixture& fixture, std::vector<ports::AsyncEvent> events) {
  Transaction transaction;
  transaction.new_async_events = std::move(events);
  REQUIRE(Commit(fixture, std::move(transaction)).ok());
}

template <class Fixture>
Status Put(Fixture& fixture, decltype(ports::ResourceChange::resource) resource,
           bool removed = false) {
  ports::ResourceChange change;
  change.resource = std::move(resource);
  change.removed = removed;
  change.who = "operator";
  change.when = At(0);
  Transaction transaction;
  transaction.resources.push_back(std::move(change));
  return Commit(fixture, std::move(transaction));
}

}  // namespace penstock::tests
