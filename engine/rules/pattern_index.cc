// SPDX-License-Identifier: Apache-2.0
#include "engine/rules/pattern_index.h"

#include <algorithm>

#include "engine/base/limits.h"

namespace penstock::rules {

PatternIndex::PatternIndex()
    : text_(std::make_unique<std::string>()),
      addresses_(0, Hash{text_.get()}, Equal{text_.get()}),
      domains_(0, Hash{text_.get()}, Equal{text_.get()}) {}

std::string_view PatternIndex::Text(const std::string& text, TextRef ref) {
  const auto low = static_cast<unsigned char>(text[ref.offset]);
  const auto high = static_cast<unsigned char>(text[ref.offset + 1]);
  return {text.data() + ref.offset + 2, low | static_cast<std::size_t>(high) << 8U};
}

PatternIndex::TextRef PatternIndex::AddText(std::string_view key) {
  const TextRef ref{static_cast<std::uint32_t>(text_->size())};
  text_->push_back(static_cast<char>(key.size() & 0xffU));
  text_->push_back(static_cast<char>(key.size() >> 8U));
  text_->append(key);
  return ref;
}

std::uint32_t PatternIndex::Add(const Pattern& pattern) {
  std::uint32_t* number = &any_;
  const std::string_view key = pattern.key;
  if (pattern.kind == PatternKind::kAddress) {
    auto entry = addresses_.find(key);
    if (entry == addresses_.end()) entry = addresses_.emplace(AddText(key), kNone).first;
    number = &entry->second;
  } else if (pattern.kind != PatternKind::kAny) {
    auto entry = domains_.find(key);
    if (entry == domains_.end()) entry = domains_.emplace(AddText(key), DomainEntry{}).first;
    number = pattern.kind == PatternKind::kDomain ? &entry->second.domain : &entry->second.wildcard;
  }
  if (*number == kNone) *number = size_++;
  return *number;
}

void PatternIndex::Freeze(std::span<const HoldersId> holders) {
  const auto replace = [&](std::uint32_t& number) {
    if (number != kNone) number = holders[number];
  };
  for (auto& [ref, number] : addresses_)
    replace(number);
  for (auto& [ref, entry] : domains_) {
    replace(entry.domain);
    replace(entry.wildcard);
  }
  replace(any_);
  text_->shrink_to_fit();
}

void PatternIndex::FindSpecific(std::string_view address_key, PatternMatches& out) const {
  const auto append = [&](TextRef ref, HoldersId holders, Specificity level) {
    if (holders != kNone) out.push_back({Text(*text_, ref), holders, level});
  };
  std::string_view domain = DomainOfKey(address_key);
  // Nothing longer is a domain, so no pattern is; its suffixes are not worth looking up.
  if (domain.empty() || domain.size() > limits::kDomainOctetsMax) return;
  if (!addresses_.empty()) {
    const auto entry = addresses_.find(address_key);
    if (entry != addresses_.end()) {
      append(entry->first, entry->second, {PatternKind::kAddress, 0});
    }
  }
  if (domains_.empty()) return;
  auto labels = static_cast<std::size_t>(std::count(domain.begin(), domain.end(), '.')) + 1;
  bool whole = true;
  for (;; --labels) {
    const auto entry = domains_.find(domain);
    if (entry != domains_.end()) {
      if (whole) append(entry->first, entry->second.domain, {PatternKind::kDomain, labels});
      append(entry->first, entry->second.wildcard, {PatternKind::kWildcardDomain, labels});
    }
    if (labels == 1) return;
    domain.remove_prefix(domain.find('.') + 1);
    whole = false;
  }
}

void PatternIndex::FindAny(PatternMatches& out) const {
  if (any_ != kNone) out.push_back({{}, any_, {}});
}

HoldersId PatternIndex::HoldersOf(const Pattern& pattern) const {
  if (pattern.kind == PatternKind::kAny) return any_;
  const std::string_view key = pattern.key;
  if (pattern.kind == PatternKind::kAddress) return addresses_.find(key)->second;
  const DomainEntry& entry = domains_.find(key)->second;
  return pattern.kind == PatternKind::kDomain ? entry.domain : entry.wildcard;
}

std::size_t PatternIndex::MemoryOctets() const {
  // A table has one control octet beside each slot.
  const auto table = [](const auto& t) { return t.capacity() * (sizeof(*t.begin()) + 1); };
  return text_->capacity() + table(addresses_) + table(domains_);
}

}  // namespace penstock::rules
