// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/smtp_reply.h"

#include <string>

#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "tests/support/vectors.h"
#include "tests/unit/mail/octets.h"

using namespace penstock;        // NOLINT(google-build-using-namespace)
using namespace penstock::mail;  // NOLINT(google-build-using-namespace)
using penstock::tests::Json;
using penstock::tests::LoadVectors;
using penstock::tests::Octets;

namespace {

EnhancedStatus StatusOf(const Json& json) {
  return EnhancedStatus::Parse(json.get<std::string>()).value_or(EnhancedStatus{});
}

// What came of reading `pieces` one after the other.
struct Outcome {
  std::string error;
  SmtpReply reply;
  std::string rest;
};

Outcome Read(const std::vector<std::string_view>& pieces) {
  SmtpReplyParser parser;
  Outcome outcome;
  for (const std::string_view piece : pieces) {
    const StatusOr<std::size_t> taken = parser.Feed(piece);
    if (!taken.ok()) {
      outcome.error = std::string(Message(taken.status()));
      CHECK(parser.Feed("250 ok\r\n").status() == taken.status());
      return outcome;
    }
    if (!parser.done()) CHECK(*taken == piece.size());
    outcome.rest.append(piece.substr(*taken));
  }
  REQUIRE(parser.done());
  outcome.reply = parser.Take();
  CHECK_FALSE(parser.done());
  return outcome;
}

void CheckOutcome(const Outcome& outcome, const Json& want) {
  if (want.contains("error")) {
    REQUIRE(outcome.error == want.at("error").get<std::string>());
    return;
  }
  REQUIRE(outcome.error.empty());
  REQUIRE(outcome.reply.code == want.at("code").get<int>());
  REQUIRE(outcome.reply.status == StatusOf(want.at("status")));
  REQUIRE(outcome.reply.text == Octets(want.at("text")));
  REQUIRE(outcome.reply.ToString() == Octets(want.at("string")));
  REQUIRE(outcome.rest == want.value("rest", std::string()));
}

}  // namespace

TEST_CASE("SmtpReplyParser: vectors, cut at every place", "[mail][smtp_reply]") {
  for (const auto& v : LoadVectors("mail/smtp_reply.json")) {
    DYNAMIC_SECTION(v.name) {
      const std::string input = Octets(v.input);
      const std::string_view octets = input;
      const std::size_t step = octets.size() > 2000 ? 4999 : 1;
      for (std::size_t cut = 0; cut <= octets.size(); cut += step) {
        CAPTURE(cut);
        CheckOutcome(Read({octets.substr(0, cut), octets.substr(cut)}), v.want);
      }
      std::vector<std::string_view> single;
      for (std::size_t i = 0; i < octets.size(); ++i)
        single.push_back(octets.substr(i, 1));
      CheckOutcome(Read(single), v.want);
    }
  }
}

TEST_CASE("SmtpReplyParser: one after the other", "[mail][smtp_reply]") {
  SmtpReplyParser parser;
  std::string_view octets = "250-2.1.0 a\r\n250 2.1.0 b\r\n354 go\r\n";
  const StatusOr<std::size_t> first = parser.Feed(octets);
  REQUIRE(first.ok());
  REQUIRE(parser.done());
  CHECK(parser.Take().text == "a\nb");
  octets.remove_prefix(*first);
  REQUIRE(*parser.Feed(octets) == octets.size());
  CHECK(parser.Take() == SmtpReply{354, {}, "go"});
}

TEST_CASE("SmtpReply: vectors for the wire", "[mail][smtp_reply]") {
  for (const auto& v : LoadVectors("mail/smtp_reply_wire.json")) {
    DYNAMIC_SECTION(v.name) {
      const SmtpReply reply{v.input.at("code"), StatusOf(v.input.at("status")),
                            Octets(v.input.at("text"))};
      const bool utf8 = v.input.value("utf8", false);
      const std::string wire = reply.ToWire(utf8 ? ReplyCharset::kUtf8 : ReplyCharset::kAscii);
      CHECK(wire == Octets(v.want));
      const Outcome read = Read({wire});
      CHECK(read.error.empty());
      CHECK(read.reply.code == reply.code);
      CHECK(read.reply.status == reply.status);
    }
  }
}

TEST_CASE("SmtpReply: the first digit of its code says what it means", "[mail][smtp_reply]") {
  CHECK(SmtpReply{250, {}, ""}.is_positive());
  CHECK(SmtpReply{354, {}, ""}.is_positive());
  CHECK(SmtpReply{451, {}, ""}.is_transient());
  CHECK_FALSE(SmtpReply{451, {}, ""}.is_positive());
  CHECK(SmtpReply{554, {}, ""}.is_permanent());
  CHECK_FALSE(SmtpReply{554, {}, ""}.is_transient());
}

TEST_CASE("EnhancedStatus: class 2, 4 or 5 and two numbers of up to three digits",
          "[mail][smtp_reply]") {
  CHECK(EnhancedStatus::Parse("5.7.1") == EnhancedStatus{5, 7, 1});
  CHECK(EnhancedStatus::Parse("2.999.999") == EnhancedStatus{2, 999, 999});
  CHECK(EnhancedStatus{4, 4, 2}.ToString() == "4.4.2");
  CHECK(EnhancedStatus{}.ToString().empty());
  for (const char* bad : {"", "5", "5.7", "5.7.1.", "3.7.1", "1.0.0", "05.7.1", "5.-7.1",
                          "5.7.1000", "5..1", "a.b.c", " 5.7.1"}) {
    CAPTURE(bad);
    CHECK_FALSE(EnhancedStatus::Parse(bad));
  }
}
