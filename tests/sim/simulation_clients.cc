// SPDX-License-Identifier: Apache-2.0
// Who acts on the process from outside: clients, the operator, the disk.
#include <utility>

#include <boost/asio/strand.hpp>

#include "engine/async/spawn.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "tests/sim/simulation.h"

namespace penstock::sim {

namespace asio = async::asio;
using flow::Directory;
using rules::DirectionMode;
using runtime::DirectoryKeeper;

namespace {

const runtime::ListenerPolicy kPolicies[] = {
    {"in", DirectionMode::kInbound, "acme"},
    {"out", DirectionMode::kOutbound, "acme"},
    {"auto", DirectionMode::kAuto, "acme"},
};

std::string MakeContent(Dice& dice, const std::string& msg_id, const std::string& reverse_path) {
  std::string content;
  const std::string from = reverse_path.empty() ? "zed@far.example" : reverse_path;
  if (dice.Chance(0.9)) Append(content, "From: ", from, "\r\n");
  if (dice.Chance(0.2)) Append(content, "Sender: ", MakeSender(dice), "\r\n");
  if (dice.Chance(0.1)) Append(content, "Auto-Submitted: auto-replied\r\n");
  Append(content, "Message-ID: ", msg_id, "\r\nSubject: a ", dice.Below(1000), "\r\n\r\n");
  content.append(dice.Below(300), 'x');
  content += "\r\n";
  return content;
}

ports::ResourceChange ToChange(rules::FlowRule rule, bool removed) {
  ports::ResourceChange change;
  change.resource = std::move(rule);
  change.removed = removed;
  return change;
}

// Makes a rule, replaces one by another of its name, or takes one away.
StatusOr<DirectoryKeeper::Change> ChangeRule(const Directory& now, Dice dice) {
  const std::string organization = dice.Chance(0.7) ? "acme" : "beta";
  rules::FlowRule rule = MakeRule(dice, organization, Cat("rule-", dice.Below(6)));
  DirectoryKeeper::Change change;
  const rules::FlowRule* const old = now.FindRule(organization, rule.direction, rule.name);
  if (old == nullptr) {
    PENSTOCK_ASSIGN_OR_RETURN(change.next, now.With(rule, Directory::Write::kCreate));
  } else if (dice.Chance(0.5)) {
    PENSTOCK_ASSIGN_OR_RETURN(change.next, now.With(rule, Directory::Write::kReplace));
  } else {
    PENSTOCK_ASSIGN_OR_RETURN(change.next,
                              now.WithoutRule(organization, rule.direction, rule.name));
    change.resources.push_back(ToChange(*old, true));
    return change;
  }
  change.resources.push_back(ToChange(std::move(rule), false));
  return change;
}

// Takes a permission away, or gives it back.
StatusOr<DirectoryKeeper::Change> ChangePermission(const Directory& now, const World& world,
                                                   Dice dice) {
  const flow::Hook& planned = dice.Pick(world.hooks);
  flow::Hook hook = *now.FindHook(planned.name);
  if (hook.permissions.size() == planned.permissions.size()) {
    hook.permissions.erase(hook.permissions.begin() +
                           static_cast<std::ptrdiff_t>(dice.Below(hook.permissions.size())));
  } else {
    hook.permissions = planned.permissions;
  }
  DirectoryKeeper::Change change;
  PENSTOCK_ASSIGN_OR_RETURN(change.next, now.With(hook, Directory::Write::kReplace));
  ports::ResourceChange resource;
  resource.resource = std::move(hook);
  change.resources.push_back(std::move(resource));
  return change;
}

}  // namespace

void Simulation::Submit() {
  ++submitted_;
  if (process_ == nullptr || !process_->up) {
    trace_.Count("client finds nobody");
    return;
  }
  Submission submission;
  submission.msg_id = Cat("<", submitted_, "@client.example>");
  submission.reverse_path = MakeSender(dice_);
  const std::size_t recipients = 1 + dice_.Below(4);
  std::set<std::string> named;
  while (named.size() < recipients)
    named.insert(MakeRecipient(dice_));
  submission.recipients.assign(named.begin(), named.end());
  submission.content = MakeContent(dice_, submission.msg_id, submission.reverse_path);
  mail::ClientInfo client;
  client.address = "192.0.2.1";
  client.trusted = dice_.Chance(0.6);
  const runtime::ListenerPolicy* const policy = &kPolicies[dice_.Below(3)];
  trace_.Line("client submits ", submission.msg_id, " from ", submission.reverse_path, " for ",
              Join(submission.recipients, ","), " at ", policy->name);
  ++conversations_;
  async::Spawn(asio::make_strand(process_->executor),
               Converse(this, std::move(submission), std::move(client), policy), "client");
}

// What a front door does with a transaction.
asio::awaitable<void> Simulation::Converse(Simulation* simulation, Submission submission,
                                           mail::ClientInfo client,
                                           const runtime::ListenerPolicy* policy) {
  runtime::MessageIntake& intake = simulation->process_->intake;
  runtime::Submission transaction;
  for (const std::string& recipient : submission.recipients) {
    const auto refused = intake.RefuseRecipient(*policy, client, submission.reverse_path, recipient,
                                                transaction.envelope.forward_paths.size());
    if (!refused) transaction.envelope.forward_paths.push_back(recipient);
  }
  submission.recipients = transaction.envelope.forward_paths;
  if (submission.recipients.empty()) {
    --simulation->conversations_;
    co_return;
  }
  simulation->ledger_.OnSubmitted(submission);
  mail::SmtpReply reply = {452, {4, 3, 1}, "no room"};
  auto content = co_await intake.NewContent();
  if (content.ok() && (*content)->Write(submission.content).ok()) {
    transaction.policy = policy;
    transaction.client = client;
    transaction.envelope.reverse_path = submission.reverse_path;
    transaction.content = *std::move(content);
    transaction.header_section =
        submission.content.substr(0, submission.content.find("\r\n\r\n") + 4);
    transaction.received = simulation->clock_.Now();
    reply = co_await intake.Accept(std::move(transaction));
  }
  simulation->ledger_.OnReplied(submission.msg_id, reply);
  --simulation->conversations_;
}

void Simulation::ChangeDirectory() {
  if (process_ == nullptr || !process_->up) return;
  const bool permission = dice_.Chance(0.4);
  const Dice dice = dice_.Fork(dice_.Next());
  DirectoryKeeper::MakeChange make = [this, permission, dice](const Directory& now) {
    return permission ? ChangePermission(now, world_, dice) : ChangeRule(now, dice);
  };
  ++conversations_;
  async::Spawn(asio::make_strand(process_->executor), Apply(this, std::move(make)), "operator");
}

asio::awaitable<void> Simulation::Apply(Simulation* simulation, DirectoryKeeper::MakeChange make) {
  std::string who = "operator";
  const Status applied =
      co_await simulation->process_->directory.Apply(std::move(make), std::move(who));
  simulation->trace_.Line("a change of the directory: ", CodeName(applied.code()));
  simulation->trace_.Count(applied.ok() ? "directory change" : "directory change refused");
  --simulation->conversations_;
}

// The operator retries or cancels some message that is open.
void Simulation::Intervene() {
  if (process_ == nullptr || !process_->up) return;
  flow::Intervention what;
  what.who = "operator";
  if (dice_.Chance(0.6)) {
    what.kind = flow::Intervention::Kind::kCancel;
    what.verdict.action = dice_.Pick<rules::Action>(
        {rules::Action::kDrop, rules::Action::kBounce, rules::Action::kDefault});
  }
  const bool cancel = what.kind == flow::Intervention::Kind::kCancel;
  const std::optional<MessageId> message = ledger_.OnIntervention(dice_, cancel);
  if (!message) return;
  trace_.Line("the operator ", cancel ? "cancels " : "retries ", message->text(), " ",
              cancel ? rules::Name(what.verdict.action) : "");
  ++conversations_;
  async::Spawn(asio::make_strand(process_->executor), Intervene(this, *message, std::move(what)),
               "operator");
}

asio::awaitable<void> Simulation::Intervene(Simulation* simulation, MessageId message,
                                            flow::Intervention what) {
  const bool cancel = what.kind == flow::Intervention::Kind::kCancel;
  const Status done =
      co_await simulation->process_->schedule.Intervene(std::move(message), std::move(what));
  simulation->trace_.Line("the operator is told ", CodeName(done.code()));
  simulation->trace_.Count(!done.ok() ? "intervention refused"
                           : cancel   ? "cancel"
                                      : "retry by hand");
  --simulation->conversations_;
}

void Simulation::ChangeDisk() {
  switch (dice_.Below(3)) {
    case 0:
      weather_.full = true;
      break;
    case 1:
      weather_.broken = true;
      break;
    default:
      weather_.flaw = 0.2;
  }
  ledger_.OnDiskFault();
  trace_.Line("the disk has faults");
  trace_.Count(weather_.full ? "disk full" : weather_.broken ? "disk broken" : "disk flawed");
  At(dice_.Between(Milliseconds(10), Milliseconds(120'000)), [this] {
    trace_.Line("the disk is well again");
    const Milliseconds slowest = weather_.slowest;
    weather_ = {};
    weather_.slowest = slowest;
  });
}

}  // namespace penstock::sim
