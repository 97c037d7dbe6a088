// SPDX-License-Identifier: Apache-2.0
#include "engine/rules/lint.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/rules/rule_set.h"

namespace penstock::rules {
namespace {

using Kind = LintFinding::Kind;

// Patterns of one side of a rule, one of each list of holders: what holds for one holds for all.
struct Side {
  std::vector<HoldersId> holders;
  std::vector<std::string> patterns;
};

Side SideOf(const std::vector<std::string>& patterns, const PatternIndex& index) {
  Side side;
  std::set<HoldersId> known;
  for (const std::string& text : patterns) {
    const StatusOr<Pattern> pattern = Pattern::Parse(text);
    PENSTOCK_CHECK(pattern.ok());  // the set was compiled of it
    const HoldersId holders = index.HoldersOf(*pattern);
    if (!known.insert(holders).second) continue;
    side.holders.push_back(holders);
    side.patterns.push_back(pattern->ToString());
  }
  return side;
}

// The rules of one organization and direction.
class GroupLint {
 public:
  GroupLint(std::vector<FlowRule> rules, std::vector<LintFinding>& findings)
      : rules_(std::move(rules)), findings_(findings) {}

  void Run() {
    DropInvalid();
    for (const FlowRule& rule : rules_) {
      FindRepeatedPatterns(rule, "sender_patterns", rule.sender_patterns);
      FindRepeatedPatterns(rule, "recipient_patterns", rule.recipient_patterns);
    }
    const StatusOr<RuleSet> set = RuleSet::Compile(rules_);
    PENSTOCK_CHECK(set.ok());  // each is valid, names are unique
    std::ranges::sort(rules_, {}, [&](const FlowRule& rule) {
      return std::pair(rule.action(), std::string_view(rule.name));
    });
    for (RuleIndex rule = 0; rule < rules_.size(); ++rule)
      FindTies(*set, rule);
  }

 private:
  void Report(Kind kind, const FlowRule& rule, std::string_view other, std::string text) {
    findings_.push_back(
        {kind, rule.organization, rule.direction, rule.name, std::string(other), std::move(text)});
  }

  void DropInvalid() {
    std::set<std::string> names;
    std::erase_if(rules_, [&](const FlowRule& rule) {
      const Status status = Validate(rule);
      if (!status.ok()) {
        Report(Kind::kInvalid, rule, "", std::string(Message(status)));
        return true;
      }
      if (names.insert(rule.name).second) return false;
      Report(Kind::kRepeatedName, rule, "", "a second rule of that name");
      return true;
    });
  }

  void FindRepeatedPatterns(const FlowRule& rule, std::string_view field,
                            const std::vector<std::string>& patterns) {
    StringMap<std::size_t> first;
    for (std::size_t i = 0; i < patterns.size(); ++i) {
      const auto [known, added] = first.emplace(Pattern::Parse(patterns[i])->ToString(), i);
      if (added) continue;
      Report(Kind::kRepeatedPattern, rule, "",
             Cat(field, "[", i, "]: \"", patterns[i], "\": the same as ", field, "[", known->second,
                 "]"));
    }
  }

  // R7 decides between rules that hold both a sender and a recipient pattern together.
  void FindTies(const RuleSet& set, RuleIndex index) {
    const FlowRule& rule = rules_[index];
    const Side senders = SideOf(rule.sender_patterns, set.sender_patterns());
    const Side recipients = SideOf(rule.recipient_patterns, set.recipient_patterns());

    struct Tie {
      std::size_t sender;
      std::size_t recipient;
    };

    std::map<RuleIndex, Tie> ties;  // by the rule that wins; the first place where it does
    bool wins = false;
    for (std::size_t s = 0; s < senders.holders.size(); ++s) {
      for (std::size_t r = 0; r < recipients.holders.size(); ++r) {
        const RuleIndex first = set.FirstHolder(senders.holders[s], recipients.holders[r]);
        if (first == index) {
          wins = true;
        } else {
          ties.try_emplace(first, Tie{s, r});
        }
      }
    }
    for (const auto& [winner, tie] : ties) {
      const FlowRule& other = rules_[winner];
      const std::string why =
          other.action() == rule.action()
              ? "its name comes first"
              : Cat(Name(other.action()), " is more restrictive than ", Name(rule.action()));
      Report(Kind::kTie, rule, other.name,
             Cat("as specific as rule \"", other.name, "\" for sender ",
                 senders.patterns[tie.sender], " and recipient ",
                 recipients.patterns[tie.recipient], "; \"", other.name, "\" wins: ", why));
    }
    if (!wins) Report(Kind::kNeverWins, rule, "", NeverWinsText(ties));
  }

