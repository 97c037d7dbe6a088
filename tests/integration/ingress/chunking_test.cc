// SPDX-License-Identifier: Apache-2.0
// Content that comes by BDAT (RFC 3030): as it was sent, however it is cut; and what a chunk holds
// is never read as a command.
#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>

#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "tests/integration/ingress/server_fixture.h"
#include "tests/support/vectors.h"
#include "tests/unit/mail/octets.h"

namespace penstock::tests {
namespace {

constexpr char kCommands[] =
    "MAIL FROM:<evil@a.example>\r\nRCPT TO:<victim@own.example>\r\nDATA\r\n"
    "Subject: second\r\n\r\nforged\r\n.\r\n";

// `content` in chunks of so many octets each.
std::string Chunks(std::string_view content, std::size_t octets, bool last_apart) {
  std::string wire;
  while (true) {
    const std::string_view chunk = content.substr(0, octets);
    content.remove_prefix(chunk.size());
    const bool last = content.empty() && !last_apart;
    Append(wire, "BDAT ", chunk.size(), last ? " LAST\r\n" : "\r\n", chunk);
    if (last) return wire;
    if (content.empty()) return wire + "BDAT 0 LAST\r\n";
  }
}

std::size_t Count(std::string_view replies, std::string_view beginning) {
  std::size_t count = 0;
  for (const std::string_view line : Split(replies, '\n'))
    count += line.starts_with(beginning) ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("Chunking: content is what was sent, in chunks and pieces of any size",
          "[ingress][chunking]") {
  using std::string_literals::operator""s;
  const std::string content =
      Cat("Subject: s\r\n\r\n.\r\n..\r\n", "\0\xff\r\n"s, "\r\n.\r\nQUIT\r\nno line end");
  for (const bool last_apart : {false, true}) {
    for (const std::size_t octets :
         {content.size(), std::size_t{1}, std::size_t{2}, std::size_t{7}}) {
      const std::string wire = Cat(Chunks(content, octets, last_apart), "QUIT\r\n");
      for (const std::size_t piece : {wire.size(), std::size_t{1}, std::size_t{3}}) {
        CAPTURE(octets, piece, last_apart);
        ServerFixture f;
        RawSocket client = f.Begin();
        client.SendInChunks(wire, piece);
        const std::string replies = client.ReadAll();
        CHECK(replies.ends_with(
            "250 2.0.0 accepted\r\n221 2.0.0 mx.example closes the connection\r\n"));
        const auto accepted = f.intake.accepted();
        REQUIRE(accepted.size() == 1);
        CHECK(accepted[0].content == content);
        CHECK(accepted[0].header_section == "Subject: s\r\n\r\n");
      }
    }
  }
}

TEST_CASE("Chunking: binary content is what was sent", "[ingress][chunking]") {
  const std::string content =
      Cat("Subject: s\r\n\r\n\n.\n\r.\r\r\n", std::string(5000, '\n'), "\r");
  for (const std::size_t octets : {content.size(), std::size_t{1}, std::size_t{700}}) {
    for (const bool binary : {false, true}) {
      CAPTURE(octets, binary);
      ServerFixture f;
      RawSocket client = f.Connect();
      client.Send(
          Cat("EHLO a.example\r\nMAIL FROM:<s@a.example> BODY=", binary ? "BINARYMIME" : "8BITMIME",
              "\r\nRCPT TO:<r@own.example>\r\n", Chunks(content, octets, true), "QUIT\r\n"));
      const std::string replies = client.ReadAll();
      CHECK(Count(replies, "221 ") == 1);
      const auto accepted = f.intake.accepted();
      REQUIRE(accepted.size() == (binary ? 1 : 0));
      if (!binary) continue;
      CHECK(accepted[0].content == content);
      CHECK(accepted[0].envelope.body_8bit);
    }
  }
}

TEST_CASE("Chunking: nothing within a chunk ends the message", "[ingress][smuggling]") {
  for (const auto& v : LoadVectors("ingress/smuggling.json")) {
    const std::string content = Cat("Subject: first\r\n\r\nbody", Octets(v.input), kCommands);
    const bool refused = v.want.get<std::string>().starts_with("refused");
    for (const bool lmtp : {false, true}) {
      for (const std::size_t octets : {content.size(), std::size_t{1}, std::size_t{5}}) {
        CAPTURE(v.name, octets, lmtp);
        ServerFixture f;
        f.options.connection.session.lmtp = lmtp;
        RawSocket client = f.Begin();
        client.Send(Cat(Chunks(content, octets, false), "NOOP\r\nQUIT\r\n"));
        const std::string replies = client.ReadAll();
        CHECK(Count(replies, "221 ") == 1);
        CHECK(Count(replies, "354 ") == 0);
        // One reply a chunk, and those to NOOP and QUIT.
        CHECK(Split(replies, '\n').size() - 1 == (content.size() + octets - 1) / octets + 2);
        CHECK((Count(replies, "550 ") > 0) == refused);
        const auto accepted = f.intake.accepted();
        REQUIRE(accepted.size() == (refused ? 0 : 1));
        if (!refused) CHECK(accepted[0].content == content);
      }
    }
  }
}

TEST_CASE("Chunking: what a refused BDAT brings is read, and is no command",
          "[ingress][chunking]") {
  ServerFixture f;
  RawSocket client = f.Connect();
  client.Send(Cat("EHLO a.example\r\nBDAT ", std::string_view(kCommands).size(), " LAST\r\n"));
  client.ReadReply();
  client.SendInChunks(kCommands, 11);
  CHECK(client.ReadReply() == "503 5.5.1 send MAIL first\r\n");
  client.Send("QUIT\r\n");
  CHECK(client.ReadReply().starts_with("221 "));
  CHECK(f.intake.accepted().empty());
}

TEST_CASE("Chunking: behind a length that is none nothing is read", "[ingress][chunking]") {
  for (const char* line : {"BDAT x LAST", "BDAT 18446744073709551616", "BDAT"}) {
    ServerFixture f;
    RawSocket client = f.Begin();
    client.Send(Cat(line, "\r\n"));
    CHECK(client.ReadReply().starts_with("501 5.5.4 "));
    CHECK(client.ReadReply().starts_with("421 4.7.0 "));
    client.Send(kCommands);
    CHECK(client.ReadAll().find("250") == std::string::npos);
    CHECK(f.intake.accepted().empty());
  }
}

TEST_CASE("Chunking: what has no room is refused once, and told to what follows",
          "[ingress][chunking]") {
  ServerFixture f;
  std::string want = "552 5.3.4 ";
  SECTION("larger than messages may be") {
    f.options.connection.session.message_octets_max = 1024;
  }
  SECTION("too much comes in") {
    f.options.connection.incoming->SetMax(1024);
    want = "452 4.3.1 ";
  }
  SECTION("no content can be stored") {
    f.intake.new_content = Unavailable("no disk");
    want = "452 4.3.1 ";
  }
  RawSocket client = f.Begin();
  const std::string lines(2000, 'x');
  client.Send(Cat("BDAT 11\r\nFrom: a\r\n\r\nBDAT 900\r\n", lines.substr(0, 898), "\r\n"));
  const std::string first = client.ReadReply();
  const std::string second = client.ReadReply();
  CHECK(first.starts_with(f.intake.new_content.ok() ? "250 2.0.0 " : want));
  client.Send(Cat("BDAT 900\r\n", lines.substr(0, 898), "\r\nBDAT 5 LAST\r\nabc\r\nNOOP\r\n"));
  CHECK(client.ReadReply().starts_with(want));
  CHECK(client.ReadReply().starts_with(want));
  CHECK(client.ReadReply().starts_with("250 2.0.0 OK"));
  CHECK(f.intake.accepted().empty());
  CHECK(f.intake.open_contents() == 0);
}

TEST_CASE("Chunking: content that is given up leaves nothing", "[ingress][chunking]") {
  ServerFixture f;
  RawSocket client = f.Begin();
  client.Send("BDAT 12\r\nFrom: a\r\n\r\nx");
  CHECK(client.ReadReply() == "250 2.0.0 12 octets received\r\n");
  CHECK(f.intake.open_contents() == 1);
  SECTION("by RSET") {
    client.Send("RSET\r\n");
    CHECK(client.ReadReply().starts_with("250 "));
    CHECK(f.intake.open_contents() == 0);
    client.Send("MAIL FROM:<s@a.example>\r\nRCPT TO:<r@own.example>\r\nBDAT 3 LAST\r\na\r\n");
    for (int i = 0; i < 3; ++i)
      CHECK(client.ReadReply().starts_with("250 "));
    REQUIRE(f.intake.accepted().size() == 1);
    CHECK(f.intake.accepted()[0].content == "a\r\n");
  }
  SECTION("by EHLO") {
    client.Send("EHLO a.example\r\n");
    CHECK(client.ReadReply().starts_with("250-"));
    CHECK(f.intake.open_contents() == 0);
  }
  SECTION("between chunks") {
    client.Close();
  }
  SECTION("within a chunk") {
    client.Send("BDAT 100\r\nabc");
    client.Reset();
    f.CheckNothingLeft();
  }
  SECTION("before a length") {
    client.Send("BDAT 1");
    client.ShutdownSend();
    CHECK(client.ReadAll().empty());
    f.CheckNothingLeft();
  }
}

TEST_CASE("Chunking: content has its time, however many chunks it is", "[ingress][chunking]") {
  ServerFixture f;
  f.options.connection.data_timeout = std::chrono::milliseconds(300);
  RawSocket client = f.Begin();
  client.Send("BDAT 1\r\nx");
  CHECK(client.ReadReply().starts_with("250 "));
  const auto begun = std::chrono::steady_clock::now();
  CHECK(client.ReadAll().starts_with("421 4.4.2 "));
  CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(5));
  f.CheckNothingLeft();
}

}  // namespace penstock::tests
