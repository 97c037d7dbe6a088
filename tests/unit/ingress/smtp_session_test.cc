// SPDX-License-Identifier: Apache-2.0
#include "engine/ingress/smtp_session.h"

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "tests/support/vectors.h"

using namespace penstock;           // NOLINT(google-build-using-namespace)
using namespace penstock::ingress;  // NOLINT(google-build-using-namespace)
using penstock::tests::Json;
using penstock::tests::LoadVectors;

namespace {

// A dialogue of smtp_session.json, lmtp_session.json or chunking.json in tests/data/ingress. A line
// is a command without CRLF, or
//   !long, !lf        a line that is too long, or ends in LF alone
//   !content REPLY    the content came to its end; the intake says REPLY ("250 2.0.0")
//   !each REPLY, …    the same with a reply to each recipient
//   !chunk REPLY      a chunk came to its end; the intake says REPLY
//   !drop             the same of a chunk that is dropped
//   !refuse REPLY     there is no room for the content
//   !fill N           N recipients, each of which has to be taken
//   !repeat N LINE    LINE N times, which has to be taken each time
//   !tls, !tls trusted   the TLS handshake is done, with a certificate that makes the client
//   trusted
// and its answer is the reply's lines, joined by " / ", or a beginning of it that ends at a space.
class Dialogue {
 public:
  explicit Dialogue(const Json& input)
      : recipients_max_(input.value("recipients_max", std::size_t{1000})),
        session_(
            Settings(input), Peer(input),
            [this](const auto& client, const auto& envelope, std::string_view forward_path) {
              return Refuse(client, envelope, forward_path);
            },
            {}, [](std::string_view address) { return address.starts_with("10."); }) {}

  std::string Answer(const std::string& line) {
    if (line == "!long") return Show(session_.OnLineFault(SmtpSession::LineFault::kTooLong));
    if (line == "!lf") return Show(session_.OnLineFault(SmtpSession::LineFault::kBareLf));
    if (line.starts_with("!tls")) {
      session_.OnTls(line.ends_with(" trusted"));
      return "done";
    }
    if (line.starts_with("!fill ")) return Fill(std::stoi(line.substr(6)));
    if (line.starts_with("!repeat ")) return Repeat(line.substr(8));
    if (line.starts_with("!content ")) return Show(session_.EndContent(Reply(line.substr(9))));
    if (line.starts_with("!refuse ")) return Show(session_.RefuseContent(Reply(line.substr(8))));
    if (line.starts_with("!each ")) {
      std::vector<mail::SmtpReply> each;
      for (const std::string_view one : Split(std::string_view(line).substr(6), ','))
        each.push_back(Reply(TrimAsciiSpace(one)));
      const mail::SmtpReply reply{250, {2, 0, 0}, "text"};
      const bool chunk = std::exchange(in_chunk_, false);
      return Show(chunk ? session_.EndChunk(reply, each) : session_.EndContent(reply, each));
    }
    if (line.starts_with("!chunk ") || line == "!drop") {
      in_chunk_ = false;
      return Show(line == "!drop" ? session_.EndChunk()
                                  : session_.EndChunk(Reply(std::string_view(line).substr(7))));
    }
    CHECK_FALSE(in_chunk_);
    const SmtpSession::Step step = session_.OnLine(line);
    if (step.next == SmtpSession::Next::kChunk) {
      CHECK(step.reply.empty());
      in_chunk_ = true;
      envelope_ = session_.envelope();
      client_ = session_.client();
      const SmtpSession::Chunk& chunk = session_.chunk();
      const char* what = chunk.drop ? "[drop " : chunk.last ? "[last chunk " : "[chunk ";
      return Cat(what, chunk.octets, "]");
    }
    if (step.next != SmtpSession::Next::kContent) return Show(step);
    CHECK(step.reply.empty());
    envelope_ = session_.envelope();
    client_ = session_.client();
    return Show({session_.BeginContent(), SmtpSession::Next::kLine});
  }

  std::string Greeting() { return Show({session_.Greeting(), SmtpSession::Next::kLine}); }

  Json Client() const {
    return {{"address", client_.address}, {"login", client_.login}, {"trusted", client_.trusted}};
  }

  // Of the last DATA: what the intake would be given.
  Json Envelope() const {
    Json out;
    out["helo"] = client_.helo;
    out["with"] = client_.with;
    out["reverse_path"] = envelope_.reverse_path;
    out["forward_paths"] = envelope_.forward_paths;
    out["smtputf8"] = envelope_.smtputf8;
    out["body_8bit"] = envelope_.body_8bit;
    return out;
  }

  // What goes on to the next hop: of MAIL, then of each recipient.
  Json Dsn() const {
    Json out = {MailParameters(envelope_.dsn)};
    for (const mail::RecipientDsn& recipient : envelope_.recipients_dsn)
      out.push_back(RcptParameters(recipient, true));
    return out;
  }

  Json Forwarded() const {
    Json out = Json::array();
    for (const auto& [name, value] : client_.forwarded)
      out.push_back(Cat(name, "=", value));
    return out;
  }

 private:
  // "250 2.0.0"
  static mail::SmtpReply Reply(std::string_view text) {
    const auto words = Split(text, ' ');
    return {std::stoi(std::string(words.at(0))), *mail::EnhancedStatus::Parse(words.at(1)), "text"};
  }

  static SmtpSessionSettings Settings(const Json& input) {
    SmtpSessionSettings settings;
    settings.host_name = "mx.example";
    settings.message_octets_max = 1000;
    settings.lmtp = input.value("lmtp", false);
    const std::string starttls = input.value("starttls", "none");
    if (starttls == "may") settings.starttls = StartTls::kMay;
    if (starttls == "encrypt") settings.starttls = StartTls::kEncrypt;
    return settings;
  }

