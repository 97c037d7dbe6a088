// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/dsn.h"

#include <string>

#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "engine/mail/gmime_library.h"
#include "engine/mail/header_section.h"
#include "tests/support/vectors.h"
#include "tests/unit/mail/octets.h"

using namespace penstock;        // NOLINT(google-build-using-namespace)
using namespace penstock::mail;  // NOLINT(google-build-using-namespace)
using penstock::tests::Json;
using penstock::tests::LoadVectors;
using penstock::tests::Octets;

namespace {

Dsn PlainDsn() {
  Dsn dsn;
  dsn.reporting_mta = "mx.b.example";
  dsn.reverse_path = "anna@a.example";
  dsn.arrival_date = FromUnixMillis(1'795'290'400'000);
  dsn.msg_id = "0b1e@mx.b.example";
  dsn.boundary = "0123456789abcdef0123456789abcdef";
  dsn.date = FromUnixMillis(1'795'290'480'000);
  return dsn;
}

DsnRecipient ReadRecipient(const Json& json) {
  DsnRecipient recipient;
  recipient.final_recipient = json.at("final_recipient");
  recipient.status =
      EnhancedStatus::Parse(json.at("status").get<std::string>()).value_or(EnhancedStatus{});
  recipient.bounce_message = json.value("bounce_message", std::string());
  recipient.remote_mta = json.value("remote_mta", std::string());
  if (json.contains("diagnostic")) {
    recipient.diagnostic = SmtpReply{json.at("code"), recipient.status, json.at("diagnostic")};
  }
  recipient.original_recipient = json.value("original_recipient", std::string());
  recipient.reason = json.value("reason", std::string());
  const std::string action = json.value("action", std::string("failed"));
  if (action == "delivered") recipient.action = DsnAction::kDelivered;
  if (action == "relayed") recipient.action = DsnAction::kRelayed;
  return recipient;
}

// What a mail reader makes of a DSN: the decoded text of its parts.
struct ReadDsn {
  std::string text;
  std::string status;
  std::string header;
};

std::string Decoded(GMimeObject* part) {
  // The content of message/* and text/* parts alike, as it reads without its encoding.
  GMimeStream* stream = g_mime_stream_mem_new();
  GMimeDataWrapper* content =
      GMIME_IS_PART(part) ? g_mime_part_get_content(GMIME_PART(part)) : nullptr;
  if (content != nullptr) {
    g_mime_data_wrapper_write_to_stream(content, stream);
  } else {
    g_mime_object_write_to_stream(part, nullptr, stream);
  }
  const GByteArray* octets = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
  std::string text(reinterpret_cast<const char*>(octets->data), octets->len);
  g_object_unref(stream);
  return text;
}

ReadDsn ReadByGmime(const std::string& message) {
  GmimeOptions();
  const GmimeObject<GMimeStream> stream(
      g_mime_stream_mem_new_with_buffer(message.data(), message.size()));
  const GmimeObject<GMimeParser> parser(g_mime_parser_new_with_stream(stream.get()));
  const GmimeObject<GMimeMessage> parsed(g_mime_parser_construct_message(parser.get(), nullptr));
  REQUIRE(parsed);
  GMimeObject* body = g_mime_message_get_mime_part(parsed.get());
  REQUIRE(GMIME_IS_MULTIPART(body));
  REQUIRE(g_mime_multipart_get_count(GMIME_MULTIPART(body)) == 3);
  const auto part = [&](int i) { return g_mime_multipart_get_part(GMIME_MULTIPART(body), i); };
  return {Decoded(part(0)), Decoded(part(1)), Decoded(part(2))};
}

void CheckForm(const std::string& message, bool utf8) {
  CHECK((utf8 || IsAscii(message)));
  CHECK(IsValidUtf8(message));
  CHECK(message.find('\0') == std::string::npos);
  REQUIRE(message.ends_with("\r\n"));
  for (std::string_view line : Split(message, '\n')) {
    if (!line.empty()) REQUIRE(line.ends_with('\r'));
    REQUIRE(line.size() <= 999);
    REQUIRE(line.find('\r') == (line.empty() ? std::string_view::npos : line.size() - 1));
  }
}

}  // namespace

TEST_CASE("BuildDsn: vectors", "[mail][dsn]") {
  for (const auto& v : LoadVectors("mail/dsn.json")) {
    DYNAMIC_SECTION(v.name) {
      Dsn dsn = PlainDsn();
      dsn.reverse_path = v.input.at("reverse_path");
      for (const Json& recipient : v.input.at("recipients"))
        dsn.recipients.push_back(ReadRecipient(recipient));
      const std::string header = Octets(v.input.at("original_header"));
      dsn.original_header = header;
      const std::string content = Octets(v.input.value("original_content", Json("")));
      dsn.original_content = content;
      dsn.envelope_id = v.input.value("envelope_id", std::string());
      std::string want;
      for (const std::string line : v.want)
        Append(want, line, "\r\n");
      const std::string message = BuildDsn(dsn);
      CHECK(message == want);
      CheckForm(message, !IsAscii(dsn.reverse_path) || !IsAscii(content));
      ReadByGmime(message);
    }
  }
}

