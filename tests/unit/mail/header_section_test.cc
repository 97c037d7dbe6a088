// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/header_section.h"

#include <string>

#include <catch2/catch.hpp>

#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "tests/support/vectors.h"
#include "tests/unit/mail/cpu_seconds.h"
#include "tests/unit/mail/octets.h"

using namespace penstock;        // NOLINT(google-build-using-namespace)
using namespace penstock::mail;  // NOLINT(google-build-using-namespace)
using penstock::tests::CpuSeconds;
using penstock::tests::LoadVectors;
using penstock::tests::Octets;

namespace {

// What Scan found, as text to compare.
std::string Dump(const HeaderSection& header) {
  std::string out = Cat(header.length(), " ", header.body_offset(), header.ended() ? " ended" : "");
  for (const HeaderField& field : header.fields()) {
    Append(out, "\n", field.name, "|", field.body, "|", field.offset, "|", field.length);
  }
  return out;
}

std::string Want(const tests::Json& want) {
  std::string out =
      Cat(want.at("length").get<std::size_t>(), " ", want.at("body_offset").get<std::size_t>(),
          want.at("ended").get<bool>() ? " ended" : "");
  for (const auto& field : want.at("fields")) {
    Append(out, "\n", Octets(field.at(0)), "|", Octets(field.at(1)), "|",
           field.at(2).get<std::size_t>(), "|", field.at(3).get<std::size_t>());
  }
  return out;
}

}  // namespace

TEST_CASE("HeaderSection: vectors", "[mail][header_section]") {
  for (const auto& v : LoadVectors("mail/header_section.json")) {
    DYNAMIC_SECTION(v.name) {
      const std::string message = Octets(v.input);
      const HeaderSection header = HeaderSection::Scan(message);
      CHECK(Dump(header) == Want(v.want));
      CHECK(header.octets() == std::string_view(message).substr(0, header.length()));
    }
  }
}

TEST_CASE("HeaderSection: names are found without regard to ASCII case, in order",
          "[mail][header_section]") {
  const std::string message = "a: 1\r\nB: 2\r\nA: 3\r\n\r\n";
  const HeaderSection header = HeaderSection::Scan(message);
  REQUIRE(header.FindAll("A").size() == 2);
  CHECK(header.FindAll("A")[0]->body == " 1");
  CHECK(header.FindAll("A")[1]->body == " 3");
  REQUIRE(header.Find("b") != nullptr);
  CHECK(header.Find("b")->body == " 2");
  CHECK(header.Find("C") == nullptr);
  CHECK(header.FindAll("C").empty());
}

TEST_CASE("HeaderSection: 100,000 fields are scanned in one pass", "[mail][header_section]") {
  std::string message;
  for (int i = 0; i < 100'000; ++i)
    Append(message, "X-", i, ": a\r\n b\r\n");
  message += "\r\n";
  const double before = CpuSeconds();
  CHECK(HeaderSection::Scan(message).fields().size() == 100'000);
  CHECK(CpuSeconds() - before < 3);
}

TEST_CASE("Unfold: vectors", "[mail][header_section]") {
  for (const auto& v : LoadVectors("mail/unfold.json")) {
    DYNAMIC_SECTION(v.name) {
      CHECK(Unfold(Octets(v.input)) == Octets(v.want));
    }
  }
}

TEST_CASE("HeaderCollector: however the message is cut, it keeps what Scan needs",
          "[mail][header_section]") {
  for (const auto& v : LoadVectors("mail/header_section.json")) {
    DYNAMIC_SECTION(v.name) {
      const std::string message = Octets(v.input) + "more\r\n\r\nof the body";
      const HeaderSection whole = HeaderSection::Scan(message);
      const std::size_t step = message.size() > 1000 ? 997 : 1;
      for (std::size_t cut = 0; cut <= message.size(); cut += step) {
        HeaderCollector collector;
        collector.Feed(std::string_view(message).substr(0, cut));
        collector.Feed(std::string_view(message).substr(cut));
        CAPTURE(cut);
        REQUIRE(collector.ended() == whole.ended());
        REQUIRE(Dump(HeaderSection::Scan(collector.octets())) == Dump(whole));
        REQUIRE_FALSE(collector.over_limit());
      }
      HeaderCollector collector;
      for (const char c : message)
        collector.Feed({&c, 1});
      CHECK(Dump(HeaderSection::Scan(collector.octets())) == Dump(whole));
    }
  }
}

TEST_CASE("HeaderCollector: the body behind the header section is not kept",
          "[mail][header_section]") {
  HeaderCollector collector;
  collector.Feed("A: 1\r\n\r\n");
  REQUIRE(collector.ended());
  collector.Feed("body");
  CHECK(collector.octets() == "A: 1\r\n\r\n");
}

TEST_CASE("HeaderCollector: a header section over the limit is cut there",
          "[mail][header_section]") {
  const std::size_t step = GENERATE(as<std::size_t>{}, 1000, 1U << 20U, 3U << 20U);
  const bool one_line = GENERATE(true, false);
  const std::string message(3U << 20U, 'x');
  HeaderCollector collector;
  if (!one_line) collector.Feed("A: 1\r\nB: ");
  for (std::size_t at = 0; at < message.size(); at += step)
    collector.Feed(std::string_view(message).substr(at, step));
  CHECK(collector.over_limit());
  CHECK_FALSE(collector.ended());
  CHECK(collector.octets().size() == limits::kHeaderSectionOctetsMax);
}

TEST_CASE("HeaderCollector: a header section of exactly the limit is taken",
          "[mail][header_section]") {
  std::string message = "A: ";
  message.resize(limits::kHeaderSectionOctetsMax - 4, 'x');
  message += "\r\n\r\n";
  HeaderCollector collector;
  collector.Feed(message);
  CHECK(collector.ended());
  CHECK_FALSE(collector.over_limit());
  CHECK(collector.octets() == message);
}
