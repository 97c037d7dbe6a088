// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/marking.h"

#include <algorithm>

#include "engine/base/check.h"
#include "engine/base/strings.h"
#include "engine/mail/header_section.h"

namespace penstock::mail {

std::string RemoveFields(std::string_view header_section,
                         const std::vector<std::string_view>& names) {
  const HeaderSection header = HeaderSection::Scan(header_section);
  std::string kept;
  kept.reserve(header_section.size());
  std::size_t from = 0;
  for (const HeaderField& field : header.fields()) {
    const bool named = std::any_of(names.begin(), names.end(), [&](std::string_view name) {
      return EqualsIgnoreAsciiCase(field.name, name);
    });
    if (!named) continue;
    kept.append(header_section.substr(from, field.offset - from));
    from = field.offset + field.length;
  }
  kept.append(header_section.substr(from));
  return kept;
}

std::string MakeField(std::string_view name, std::string_view body) {
  PENSTOCK_CHECK(IsFieldName(name));
  std::string clean(body);
  std::replace_if(
      clean.begin(), clean.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return Cat(name, ": ", clean, "\r\n");
}

bool IsFieldName(std::string_view name) {
  constexpr std::size_t kOctetsMax = 77;  // a line of 78 with the colon (RFC 5322 §2.1.1)
  return !name.empty() && name.size() <= kOctetsMax &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return c > ' ' && c < 0x7f && c != ':'; });
}

}  // namespace penstock::mail
