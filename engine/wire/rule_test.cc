// SPDX-License-Identifier: Apache-2.0
#include "engine/wire/rule_test.h"

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

StatusOr<rules::Originators> OriginatorsOf(const v1::TestFlowRulesRequest& request) {
  if (request.header_section().empty()) {
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<Mailbox> sender,
                              Parse("sender_addresses", request.sender_addresses()));
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<Mailbox> from,
                              Parse("from_addresses", request.from_addresses()));
    return rules::Originators::Of(sender, from);
  }
  if (!request.sender_addresses().empty() || !request.from_addresses().empty()) {
    return InvalidArgument(
        "header_section: given beside addresses; expected one or the other, it has both fields");
  }
  if (request.header_section().size() > limits::kHeaderSectionOctetsMax) {
    return InvalidArgument(
        Cat("header_section: over ", limits::kHeaderSectionOctetsMax, " octets"));
  }
  const mail::Summary summary =
      mail::Summarize(mail::HeaderSection::Scan(request.header_section()));
  return rules::Originators::Of(summary.sender, summary.from);
}

}  // namespace

StatusOr<v1::TestFlowRulesResponse> TestFlowRules(const rules::RuleSet& rules,
                                                  const v1::TestFlowRulesRequest& request) {
  PENSTOCK_ASSIGN_OR_RETURN(const FlowRuleScope scope,
                            ParseFlowRuleParent(request.parent(), Wildcards::kRefused));
  PENSTOCK_ASSIGN_OR_RETURN(const rules::Originators originators, OriginatorsOf(request));
  const auto count = static_cast<std::size_t>(request.recipients_size());
  if (count == 0 || count > limits::kTestRecipientsMax) {
    return InvalidArgument(
        Cat("recipients: ", count, " of them; expected 1 to ", limits::kTestRecipientsMax));
  }
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<Mailbox> recipients,
                            Parse("recipients", request.recipients()));
  const std::size_t losers_max = limits::kTestLosersMax / count;
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

}  // namespace penstock::wire