TEST_CASE("BuildDsn: a mail reader finds what was put in", "[mail][dsn]") {
  Dsn dsn = PlainDsn();
  const std::string header = "Subject: a\r\nX: \xff\r\n";
  dsn.original_header = header;
  DsnRecipient recipient;
  recipient.final_recipient = "bert@b.example";
  recipient.bounce_message = "Grüße.\n.\nFrom here to there = \n" + std::string(1000, 'x');
  dsn.recipients = {recipient};
  const ReadDsn read = ReadByGmime(BuildDsn(dsn));
  const std::string said = CleanBounceMessage(recipient.bounce_message);
  std::string text;
  for (const char c : read.text) {
    if (c != '\r') text += c;
  }
  CHECK(text.find("<bert@b.example>\n\n" + said + "\n") != std::string::npos);
  CHECK(read.header.find("X: \xff\r\n") != std::string::npos);
  CHECK(read.status.find("Final-Recipient: rfc822; bert@b.example\r\n") != std::string::npos);
}

TEST_CASE("BuildDsn: hostile texts break neither lines nor parts", "[mail][dsn]") {
  const std::string odd =
      GENERATE(as<std::string>{}, "a\r\n\r\n--0123456789abcdef0123456789abcdef--\r\nx",
               std::string(100'000, 'x'), std::string(2000, '\n'), std::string("a\0b\rc", 5),
               "\xff\xfe\xc3", "\r\n.\r\nMAIL FROM:<>\r\n", std::string(100'000, ' '));
  const bool utf8 = GENERATE(true, false);
  Dsn dsn = PlainDsn();
  dsn.smtputf8 = utf8;
  const std::string header = Cat("X: ", odd, "\r\nMessage-ID: <", odd, ">\r\nY: ü\r\n");
  dsn.original_header = header;
  DsnRecipient recipient;
  recipient.final_recipient = Cat(std::string(200, '+'), "ü@", odd);
  recipient.bounce_message = odd;
  recipient.remote_mta = odd;
  recipient.diagnostic = SmtpReply{550, {5, 1, 1}, odd};
  dsn.recipients = {recipient, recipient};
  CAPTURE(odd.substr(0, 40), utf8);
  CheckForm(BuildDsn(dsn), utf8);
}

TEST_CASE("BuildDsn: a next hop that says much to each recipient fills no disk", "[mail][dsn]") {
  Dsn dsn = PlainDsn();
  for (int i = 0; i < 100; ++i) {
    DsnRecipient recipient;
    recipient.final_recipient = Cat("r", i, "@b.example");
    recipient.remote_mta = "store.b.example";
    recipient.diagnostic = SmtpReply{550, {5, 1, 1}, Cat(i, std::string(130'000, 'x'))};
    dsn.recipients.push_back(std::move(recipient));
  }
  CHECK(BuildDsn(dsn).size() < 100 * 4'000);
}

TEST_CASE("BuildDsn: of a huge header section whole fields are attached up to the limit",
          "[mail][dsn]") {
  Dsn dsn = PlainDsn();
  std::string header;
  for (int i = 0; i < 10'000; ++i)
    Append(header, "X-", i, ": value\r\n folded\r\n");
  dsn.original_header = header;
  dsn.recipients = {DsnRecipient{"bert@b.example", {}, "", std::nullopt, ""}};
  const ReadDsn read = ReadByGmime(BuildDsn(dsn));
  CHECK(read.header.size() <= 65'536 + 2);
  CHECK(read.header.size() > 65'000);
  CHECK(read.header.find("\r\n folded\r\n") != std::string::npos);
}

TEST_CASE("BuildDsn: a DSN about a DSN is never due", "[mail][dsn]") {
  Dsn dsn = PlainDsn();
  dsn.recipients = {DsnRecipient{"bert@b.example", {5, 7, 1}, "no", std::nullopt, ""}};
  const std::string message = BuildDsn(dsn);
  const Summary summary = Summarize(HeaderSection::Scan(message));
  CHECK(summary.is_dsn);
  CHECK(summary.auto_submitted);
  CHECK(summary.from.size() == 1);
  CHECK_FALSE(MayBounce("anna@a.example", summary));
}

TEST_CASE("MayBounce: not to nobody, not to a robot, not about a DSN", "[mail][dsn]") {
  Summary summary;
  CHECK(MayBounce("anna@a.example", summary));
  CHECK_FALSE(MayBounce("", summary));
  summary.auto_submitted = true;
  CHECK_FALSE(MayBounce("anna@a.example", summary));
  summary.auto_submitted = false;
  summary.is_dsn = true;
  CHECK_FALSE(MayBounce("anna@a.example", summary));
}

TEST_CASE("CleanBounceMessage: vectors", "[mail][dsn]") {
  for (const auto& v : LoadVectors("mail/bounce_message.json")) {
    DYNAMIC_SECTION(v.name) {
      CHECK(CleanBounceMessage(Octets(v.input)) == Octets(v.want));
    }
  }
}
