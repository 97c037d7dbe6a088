// SPDX-License-Identifier: Apache-2.0
#include "tests/support/reference_select.h"

#include <algorithm>
#include <cctype>
#include <stdexcept>
#include <utility>

namespace penstock::tests {
namespace {

using rules::Action;
using rules::FlowRule;

// R3: letters in lower case, one trailing dot dropped.
std::string Normal(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (!text.empty() && text.back() == '.') text.pop_back();
  return text;
}

// R6 as a number: the greater is the more specific; 0 is no match.
constexpr int kNoMatch = 0;
constexpr int kAny = 1;
constexpr int kWildcard = 100;  // + labels
constexpr int kDomain = 1000;
constexpr int kAddress = 2000;

LevelName NameOf(int level) {
  if (level == kAddress) return "address";
  if (level == kDomain) return "domain";
  if (level == kAny) return "any";
  const int labels = level - kWildcard;
  return "wildcard domain of " + std::to_string(labels) + (labels == 1 ? " label" : " labels");
}

// R2: how specifically `pattern` matches `address`.
int Level(const std::string& raw_pattern, const std::string& raw_address) {
  const std::string pattern = Normal(raw_pattern);
  const std::string address = Normal(raw_address);
  if (pattern == "*") return kAny;
  const std::string domain = address.substr(address.find('@') + 1);
  if (pattern.find('@') != std::string::npos) return pattern == address ? kAddress : kNoMatch;
  if (pattern.substr(0, 2) != "*.") return pattern == domain ? kDomain : kNoMatch;
  const std::string suffix = pattern.substr(2);
  // That domain and all its subdomains: cut labels off the front until it is that domain.
  for (std::string rest = domain;;) {
    if (rest == suffix) {
      return kWildcard + 1 + static_cast<int>(std::count(suffix.begin(), suffix.end(), '.'));
    }
    const auto dot = rest.find('.');
    if (dot == std::string::npos) return kNoMatch;
    rest = rest.substr(dot + 1);
  }
}

// R6: a rule's best matching pattern counts; R4: of several From addresses the best match.
int BestLevel(const std::vector<std::string>& patterns, const std::vector<std::string>& addresses) {
  int best = kNoMatch;
  for (const std::string& pattern : patterns) {
    if (Normal(pattern) == "*") best = std::max(best, kAny);  // matches also where there is none
    for (const std::string& address : addresses)
      best = std::max(best, Level(pattern, address));
  }
  return best;
}

// R7's words, in its order.
int Restrictiveness(Action action) {
  const Action order[] = {Action::kDrop,           Action::kBounce,  Action::kMoveToJunk,
                          Action::kRouteToGateway, Action::kDefault, Action::kBypassSpamCheck,
                          Action::kRunHook};
  const auto* at = std::find(std::begin(order), std::end(order), action);
  if (at == std::end(order)) throw std::runtime_error("unknown action");
  return static_cast<int>(std::end(order) - at);
}

struct Candidate {
  const FlowRule* rule;
  int sender;
  int recipient;
  int restrictiveness;
};

std::string DecidedBy(const Candidate& winner, const Candidate& loser) {
  if (winner.sender != loser.sender) return "sender level";
  if (winner.recipient != loser.recipient) return "recipient level";
  if (winner.restrictiveness != loser.restrictiveness) return "action";
  return "name";
}

bool Beats(const Candidate& a, const Candidate& b) {
  const std::string by = DecidedBy(a, b);
  if (by == "sender level") return a.sender > b.sender;
  if (by == "recipient level") return a.recipient > b.recipient;
  if (by == "action") return a.restrictiveness > b.restrictiveness;
  return a.rule->name < b.rule->name;
}

std::string LossWord(const std::string& decided_by) {
  if (decided_by == "sender level") return "LESS_SPECIFIC_SENDER";
  if (decided_by == "recipient level") return "LESS_SPECIFIC_RECIPIENT";
  return decided_by == "action" ? "LESS_RESTRICTIVE_ACTION" : "LATER_NAME";
}

}  // namespace

ReferenceSelection ReferenceSelect(const std::vector<FlowRule>& rules,
                                   const std::vector<std::string>& sender,
                                   const std::vector<std::string>& from,
                                   const std::string& recipient) {
  // R4: Sender first; From if there is no Sender or no rule matches with it; else "*" alone.
  std::vector<std::pair<std::string, std::vector<std::string>>> tries;
  if (!sender.empty()) tries.emplace_back("Sender", sender);
  if (!from.empty()) tries.emplace_back("From", from);
  if (tries.empty()) tries.emplace_back("none", std::vector<std::string>{});

  ReferenceSelection result;
  std::vector<Candidate> matching;
  for (const auto& [field, addresses] : tries) {
    for (const FlowRule& rule : rules) {
      const Candidate candidate{&rule, BestLevel(rule.sender_patterns, addresses),
                                BestLevel(rule.recipient_patterns, {recipient}),
                                Restrictiveness(rule.action())};
      if (candidate.sender != kNoMatch && candidate.recipient != kNoMatch) {
        matching.push_back(candidate);
      }
    }
    if (matching.empty()) continue;
    std::sort(matching.begin(), matching.end(), Beats);
    result.rule = matching[0].rule->name;
    result.field = field;
    result.sender_level = NameOf(matching[0].sender);
    result.recipient_level = NameOf(matching[0].recipient);
    result.decided_by = matching.size() == 1 ? "alone" : DecidedBy(matching[0], matching[1]);
    break;
  }

  for (const FlowRule& rule : rules) {
    if (result.rule == rule.name) continue;
    const auto match = std::find_if(matching.begin(), matching.end(),
                                    [&](const Candidate& c) { return c.rule == &rule; });
    std::string& reason = result.lost[rule.name];
    if (match != matching.end()) {
      reason = LossWord(DecidedBy(matching[0], *match));
    } else if (BestLevel(rule.sender_patterns, sender) == kNoMatch &&
               BestLevel(rule.sender_patterns, from) == kNoMatch) {
      reason = "NO_SENDER_MATCH";
    } else if (BestLevel(rule.recipient_patterns, {recipient}) == kNoMatch) {
      reason = "NO_RECIPIENT_MATCH";
    } else {
      reason = "SENDER_FIELD_FIRST";
    }
  }
  return result;
}

}  // namespace penstock::tests
