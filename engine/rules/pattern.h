// SPDX-License-Identifier: Apache-2.0
// One sender or recipient pattern of a flow rule, and how specific it is (SPEC R2, R3, R6).
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/status.h"

namespace penstock::rules {

// In order of specificity, the least first (R6).
enum class PatternKind : std::uint8_t {
  kAny,             // "*"
  kWildcardDomain,  // "*.example.com": that domain and all its subdomains
  kDomain,          // "example.com": that domain, not its subdomains
  kAddress,         // "user@example.com"
};

// How specific a pattern is: address > domain > wildcard domain (more labels first) > "*".
// R6 says "longer suffix first". Of two wildcards that match one domain the longer has more labels,
// so for one address labels and letters agree. Several From addresses (R4) bring suffixes that do
// not contain each other: there depth decides, as how long a name is spelt means nothing (project
// choice).
class Specificity {
 public:
  constexpr Specificity() = default;  // of "*"

  // `labels` counts those of a wildcard's suffix, 1..128; it is not looked at for other kinds.
  constexpr Specificity(PatternKind kind, std::size_t labels)
      : rank_(kind == PatternKind::kAny              ? 0
              : kind == PatternKind::kWildcardDomain ? static_cast<std::uint8_t>(labels)
              : kind == PatternKind::kDomain         ? kDomainRank
                                                     : kAddressRank) {}

  [[nodiscard]] constexpr PatternKind kind() const {
    return rank_ == kAddressRank  ? PatternKind::kAddress
           : rank_ == kDomainRank ? PatternKind::kDomain
           : rank_ != 0           ? PatternKind::kWildcardDomain
                                  : PatternKind::kAny;
  }

  // Labels of the suffix of a wildcard domain; 0 for other kinds.
  [[nodiscard]] constexpr std::size_t labels() const {
    return kind() == PatternKind::kWildcardDomain ? rank_ : 0;
  }

  // "address", "domain", "wildcard domain of 2 labels", "any".
  [[nodiscard]] std::string ToString() const;

  friend constexpr auto operator<=>(Specificity, Specificity) = default;

 private:
  static constexpr std::uint8_t kDomainRank = 254;
  static constexpr std::uint8_t kAddressRank = 255;
  std::uint8_t rank_ = 0;
};

struct Pattern {
  PatternKind kind = PatternKind::kAny;
  // kAddress: mail::Mailbox::Key(). kDomain, kWildcardDomain: the domain in A-labels, lower case,
  // without "*." and trailing dot. kAny: empty.
  std::string key;

  // Takes exactly the four forms of PatternKind, nothing around them; U-labels and one trailing dot
  // are taken and normalized (R3).
  //   Errors: kInvalidArgument, `"a+b@example.com": "+" is not allowed in a pattern`.
  static StatusOr<Pattern> Parse(std::string_view text);

  [[nodiscard]] Specificity specificity() const;

  // The normal form, "*.example.com"; parsing it gives the same pattern.
  [[nodiscard]] std::string ToString() const;

  // `address_key` is a mail::Mailbox::Key(). One without "@" is matched by "*" alone.
  [[nodiscard]] bool Matches(std::string_view address_key) const;

  friend bool operator==(const Pattern&, const Pattern&) = default;
};

// Returns what Pattern::ToString gives for a pattern of that kind and key.
std::string PatternText(PatternKind kind, std::string_view key);

// Returns the part of a mailbox key behind its last "@"; empty if there is none. A quoted local
// part may hold an "@", a domain or address literal never does.
std::string_view DomainOfKey(std::string_view address_key);

}  // namespace penstock::rules
