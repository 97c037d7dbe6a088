// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/message_intake.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/log.h"
#include "engine/base/metrics.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/mail/dsn.h"
#include "engine/mail/header_section.h"
#include "engine/mail/trace_field.h"
#include "engine/rules/select.h"
#include "engine/runtime/bounce.h"
#include "engine/runtime/content_retention.h"
#include "engine/runtime/message_step.h"

namespace penstock::runtime {
namespace {

using flow::MessageState;
using flow::PlannedRecipient;
using mail::SmtpReply;
using rules::FlowDirection;

SmtpReply NoDisk(std::string_view event, const Status& status) {
  Log(LogLevel::kError, event, {{"error", std::string(Message(status))}});
  return {452, {4, 3, 1}, "the message cannot be stored now; try again later"};
}

// RFC 5321 §4.5.1: the one path without a domain.
bool IsBarePostmaster(std::string_view forward_path) {
  return EqualsIgnoreAsciiCase(forward_path, "postmaster");
}

// Whose mail <Postmaster> is: that of the first domain of the listener's organization, else of the
// first organization that has one; "" if none has.
std::string PostmasterOf(const std::string& organization, const flow::Directory& directory) {
  const rules::Organization* owner = directory.FindOrganization(organization);
  for (const auto& [name, one] : directory.organizations()) {
    if (owner != nullptr && !owner->domains.empty()) break;
    owner = &one;
  }
  if (owner == nullptr || owner->domains.empty()) return "";
  const std::string& domain = owner->domains.front();
  return Cat("postmaster@", mail::NormalizeDomain(domain).value_or(domain));
}

// From here on <Postmaster> is a mailbox like others.
std::vector<std::string> WithWholePostmaster(const std::string& organization,
                                             const flow::Directory& directory,
                                             std::vector<std::string> forward_paths) {
  const auto bare = std::find_if(forward_paths.begin(), forward_paths.end(), IsBarePostmaster);
  if (bare == forward_paths.end()) return forward_paths;
  const std::string whole = PostmasterOf(organization, directory);
  if (!whole.empty()) *bare = whole;
  return forward_paths;
}

// Named beside the whole one, <Postmaster> counts once (E3).
std::vector<std::string> Distinct(const std::vector<std::string>& forward_paths) {
  std::vector<std::string> distinct;
  std::set<std::string> keys;
  for (const std::string& path : forward_paths) {
    if (keys.insert(mail::AddressKey(path)).second) distinct.push_back(path);
  }
  return distinct;
}

// What the client asked for each recipient; of one named twice, what came with it first.
void AddDsn(const std::vector<std::string>& forward_paths,
            const std::vector<mail::RecipientDsn>& recipients_dsn, MessageState& state) {
  std::map<std::string, const mail::RecipientDsn*> asked;
  for (std::size_t i = 0; i < recipients_dsn.size(); ++i) {
    if (recipients_dsn[i] != mail::RecipientDsn())
      asked.emplace(mail::AddressKey(forward_paths[i]), &recipients_dsn[i]);
  }
  if (asked.empty()) return;
  for (flow::RecipientState& recipient : state.recipients) {
    const auto found = asked.find(mail::AddressKey(recipient.forward_path));
    if (found != asked.end()) recipient.dsn = *found->second;
  }
}

SmtpReply TooManyRecipients(std::size_t recipients_max) {
  return {452, {4, 5, 3}, Cat("too many recipients; a transaction takes ", recipients_max)};
}

bool MayRelay(const mail::ClientInfo& client) {
  return client.trusted || !client.login.empty();
}

// The rule that wins each recipient, and why, for the plan.
std::vector<PlannedRecipient> SelectRules(const flow::Directory& directory,
                                          const std::string& organization, FlowDirection direction,
                                          const mail::Summary& summary,
                                          const std::vector<std::string>& recipients) {
  const auto rules = directory.Rules(organization, direction);
  const rules::Originators originators = rules::Originators::Of(summary.sender, summary.from);
  const rules::OriginatorMatches matches(*rules, originators);
  std::vector<PlannedRecipient> planned;
  planned.reserve(recipients.size());
  for (const std::string& recipient : recipients) {
    const rules::Selection selection = rules::Select(*rules, matches, mail::AddressKey(recipient));
    PlannedRecipient one;
    one.forward_path = recipient;
    if (selection.rule == rules::kNoRule) {
      one.reason = "no rule matches";
    } else {
      one.rule = directory.FindRule(organization, direction, rules->name(selection.rule));
      one.reason = Cat(
          "sender pattern ", selection.sender.ToString(), " matches ",
          selection.field == rules::OriginatorField::kNone ? "any sender" : Name(selection.field),
          ", recipient pattern ", selection.recipient.ToString());
    }
    planned.push_back(std::move(one));
  }
  return planned;
}

}  // namespace

MessageIntake::MessageIntake(Context& context, MessageSchedule& schedule,
                             AsyncWorkers& async_workers, std::size_t inbound_recipients_max)
    : context_(context),
      schedule_(schedule),
      async_workers_(async_workers),
      inbound_recipients_max_(inbound_recipients_max) {}

std::optional<SmtpReply> MessageIntake::RefuseMail() const {
  if (schedule_.waiting() + schedule_.active() < open_messages_max_) return std::nullopt;
  return SmtpReply{451, {4, 3, 2}, "too many messages wait here already; try again later"};
}

std::optional<SmtpReply> MessageIntake::RefuseRecipient(const ListenerPolicy& policy,
                                                        const mail::ClientInfo& client,
                                                        std::string_view reverse_path,
                                                        std::string_view forward_path,
                                                        std::size_t accepted) const {
  const flow::DirectorySnapshot directory = context_.directory.Current();
  const rules::Origin origin{MayRelay(client), reverse_path, {}};
  const rules::Direction direction =
      rules::DirectionOf(policy.direction, policy.organization, origin, directory->domains());
  std::size_t recipients_max = inbound_recipients_max_;
  if (direction.direction == FlowDirection::kOutbound) {
    recipients_max = limits::kOutboundRecipientsMax;  // H11
  } else if (policy.direction == rules::DirectionMode::kAuto && MayRelay(client) &&
             reverse_path.empty()) {
    // From decides the direction (O3), which is not there yet: the smaller bound holds.
    recipients_max = std::min(recipients_max, limits::kOutboundRecipientsMax);
  }
  if (accepted >= recipients_max) return TooManyRecipients(recipients_max);
  if (MayRelay(client) || policy.relay_checked) return std::nullopt;
  if (IsBarePostmaster(forward_path) && !PostmasterOf(policy.organization, *directory).empty()) {
    return std::nullopt;
  }
  const StatusOr<mail::Mailbox> mailbox = mail::Mailbox::Parse(forward_path);
  if (mailbox.ok() && !directory->domains().Owner(*mailbox).empty()) return std::nullopt;
  return SmtpReply{550, {5, 7, 1}, "relaying denied: no organization here owns that domain"};
}

async::Task<std::unique_ptr<ports::ContentWriter>> MessageIntake::NewContent() {
  const Status room = co_await context_.content.MakeRoom();
  PENSTOCK_CO_RETURN_IF_ERROR(room);
  co_return context_.store.NewContent();
}

async::asio::awaitable<SmtpReply> MessageIntake::Accept(Submission submission) {
  const Hold none;
  HeldReply held = co_await Decide(std::move(submission), none);
  co_return std::move(held.reply);
}

PlannedMail MessageIntake::Plan(Submission& submission, const flow::Directory& directory,
                                std::uint64_t octets) const {
  const mail::HeaderSection header = mail::HeaderSection::Scan(submission.header_section);
  const mail::Summary summary = mail::Summarize(header);
  PlannedMail planned;
  planned.asked = WithWholePostmaster(submission.policy->organization, directory,
                                      submission.envelope.forward_paths);
  submission.envelope.forward_paths = Distinct(planned.asked);
  for (const Part& part : Split(submission, summary, directory)) {
    planned.refusal = RefusePart(part, header);
    if (planned.refusal.code != 0) break;
    planned.plans.push_back(MakePlan(Describe(submission, summary, part, octets), summary, part,
                                     directory, planned.transaction));
    AddDsn(planned.asked, submission.envelope.recipients_dsn, planned.plans.back().state);
  }
  return planned;
}

async::asio::awaitable<HeldReply> MessageIntake::Decide(Submission submission, Hold hold) {
  const flow::DirectorySnapshot directory = context_.directory.Current();
  const auto settings = context_.settings.Current();
  PlannedMail planned = Plan(submission, *directory, submission.content->octets());
  HeldReply refused;
  refused.reply = planned.refusal;
  if (refused.reply.code != 0) co_return refused;
  std::vector<HeldMessage> messages;
  for (flow::Plan& plan : planned.plans) {
    messages.emplace_back(*settings, directory, std::move(plan.state), submission.received);
    auto& history = messages.back().effects.history;
    history.insert(history.begin(), std::make_move_iterator(plan.history.begin()),
                   std::make_move_iterator(plan.history.end()));
  }
  const bool undecided =
      std::any_of(messages.begin(), messages.end(),
                  [](const HeldMessage& message) { return message.IsUndecided(); });
  if (hold.time > Milliseconds(0) && undecided) {
    if (held_.fetch_add(1) < limits::kHeldMax) {
      co_await HoldMessages(context_, *directory, messages, hold.time, hold.end);
    } else if (hold.says == HeldSays::kMilter) {
      // Elsewhere our queue waits for the hooks; a milter may have to fall back for want of one.
      --held_;
      refused.reply = {451, {4, 3, 2}, "too many messages are held here already; try again later"};
      co_return refused;
    }
    --held_;
  }
  HeldReply held;
  held.reply = {250, {2, 0, 0}, ""};
  if (hold.time > Milliseconds(0) || hold.says != HeldSays::kOneReply) {
    held = TellOutcomes(hold.says, planned.asked, *settings, messages, context_.clock.Now());
  }
  std::string ids;
  const Status committed =
      co_await Commit(std::move(submission), messages, std::move(planned.transaction), ids);
  if (!committed.ok()) {
    refused.reply = NoDisk("commit_failed", committed);
    co_return refused;
  }
  if (held.reply.is_positive()) held.reply.text = Cat("accepted as ", ids);
  for (SmtpReply& one : held.each) {
    if (one.is_positive()) one.text = held.reply.text;
  }
  co_return held;
}

async::Task<void> MessageIntake::Commit(Submission submission, std::vector<HeldMessage>& messages,
                                        ports::Transaction transaction, std::string& ids) {
  // Again: others may have filled the disk while this one came in.
  const Status room = co_await context_.content.MakeRoom();
  PENSTOCK_CO_RETURN_IF_ERROR(room);
  const Time now = context_.clock.Now();
  std::set<std::string> async_hooks;
  for (const ports::AsyncEvent& event : transaction.new_async_events)
    async_hooks.insert(event.hook);
  std::vector<MessageState> bounces;
  for (const HeldMessage& message : messages) {
    std::string whole;
    if (!message.effects.bounces.empty() && submission.envelope.dsn.ret == mail::DsnReturn::kFull) {
      const auto content = submission.content->Open();
      if (content.ok()) whole = ReadOriginal(**content).value_or("");
    }
    auto step = StepTransaction(context_, message.machine.state(), message.effects,
                                whole.empty() ? submission.header_section : whole, now, bounces);
    PENSTOCK_CO_RETURN_IF_ERROR(step.status());
    for (ports::MessageWrite& write : step->messages)
      transaction.messages.push_back(std::move(write));
    for (auto& content : step->contents)
      transaction.contents.push_back(std::move(content));
  }
  const std::vector<ports::MessageWrite> written = transaction.messages;
  transaction.contents.push_back(std::move(submission.content));
  const Status committed = co_await context_.store.Commit(std::move(transaction));
  PENSTOCK_CO_RETURN_IF_ERROR(committed);

  for (const ports::MessageWrite& write : written) {
    ReportStep(context_, write.state, write.history);
    if (write.state.is_bounce) continue;
    Count(metrics::kMessagesAccepted,
          {{"organization", write.state.organization}, {"direction", Name(write.state.direction)}});
    Append(ids, ids.empty() ? "" : " ", write.state.id.text());
  }
  for (MessageState& bounce : bounces)
    schedule_.Run(std::move(bounce));
  for (HeldMessage& message : messages) {
    if (flow::Phase(message.machine.state()) == flow::MessagePhase::kClosed) continue;
    schedule_.Run(message.machine.state(), std::move(message.calls));
  }
  for (const std::string& hook : async_hooks)
    async_workers_.Notify(hook);
  co_return OkStatus();
}

// No code: the part may be taken.
SmtpReply MessageIntake::RefusePart(const Part& part, const mail::HeaderSection& header) const {
  if (part.direction == FlowDirection::kOutbound &&
      part.recipients.size() > limits::kOutboundRecipientsMax) {
    return TooManyRecipients(limits::kOutboundRecipientsMax);  // H11; a front door asks before
  }
  const mail::TraceToken token = {context_.hostname, part.organization,
                                  std::string(Name(part.direction))};
  const auto loop = mail::FindLoop(header, token);
  if (!loop) return {};
  return {554,
          {5, 4, 6},
          *loop == mail::MailLoop::kTooManyHops ? "mail loop: too many Received fields"
                                                : "mail loop: the message was here already"};
}

// O1, O3: mail to several organizations becomes one message each; foreign recipients of a client
// that may relay go with the first.
std::vector<MessageIntake::Part> MessageIntake::Split(const Submission& submission,
                                                      const mail::Summary& summary,
                                                      const flow::Directory& directory) {
  const mail::Envelope& envelope = submission.envelope;
  const rules::Origin origin{MayRelay(submission.client), envelope.reverse_path, summary.from};
  const rules::Direction direction = rules::DirectionOf(
      submission.policy->direction, submission.policy->organization, origin, directory.domains());
  if (direction.direction == FlowDirection::kOutbound) {
    return {{direction.organization, FlowDirection::kOutbound, envelope.forward_paths, {}}};
  }
  const rules::InboundSplit split =
      rules::SplitByOrganization(envelope.forward_paths, directory.domains());
  std::vector<Part> parts;
  for (const auto& of_one : split.parts) {
    Part part{of_one.organization, FlowDirection::kInbound, {}, {}};
    for (const std::size_t i : of_one.recipients)
      part.recipients.push_back(envelope.forward_paths[i]);
    parts.push_back(std::move(part));
  }
  if (!split.foreign.empty()) {
    if (parts.empty()) {
      parts.push_back({submission.policy->organization, FlowDirection::kInbound, {}, {}});
    }
    for (const std::size_t i : split.foreign) {
      parts.front().foreign.push_back(envelope.forward_paths[i]);
    }
  }
  return parts;
}

MessageState MessageIntake::Describe(const Submission& submission, const mail::Summary& summary,
                                     const Part& part, std::uint64_t octets) const {
  MessageState state;
  state.id = MessageId(FormatUuid(context_.random.Bytes()));
  state.organization = part.organization;
  state.direction = part.direction;
  state.client = submission.client;
  state.reverse_path = submission.envelope.reverse_path;
  state.smtputf8 = submission.envelope.smtputf8;
  state.body_8bit = submission.envelope.body_8bit;
  state.dsn = submission.envelope.dsn;
  state.content = submission.content->id();
  state.octets = octets;
  state.received = submission.received;
  state.msg_id = summary.msg_id;
  state.summary = flow::Summarize(summary.from, summary.sender, submission.envelope.reverse_path,
                                  summary.subject);
  state.may_bounce = mail::MayBounce(submission.envelope.reverse_path, summary);
  return state;
}

flow::Plan MessageIntake::MakePlan(MessageState state, const mail::Summary& summary,
                                   const Part& part, const flow::Directory& directory,
                                   ports::Transaction& transaction) const {
  std::vector<PlannedRecipient> recipients =
      SelectRules(directory, part.organization, part.direction, summary, part.recipients);
  for (const std::string& forward_path : part.foreign) {
    recipients.push_back({forward_path, nullptr, "in no domain of an organization", true});
  }
  const Time received = state.received;
  flow::Plan plan = flow::MakePlan(std::move(state), recipients, [this] {
    return InvocationId(FormatHex(context_.random.Bytes()));
  });
  plan.state.retained = IsForHooks(plan.state, directory);
  if (plan.state.retained) {
    transaction.retained.push_back(
        Retain(plan.state, InvocationId(), plan.state.content, context_.content.retention()));
  }
  for (flow::PlannedAsync& planned : plan.async) {
    ports::AsyncEvent event;
    event.hook = planned.hook;
    event.organization = part.organization;
    event.rule = planned.rule;
    event.event = std::move(planned.event);
    event.next_attempt = received;
    transaction.new_async_events.push_back(std::move(event));
  }
  return plan;
}

}  // namespace penstock::runtime
