// SPDX-License-Identifier: Apache-2.0
#include "engine/embed/decider.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/embed/mail_content.h"
#include "engine/embed/resume_token.h"
#include "engine/mail/dsn.h"
#include "engine/mail/mailbox.h"
#include "engine/mail/trace_field.h"
#include "engine/runtime/content_retention.h"
#include "engine/runtime/message_step.h"

namespace penstock::embed {
namespace {

namespace asio = async::asio;
using flow::HistoryEntry;
using flow::MessageState;
using runtime::HeldMessage;

static_assert(DecideOptions{}.patience == limits::kDecidePatience);

// Gives back one of the decisions that run.
class Turn {
 public:
  explicit Turn(std::atomic<std::size_t>& running)
      : running_(running), taken_(running.fetch_add(1) < limits::kDecisionsMax) {}

  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  ~Turn() { --running_; }

  [[nodiscard]] Status Check() const {
    if (taken_) return OkStatus();
    return ResourceExhausted(
        Cat("more than ", limits::kDecisionsMax, " messages are being decided; try again later"));
  }

 private:
  std::atomic<std::size_t>& running_;
  const bool taken_;
};

Status CheckOptions(const DecideOptions& options) {
  if (options.patience >= Milliseconds(0) && options.patience <= limits::kDecidePatienceMax)
    return OkStatus();
  return InvalidArgument(
      Cat("patience: out of range; expected 0 to ", limits::kDecidePatienceMax.count(), " h"));
}

Status CheckAddress(const Mail& mail, std::string_view what, std::string_view address) {
  PENSTOCK_RETURN_IF_ERROR(Annotate(mail::Mailbox::Parse(address).status(), what));
  if (mail.smtputf8 || IsAscii(address)) return OkStatus();
  return InvalidArgument(Cat(what, ": an address outside of ASCII; it needs smtputf8"));
}

Action ToAction(rules::Action action) {
  switch (action) {
    case rules::Action::kDrop:
      return Action::kDrop;
    case rules::Action::kBounce:
      return Action::kBounce;
    case rules::Action::kMoveToJunk:
      return Action::kMoveToJunk;
    case rules::Action::kRouteToGateway:
      return Action::kRouteToGateway;
    case rules::Action::kBypassSpamCheck:
      return Action::kBypassSpamCheck;
    case rules::Action::kDefault:
    case rules::Action::kRunHook:
      break;
  }
  return Action::kDefault;
}

std::string TraceFieldOf(const MessageState& state, const std::string& hostname) {
  mail::TraceField trace;
  trace.client = state.client;
  trace.by = {hostname, state.organization, std::string(Name(state.direction))};
  trace.with = state.client.with;
  trace.id = state.id.text();
  trace.date = state.received;
  return mail::ReceivedField(trace);
}

std::string LineOf(const MessageId& message, const HistoryEntry& entry) {
  std::string line =
      Cat(FormatRfc3339(entry.time), " ", Name(entry.kind), " message=", message.text());
  const auto add = [&line](std::string_view name, std::string_view value) {
    if (!value.empty()) Append(line, " ", name, "=", Printable(value, limits::kLogDetailOctetsMax));
  };
  add("recipients", Join(entry.recipients, ","));
  add("rule", entry.rule);
  add("hook", entry.hook);
  add("action", entry.action);
  if (entry.attempt > 0) add("attempt", Cat(entry.attempt));
  add("code", entry.code);
  add("detail", entry.detail);
  return line;
}

bool IsDecided(const std::vector<HeldMessage>& messages) {
  return std::none_of(messages.begin(), messages.end(),
                      [](const HeldMessage& one) { return one.IsUndecided(); });
}

// When a hook is due again. `again`: one that has no wait on record.
Time RetryTime(const std::vector<HeldMessage>& messages, Time now, Milliseconds again) {
  std::optional<Time> earliest;
  for (const HeldMessage& message : messages) {
    for (const flow::InvocationState& one : message.machine.state().invocations) {
      if (one.decided) continue;
      // Without a wait on record it had no turn, or was not asked yet.
      const Time at = one.next_attempt.value_or(now + again);
      if (!earliest || at < *earliest) earliest = at;
    }
  }
  return earliest.value_or(now);
}

// A name that there is not has no rules: all mail would pass. Of a null reverse-path From decides.
Status CheckOrganization(const Mail& mail, const flow::Directory& directory) {
  if (mail.direction != Direction::kOutbound || mail.reverse_path.empty()) return OkStatus();
  PENSTOCK_ASSIGN_OR_RETURN(const mail::Mailbox sender, mail::Mailbox::Parse(mail.reverse_path));
  if (!directory.domains().Owner(sender).empty() ||
      directory.FindOrganization(mail.organization) != nullptr) {
    return OkStatus();
  }
  return InvalidArgument(
      Cat("organization: there is no ", Printable(mail.organization),
          ", and none owns the sender's domain; name one, or add it to the manifest"));
}

// "RET=HDRS ENVID=QQ314159": what `read`, one of RFC 3461's readers, makes of each word.
template <class Dsn, class Read>
Status ReadParameters(std::string_view what, std::string_view text, const Read& read, Dsn& dsn) {
  std::set<std::string> seen;
  for (const std::string_view word : Split(text, ' ')) {
    if (word.empty()) continue;
    const std::size_t equals = word.find('=');
    std::string keyword(word.substr(0, equals));
    for (char& c : keyword)
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    std::optional<std::string> value;
    if (equals != std::string_view::npos) value = word.substr(equals + 1);
    std::string fault;
    if (!read(keyword, value, dsn, fault)) fault = Cat("none of DSN: ", Printable(word));
    if (!seen.insert(keyword).second) fault = Cat(keyword, " stands twice");
    if (!fault.empty()) return InvalidArgument(Cat(what, ": ", fault));
  }
  return OkStatus();
}

Status ReadParameters(const Mail& mail, mail::Envelope& envelope) {
  PENSTOCK_RETURN_IF_ERROR(
      ReadParameters("mail_parameters", mail.mail_parameters, mail::ReadMailDsn, envelope.dsn));
  if (mail.rcpt_parameters.size() > mail.forward_paths.size())
    return InvalidArgument("rcpt_parameters: more than forward_paths");
  envelope.recipients_dsn.resize(mail.rcpt_parameters.size());
  for (std::size_t i = 0; i < mail.rcpt_parameters.size(); ++i) {
    mail::RecipientDsn& dsn = envelope.recipients_dsn[i];
    const std::string what = Cat("rcpt_parameters[", i, "]");
    PENSTOCK_RETURN_IF_ERROR(ReadParameters(what, mail.rcpt_parameters[i], mail::ReadRcptDsn, dsn));
    if (!mail.smtputf8 && !IsAscii(dsn.original_recipient))
      return InvalidArgument(Cat(what, ": outside of ASCII; it needs smtputf8"));
  }
  return OkStatus();
}

}  // namespace

Decision Failed(const Status& status) {
  Decision decision;
  decision.error = ToError(status);
  return decision;
}

runtime::ListenerPolicy PolicyOf(const Mail& mail) {
  runtime::ListenerPolicy policy;
  policy.name = "embedded";
  policy.organization = mail.organization;
  policy.relay_checked = true;
  switch (mail.direction) {
    case Direction::kInbound:
      policy.direction = rules::DirectionMode::kInbound;
      break;
    case Direction::kOutbound:
      policy.direction = rules::DirectionMode::kOutbound;
      break;
    case Direction::kAuto:
      policy.direction = rules::DirectionMode::kAuto;
      break;
  }
  return policy;
}

Status Check(const Mail& mail, const runtime::ListenerPolicy& policy, Assembly& assembly) {
  if (mail.direction > Direction::kAuto) return InvalidArgument("direction: no such value");
  if (mail.content == nullptr) return InvalidArgument("content: missing");
  const std::uint64_t octets_max = assembly.context().content.content_octets_max();
  if (mail.content->octets() > octets_max) {
    return InvalidArgument(
        Cat("content: ", mail.content->octets(), " octets; at most ", octets_max, " are taken"));
  }
  if (mail.forward_paths.empty()) return InvalidArgument("forward_paths: none");
  if (!mail.reverse_path.empty())
    PENSTOCK_RETURN_IF_ERROR(CheckAddress(mail, "reverse_path", mail.reverse_path));
  PENSTOCK_RETURN_IF_ERROR(CheckOrganization(mail, *assembly.context().directory.Current()));
  mail::ClientInfo client;
  client.login = mail.client.login;
  client.trusted = mail.client.trusted;
  for (std::size_t i = 0; i < mail.forward_paths.size(); ++i) {
    const std::string& path = mail.forward_paths[i];
    if (!EqualsIgnoreAsciiCase(path, "postmaster"))  // RFC 5321 §4.5.1
      PENSTOCK_RETURN_IF_ERROR(CheckAddress(mail, Cat("forward_paths[", i, "]"), path));
    const auto refusal =
        assembly.intake().RefuseRecipient(policy, client, mail.reverse_path, path, i);
    if (refusal) return ResourceExhausted(Cat("forward_paths[", i, "]: ", refusal->text));
  }
  return OkStatus();
}

StatusOr<runtime::Submission> ToSubmission(const Mail& mail, const runtime::ListenerPolicy& policy,
                                           Time now) {
  runtime::Submission submission;
  submission.policy = &policy;
  submission.client.address = mail.client.address;
  submission.client.helo = mail.client.helo;
  // It goes into a field as it is.
  if (mail.client.with.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") !=
      std::string::npos) {
    return InvalidArgument("client.with: no word of RFC 3848; expected one such as ESMTP");
  }
  submission.client.with = mail.client.with;
  submission.client.login = mail.client.login;
  submission.client.listener = policy.name;
  submission.client.trusted = mail.client.trusted;
  submission.envelope.reverse_path = mail.reverse_path;
  submission.envelope.forward_paths = mail.forward_paths;
  submission.envelope.smtputf8 = mail.smtputf8;
  submission.envelope.body_8bit = mail.body_8bit;
  PENSTOCK_RETURN_IF_ERROR(ReadParameters(mail, submission.envelope));
  PENSTOCK_ASSIGN_OR_RETURN(submission.header_section, ReadHeaderSection(*mail.content));
  submission.received = now;
  return submission;
}

Decider::Decider(Assembly& assembly, std::string token_key)
    : assembly_(assembly), context_(assembly.context()), token_key_(std::move(token_key)) {}

asio::awaitable<Decision> Decider::Decide(Mail mail, DecideOptions options,
                                          std::shared_ptr<runtime::HoldEnd> end) {
  const Turn turn(running_);
  Status status = turn.Check();
  status.Update(CheckOptions(options));
  if (!status.ok()) co_return Failed(status);
  const auto settings = context_.settings.Current();  // outlives the machines
  Messages messages;
  const Status planned = co_await Plan(std::move(mail), *settings, messages);
  if (!planned.ok()) co_return Failed(planned);
  co_return co_await Ask(messages, options, std::move(end));
}

asio::awaitable<Decision> Decider::Resume(std::string token, DecideOptions options,
                                          std::shared_ptr<runtime::HoldEnd> end) {
  const Turn turn(running_);
  Status status = turn.Check();
  status.Update(CheckOptions(options));
  if (!status.ok()) co_return Failed(status);
  auto states = OpenToken(token_key_, token);
  if (!states.ok()) co_return Failed(states.status());
  const Status known = co_await ForgetForeignContent(*states);
  if (!known.ok()) co_return Failed(known);
  const auto settings = context_.settings.Current();
  const flow::DirectorySnapshot directory = context_.directory.Current();
  Messages messages;
  messages.reserve(states->size());
  for (MessageState& state : *states)
    messages.emplace_back(*settings, directory, std::move(state));
  co_return co_await Ask(messages, options, std::move(end));
}

async::Task<void> Decider::Plan(Mail mail, const flow::FlowSettings& settings, Messages& messages) {
  const runtime::ListenerPolicy policy = PolicyOf(mail);
  PENSTOCK_CO_RETURN_IF_ERROR(Check(mail, policy, assembly_));
  auto submission = ToSubmission(mail, policy, context_.clock.Now());
  PENSTOCK_CO_RETURN_IF_ERROR(submission.status());
  auto content = context_.store.NewContent();  // for its name; written where a hook may read it
  PENSTOCK_CO_RETURN_IF_ERROR(content.status());
  submission->content = *std::move(content);
  const flow::DirectorySnapshot directory = context_.directory.Current();
  runtime::PlannedMail planned =
      assembly_.intake().Plan(*submission, *directory, mail.content->octets());
  if (planned.refusal.code != 0) {
    const std::string& text = planned.refusal.text;
    co_return planned.refusal.is_transient() ? ResourceExhausted(text) : FailedPrecondition(text);
  }
  const bool for_hooks = std::any_of(planned.plans.begin(), planned.plans.end(),
                                     [](const flow::Plan& plan) { return plan.state.retained; });
  if (for_hooks) planned.transaction.contents.push_back(std::move(submission->content));
  const Status kept = co_await Keep(mail, planned);
  PENSTOCK_CO_RETURN_IF_ERROR(kept);
  messages.reserve(planned.plans.size());
  for (flow::Plan& plan : planned.plans) {
    messages.emplace_back(settings, directory, std::move(plan.state), submission->received);
    auto& history = messages.back().effects.history;
    history.insert(history.begin(), std::make_move_iterator(plan.history.begin()),
                   std::make_move_iterator(plan.history.end()));
  }
  co_return OkStatus();
}

// What has to be on disk before anybody is told anything.
async::Task<void> Decider::Keep(const Mail& mail, runtime::PlannedMail& planned) {
  ports::Transaction& transaction = planned.transaction;
  if (transaction.contents.empty() && transaction.new_async_events.empty()) co_return OkStatus();
  const Status room = co_await context_.content.MakeRoom();
  PENSTOCK_CO_RETURN_IF_ERROR(room);
  for (const auto& content : transaction.contents)
    PENSTOCK_CO_RETURN_IF_ERROR(Copy(*mail.content, *content));
  std::set<std::string> async_hooks;
  for (const ports::AsyncEvent& event : transaction.new_async_events)
    async_hooks.insert(event.hook);
  const Status committed = co_await context_.store.Commit(std::move(transaction));
  PENSTOCK_CO_RETURN_IF_ERROR(committed);
  for (const std::string& hook : async_hooks)
    assembly_.async_workers().Notify(hook);
  co_return OkStatus();
}

asio::awaitable<Decision> Decider::Ask(Messages& messages, DecideOptions options,
                                       std::shared_ptr<runtime::HoldEnd> end) {
  if (!options.only_plan) {
    const auto patience = std::chrono::duration_cast<Milliseconds>(options.patience);
    co_await runtime::AskHooks(context_, messages, patience, std::move(end));
    const Status kept = co_await KeepReplaced(messages);
    if (!kept.ok()) co_return Failed(kept);
  }
  co_return Tell(messages, options.only_plan ? Milliseconds(0) : limits::kDecideAgain);
}

// A content's name is one of this data folder: in another one, whose key is the same, it is that of
// somebody else's mail. What is known here of the message itself is not.
async::Task<void> Decider::ForgetForeignContent(std::vector<MessageState>& states) {
  for (MessageState& state : states) {
    const auto retained = co_await context_.store.LoadRetained(state.id);
    PENSTOCK_CO_RETURN_IF_ERROR(retained.status());
    const auto is_here = [&retained](const InvocationId& invocation, const ContentId& content) {
      return std::any_of(retained->begin(), retained->end(), [&](const auto& one) {
        return one.invocation == invocation && one.content == content;
      });
    };
    if (!is_here(InvocationId(), state.content)) state.content = ContentId();
    for (flow::InvocationState& one : state.invocations) {
      if (one.replaced && !is_here(one.id, one.replaced->id)) one.replaced->id = ContentId();
    }
  }
  co_return OkStatus();
}

// What hooks have put, for whoever has the token (M2).
async::Task<void> Decider::KeepReplaced(Messages& messages) {
  ports::Transaction transaction;
  const Time now = context_.clock.Now();
  for (HeldMessage& message : messages) {
    const MessageState& state = message.machine.state();
    for (const runtime::AcceptedContent& accepted : message.contents) {
      transaction.contents.push_back(accepted.content);
      ports::RetainedContent retained = runtime::Retain(
          state, accepted.invocation, accepted.content->id(), context_.content.retention());
      retained.until = std::max<Time>(retained.until, now + limits::kReplacedContentKept);
      transaction.retained.push_back(std::move(retained));
    }
  }
  if (transaction.contents.empty()) co_return OkStatus();
  co_return co_await context_.store.Commit(std::move(transaction));
}

Decision Decider::Tell(Messages& messages, Milliseconds again) {
  Decision decision;
  decision.final = IsDecided(messages);
  if (!decision.final) SealOrFallBack(messages, decision, again);
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const MessageState& state = messages[i].machine.state();
    runtime::ReportStep(context_, state, messages[i].effects.history);
    for (const HistoryEntry& entry : messages[i].effects.history) {
      if (entry.kind != flow::HistoryKind::kClosed)
        decision.history.push_back(LineOf(state.id, entry));
    }
    decision.messages.push_back(
        {state.id.text(), state.organization, TraceFieldOf(state, context_.hostname)});
    for (const flow::RecipientState& recipient : state.recipients) {
      Outcome outcome;
      outcome.recipient = recipient.forward_path;
      outcome.added = recipient.added;
      outcome.rule = recipient.rule;
      outcome.why = recipient.rule_reason;
      outcome.message = i;
      outcome.decided = recipient.outcome.has_value();
      if (outcome.decided) {
        outcome.action = ToAction(recipient.outcome->action);
        outcome.bounce_message = mail::CleanBounceMessage(recipient.outcome->bounce_message);
        outcome.gateway = recipient.outcome->gateway;
        outcome.tell_sender =
            outcome.action == Action::kBounce && state.may_bounce && recipient.dsn.wants_failure();
        outcome.decided_by = Name(recipient.decided_by);
      }
      decision.outcomes.push_back(std::move(outcome));
    }
  }
  const Status told = TellContents(messages, decision);
  return told.ok() ? decision : Failed(told);
}

