// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/summary.h"

#include <string>

#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "tests/support/vectors.h"
#include "tests/unit/mail/cpu_seconds.h"
#include "tests/unit/mail/octets.h"

using namespace penstock;        // NOLINT(google-build-using-namespace)
using namespace penstock::mail;  // NOLINT(google-build-using-namespace)
using penstock::tests::CpuSeconds;
using penstock::tests::Json;
using penstock::tests::LoadVectors;
using penstock::tests::Octets;

namespace {

Json Addresses(const std::vector<Mailbox>& mailboxes) {
  Json addresses = Json::array();
  for (const Mailbox& mailbox : mailboxes)
    addresses.push_back(mailbox.ToString());
  return addresses;
}

Json ToJson(const Summary& summary) {
  Json json;
  json["sender"] = Addresses(summary.sender);
  json["from"] = Addresses(summary.from);
  json["subject"] = nullptr;
  if (summary.subject) json["subject"] = *summary.subject;
  json["msg_id"] = summary.msg_id;
  json["received_count"] = summary.received_count;
  json["auto_submitted"] = summary.auto_submitted;
  json["is_dsn"] = summary.is_dsn;
  return json;
}

}  // namespace

TEST_CASE("Summarize: vectors", "[mail][summary]") {
  for (const auto& v : LoadVectors("mail/summary.json")) {
    DYNAMIC_SECTION(v.name) {
      const std::string message = Octets(v.input);
      const Json got = ToJson(Summarize(HeaderSection::Scan(message)));
      for (const auto& [key, value] : v.want.items()) {
        CAPTURE(key);
        CHECK(got.at(key) == value);
      }
    }
  }
}

// GMime takes time that grows with the square of some junk: 1 MiB of it would be minutes.
TEST_CASE("Summarize: a header section full of hostile fields takes no time", "[mail][summary]") {
  const std::string junk = GENERATE(as<std::string>{}, "a b,", "\"a,", "a:", "(", "=?a?q?b ",
                                    "; a=b c", "<a,", "\xff\xc3 ");
  std::string body;
  while (body.size() < 8000)
    body += junk;
  std::string message;
  while (message.size() < (1U << 20U)) {
    for (const char* name : {"From", "Sender", "Subject", "Auto-Submitted", "Message-ID"})
      Append(message, name, ": ", body, "\r\n");
    Append(message, "Content-Type: multipart/report", body, "\r\n");
  }
  CAPTURE(junk);
  const double before = CpuSeconds();
  const Summary summary = Summarize(HeaderSection::Scan(message));
  CHECK(CpuSeconds() - before < 3);
  CHECK(summary.subject);
}

TEST_CASE("Summarize: From fields count together up to the limit of one", "[mail][summary]") {
  std::string message;
  for (int i = 0; i < 10'000; ++i)
    Append(message, "From: a", 10'000 + i, "@b.example\r\n");
  const Summary summary = Summarize(HeaderSection::Scan(message));
  CHECK(summary.from.size() == 8192 / std::string_view(" a10000@b.example").size());
  CHECK(summary.from.front().ToString() == "a10000@b.example");
}
