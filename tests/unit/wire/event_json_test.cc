// SPDX-License-Identifier: Apache-2.0
#include "engine/wire/event_json.h"

#include <string>

#include <catch2/catch.hpp>

#include "engine/base/limits.h"
#include "tests/support/vectors.h"

using namespace penstock;        // NOLINT(google-build-using-namespace)
using namespace penstock::wire;  // NOLINT(google-build-using-namespace)
using rules::FlowDirection;
using tests::Json;
using tests::LoadVectors;
using tests::Vector;

TEST_CASE("EventJson: vectors", "[wire][event_json]") {
  for (const Vector& v : LoadVectors("wire/event_json.json")) {
    DYNAMIC_SECTION(v.name) {
      // A string is the text itself, anything else the document.
      const std::string text = v.input.is_string() ? v.input.get<std::string>() : v.input.dump(2);
      const auto event = ParseEventJson(text, FlowDirection::kOutbound);
      CAPTURE(v.clauses, v.basis, Message(event.status()));
      if (v.want.is_string()) {
        REQUIRE_FALSE(event.ok());
        CHECK(event.status().code() == StatusCode::kInvalidArgument);
        CHECK_THAT(std::string(Message(event.status())),
                   Catch::StartsWith(v.want.get<std::string>()));
        continue;
      }
      REQUIRE(event.ok());
      // Written again it is ours: 2018-10-10, compact, everything in its place.
      std::string again;
      flow::AppendJson(again, *event);
      CHECK(again == v.want.dump());
      CHECK(*ParseEventJson(again) == *event);
    }
  }
}

TEST_CASE("EventJson: an event that names no direction gets the caller's", "[wire][event_json]") {
  const std::string text =
      R"({"summaryVersion":"2018-10-10","envelope":{"mailFrom":{"address":"a@b.test"},)"
      R"("recipients":[]},"messageId":"m"})";
  CHECK(ParseEventJson(text)->direction == FlowDirection::kInbound);
  CHECK(ParseEventJson(text, FlowDirection::kOutbound)->direction == FlowDirection::kOutbound);
}

TEST_CASE("EventJson: size and depth do no harm", "[wire][event_json]") {
  CHECK_THAT(std::string(Message(
                 ParseEventJson(std::string(limits::kEventFileOctetsMax + 1, ' ')).status())),
             Catch::StartsWith("event: 1048577 octets, over the 1048576"));
  CHECK_FALSE(ParseEventJson(std::string(limits::kEventFileOctetsMax, '[')).ok());
  const std::string deep(limits::kEventFileOctetsMax / 2, '[');
  CHECK_FALSE(ParseEventJson(deep + std::string(deep.size(), ']')).ok());
}
