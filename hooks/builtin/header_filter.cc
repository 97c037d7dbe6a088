// SPDX-License-Identifier: Apache-2.0
// header_filter: the first rule whose field matches decides. RE2 searches in time that is linear in
// the text, whatever pattern and text are.
#include <memory>

#include <re2/re2.h>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/mail/header_section.h"
#include "engine/mail/marking.h"
#include "engine/mail/subject.h"
#include "hooks/builtin/kinds.h"
#include "hooks/builtin/verdict.h"

namespace penstock::builtin {
namespace {

struct FilterRule {
  std::string field;
  std::unique_ptr<RE2> pattern;
  v1::Action action;
  bool any_occurrence;

  [[nodiscard]] bool Match(const mail::HeaderSection& header) const {
    for (const mail::HeaderField* found : header.FindAll(field)) {
      const std::string text = mail::DecodeFieldText(found->body);
      if (RE2::PartialMatch(text, *pattern)) return true;
      if (!any_occurrence) return false;
    }
    return false;
  }
};

class HeaderFilterHook final : public MailHook {
 public:
  explicit HeaderFilterHook(std::vector<FilterRule> rules) : rules_(std::move(rules)) {}

  StatusOr<Decision> Decide(const Mail& mail) override {
    Decision decision;
    if (!mail.inbound()) return decision;
    PENSTOCK_ASSIGN_OR_RETURN(const std::string_view octets, mail.content.HeaderSection());
    const auto header = mail::HeaderSection::Scan(octets);
    for (const FilterRule& rule : rules_) {
      if (!rule.Match(header)) continue;
      decision.everyone = rule.action;
      break;
    }
    return decision;
  }

 private:
  const std::vector<FilterRule> rules_;
};

FilterRule ReadRule(const v1::HeaderFilterHook::Rule& settings, Faults faults) {
  if (!mail::IsFieldName(settings.field())) {
    faults.Add("field", settings.field().empty()
                            ? "missing; expected the name of a header field, such as X-Spam-Flag"
                            : Cat("\"", Printable(settings.field()), "\" is no field name"));
  }
  RE2::Options options(RE2::Quiet);
  options.set_max_mem(limits::kFilterPatternMemory);
  auto pattern =
      std::make_unique<RE2>(settings.pattern().substr(0, limits::kFilterPatternOctetsMax), options);
  if (settings.pattern().empty()) {
    faults.Add("pattern", "missing; expected a regular expression, such as ^yes");
  } else if (settings.pattern().size() > limits::kFilterPatternOctetsMax) {
    faults.Add("pattern", Cat("has ", settings.pattern().size(), " octets; expected at most ",
                              limits::kFilterPatternOctetsMax));
  } else if (!pattern->ok()) {
    faults.Add("pattern", Cat("is no regular expression of RE2: ", pattern->error()));
  }
  if (settings.action() == v1::Action::UNSPECIFIED) {
    faults.Add("action",
               "missing; expected move_to_junk, bypass_spam_check, bounce, drop or default");
  }
  CheckBounceMessage(settings.bounce_message(), faults);
  return {settings.field(), std::move(pattern),
          ActionOf(settings.action(), settings.bounce_message()), settings.any_occurrence()};
}

}  // namespace

MailHookPtr MakeHeaderFilter(const v1::HeaderFilterHook& settings, Faults faults) {
  std::vector<FilterRule> rules;
  if (settings.rules().empty()) {
    faults.Add("rules", "missing; expected a list of field, pattern and action");
  }
  if (static_cast<std::size_t>(settings.rules_size()) > limits::kFilterRulesMax) {
    faults.Add("rules", Cat("has ", settings.rules_size(), " rules; expected at most ",
                            limits::kFilterRulesMax));
    return nullptr;
  }
  for (int i = 0; i < settings.rules_size(); ++i)
    rules.push_back(ReadRule(settings.rules(i), faults.Below(Cat("rules[", i, "]"))));
  return std::make_unique<HeaderFilterHook>(std::move(rules));
}

}  // namespace penstock::builtin
