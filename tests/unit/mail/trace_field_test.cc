// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/trace_field.h"

#include <string>

#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "tests/support/vectors.h"
#include "tests/unit/mail/octets.h"

using namespace penstock;        // NOLINT(google-build-using-namespace)
using namespace penstock::mail;  // NOLINT(google-build-using-namespace)
using penstock::tests::LoadVectors;
using penstock::tests::Octets;

namespace {

const TraceToken kToken = {"mx.b.example", "default", "INBOUND"};

std::string NameOf(std::optional<MailLoop> loop) {
  if (!loop) return "none";
  return *loop == MailLoop::kSameToken ? "same token" : "too many hops";
}

}  // namespace

TEST_CASE("ReceivedField: vectors", "[mail][trace_field]") {
  for (const auto& v : LoadVectors("mail/trace_field.json")) {
    DYNAMIC_SECTION(v.name) {
      TraceField trace;
      trace.client.helo = Octets(v.input.at("helo"));
      trace.client.address = v.input.at("address");
      trace.by = {v.input.at("host"), v.input.at("organization"), v.input.at("direction")};
      const std::string with = v.input.at("with");
      trace.with = with;
      trace.id = "0b1e2d3c-4a5b-4c6d-8e7f-0123456789ab";
      trace.date = FromUnixMillis(1'795'290'480'000);
      const std::string field = ReceivedField(trace);
      CHECK(field == Octets(v.want));

      const HeaderSection header = HeaderSection::Scan(field);
      REQUIRE(header.fields().size() == 1);
      CHECK(header.length() == field.size());
      CHECK(NameOf(FindLoop(header, trace.by)) == "same token");
      CHECK(NameOf(FindLoop(header, {"mx.c.example", "default", "INBOUND"})) == "none");
      for (const std::string_view line : Split(field, '\n'))
        CHECK(line.size() <= 998);
    }
  }
}

TEST_CASE("FindLoop: vectors", "[mail][trace_field]") {
  for (const auto& v : LoadVectors("mail/loop.json")) {
    DYNAMIC_SECTION(v.name) {
      const std::string message = Octets(v.input);
      CHECK(NameOf(FindLoop(HeaderSection::Scan(message), kToken)) == v.want.get<std::string>());
    }
  }
}

TEST_CASE("ReceivedField: a host, organization or id that is none cannot break the field",
          "[mail][trace_field]") {
  const TraceToken odd = {"a b\r\nX: y", "o)\r\n x", "IN BOUND"};
  TraceField trace;
  trace.by = odd;
  trace.id = "1;\r\nX: y";
  const std::string field = ReceivedField(trace);
  const HeaderSection header = HeaderSection::Scan(field);
  REQUIRE(header.fields().size() == 1);
  CHECK(header.length() == field.size());
  CHECK(FindLoop(header, odd) == MailLoop::kSameToken);
}

TEST_CASE("Transmission: the words of RFC 3848 and RFC 6531", "[mail][trace_field]") {
  using Base = Transmission::Base;
  CHECK(Name(Transmission{Base::kSmtp, false, false, false}) == "SMTP");
  CHECK(Name(Transmission{Base::kEsmtp, false, false, false}) == "ESMTP");
  CHECK(Name(Transmission{Base::kEsmtp, false, true, false}) == "ESMTPS");
  CHECK(Name(Transmission{Base::kEsmtp, false, false, true}) == "ESMTPA");
  CHECK(Name(Transmission{Base::kEsmtp, false, true, true}) == "ESMTPSA");
  CHECK(Name(Transmission{Base::kEsmtp, true, false, false}) == "UTF8SMTP");
  CHECK(Name(Transmission{Base::kEsmtp, true, true, true}) == "UTF8SMTPSA");
  CHECK(Name(Transmission{Base::kLmtp, false, true, false}) == "LMTPS");
  CHECK(Name(Transmission{Base::kLmtp, true, false, true}) == "UTF8LMTPA");
}
