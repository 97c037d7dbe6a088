// SPDX-License-Identifier: Apache-2.0
#include "engine/base/status.h"

#include <catch2/catch.hpp>

using namespace penstock;  // NOLINT(google-build-using-namespace)

TEST_CASE("Annotate: context before the text, OK untouched", "[base][status]") {
  CHECK(Annotate(OkStatus(), "x").ok());
  const Status status = Annotate(NotFound("no such hook"), "rule \"a\"");
  CHECK(status.code() == StatusCode::kNotFound);
  CHECK(Message(status) == "rule \"a\": no such hook");
  CHECK(CodeName(status.code()) == "NOT_FOUND");
}
