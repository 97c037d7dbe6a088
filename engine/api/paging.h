// SPDX-License-Identifier: Apache-2.0
// Pages of a List (AIP-158). A token is the key of the last row, so that a page goes on where the
// one before ended, whatever was created or deleted between them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/limits.h"
#include "engine/base/status.h"

namespace penstock::api {

// Rows of a page. Errors: kInvalidArgument for a negative `page_size`.
StatusOr<std::size_t> RowsOf(std::int32_t page_size);

// Whether a page has all that it may have. Threads: one.
class PageBounds {
 public:
  explicit PageBounds(std::size_t rows) : rows_left_(rows) {}

  // Counts a row of so many octets on the wire.
  void Count(std::size_t octets) {
    --rows_left_;
    octets_ += octets;
  }

  [[nodiscard]] std::size_t rows_left() const { return rows_left_; }

  [[nodiscard]] bool full() const { return rows_left_ == 0 || octets_ >= limits::kListPageOctets; }

 private:
  std::size_t rows_left_;
  std::size_t octets_ = 0;
};

std::string MakePageToken(std::string_view last_key);

// The key in a token; "" of the first page's.
//   Errors: kInvalidArgument for a token that MakePageToken has not made.
StatusOr<std::string> ParsePageToken(std::string_view token);

}  // namespace penstock::api
