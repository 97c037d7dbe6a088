// SPDX-License-Identifier: Apache-2.0
#include "engine/api/paging.h"

#include <algorithm>

#include "absl/strings/escaping.h"

#include "engine/base/limits.h"
#include "engine/base/strings.h"

namespace penstock::api {

StatusOr<std::size_t> RowsOf(std::int32_t page_size) {
  if (page_size < 0) return InvalidArgument(Cat("page_size: ", page_size, " is negative"));
  if (page_size == 0) return limits::kListPageDefault;
  return std::min(static_cast<std::size_t>(page_size), limits::kListPageMax);
}

std::string MakePageToken(std::string_view last_key) {
  return absl::WebSafeBase64Escape(ToAbsl(last_key));
}

StatusOr<std::string> ParsePageToken(std::string_view token) {
  std::string key;
  if (!absl::WebSafeBase64Unescape(ToAbsl(token), &key) || MakePageToken(key) != token) {
    return InvalidArgument(Cat("page_token: \"", Printable(token),
                               "\" is not the next_page_token of an earlier page"));
  }
  return key;
}

}  // namespace penstock::api
