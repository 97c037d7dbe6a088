// SPDX-License-Identifier: Apache-2.0
#include "hooks/builtin/address_patterns.h"

#include "engine/base/strings.h"
#include "engine/mail/mailbox.h"

namespace penstock::builtin {

void AddressPatterns::Add(const rules::Pattern& pattern) {
  if (pattern.kind == rules::PatternKind::kAny) {
    any_ = true;
  } else {
    keys_.insert(pattern.ToString());
  }
}

bool AddressPatterns::Match(std::string_view address) const {
  if (any_) return true;
  const std::string key = mail::AddressKey(address);
  std::string_view domain = rules::DomainOfKey(key);
  if (domain.empty()) return false;
  if (keys_.contains(key) || keys_.contains(std::string(domain))) return true;
  for (;;) {
    if (keys_.contains(Cat("*.", domain))) return true;
    const std::size_t dot = domain.find('.');
    if (dot == std::string_view::npos) return false;
    domain.remove_prefix(dot + 1);
  }
}

bool AddressPatterns::MatchSender(const v1::Event& event) const {
  return Match(event.envelope().mail_from().address()) &&
         (!event.has_sender() || Match(event.sender().address()));
}

}  // namespace penstock::builtin
