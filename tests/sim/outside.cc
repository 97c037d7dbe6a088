// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/outside.h"

#include <algorithm>
#include <utility>

#include <boost/asio/this_coro.hpp>

#include "engine/async/deadline.h"
#include "engine/async/spawn.h"
#include "engine/base/strings.h"

namespace penstock::sim {

namespace asio = async::asio;
using flow::Answer;
using flow::AnswerEntry;
using rules::FlowDirection;
using rules::InvocationMode;

async::Task<Answer> SimHooks::Call(ports::HookCall call) {
  const flow::DirectorySnapshot directory = directory_->Current();
  const std::size_t number = outside_.ledger.OnCall(call, *directory);
  Reply reply = MakeReply(call);
  PutSometimes(call, std::min(reply.after, call.timeout), co_await asio::this_coro::executor);
  const bool late = reply.after >= call.timeout;
  const Status slept = co_await async::Sleep(std::min(reply.after, call.timeout));
  if (!slept.ok()) co_return slept;
  if (late) {
    outside_.trace.Count("late answer");
    reply.answer = DeadlineExceeded("no answer in time");
  }
  outside_.ledger.OnCallEnded(number, reply.answer);
  if (outside_.is_cut_off()) {
    // Longer than the process lives.
    std::ignore = co_await async::Sleep(std::chrono::hours(1));
  }
  co_return std::move(reply.answer);
}

void SimHooks::PutSometimes(const ports::HookCall& call, Milliseconds answers_after,
                            const async::Executor& executor) {
  if (!MayReplace(*call.hook, call.organization, call.event.direction)) return;
  const double chance = moods_.at(call.hook->name).puts;
  for (int i = 0; i < 2; ++i) {  // a second one replaces the first
    if (!dice_.Chance(chance)) return;
    const Milliseconds latest = answers_after + answers_after / 3 + Milliseconds(2);
    const Milliseconds after = dice_.Between(Milliseconds(0), latest);
    const runtime::ContentClaim claim = {call.event.message_id, call.event.invocation_id,
                                         call.attempt, call.mode};
    ++putting_;
    async::Spawn(executor, Put(this, claim, after, outside_.ledger.MakePut(claim, ++puts_)), "put");
  }
}

asio::awaitable<void> SimHooks::Put(SimHooks* hooks, runtime::ContentClaim claim,
                                    Milliseconds after, std::string octets) {
  Ledger& ledger = hooks->outside_.ledger;
  std::ignore = co_await async::Sleep(after);
  const auto seen = co_await hooks->desk_->Open(claim);
  if (seen.ok()) ledger.OnGet(claim, **seen);
  auto put = co_await hooks->desk_->Replace(claim);
  Status status = put.status();
  if (status.ok()) status = (*put)->Write(octets);
  if (status.ok()) {
    std::ignore = co_await async::Sleep(hooks->dice_.Between(Milliseconds(0), Milliseconds(40)));
    const auto effect = co_await (*put)->Finish();
    status = effect.status();
  }
  ledger.OnPut(claim, octets, status);
  --hooks->putting_;
}

SimHooks::Reply SimHooks::MakeReply(const ports::HookCall& call) {
  const HookMood& mood = moods_.at(call.hook->name);
  const Milliseconds after = dice_.Between(Milliseconds(0), mood.slowest);
  double drawn = dice_.Part() * (mood.answers + mood.fails + mood.hangs + mood.nonsense);
  if ((drawn -= mood.answers) < 0) {
    if (call.mode == InvocationMode::kAsync) return {Answer(), std::max(after, mood.quickest)};
    return {MakeAnswer(call), std::max(after, mood.quickest)};
  }
  if ((drawn -= mood.fails) < 0) {
    outside_.trace.Count("hook fails");
    return {Unavailable("the hook fails"), after};
  }
  if ((drawn -= mood.hangs) < 0) {
    outside_.trace.Count("hook hangs");
    return {Answer(), std::chrono::hours(2)};
  }
  if (call.mode == InvocationMode::kAsync) return {InvalidArgument("cannot be parsed"), after};
  if (dice_.Chance(0.2)) {
    outside_.trace.Count("answer unreadable");
    return {InvalidArgument("answer too long"), after};
  }
  return {MakeNonsense(call), after};
}

AnswerEntry SimHooks::MakeEntry(const ports::HookCall& call) {
  std::vector<std::string> types = {"DROP", "BOUNCE", "DEFAULT", "DEFAULT"};
  if (call.event.direction == FlowDirection::kInbound) {
    types.push_back("MOVE_TO_JUNK");
    types.push_back("BYPASS_SPAM_CHECK");
  }
  AnswerEntry entry;
  entry.type = dice_.Pick(types);
  if (entry.type == "BOUNCE" && dice_.Chance(0.7))
    entry.bounce_message = Cat("no thanks ", dice_.Below(3));
  entry.all_recipients = dice_.Chance(0.5);
  if (entry.all_recipients && dice_.Chance(0.5)) return entry;
  entry.has_recipients = true;
  const std::size_t named = dice_.Below(3) + (entry.all_recipients ? 0U : 1U);
  for (std::size_t i = 0; i < named; ++i) {
    if (dice_.Chance(0.8)) {
      entry.recipients.push_back(dice_.Pick(call.event.recipients));
    } else {
      outside_.trace.Count("stranger named");
      entry.recipients.push_back(MakeRecipient(dice_));
    }
  }
  return entry;
}

Answer SimHooks::MakeAnswer(const ports::HookCall& call) {
  Answer answer;
  std::size_t entries = 1 + dice_.Below(3);
  if (dice_.Chance(0.05)) {
    entries = 15;
    outside_.trace.Count("over ten actions");
  }
  for (std::size_t i = 0; i < entries; ++i)
    answer.actions.push_back(MakeEntry(call));
  if (entries > 10) {
    for (std::size_t i = 0; i < answer.actions.size(); ++i) {
      answer.actions[i].type = "BOUNCE";
      answer.actions[i].bounce_message = Cat("reason ", i);
    }
  }
  if (dice_.Chance(0.02)) {
    outside_.trace.Count("huge answer");
    const bool inbound = call.event.direction == FlowDirection::kInbound;
    AnswerEntry entry;
    entry.type = "DEFAULT";
    entry.has_recipients = true;
    for (std::size_t i = 0; i < 600; ++i)
      entry.recipients.push_back(Cat("s", i, inbound ? "@acme.example" : "@far.example"));
    answer.actions.push_back(std::move(entry));
  }
  return answer;
}

// H6: each of these is invalid.
Answer SimHooks::MakeNonsense(const ports::HookCall& call) {
  outside_.trace.Count("nonsense answer");
  Answer answer;
  const std::size_t kind = dice_.Below(4);
  if (kind == 0) return answer;  // no actions
  answer.actions.push_back(MakeEntry(call));
  AnswerEntry& entry = answer.actions.back();
  if (kind == 1) entry.type = "QUARANTINE";
  if (kind == 2) entry.type = "";
  if (kind == 3) {
    entry.recipients.clear();
    entry.has_recipients = false;
    entry.all_recipients = false;
  }
  return answer;
}

asio::awaitable<std::vector<mail::SmtpReply>> SimNextHops::Deliver(ports::DeliveryRequest request) {
  const std::size_t number = outside_.ledger.OnDelivery(request);
  const std::vector<mail::SmtpReply> replies = MakeReplies(request);
  const Milliseconds after = dice_.Between(Milliseconds(0), moods_.at(request.next_hop).slowest);
  std::ignore = co_await async::Sleep(after);
  outside_.ledger.OnDeliveryEnded(number, replies);
  if (outside_.is_cut_off()) {
    // Longer than the process lives.
    std::ignore = co_await async::Sleep(std::chrono::hours(1));
  }
  co_return replies;
}

std::vector<mail::SmtpReply> SimNextHops::MakeReplies(const ports::DeliveryRequest& request) {
  const mail::SmtpReply taken = {250, {2, 0, 0}, "taken"};
  const NextHopMood& mood = moods_.at(request.next_hop);
  std::vector<mail::SmtpReply> replies(request.forward_paths.size(), taken);
  const mail::SmtpReply later = {451, {4, 4, 1}, "not now"};
  if (dice_.Chance(mood.down)) {
    outside_.trace.Count("next hop down");
    std::fill(replies.begin(), replies.end(), later);
    return replies;
  }
  for (mail::SmtpReply& reply : replies) {
    if (dice_.Chance(mood.defers)) {
      outside_.trace.Count("recipient deferred");
      reply = later;
    } else if (dice_.Chance(mood.refuses)) {
      outside_.trace.Count("recipient refused");
      reply = {550, {5, 1, 1}, "no such mailbox"};
    }
  }
  if (dice_.Chance(mood.loses)) {
    outside_.trace.Count("connection lost after the data");
    for (mail::SmtpReply& reply : replies) {
      if (reply.code == 250) reply = {451, {4, 4, 2}, "connection lost"};
    }
  }
  return replies;
}

}  // namespace penstock::sim