  static mail::ClientInfo Peer(const Json& input) {
    mail::ClientInfo client;
    client.address = "192.0.2.1";
    client.listener = "in";
    client.trusted = input.value("trusted", false);
    client.login = input.value("login", "");
    return client;
  }

  // What the runtime's intake decides, in small: O3 and H11.
  std::optional<mail::SmtpReply> Refuse(const mail::ClientInfo& client,
                                        const mail::Envelope& envelope,
                                        std::string_view forward_path) const {
    if (!forward_path.ends_with("@own.example") && !client.trusted && client.login.empty()) {
      return mail::SmtpReply{550, {5, 7, 1}, "relaying denied"};
    }
    if (envelope.forward_paths.size() >= recipients_max_) {
      return mail::SmtpReply{452, {4, 5, 3}, "too many recipients"};
    }
    return std::nullopt;
  }

  std::string Fill(int count) {
    for (int i = 0; i < count; ++i) {
      const std::string reply = Answer(Cat("RCPT TO:<fill", i, "@own.example>"));
      if (!reply.starts_with("250 2.1.5 ")) return Cat("recipient ", i, ": ", reply);
    }
    return "taken";
  }

  std::string Repeat(const std::string& count_and_line) {
    const std::size_t space = count_and_line.find(' ');
    const int count = std::stoi(count_and_line);
    for (int i = 0; i < count; ++i) {
      const SmtpSession::Step step = session_.OnLine(count_and_line.substr(space + 1));
      if (!step.reply.starts_with("250 ")) return Cat(i, ": ", Show(step));
    }
    return "taken";
  }

  static std::string Show(const SmtpSession::Step& step) {
    std::string reply = step.reply;
    REQUIRE(reply.ends_with("\r\n"));
    reply.resize(reply.size() - 2);
    for (std::size_t at = 0; (at = reply.find("\r\n", at)) != std::string::npos;)
      reply.replace(at, 2, " / ");
    if (step.next == SmtpSession::Next::kClose) reply += " [close]";
    if (step.next == SmtpSession::Next::kTls) reply += " [tls]";
    if (step.next == SmtpSession::Next::kCloseUnlessQuiet) reply += " [close unless quiet]";
    return reply;
  }

  std::size_t recipients_max_;
  SmtpSession session_;
  bool in_chunk_ = false;
  mail::Envelope envelope_;
  mail::ClientInfo client_;
};

// Equal, or equal up to a space of `reply`; where the reply closes the connection, `want` says so.
bool Agrees(std::string_view reply, std::string_view want) {
  for (const std::string_view end : {" [close]", " [close unless quiet]", " [tls]"}) {
    if (reply.ends_with(end) != want.ends_with(end)) return false;
    if (!reply.ends_with(end)) continue;
    reply.remove_suffix(end.size());
    want.remove_suffix(end.size());
  }
  return reply == want || (reply.starts_with(want) && reply[want.size()] == ' ');
}

// How many exchanges it had.
std::size_t Converse(const tests::Vector& v, bool lmtp) {
  CAPTURE(v.name);
  Json input = v.input;
  input["lmtp"] = lmtp;
  Dialogue dialogue(input);
  CHECK(dialogue.Greeting() == Cat("220 mx.example ", lmtp ? "LMTP" : "ESMTP", " Penstock"));
  const auto& lines = v.input.at("lines");
  const auto& wants = v.want.at("replies");
  REQUIRE(lines.size() == wants.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string line = lines[i];
    const std::string want = wants[i];
    const std::string reply = dialogue.Answer(line);
    CAPTURE(line, reply, want);
    CHECK(Agrees(reply, want));
  }
  if (v.want.contains("envelope"))
    CHECK(dialogue.Envelope().dump() == v.want.at("envelope").dump());
  if (v.want.contains("dsn")) CHECK(dialogue.Dsn() == v.want.at("dsn"));
  if (v.want.contains("forwarded")) CHECK(dialogue.Forwarded() == v.want.at("forwarded"));
  if (v.want.contains("client")) CHECK(dialogue.Client() == v.want.at("client"));
  return lines.size();
}

}  // namespace

TEST_CASE("SmtpSession: dialogues", "[ingress][smtp]") {
  std::size_t exchanges = 0;
  for (const auto& v : LoadVectors("ingress/smtp_session.json"))
    exchanges += Converse(v, false);
  CHECK(exchanges >= 400);
}

TEST_CASE("SmtpSession: dialogues by LMTP", "[ingress][lmtp]") {
  std::size_t exchanges = 0;
  for (const auto& v : LoadVectors("ingress/lmtp_session.json"))
    exchanges += Converse(v, true);
  CHECK(exchanges >= 100);
}

TEST_CASE("SmtpSession: dialogues with BDAT", "[ingress][chunking]") {
  std::size_t exchanges = 0;
  for (const auto& v : LoadVectors("ingress/chunking.json"))
    exchanges += Converse(v, v.input.value("lmtp", false));
  CHECK(exchanges >= 200);
}

TEST_CASE("SmtpSession: replies hold UTF-8 only behind SMTPUTF8", "[ingress][smtp]") {
  for (const bool smtputf8 : {false, true}) {
    SmtpSession session({"mx.example", 1000}, {}, [](const auto&, const auto&, std::string_view) {
      return mail::SmtpReply{550, {5, 1, 1}, "no mailbox josé"};
    });
    session.OnLine("EHLO a.example");
    session.OnLine(smtputf8 ? "MAIL FROM:<> SMTPUTF8" : "MAIL FROM:<>");
    const std::string reply = session.OnLine("RCPT TO:<a@own.example>").reply;
    CHECK((reply.find("josé") != std::string::npos) == smtputf8);
  }
}
