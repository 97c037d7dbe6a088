// SPDX-License-Identifier: Apache-2.0
#include "engine/wire/rule_test.h"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/mail/header_section.h"
#include "engine/mail/mailbox.h"
#include "engine/mail/summary.h"
#include "engine/rules/explain.h"
#include "engine/rules/select.h"
#include "engine/wire/convert_flow_rule.h"
#include "engine/wire/resource_name.h"

#include "penstock/v1/flow_rules.pb.h"

namespace penstock::wire {
namespace {

using mail::Mailbox;
using Addresses = google::protobuf::RepeatedPtrField<std::string>;

StatusOr<std::vector<Mailbox>> Parse(std::string_view field, const Addresses& addresses) {
  std::vector<Mailbox> mailboxes;
  for (int i = 0; i < addresses.size(); ++i) {
    StatusOr<Mailbox> mailbox = Mailbox::Parse(addresses.Get(i));
    if (!mailbox.ok()) return Annotate(mailbox.status(), Cat(field, "[", i, "]"));
    mailboxes.push_back(*std::move(mailbox));
  }
  return mailboxes;
}

// What the request says of the message's header section.
struct Fields {
  std::vector<Mailbox> sender;
  std::vector<Mailbox> from;
  std::optional<std::string> subject;
};

StatusOr<Fields> ReadFields(const v1::TestFlowRulesRequest& request) {
  Fields fields;
  if (request.header_section().empty()) {
    PENSTOCK_ASSIGN_OR_RETURN(fields.sender, Parse("sender_addresses", request.sender_addresses()));
    PENSTOCK_ASSIGN_OR_RETURN(fields.from, Parse("from_addresses", request.from_addresses()));
    return fields;
  }
  if (!request.sender_addresses().empty() || !request.from_addresses().empty()) {
    return InvalidArgument(
        "header_section: given beside addresses; expected one or the other, it has both fields");
  }
  if (request.header_section().size() > limits::kHeaderSectionOctetsMax) {
    return InvalidArgument(
        Cat("header_section: over ", limits::kHeaderSectionOctetsMax, " octets"));
  }
  mail::Summary summary = mail::Summarize(mail::HeaderSection::Scan(request.header_section()));
  fields.sender = std::move(summary.sender);
  fields.from = std::move(summary.from);
  fields.subject = std::move(summary.subject);
  return fields;
}

StatusOr<std::vector<Mailbox>> ReadRecipients(const v1::TestFlowRulesRequest& request) {
  const auto count = static_cast<std::size_t>(request.recipients_size());
  if (count == 0 || count > limits::kTestRecipientsMax) {
    return InvalidArgument(
        Cat("recipients: ", count, " of them; expected 1 to ", limits::kTestRecipientsMax));
  }
  return Parse("recipients", request.recipients());
}

StatusOr<std::string> ReadMailFrom(const v1::TestFlowRulesRequest& request) {
  if (request.mail_from().empty()) return std::string();
  PENSTOCK_RETURN_IF_ERROR(Annotate(Mailbox::Parse(request.mail_from()).status(), "mail_from"));
  return request.mail_from();
}

// The rule that wins, with all of it that a plan looks at.
rules::FlowRule RuleOf(const rules::RuleSet& rules, rules::RuleIndex index) {
  rules::FlowRule rule;
  rule.name = rules.name(index);
  rule.verdict = rules.act(index).verdict;
  rule.run_hook = rules.act(index).run_hook;
  return rule;
}

}  // namespace

StatusOr<v1::TestFlowRulesResponse> TestFlowRules(const rules::RuleSet& rules,
                                                  const v1::TestFlowRulesRequest& request) {
  PENSTOCK_ASSIGN_OR_RETURN(const FlowRuleScope scope,
                            ParseFlowRuleParent(request.parent(), Wildcards::kRefused));
  PENSTOCK_ASSIGN_OR_RETURN(const Fields fields, ReadFields(request));
  const auto originators = rules::Originators::Of(fields.sender, fields.from);
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<Mailbox> recipients, ReadRecipients(request));
  const std::size_t losers_max = limits::kTestLosersMax / recipients.size();
  v1::TestFlowRulesResponse response;
  for (std::size_t i = 0; i < recipients.size(); ++i) {
    // One by one: the losers of all recipients together may be many.
    const std::vector<std::string> key = {recipients[i].Key()};
    rules::RecipientExplanation explanation = rules::Explain(rules, originators, key).front();
    if (explanation.losers.size() > losers_max) explanation.losers.resize(losers_max);
    v1::FlowRuleExplanation& out = *response.add_explanations();
    out = ToProto(explanation, *scope.organization, *scope.direction);
    out.set_recipient(request.recipients(static_cast<int>(i)));
  }
  return response;
}

StatusOr<PlannedTrials> PlanTrials(const rules::RuleSet& rules,
                                   const v1::TestFlowRulesRequest& request,
                                   const flow::OwnsDomain& owns_domain, MessageId id,
                                   const std::function<InvocationId()>& new_invocation) {
  PENSTOCK_ASSIGN_OR_RETURN(const FlowRuleScope scope,
                            ParseFlowRuleParent(request.parent(), Wildcards::kRefused));
  PENSTOCK_ASSIGN_OR_RETURN(Fields fields, ReadFields(request));
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<Mailbox> recipients, ReadRecipients(request));
  PENSTOCK_ASSIGN_OR_RETURN(const std::string mail_from, ReadMailFrom(request));
  flow::MessageState message;
  message.id = std::move(id);
  message.organization = *scope.organization;
  message.direction = *scope.direction;
  message.summary = flow::Summarize(fields.from, fields.sender, mail_from, fields.subject);

  const auto originators = rules::Originators::Of(fields.sender, fields.from);
  const rules::OriginatorMatches matches(rules, originators);
  std::map<rules::RuleIndex, rules::FlowRule> won;
  std::vector<flow::PlannedRecipient> planned;
  PlannedTrials out;
  for (std::size_t i = 0; i < recipients.size(); ++i) {
    flow::PlannedRecipient& one = planned.emplace_back();
    one.forward_path = request.recipients(static_cast<int>(i));
    const std::string key = recipients[i].Key();
    one.foreign = message.direction == rules::FlowDirection::kInbound &&
                  !owns_domain(key.substr(key.rfind('@') + 1));
    if (one.foreign) out.foreign_recipients.push_back(one.forward_path);
    const rules::RuleIndex rule = rules::Select(rules, matches, key).rule;
    if (rule == rules::kNoRule) continue;
    one.rule = &won.try_emplace(rule, RuleOf(rules, rule)).first->second;
  }
  out.trials = flow::MakeTrials(std::move(message), planned, new_invocation);
  if (out.trials.size() > limits::kTrialsMax) {
    return InvalidArgument(Cat("recipients: ", out.trials.size(),
                               " rules with a hook win them; at most ", limits::kTrialsMax,
                               " hooks are called in one test; name fewer recipients"));
  }
  return out;
}

}  // namespace penstock::wire