// Which recipient gets what a hook has put.
Status Decider::TellContents(const Messages& messages, Decision& decision) const {
  auto outcome = decision.outcomes.begin();
  for (const HeldMessage& message : messages) {
    const MessageState& state = message.machine.state();
    std::vector<std::size_t> contents(state.invocations.size(), kUnchanged);
    for (const flow::RecipientState& recipient : state.recipients) {
      Outcome& one = *outcome++;
      if (recipient.delivery == flow::kNoIndex) continue;
      const flow::Index of = state.deliveries[recipient.delivery].content_of;
      if (of == flow::kNoIndex) continue;
      if (contents[of] == kUnchanged) {
        const flow::ReplacedContent& replaced = *state.invocations[of].replaced;
        auto reader = context_.store.OpenContent(replaced.id);
        if (!reader.ok()) {
          return DataLoss(Cat("what hook ", state.invocations[of].hook,
                              " put in the place of message ", state.id.text(),
                              " is gone; ask anew, without the token: ", Message(reader.status())));
        }
        contents[of] = decision.contents.size();
        decision.contents.push_back(
            {ToContent(*std::move(reader)), replaced.smtputf8, replaced.body_8bit});
      }
      one.content = contents[of];
    }
  }
  return OkStatus();
}

void Decider::SealOrFallBack(Messages& messages, Decision& decision, Milliseconds again) const {
  const Time now = context_.clock.Now();
  std::vector<const MessageState*> states;
  for (const HeldMessage& message : messages)
    states.push_back(&message.machine.state());
  decision.token = SealToken(token_key_, states);
  if (decision.token.size() <= limits::kResumeTokenOctetsMax) {
    decision.retry_at = RetryTime(messages, now, again);
    return;
  }
  decision.token.clear();
  decision.final = true;
  for (HeldMessage& message : messages) {
    flow::Effects effects = message.machine.FallBack(
        Cat("a token of it would have more than ", limits::kResumeTokenOctetsMax, " octets"), now);
    auto& history = message.effects.history;
    history.insert(history.end(), std::make_move_iterator(effects.history.begin()),
                   std::make_move_iterator(effects.history.end()));
  }
}

}  // namespace penstock::embed
