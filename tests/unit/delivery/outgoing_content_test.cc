// SPDX-License-Identifier: Apache-2.0
#include "engine/delivery/outgoing_content.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "engine/base/limits.h"
#include "tests/support/memory_content.h"
#include "tests/support/vectors.h"

using namespace penstock;            // NOLINT(google-build-using-namespace)
using namespace penstock::delivery;  // NOLINT(google-build-using-namespace)
using penstock::tests::Content;
using penstock::tests::LoadVectors;

namespace {

const MarkingFields kFields = {{"X-Spam-Flag", "YES"}, {"X-No-Scan", "yes"}};

std::string ReadAll(OutgoingContent& content, std::size_t at_once) {
  std::string all;
  std::vector<char> buffer(at_once);
  while (true) {
    const auto octets = content.Read(buffer);
    REQUIRE(octets.ok());
    if (*octets == 0) return all;
    all.append(buffer.data(), *octets);
  }
}

flow::Marking MarkingOf(std::string_view name) {
  if (name == "junk") return flow::Marking::kJunk;
  if (name == "bypass") return flow::Marking::kBypassSpamCheck;
  REQUIRE(name == "none");
  return flow::Marking::kNone;
}

}  // namespace

TEST_CASE("OutgoingContent: vectors, read in pieces of every size", "[delivery][content]") {
  for (const auto& v : LoadVectors("delivery/outgoing_content.json")) {
    CAPTURE(v.name);
    const std::string given = v.input.at("content");
    const std::string want = v.want;
    const flow::Marking marking = MarkingOf(v.input.at("marking").get<std::string>());
    for (std::size_t at_once = 1; at_once < want.size() + 2; ++at_once) {
      const auto source = Content(given);
      source->at_once = at_once;
      auto content = OutgoingContent::Open("Received: us\r\n", marking, kFields, source);
      REQUIRE(content.ok());
      CHECK(content->octets() == want.size());
      CHECK(ReadAll(*content, at_once) == want);
      content->Rewind();
      CHECK(ReadAll(*content, 1000) == want);
    }
  }
}

TEST_CASE("OutgoingContent: without marking fields nothing is removed or added",
          "[delivery][content]") {
  auto content =
      OutgoingContent::Open("", flow::Marking::kJunk, {}, Content("X-Spam-Flag: YES\r\n\r\nb"));
  REQUIRE(content.ok());
  CHECK(ReadAll(*content, 100) == "X-Spam-Flag: YES\r\n\r\nb");
}

TEST_CASE("OutgoingContent: it tells whether the header section is ASCII", "[delivery][content]") {
  const auto ascii = OutgoingContent::Open("", {}, kFields, Content("Subject: a\r\n\r\né"));
  CHECK_FALSE(ascii->has_non_ascii_header());
  const auto utf8 = OutgoingContent::Open("", {}, kFields, Content("Subject: é\r\n\r\na"));
  CHECK(utf8->has_non_ascii_header());
  const auto removed = OutgoingContent::Open("", {}, kFields, Content("X-Spam-Flag: é\r\n\r\na"));
  CHECK_FALSE(removed->has_non_ascii_header());
}

TEST_CASE("OutgoingContent: a read error and an endless header section are told",
          "[delivery][content]") {
  const auto damaged = Content("Subject: a\r\n\r\n" + std::string(200'000, 'b'));
  damaged->fail_at = 0;
  CHECK(OutgoingContent::Open("", {}, kFields, damaged).status().code() == StatusCode::kDataLoss);
  damaged->fail_at = 100'000;
  damaged->at_once = 50'000;
  auto content = OutgoingContent::Open("", {}, kFields, damaged);
  REQUIRE(content.ok());
  std::vector<char> buffer(1U << 20U);
  CHECK(content->Read(buffer).ok());
  CHECK(content->Read(buffer).ok());
  CHECK(content->Read(buffer).status().code() == StatusCode::kDataLoss);
  std::string endless;
  while (endless.size() <= limits::kHeaderSectionOctetsMax)
    endless += "X-Field: " + std::string(900, 'x') + "\r\n";
  const auto refused = OutgoingContent::Open("", {}, kFields, Content(endless));
  CHECK(refused.status().code() == StatusCode::kInvalidArgument);
}
