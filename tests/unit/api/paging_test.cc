// SPDX-License-Identifier: Apache-2.0
#include "engine/api/paging.h"

#include <catch2/catch.hpp>

#include "engine/base/limits.h"

namespace penstock::api {

TEST_CASE("RowsOf: 0 is the default, too many are cut, negative is refused", "[api][paging]") {
  CHECK(RowsOf(0).value() == limits::kListPageDefault);
  CHECK(RowsOf(7).value() == 7);
  CHECK(RowsOf(1'000'000).value() == limits::kListPageMax);
  CHECK(RowsOf(-1).status().message() == "page_size: -1 is negative");
}

TEST_CASE("PageBounds: a page ends with its rows or with its octets", "[api][paging]") {
  PageBounds by_rows(2);
  by_rows.Count(1);
  CHECK_FALSE(by_rows.full());
  CHECK(by_rows.rows_left() == 1);
  by_rows.Count(1);
  CHECK(by_rows.full());
  PageBounds by_octets(1000);
  by_octets.Count(limits::kListPageOctets - 1);
  CHECK_FALSE(by_octets.full());
  by_octets.Count(1);
  CHECK(by_octets.full());
}

TEST_CASE("ParsePageToken: gives back the key of any token that was made", "[api][paging]") {
  for (const std::string key : {"", "a", "organizations/ü", "\xff\xfe?"}) {
    CHECK(ParsePageToken(MakePageToken(key)).value() == key);
  }
}

TEST_CASE("ParsePageToken: refuses what was not made here", "[api][paging]") {
  for (const std::string token : {"!", "YQ=", "YR", "nonsense!", "a b"}) {
    CAPTURE(token);
    CHECK(ParsePageToken(token).status().code() == StatusCode::kInvalidArgument);
  }
}

}  // namespace penstock::api