  template <class Ties>
  std::string NeverWinsText(const Ties& ties) const {
    constexpr std::size_t kNamed = 5;
    std::vector<std::string> names;
    for (const auto& [winner, tie] : ties) {
      if (names.size() == kNamed) break;
      names.push_back(Cat("\"", rules_[winner].name, "\""));
    }
    std::string text = Cat("can never win: all that it matches goes to ", Join(names, ", "));
    if (ties.size() > kNamed) Append(text, " and ", ties.size() - kNamed, " more");
    return text;
  }

  std::vector<FlowRule> rules_;
  std::vector<LintFinding>& findings_;
};

}  // namespace

std::string_view Name(LintFinding::Kind kind) {
  switch (kind) {
    case Kind::kInvalid:
      return "INVALID";
    case Kind::kRepeatedName:
      return "REPEATED_NAME";
    case Kind::kRepeatedPattern:
      return "REPEATED_PATTERN";
    case Kind::kTie:
      return "TIE";
    case Kind::kNeverWins:
      return "NEVER_WINS";
    case Kind::kRuleQuota:
      return "RULE_QUOTA";
    case Kind::kOrganizationQuota:
      return "ORGANIZATION_QUOTA";
    case Kind::kHookNeverCalled:
      return "HOOK_NEVER_CALLED";
    case Kind::kCutShort:
      return "CUT_SHORT";
  }
  return "UNKNOWN";
}

std::vector<LintFinding> FindQuotas(std::span<const FlowRule> rules) {
  std::vector<LintFinding> findings;
  std::map<std::string, std::size_t> organizations;
  for (const FlowRule& rule : rules) {
    const std::size_t count = rule.sender_patterns.size();
    organizations[rule.organization] += count;
    if (count <= limits::kRuleSenderPatternsWarn) continue;
    findings.push_back({Kind::kRuleQuota, rule.organization, rule.direction, rule.name, "",
                        Cat(count, " sender patterns are over the quota of ",
                            limits::kRuleSenderPatternsWarn, " a rule")});
  }
  for (const auto& [organization, count] : organizations) {
    if (count <= limits::kOrganizationSenderPatternsWarn) continue;
    findings.push_back({Kind::kOrganizationQuota, organization, std::nullopt, "", "",
                        Cat(count, " sender patterns are over the quota of ",
                            limits::kOrganizationSenderPatternsWarn, " an organization")});
  }
  return findings;
}

std::vector<LintFinding> Lint(std::span<const FlowRule> rules) {
  std::map<std::pair<std::string, FlowDirection>, std::vector<FlowRule>> groups;
  for (const FlowRule& rule : rules)
    groups[{rule.organization, rule.direction}].push_back(rule);
  std::vector<LintFinding> findings;
  for (auto& [key, group] : groups)
    GroupLint(std::move(group), findings).Run();
  for (LintFinding& finding : FindQuotas(rules))
    findings.push_back(std::move(finding));
  return findings;
}

Status CheckQuotas(std::span<const FlowRule> rules) {
  const std::vector<LintFinding> findings = FindQuotas(rules);
  if (findings.empty()) return OkStatus();
  const LintFinding& first = findings.front();
  return InvalidArgument(
      first.kind == Kind::kRuleQuota
          ? Cat("rule \"", Printable(first.rule), "\": ", first.text)
          : Cat("organization \"", Printable(first.organization), "\": ", first.text));
}

}  // namespace penstock::rules
