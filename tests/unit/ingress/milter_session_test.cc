// SPDX-License-Identifier: Apache-2.0
#include "engine/ingress/milter_session.h"

#include <optional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/mail/milter_frame.h"
#include "engine/mail/milter_reply.h"
#include "tests/support/vectors.h"

using namespace penstock;           // NOLINT(google-build-using-namespace)
using namespace penstock::ingress;  // NOLINT(google-build-using-namespace)
using penstock::tests::Json;
using penstock::tests::LoadVectors;

namespace {

std::string Number(std::uint64_t number, int octets) {
  std::string out;
  for (int i = octets - 1; i >= 0; --i)
    out.push_back(static_cast<char>(number >> (8 * i) & 0xffU));
  return out;
}

std::uint32_t ToNumber(std::string_view octets) {
  std::uint32_t number = 0;
  for (const char c : octets.substr(0, 4))
    number = number << 8U | static_cast<unsigned char>(c);
  return number;
}

std::string Replaced(std::string text, char from, char to) {
  for (char& c : text)
    c = c == from ? to : c;
  return text;
}

// An exchange of tests/data/mail/milter.json, as the octets of one frame without its length: "|" is
// NUL, "^" is CR, "~" is LF. Numbers of O and C are written out: "O 6 511 2097151",
// "C host 4 192.0.2.1".
std::string ToFrame(const std::string& line) {
  const auto words = Split(line, ' ');
  if (line.starts_with("O ")) {
    std::string frame = "O";
    for (std::size_t i = 1; i < words.size(); ++i)
      frame += Number(*ParseInt<std::uint32_t>(words[i]), 4);
    return frame;
  }
  if (line.starts_with("C ")) {
    std::string frame = Cat("C", words.at(1), std::string(1, '\0'), words.at(2));
    if (words.size() > 3) frame += Number(25, 2) + std::string(words[3]) + std::string(1, '\0');
    return frame;
  }
  return Replaced(Replaced(Replaced(line, '|', '\0'), '^', '\r'), '~', '\n');
}

// Frames for people, joined by " + ": as in ToFrame, the numbers of O, i and m written out.
std::string Show(std::string_view wire) {
  std::string out;
  while (!wire.empty()) {
    REQUIRE(wire.size() >= 5);
    const std::size_t length = ToNumber(wire);
    REQUIRE(wire.size() >= 4 + length);
    const char command = wire[4];
    std::string_view data = wire.substr(5, length - 1);
    wire.remove_prefix(4 + length);
    out += Cat(out.empty() ? "" : " + ", std::string(1, command));
    const std::size_t numbers = command == 'O' ? 3 : command == 'i' || command == 'm' ? 1 : 0;
    for (std::size_t i = 0; i < numbers; ++i) {
      Append(out, i == 0 ? "" : " ", ToNumber(data));
      data.remove_prefix(4);
    }
    if (command == 'O') {
      for (; data.size() > 4; data.remove_prefix(data.find('\0', 4) + 1))
        Append(out, " ", ToNumber(data), ":", data.substr(4, data.find('\0', 4) - 4));
    } else {
      out += Replaced(std::string(data), '\0', '|');
    }
  }
  return out;
}

class Dialogue {
 public:
  explicit Dialogue(const Json& input)
      : recipients_max_(input.value("recipients_max", std::size_t{1000})),
        room_(input.value("room", true)) {
    settings_.message_octets_max = input.value("octets_max", std::uint64_t{10'000});
    settings_.junk = {"X-Penstock-Junk", "yes"};
    settings_.bypass_spam_check = {"X-Penstock-Bypass-Spam-Check", "yes"};
  }

  std::string Answer(const std::string& line) {
    if (line.starts_with("!decide")) return Show(session_.EndMessage(Decision(line), content_));
    const std::string frame = ToFrame(line);
    // Octet by octet: what comes in pieces is read alike.
    const std::string wire = Number(frame.size(), 4) + frame;
    mail::MilterFrameReader reader;
    for (const char c : wire) {
      const auto taken = reader.Feed(std::string_view(&c, 1));
      if (!taken.ok()) return "[out of step]";
      REQUIRE(*taken == 1);
    }
    REQUIRE(reader.done());
    const auto event = mail::ParseMilterFrame(reader.command(), reader.data());
    if (!event.ok()) return "[out of step]";
    return Show(session_.OnEvent(*event));
  }

  [[nodiscard]] Json State() const {
    return {{"reverse_path", envelope_.reverse_path},
            {"forward_paths", envelope_.forward_paths},
            {"smtputf8", envelope_.smtputf8},
            {"body_8bit", envelope_.body_8bit},
            {"address", client_.address},
            {"helo", client_.helo},
            {"login", client_.login},
            {"trusted", client_.trusted},
            {"queue_id", queue_id_},
            {"daemon_name", daemon_name_},
            {"content", Replaced(Replaced(complete_, '\r', '^'), '\n', '~')}};
  }

 private:
  // "!decide 550 5.7.1", or "!decide remove=0,1 add=a@b.example mark=junk", each if need be.
  static runtime::HeldReply Decision(const std::string& line) {
    runtime::HeldReply held;
    held.reply = {250, {2, 0, 0}, "accepted"};
    const auto words = Split(line, ' ');
    for (std::size_t i = 1; i < words.size(); ++i) {
      const std::string_view word = words[i];
      if (const auto code = ParseInt<int>(word)) {
        held.reply = {*code, *mail::EnhancedStatus::Parse(words.at(i + 1)), "refused 100%\nof it"};
        break;
      }
      const auto values = Split(word.substr(word.find('=') + 1), ',');
      for (const std::string_view value : values) {
        if (word.starts_with("remove=")) held.mta.removed.push_back(*ParseInt<std::size_t>(value));
        if (word.starts_with("add=")) held.mta.added.emplace_back(value);
        if (value == "junk") held.mta.marking = flow::Marking::kJunk;
        if (value == "bypass") held.mta.marking = flow::Marking::kBypassSpamCheck;
      }
    }
    return held;
  }

  std::string Show(const MilterSession::Step& step) {
    content_ += step.content;
    std::string out = ::Show(step.reply);
    if (step.next == MilterSession::Next::kMessage) {
      out += "[message]";
      envelope_ = session_.envelope();
      client_ = session_.client();
      queue_id_ = session_.queue_id();
      daemon_name_ = session_.daemon_name();
      complete_ = content_;
    }
    if (step.next == MilterSession::Next::kForget) content_.clear();
    if (step.next == MilterSession::Next::kClose) {
      CHECK(step.reply.empty());
      out += "[close]";
    }
    return out;
  }

  static std::string Show(std::string_view wire) { return ::Show(wire); }

  std::size_t recipients_max_;
  bool room_;
  MilterSessionSettings settings_;
  std::string content_;
  std::string complete_;
  mail::Envelope envelope_;
  mail::ClientInfo client_;
  std::string queue_id_;
  std::string daemon_name_;
  MilterSession session_{
      settings_, "milter", [](std::string_view address) { return address == "127.0.0.1"; },
      [this](std::optional<std::uint64_t> octets) -> std::optional<mail::SmtpReply> {
        if (room_ && octets.value_or(0) <= settings_.message_octets_max) return std::nullopt;
        return mail::SmtpReply{451, {4, 3, 2}, "later"};
      },
      [this](const auto& /*client*/, const mail::Envelope& envelope,
             std::string_view /*path*/) -> std::optional<mail::SmtpReply> {
        if (envelope.forward_paths.size() < recipients_max_) return std::nullopt;
        return mail::SmtpReply{452, {4, 5, 3}, "too many recipients"};
      }};
};

}  // namespace

TEST_CASE("a milter session answers as the vectors say", "[milter]") {
  for (const auto& vector : LoadVectors("mail/milter.json")) {
    DYNAMIC_SECTION(vector.name) {
      Dialogue dialogue(vector.input);
      std::vector<std::string> replies;
      if (!vector.input.value("raw", false)) {
        // What nearly all dialogues begin with.
        REQUIRE(dialogue.Answer("O 6 511 2097151").starts_with("O6 "));
      }
      for (const std::string line : vector.input.at("events"))
        replies.push_back(dialogue.Answer(line));
      CHECK(Json(replies) == vector.want.at("replies"));
      const Json state = dialogue.State();
      for (const auto& [key, value] : vector.want.items()) {
        if (key == "replies") continue;
        INFO(key);
        CHECK(state.at(key) == value);
      }
    }
  }
}

TEST_CASE("a frame's length is bounded before it is read", "[milter]") {
  mail::MilterFrameReader reader;
  CHECK(reader.Feed(Number(limits::kMilterFrameOctetsMax + 1, 4)).status().code() ==
        StatusCode::kResourceExhausted);
  mail::MilterFrameReader none;
  CHECK(none.Feed(Number(0, 4)).status().code() == StatusCode::kInvalidArgument);
  mail::MilterFrameReader most;
  REQUIRE(most.Feed(Number(limits::kMilterFrameOctetsMax, 4)).ok());
  REQUIRE(most.Feed(std::string(limits::kMilterFrameOctetsMax, 'B')).ok());
  CHECK(most.done());
}

TEST_CASE("macros and arguments are bounded", "[milter]") {
  std::string macros = "M";
  for (std::size_t i = 0; i < limits::kMilterMacrosMax; ++i)
    macros += std::string("i\0x\0", 4);
  CHECK(mail::ParseMilterFrame('D', macros).ok());
  CHECK_FALSE(mail::ParseMilterFrame('D', macros + std::string("i\0x\0", 4)).ok());
  CHECK_FALSE(
      mail::ParseMilterFrame('D', Cat("Mi", std::string(1, '\0'),
                                      std::string(limits::kMilterMacroOctetsMax, 'x'), "\0"))
          .ok());
  std::string path("<a@a.example>\0", 14);
  for (std::size_t i = 0; i < limits::kMilterArgumentsMax; ++i)
    path += std::string("X\0", 2);
  CHECK(mail::ParseMilterFrame('M', path).ok());
  CHECK_FALSE(mail::ParseMilterFrame('M', path + std::string("X\0", 2)).ok());
}

TEST_CASE("the other replies have their form", "[milter]") {
  CHECK(Show(mail::MilterAccept()) == "a");
  CHECK(Show(mail::MilterReject()) == "r");
  CHECK(Show(mail::MilterTempfail()) == "t");
  CHECK(Show(mail::MilterProgress()) == "p");
  CHECK(Show(mail::MilterQuarantine("a reason")) == "qa reason|");
  CHECK(Show(mail::MilterInsertHeader(0, "X-A", "b")) == "i0X-A|b|");
  CHECK(Show(mail::MilterAddHeader("X-A", "two\r\nlines")) == "hX-A|two??lines|");
  CHECK(Show(mail::MilterReplaceBody("")) == "b");
  const std::string body(65'536, 'x');
  CHECK(Show(mail::MilterReplaceBody(body)) == "b" + body.substr(1) + " + bx");
}
