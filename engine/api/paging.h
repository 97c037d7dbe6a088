// SPDX-License-Identifier: Apache-2.0
// Pages of a List (AIP-158). A token is the key of the last row, so that a page goes on where the
// one before ended, whatever was created or deleted between them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/status.h"

namespace penstock::api {

// Rows of a page. Errors: kInvalidArgument for a negative `page_size`.
StatusOr<std::size_t> RowsOf(std::int32_t page_size);

std::string MakePageToken(std::string_view last_key);

// The key in a token; "" of the first page's.
//   Errors: kInvalidArgument for a token that MakePageToken has not made.
StatusOr<std::string> ParsePageToken(std::string_view token);

}  // namespace penstock::api
