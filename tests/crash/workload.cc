// SPDX-License-Identifier: Apache-2.0
#include "tests/crash/workload.h"

#include <algorithm>
#include <optional>
#include <random>
#include <utility>

#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/store/record.h"
#include "tests/support/store_samples.h"

namespace penstock::tests {
namespace {

using Kind = Step::Kind;
using flow::HistoryKind;

constexpr std::string_view kHooks[] = {"copier", "archiver"};

std::string MessageName(std::uint64_t number, std::string_view half) {
  return Cat("m-", number, half);
}

// Lengths on both sides of what is kept inline, and of a block.
std::string ContentOf(std::uint64_t number) {
  const std::uint64_t hash = number * 0x9e3779b97f4a7c15U;
  const std::uint64_t any = hash >> 20U;
  switch ((hash >> 10U) % 8) {
    case 0:
      return Octets(65'000 + any % 90'000, hash);
    case 1:
    case 2:
      return Octets(8'000 + any % 30'000, hash);
    case 3:
      return "";
    default:
      return Octets(any % 6'000, hash);
  }
}

rules::Verdict Outcome(rules::Action action) {
  rules::Verdict verdict;
  verdict.action = action;
  return verdict;
}

void Decide(flow::MessageState& state, rules::Action action) {
  state.invocations[0].next_attempt.reset();
  state.invocations[0].decided = true;
  for (flow::RecipientState& recipient : state.recipients) {
    recipient.outcome = Outcome(action);
    recipient.decided_by = flow::DecidedBy::kNamed;
  }
}

flow::MessageState NewMessage(std::string id, ContentId content) {
  flow::MessageState state = ActiveMessage(std::move(id), std::move(content));
  flow::RecipientState second = state.recipients[0];
  second.forward_path = "carol@example.org";
  state.recipients.push_back(std::move(second));
  return state;
}

StatusOr<ContentId> AddContent(ports::Store& store, ports::Transaction& transaction,
                               std::uint64_t number) {
  PENSTOCK_ASSIGN_OR_RETURN(std::unique_ptr<ports::ContentWriter> content, store.NewContent());
  PENSTOCK_RETURN_IF_ERROR(content->Write(ContentOf(number)));
  transaction.contents.push_back(std::move(content));
  return transaction.contents.back()->id();
}

Status PrepareAcceptance(ports::Store& store, const Step& step, ports::Transaction& transaction) {
  PENSTOCK_ASSIGN_OR_RETURN(const ContentId content, AddContent(store, transaction, step.number));
  for (const char* half : {"a", "b"}) {
    if (half[0] == 'b' && step.number % 2 == 0) break;
    flow::MessageState state = NewMessage(MessageName(step.number, half), content);
    transaction.messages.push_back({std::move(state), {Line(HistoryKind::kAccepted, half)}});
  }
  if (step.number % 4 == 1) {
    transaction.retained.push_back({MessageId(MessageName(step.number, "a")), InvocationId(),
                                    content, At(static_cast<std::int64_t>(step.number))});
  }
  for (std::uint64_t i = 0; i < step.number % 3; ++i) {
    transaction.new_async_events.push_back(EventFor(std::string(kHooks[i]),
                                                    MessageName(step.number, "a"),
                                                    At(static_cast<std::int64_t>(step.number))));
  }
  return OkStatus();
}

// Changes an open message; a step that finds it closed does nothing to it but a line.
Status PrepareChange(ports::Store& store, const Step& step, flow::MessageState state,
                     ports::Transaction& transaction) {
  const Time time = At(static_cast<std::int64_t>(step.number));
  std::vector<flow::HistoryEntry> history = {Line(HistoryKind::kWarning, Name(step.kind), time)};
  const bool open = flow::Phase(state) != flow::MessagePhase::kClosed;
  const bool decided = state.invocations[0].decided;
  if (!open) {
    history[0].detail += " too late";
  } else if (step.kind == Kind::kWait && !decided) {
    state = Waiting(std::move(state), time);
  } else if (step.kind == Kind::kDecide && !decided) {
    Decide(state, rules::Action::kDefault);
    flow::DeliveryState delivery;
    delivery.next_hop = "mailbox";
    delivery.expiry = time + std::chrono::hours(1);
    state.deliveries.push_back(std::move(delivery));
    for (flow::RecipientState& recipient : state.recipients) {
      recipient.delivery = 0;
      recipient.progress = flow::DeliveryProgress::kPending;
    }
    if (step.number % 3 == 0) {
      flow::ReplacedContent& replaced = state.invocations[0].replaced.emplace();
      PENSTOCK_ASSIGN_OR_RETURN(replaced.id, AddContent(store, transaction, step.number));
      state.deliveries[0].content_of = 0;
      transaction.retained.push_back({state.id, state.invocations[0].id, replaced.id, time});
    }
  } else if (step.kind == Kind::kDeliver && decided && !state.deliveries.empty()) {
    flow::DeliveryState& delivery = state.deliveries[0];
    ++delivery.attempts_ended;
    delivery.done = step.number % 3 != 0;
    delivery.next_attempt.reset();
    if (!delivery.done) delivery.next_attempt = time;
    for (flow::RecipientState& recipient : state.recipients) {
      if (delivery.done) recipient.progress = flow::DeliveryProgress::kDelivered;
      recipient.last_reply = delivery.done ? "250 2.0.0 kept" : "451 4.3.0 later";
    }
  } else if (step.kind == Kind::kBounce && !decided) {
    Decide(state, rules::Action::kBounce);
    PENSTOCK_ASSIGN_OR_RETURN(ContentId content, AddContent(store, transaction, step.number));
    flow::MessageState bounce = NewMessage(MessageName(step.number, "bounce"), std::move(content));
    bounce.is_bounce = true;
    transaction.messages.push_back({std::move(bounce), {Line(HistoryKind::kAccepted, "bounce")}});
  } else if (step.kind == Kind::kClose && !decided) {
    Decide(state, rules::Action::kDrop);
  } else {
    history[0].detail += " out of turn";
  }
  transaction.messages.push_back({std::move(state), std::move(history)});
  return OkStatus();
}

Status PreparePut(ports::Store& store, const Step& step, ports::Transaction& transaction) {
  PENSTOCK_ASSIGN_OR_RETURN(const ContentId content, AddContent(store, transaction, step.number));
  transaction.retained.push_back({MessageId(MessageName(step.message, "a")),
                                  InvocationId(Cat("async-", step.number % 2)), content,
                                  At(static_cast<std::int64_t>(step.number))});
  return OkStatus();
}

void PrepareKey(const Step& step, ports::Transaction& transaction) {
  const auto id = static_cast<std::uint32_t>(step.message % 5);
  if (step.kind == Kind::kRemoveResource) {
    transaction.removed_capability_keys.push_back(id);
  } else {
    transaction.new_capability_keys.push_back(
        {id, Octets(32, step.number), At(static_cast<std::int64_t>(step.number))});
  }
}

void PrepareResource(const Step& step, ports::Transaction& transaction) {
  ports::ResourceChange change;
  change.who = "operator";
  change.when = At(static_cast<std::int64_t>(step.number));
  change.removed = step.kind == Kind::kRemoveResource;
  switch (step.message % 3) {
    case 0:
      change.resource = rules::Organization{Cat("org-", step.message % 5), {"example.com"}};
      break;
    case 1: {
      // Bounds that the events of this workload reach.
      flow::Hook hook = EveryHookField();
      hook.name = kHooks[step.message % 2];
      hook.async_queue_max = 3;
      hook.dead_letters_max = 2;
      hook.description = Cat("as of ", step.number);
      change.resource = std::move(hook);
      break;
    }
    default: {
      rules::FlowRule rule = EveryRuleField();
      rule.name = Cat("rule-", step.message % 4);
      rule.description = Octets(step.number % 700, step.number);
      change.resource = std::move(rule);
    }
  }
  transaction.resources.push_back(std::move(change));
}

}  // namespace

std::string_view Name(Kind kind) {
  constexpr std::string_view kNames[] = {
      "accept",        "decide",        "wait",         "deliver",         "bounce",
      "close",         "put",           "add-history",  "end-event",       "retry-event",
      "give-up-event", "redrive-event", "put-resource", "remove-resource", "purge",
      "release",       "reopen"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::vector<Step> MakeScript(std::uint64_t seed, std::size_t steps, bool grouped) {
  constexpr Kind kWeighted[] = {Kind::kAccept,      Kind::kAccept,
                                Kind::kAccept,      Kind::kAccept,
                                Kind::kDecide,      Kind::kDecide,
                                Kind::kDecide,      Kind::kDeliver,
                                Kind::kDeliver,     Kind::kDeliver,
                                Kind::kWait,        Kind::kBounce,
                                Kind::kClose,       Kind::kClose,
                                Kind::kAddHistory,  Kind::kEndEvent,
                                Kind::kRetryEvent,  Kind::kGiveUpEvent,
                                Kind::kGiveUpEvent, Kind::kRedriveEvent,
                                Kind::kPutResource, Kind::kRemoveResource,
                                Kind::kPurge,       Kind::kReopen,
                                Kind::kPut,         Kind::kPut,
                                Kind::kRelease};
  std::mt19937_64 random(seed);
  std::vector<Step> script;
  std::vector<std::uint64_t> accepted;
  while (script.size() < steps) {
    Step step;
    step.number = script.size() + 1 + seed * 1000;
    step.kind = accepted.empty() ? Kind::kAccept : kWeighted[random() % std::size(kWeighted)];
    // Mostly what is young: it is still open.
    if (!accepted.empty()) {
      const std::size_t window = std::min<std::size_t>(accepted.size(), 8);
      step.message = accepted[accepted.size() - 1 - random() % window];
    }
    if (step.kind == Kind::kPutResource || step.kind == Kind::kRemoveResource) {
      step.message = random();
    }
    if (step.kind == Kind::kAccept) accepted.push_back(step.number);
    step.in_flight_with_next = grouped && random() % 3 == 0;
    script.push_back(step);
  }
  return script;
}

async::Task<ports::Transaction> Prepare(ports::Store* store, Step step, DeadLetters* dead) {
  ports::Transaction transaction;
  const std::string name = MessageName(step.message, "a");
  switch (step.kind) {
    case Kind::kAccept: {
      const Status status = PrepareAcceptance(*store, step, transaction);
      PENSTOCK_CO_RETURN_IF_ERROR(status);
      break;
    }
    case Kind::kEndEvent:
    case Kind::kRetryEvent:
    case Kind::kGiveUpEvent: {
      const std::string hook(kHooks[step.number % 2]);
      auto events = co_await store->LoadAsyncEvents(hook, 100);
      PENSTOCK_CO_RETURN_IF_ERROR(events.status());
      if (events->empty()) co_return NotFound("no event");
      ports::AsyncEvent event = events->front();
      if (step.kind == Kind::kEndEvent) {
        transaction.done_async_events.push_back(event.id);
        break;
      }
      ++event.attempts_ended;
      event.next_attempt = At(static_cast<std::int64_t>(step.number) + 60);
      event.dead = step.kind == Kind::kGiveUpEvent;
      if (event.dead) (*dead)[event.event.message_id.text()] = event.id;
      transaction.changed_async_events.push_back(std::move(event));
      break;
    }
    case Kind::kRedriveEvent: {
      if (dead->empty()) co_return NotFound("no dead letter");
      const auto letter = dead->begin();
      ports::AsyncEvent event = EventFor(std::string(kHooks[0]), letter->first,
                                         At(static_cast<std::int64_t>(step.number)));
      event.id = letter->second;
      dead->erase(letter);
      transaction.changed_async_events.push_back(std::move(event));
      break;
    }
    case Kind::kPutResource:
    case Kind::kRemoveResource:
      PrepareResource(step, transaction);
      PrepareKey(step, transaction);
      break;
    case Kind::kPut: {
      const Status status = PreparePut(*store, step, transaction);
      PENSTOCK_CO_RETURN_IF_ERROR(status);
      break;
    }
    default: {
      auto state = co_await store->LoadMessage(MessageId(name));
      PENSTOCK_CO_RETURN_IF_ERROR(state.status());
      const Status status = PrepareChange(*store, step, *std::move(state), transaction);
      PENSTOCK_CO_RETURN_IF_ERROR(status);
    }
  }
  co_return transaction;
}

async::Task<void> Perform(ports::Store* store, Step step) {
  if (step.kind == Kind::kPurge) {
    const auto purged = co_await store->PurgeMessages(At(1'000'000'000), 3);
    co_return purged.status();
  }
  if (step.kind == Kind::kRelease) {
    const auto released = co_await store->ReleaseRetained(Time::max(), 3);
    co_return released.status();
  }
  ports::Transaction transaction;
  transaction.history.push_back(
      {MessageId(MessageName(step.message, "a")),
       {Line(HistoryKind::kAsyncAttempt, Octets(step.number % 2000, step.number))}});
  co_return co_await store->Commit(std::move(transaction));
}

namespace {

void Show(std::string& picture, std::string_view what, std::string_view name,
          std::string_view record) {
  Append(picture, what, " ", name, " ", record.size(), "/", store::Checksum(record), "\n");
}

std::string ShowContent(ports::Store& store, const ContentId& id) {
  const auto reader = store.OpenContent(id);
  if (!reader.ok()) return std::string(Message(reader.status()));
  std::string octets(static_cast<std::size_t>((*reader)->octets()), '\0');
  const StatusOr<std::size_t> read = (*reader)->Read(0, octets);
  if (!read.ok()) return std::string(Message(read.status()));
  if (*read != octets.size()) return "cut short";
  return Cat(octets.size(), "/", store::Checksum(octets));
}

async::Task<void> ShowRetained(ports::Store* store, MessageId message, std::string* picture) {
  const auto all = co_await store->LoadRetained(message);
  PENSTOCK_CO_RETURN_IF_ERROR(all.status());
  for (const ports::RetainedContent& one : *all) {
    Append(*picture, "retained ", one.invocation.text(), " ", ShowContent(*store, one.content),
           " until ", (one.until - At(0)).count(), " ");
  }
  co_return OkStatus();
}

}  // namespace

async::asio::awaitable<std::string> Picture(ports::Store* store) {
  std::string picture;
  const ports::MessageFilter all;
  std::string token;
  do {
    auto page = co_await store->ListMessages(all, 1000, token);
    if (!page.ok()) co_return Cat("list: ", Message(page.status()));
    for (const flow::MessageState& listed : page->messages) {
      auto message = co_await store->LoadMessageWithHistory(listed.id);
      if (!message.ok()) co_return Cat("load: ", Message(message.status()));
      flow::MessageState& state = message->state;
      Append(picture, "phase ", flow::Name(flow::Phase(state)), " ");
      if (flow::Phase(state) != flow::MessagePhase::kClosed) {
        Append(picture, "content ", ShowContent(*store, state.content), " ");
        for (const ContentId& id : ReplacedContents(state))
          Append(picture, "replaced by ", ShowContent(*store, id), " ");
      }
      const Status shown = co_await ShowRetained(store, state.id, &picture);
      if (!shown.ok()) co_return Cat("retained: ", Message(shown));
      state.content = ContentId();
      for (flow::InvocationState& invocation : state.invocations) {
        if (invocation.replaced) invocation.replaced->id = ContentId();
      }
      Show(picture, "message", state.id.text(), store::EncodeMessage(state));
      Show(picture, "history", state.id.text(), store::EncodeHistory(message->history));
    }
    token = page->next_page_token;
  } while (!token.empty());
  auto wakes = co_await store->LoadWakes();
  if (!wakes.ok()) co_return Cat("wakes: ", Message(wakes.status()));
  std::sort(wakes->begin(), wakes->end(),
            [](const auto& a, const auto& b) { return a.message < b.message; });
  for (const ports::Wake& wake : *wakes)
    Append(picture, "wake ", wake.message.text(), " ", (wake.time - At(0)).count(), "\n");
  const auto open = co_await store->CountOpenMessages();
  Append(picture, "open ", open.ok() ? Cat(*open) : std::string(Message(open.status())), "\n");
  const auto counts = co_await store->CountAsyncEvents();
  if (!counts.ok()) co_return Cat("counts: ", Message(counts.status()));
  for (const ports::AsyncQueueCounts& hook : *counts) {
    Append(picture, "queue ", hook.hook, " ", hook.queued, "/", hook.dead, "/", hook.dropped, "\n");
  }
  for (const std::string_view hook : kHooks) {
    const auto events = co_await store->LoadAsyncEvents(std::string(hook), 1000);
    if (!events.ok()) co_return Cat("events: ", Message(events.status()));
    for (const ports::AsyncEvent& event : *events)
      Show(picture, "event", event.event.message_id.text(), store::EncodeAsyncEvent(event));
  }
  const auto keys = co_await store->LoadCapabilityKeys();
  if (!keys.ok()) co_return Cat("keys: ", Message(keys.status()));
  for (const ports::CapabilityKey& key : *keys)
    Show(picture, "key", Cat(key.id, " of ", (key.made - At(0)).count()), key.secret);
  auto resources = co_await store->LoadResources();
  if (!resources.ok()) co_return Cat("resources: ", Message(resources.status()));
  for (const auto& organization : resources->organizations)
    Show(picture, "organization", organization.name, store::EncodeOrganization(organization));
  for (const auto& hook : resources->hooks)
    Show(picture, "hook", hook.name, store::EncodeHook(hook));
  for (const auto& rule : resources->rules)
    Show(picture, "rule", rule.name, store::EncodeFlowRule(rule));
  co_return picture;
}

std::string Difference(std::string_view want, std::string_view found) {
  const std::vector<std::string_view> wanted = Split(want, '\n');
  const std::vector<std::string_view> got = Split(found, '\n');
  for (std::size_t i = 0; i < std::max(wanted.size(), got.size()); ++i) {
    const std::string_view a = i < wanted.size() ? wanted[i] : "(nothing)";
    const std::string_view b = i < got.size() ? got[i] : "(nothing)";
    if (a != b) return Cat("line ", i + 1, ": wanted \"", a, "\", found \"", b, "\"");
  }
  return "";
}

}  // namespace penstock::tests
