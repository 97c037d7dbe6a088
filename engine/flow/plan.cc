// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/plan.h"

#include <map>
#include <utility>

#include "engine/base/strings.h"

namespace penstock::flow {
namespace {

using rules::FlowRule;
using rules::InvocationMode;

struct HookGroup {
  const FlowRule* rule;
  std::vector<Index> recipients;
};

HistoryEntry Accepted(const MessageState& message) {
  HistoryEntry entry{.time = message.received, .kind = HistoryKind::kAccepted};
  entry.detail =
      Cat(message.octets, " octets from ",
          message.client.address.empty() ? "a client without an address" : message.client.address,
          message.client.listener.empty() ? "" : " at listener ", message.client.listener);
  return entry;
}

// One line for all recipients of the same rule and reason.
std::vector<HistoryEntry> Selected(const MessageState& message) {
  std::map<std::pair<std::string, std::string>, HistoryEntry> entries;
  for (const RecipientState& recipient : message.recipients) {
    HistoryEntry& entry = entries[{recipient.rule, recipient.rule_reason}];
    entry.recipients.push_back(recipient.forward_path);
  }
  std::vector<HistoryEntry> history;
  for (auto& [key, entry] : entries) {
    entry.time = message.received;
    entry.kind = HistoryKind::kRuleSelected;
    entry.rule = key.first;
    entry.detail = key.second;
    history.push_back(std::move(entry));
  }
  return history;
}

void AddSync(const FlowRule& rule, const std::vector<Index>& recipients, InvocationId id,
             MessageState& message) {
  const auto index = static_cast<Index>(message.invocations.size());
  for (const Index i : recipients)
    message.recipients[i].invocation = index;
  InvocationState invocation;
  invocation.id = std::move(id);
  invocation.rule = rule.name;
  invocation.hook = rule.run_hook->hook;
  invocation.fallback = rule.run_hook->fallback;
  invocation.rule_timeout = rule.run_hook->rule_timeout;
  message.invocations.push_back(std::move(invocation));
}

void AddAsync(const FlowRule& rule, const std::vector<Index>& recipients, InvocationId id,
              Plan& plan) {
  std::vector<std::string> addresses;
  for (const Index i : recipients) {
    RecipientState& recipient = plan.state.recipients[i];
    recipient.outcome = rules::Verdict{};  // R11: goes as DEFAULT at once
    recipient.decided_by = DecidedBy::kAsyncRule;
    addresses.push_back(recipient.forward_path);
  }
  HistoryEntry entry{.time = plan.state.received, .kind = HistoryKind::kAsyncQueued};
  entry.rule = rule.name;
  entry.hook = rule.run_hook->hook;
  entry.recipients = addresses;
  entry.detail = Cat("invocation ", id.text());
  plan.history.push_back(std::move(entry));
  plan.async.push_back({rule.name, rule.run_hook->hook,
                        BuildEvent(plan.state.summary, addresses, plan.state.id, std::move(id),
                                   plan.state.direction)});
}

}  // namespace

Plan MakePlan(MessageState message, const std::vector<PlannedRecipient>& recipients,
              const std::function<InvocationId()>& new_invocation) {
  Plan plan{.state = std::move(message), .async = {}, .history = {}};
  std::map<std::string, HookGroup> groups;  // by rule name (H11's order)
  for (const PlannedRecipient& planned : recipients) {
    RecipientState recipient;
    recipient.forward_path = planned.forward_path;
    recipient.foreign = planned.foreign;
    recipient.rule_reason = planned.reason;
    if (planned.rule == nullptr || planned.foreign) {
      recipient.outcome = rules::Verdict{};
      recipient.decided_by = planned.foreign ? DecidedBy::kForeign : DecidedBy::kNoRule;
    } else {
      recipient.rule = planned.rule->name;
      if (planned.rule->run_hook) {
        HookGroup& group = groups[planned.rule->name];
        group.rule = planned.rule;
        group.recipients.push_back(static_cast<Index>(plan.state.recipients.size()));
      } else {
        recipient.outcome = planned.rule->verdict;
        recipient.decided_by = DecidedBy::kRule;
      }
    }
    plan.state.recipients.push_back(std::move(recipient));
  }
  plan.history.push_back(Accepted(plan.state));
  for (HistoryEntry& entry : Selected(plan.state))
    plan.history.push_back(std::move(entry));
  for (const auto& [name, group] : groups) {
    if (group.rule->run_hook->mode == InvocationMode::kSync) {
      AddSync(*group.rule, group.recipients, new_invocation(), plan.state);
    } else {
      AddAsync(*group.rule, group.recipients, new_invocation(), plan);
    }
  }
  return plan;
}

}  // namespace penstock::flow
