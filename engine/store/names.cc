// SPDX-License-Identifier: Apache-2.0
#include "engine/store/names.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>
#include <variant>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"

namespace penstock::store {
namespace {

constexpr std::size_t kDigits = 16;

// SQLite's integers are signed.
constexpr std::uint64_t kNumberMax = std::numeric_limits<std::int64_t>::max();

std::string FormatNumber(std::uint64_t number) {
  std::string text(kDigits, '0');
  for (auto digit = text.rbegin(); digit != text.rend(); ++digit, number >>= 4U) {
    *digit = "0123456789abcdef"[number & 15U];
  }
  return text;
}

std::optional<std::uint64_t> ParseNumber(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
  if (error != std::errc{} || number > kNumberMax || text != FormatNumber(number)) {
    return std::nullopt;
  }
  return number;
}

}  // namespace

ContentId FormatContentId(std::uint64_t number) {
  return ContentId(FormatNumber(number));
}

std::optional<std::uint64_t> ParseContentId(const ContentId& id) {
  return ParseNumber(id.text());
}

std::string JoinContentIds(const std::vector<ContentId>& ids) {
  std::string text;
  for (const ContentId& id : ids)
    text += id.text();
  return text;
}

std::vector<std::uint64_t> ParseContentIds(std::string_view text) {
  std::vector<std::uint64_t> numbers;
  for (; text.size() >= kDigits; text.remove_prefix(kDigits)) {
    if (const auto number = ParseNumber(text.substr(0, kDigits))) numbers.push_back(*number);
  }
  return numbers;
}

std::string FormatPageToken(std::uint64_t last) {
  return FormatNumber(last);
}

StatusOr<std::uint64_t> ParsePageToken(std::string_view token) {
  if (token.empty()) return kNumberMax;
  const std::optional<std::uint64_t> number = ParseNumber(token);
  if (!number) {
    return InvalidArgument(Cat("page token \"", Printable(token),
                               "\": not one that an earlier page gave; begin again without it"));
  }
  return *number;
}

StatusOr<std::int64_t> ParseDeadLetterToken(std::string_view token) {
  if (token.empty()) return 0;
  PENSTOCK_ASSIGN_OR_RETURN(const std::uint64_t number, ParsePageToken(token));
  return static_cast<std::int64_t>(number);
}

std::size_t PageSize(std::size_t asked) {
  return asked == 0 ? limits::kListPageDefault : std::min(asked, limits::kListPageMax);
}

Status MessageNotFound(const MessageId& id) {
  return NotFound(Cat("message ", Printable(id.text()), ": no such message"));
}

Status ContentNotFound(const ContentId& id) {
  return NotFound(Cat("content ", Printable(id.text()), ": no such content"));
}

Status ContentMissing(std::string_view message, const ContentId& content) {
  return FailedPrecondition(Cat("message ", Printable(message), ": its content \"",
                                Printable(content.text()), "\" is not in the store"));
}

Status AsyncEventNotFound(std::int64_t id) {
  return NotFound(Cat("async event ", id, ": no such event"));
}

Status DeadLetterNotFound(std::int64_t id) {
  return NotFound(Cat("dead letter ", id, ": no such dead letter"));
}

void AddResource(Resource resource, ports::StoredResources& resources) {
  if (auto* organization = std::get_if<rules::Organization>(&resource)) {
    resources.organizations.push_back(std::move(*organization));
  } else if (auto* hook = std::get_if<flow::Hook>(&resource)) {
    resources.hooks.push_back(std::move(*hook));
  } else {
    resources.rules.push_back(std::move(std::get<rules::FlowRule>(resource)));
  }
}

}  // namespace penstock::store
