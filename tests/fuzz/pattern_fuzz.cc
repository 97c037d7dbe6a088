// SPDX-License-Identifier: Apache-2.0
// The input is a pattern, a line end, and an address. A pattern that parses prints to a normal form
// that is its own; whether it matches is said alike by the pattern and by an index of it (R2, R3).
// Covers: engine/rules/pattern.cc engine/rules/pattern_index.cc
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/check.h"
#include "engine/base/limits.h"
#include "engine/mail/mailbox.h"
#include "engine/rules/pattern.h"
#include "engine/rules/pattern_index.h"

using penstock::mail::Mailbox;
using namespace penstock::rules;  // NOLINT(google-build-using-namespace)

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t line_end = text.find('\n');
  const std::string_view pattern_text = text.substr(0, line_end);
  const std::string_view address =
      line_end == std::string_view::npos ? std::string_view() : text.substr(line_end + 1);

  const auto pattern = Pattern::Parse(pattern_text);
  if (!pattern.ok()) {
    PENSTOCK_CHECK(pattern.status().message().size() > 4);
    return 0;
  }
  PENSTOCK_CHECK(pattern_text.find('+') == std::string_view::npos);
  const auto again = Pattern::Parse(pattern->ToString());
  PENSTOCK_CHECK(again.ok() && *again == *pattern);
  PENSTOCK_CHECK(pattern->specificity().kind() == pattern->kind);

  PatternIndex index;
  index.Add(*pattern);
  index.Freeze(std::vector<HoldersId>{7});
  PENSTOCK_CHECK(index.HoldersOf(*pattern) == 7);
  const auto matches_alike = [&](std::string_view key) {
    PatternMatches found;
    index.FindSpecific(key, found);
    index.FindAny(found);
    PENSTOCK_CHECK((found.size() == 1) == pattern->Matches(key));
    if (found.empty()) return;
    PENSTOCK_CHECK(found.front().ToString() == pattern->ToString());
    PENSTOCK_CHECK(found.front().level == pattern->specificity());
  };
  matches_alike("");
  const auto mailbox = Mailbox::Parse(address);
  if (mailbox.ok()) matches_alike(mailbox->Key());
  const std::string sample = pattern->kind == PatternKind::kAddress
                                 ? pattern->key
                                 : std::string("u@").append(pattern->key);
  PENSTOCK_CHECK(pattern->Matches(sample));
  matches_alike(sample);
  const std::string below = std::string("u@a.").append(DomainOfKey(sample));
  if (below.size() <= penstock::limits::kDomainOctetsMax) matches_alike(below);
  return 0;
}
