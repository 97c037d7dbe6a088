// SPDX-License-Identifier: Apache-2.0
// Options that several commands share: whose mail a decision is about, and what it falls back to.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "engine/flow/event.h"
#include "engine/flow/trial.h"
#include "engine/rules/flow_rule.h"
#include "engine/rules/organization.h"

#include "penstock/v1/flow_rules.pb.h"

#include "tools/penstock/command.h"
#include "tools/penstock/output.h"

namespace penstock::cli {

// What `first` and then `rest` say.
std::vector<Parameter> With(std::vector<Parameter> first, const std::vector<Parameter>& rest);

// The actions of rules, "move-to-junk", but for that of calling a hook.
const std::vector<std::string>& ActionWords();

Parameter OrgOption();
Parameter DirectionOption();  // required
Parameter DomainOption();
Parameter RcptOption(std::string help);
Parameter OtherRcptOption();
Parameter EventOption();
Parameter StrictOption();

// --fallback and what goes with it; `field` is the request's field, "run_hook.fallback".
std::vector<Parameter> FallbackOptions(std::string help, const std::string& field);

// The verdict that `action`, "--fallback", names; its further options begin with `prefix`.
v1::Verdict VerdictOf(const Arguments& arguments, const std::string& prefix,
                      const std::string& action);

// For Command::check: a gateway or a bounce text belongs to a fallback.
Status CheckFallbackOptions(const Arguments& arguments);

// The fallback that the line names, checked as a rule's.
//   Errors: kInvalidArgument, in the words of the line.
StatusOr<rules::Verdict> FallbackOf(const Arguments& arguments, rules::FlowDirection direction);

// What --direction says; nullopt if it is not there.
std::optional<rules::FlowDirection> DirectionOf(const Arguments& arguments);

// The addresses that `option` names. Errors: kInvalidArgument for one that is none.
StatusOr<std::vector<std::string>> AddressesOf(const Arguments& arguments, std::string_view option);

// The domains that --domain names, as those of one organization.
StatusOr<rules::DomainTable> DomainsOf(const Arguments& arguments);

// For H10: whether --domain names a domain.
StatusOr<flow::OwnsDomain> OwnsDomainOf(const Arguments& arguments);

// Reads the event of --event. --direction is that of an event that names none; of one that names
// the other, what the line says counts, with a warning.
StatusOr<flow::Event> EventOf(const Arguments& arguments, Output& output);

// All recipients of the invocation: --rcpt, else those of `event`, with a warning if it was cut.
StatusOr<std::vector<std::string>> InvocationRecipientsOf(const Arguments& arguments,
                                                          const flow::Event& event, Output& output);

}  // namespace penstock::cli
