// SPDX-License-Identifier: Apache-2.0
// A connection, from its socket to the intake, with a client that says anything: replies are lines
// that fit the wire; what comes in pieces is taken as what comes at once, or more of it, since a
// client that has not waited is closed to; what is taken by DATA stands in the client's octets. And
// the client's octets as content, by BDAT in chunks of any size, by DATA and as BINARYMIME: at most
// one message, octet for octet, and the command behind it is answered, whatever the content looks
// like. Input: choices, how long pieces and chunks are, then the client's octets.
// Covers: engine/ingress/smtp_connection.cc engine/ingress/smtp_session.cc
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>

#include "engine/async/spawn.h"
#include "engine/async/strand.h"
#include "engine/async/stream.h"
#include "engine/base/check.h"
#include "engine/base/strings.h"
#include "engine/ingress/smtp_connection.h"
#include "tests/support/fake_intake.h"

namespace asio = boost::asio;
using penstock::Cat;
using penstock::ingress::SmtpConnection;
using penstock::ingress::SmtpConnectionSettings;
using penstock::tests::FakeIntake;

namespace {

constexpr std::uint64_t kOctetsMax = 8192;  // of a message

enum Choice : unsigned {
  kLmtp = 1,
  kTrusted = 2,
  kNoContent = 4,
  kLittleRoom = 8,
  kMailRefused = 16,
  kAcceptRefused = 32,
  kStopped = 64,  // the daemon ends before the client does
  kTooMuch = 128,
};

class StoppedClock final : public penstock::ports::Clock {
 public:
  [[nodiscard]] penstock::Time Now() const override { return {}; }
};

struct Talk {
  std::string replies;
  std::vector<std::string> contents;
};

// The client's end of a connection.
class Client {
 public:
  Client(FakeIntake& intake, unsigned choices) : stops_((choices & kStopped) != 0) {
    PENSTOCK_CHECK(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sockets_.data()) == 0);
    settings_.session.host_name = "mx.example";
    settings_.session.message_octets_max = kOctetsMax;
    settings_.session.lmtp = (choices & kLmtp) != 0;
    settings_.policy.name = "in";
    if ((choices & kTooMuch) != 0) settings_.incoming->SetMax(200);
    penstock::mail::ClientInfo client;
    client.trusted = (choices & kTrusted) != 0;
    const penstock::async::Executor strand = penstock::async::MakeStrand(loop_.get_executor());
    penstock::async::Stream::Socket socket(strand, asio::generic::stream_protocol(AF_UNIX, 0),
                                           sockets_[1]);
    connection_ = std::make_unique<SmtpConnection>(
        std::make_unique<penstock::async::Stream>(std::move(socket)), settings_, client, intake,
        clock_);
    penstock::async::Spawn(strand, Serve(*connection_, ended_), "smtp connection");
    Turn();
  }

  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  ~Client() {
    connection_.reset();
    Turn();
    close(sockets_[0]);
  }

  // Says all of it, in pieces that are read one by one, and no more behind it.
  std::string Say(std::string_view octets, std::size_t piece) {
    while (!octets.empty() && !ended_) {
      const std::string_view some = octets.substr(0, piece);
      const ssize_t sent = send(sockets_[0], some.data(), some.size(), MSG_NOSIGNAL);
      if (sent > 0) octets.remove_prefix(static_cast<std::size_t>(sent));
      PENSTOCK_CHECK(sent > 0 || errno == EAGAIN || errno == EPIPE || errno == ECONNRESET);
      Turn();
    }
    if (stops_ && !ended_) {
      connection_->RequestStop();
      Turn();
    }
    shutdown(sockets_[0], SHUT_WR);
    for (int i = 0; i < 1000 && !ended_; ++i)
      Turn();
    PENSTOCK_CHECK(ended_);
    return std::move(replies_);
  }

 private:
  static asio::awaitable<void> Serve(SmtpConnection& connection, bool& ended) {
    co_await connection.Run();
    ended = true;
  }

  // The connection does what it can, and its replies are read.
  void Turn() {
    std::array<char, 16'384> buffer;
    for (bool more = true; more;) {
      loop_.restart();
      more = loop_.poll() > 0;
      ssize_t got = 0;
      while ((got = recv(sockets_[0], buffer.data(), buffer.size(), 0)) > 0) {
        replies_.append(buffer.data(), static_cast<std::size_t>(got));
        more = true;
      }
    }
  }

  static asio::io_context loop_;
  const bool stops_;
  const StoppedClock clock_;
  SmtpConnectionSettings settings_;
  std::array<int, 2> sockets_{};
  bool ended_ = false;
  std::string replies_;
  std::unique_ptr<SmtpConnection> connection_;
};

asio::io_context Client::loop_{1};

Talk Converse(std::string_view octets, std::size_t piece, unsigned choices) {
  FakeIntake intake;
  if ((choices & kNoContent) != 0) intake.new_content = penstock::Unavailable("no disk");
  if ((choices & kLittleRoom) != 0) intake.room = 64;
  if ((choices & kMailRefused) != 0) intake.mail_refusal = {452, {4, 3, 1}, "too much mail"};
  if ((choices & kAcceptRefused) != 0) intake.reply = {550, {5, 7, 1}, "no\nnever"};
  Talk talk;
  talk.replies = Client(intake, choices).Say(octets, piece);
  PENSTOCK_CHECK(intake.open_contents() == 0);
  for (penstock::tests::AcceptedMail& mail : intake.accepted()) {
    PENSTOCK_CHECK(!mail.envelope.forward_paths.empty());
    PENSTOCK_CHECK(mail.content.size() <= kOctetsMax);
    talk.contents.push_back(std::move(mail.content));
  }
  return talk;
}

// RFC 5321 §4.2, §4.5.3.1.5. Returns the code of the last reply.
int CheckReplies(std::string_view replies) {
  PENSTOCK_CHECK(replies.starts_with("220 "));
  int code = 0;
  while (!replies.empty()) {
    const std::size_t end = replies.find("\r\n");
    PENSTOCK_CHECK(end != std::string_view::npos && end + 2 <= 512 && end >= 4);
    const std::string_view line = replies.substr(0, end);
    for (const char c : line)
      PENSTOCK_CHECK(static_cast<unsigned char>(c) >= ' ' && c != '\x7f');
    const auto number = penstock::ParseInt<int>(line.substr(0, 3));
    PENSTOCK_CHECK(number && *number >= 200 && *number < 600);
    PENSTOCK_CHECK(line[3] == ' ' || line[3] == '-');
    code = *number;
    replies.remove_prefix(end + 2);
    PENSTOCK_CHECK(line[3] == ' ' || replies.starts_with(line.substr(0, 3)));
  }
  return code;
}

// RFC 5321 §4.5.2, with CR and LF that stand alone left as they are. `content` is lines.
std::string Stuffed(std::string_view content) {
  std::string wire;
  for (std::size_t i = 0; i < content.size(); ++i) {
    if (content[i] == '.' && (i == 0 || content.substr(0, i).ends_with("\r\n"))) wire += '.';
    wire += content[i];
  }
  return wire + ".\r\n";
}

// What it was before Stuffed: a dot that begins a line is none of the content.
std::string Unstuffed(std::string_view wire) {
  std::string content;
  for (std::size_t i = 0; i < wire.size(); ++i) {
    if (wire[i] != '.' || !wire.substr(0, i).ends_with("\r\n")) content += wire[i];
  }
  return content;
}

// In any case.
bool Has(std::string_view octets, std::string_view lower_case) {
  const auto equal = [](char a, char b) { return penstock::AsciiLower(a) == b; };
  return std::search(octets.begin(), octets.end(), lower_case.begin(), lower_case.end(), equal) !=
         octets.end();
}

void CheckAnything(std::string_view octets, std::size_t piece, unsigned choices) {
  const Talk whole = Converse(octets, octets.size() + 1, choices);
  const Talk pieces = Converse(octets, piece, choices);
  CheckReplies(whole.replies);
  CheckReplies(pieces.replies);
  PENSTOCK_CHECK(whole.contents.size() <= pieces.contents.size());
  for (std::size_t i = 0; i < whole.contents.size(); ++i)
    PENSTOCK_CHECK(whole.contents[i] == pieces.contents[i]);
  if (Has(octets, "bdat")) return;  // read by length, without dots
  const std::string unstuffed = Unstuffed(octets);
  for (const std::string& content : pieces.contents)
    PENSTOCK_CHECK(unstuffed.find(content + "\r\n") != std::string::npos);
}

enum class Way { kChunks, kBinary, kDots };

// At most one message, which is `content`; what comes behind it is in step.
void CheckContent(std::string_view content, std::size_t piece, unsigned choices, Way way) {
  const bool lmtp = (choices & kLmtp) != 0;
  std::string says =
      Cat(lmtp ? "LHLO" : "EHLO", " c.example\r\nMAIL FROM:<s@a.example>",
          way == Way::kBinary ? " BODY=BINARYMIME" : "", "\r\nRCPT TO:<r@own.example>\r\n");
  if (way == Way::kDots) {
    says += "DATA\r\n";
    says += Stuffed(content);
  } else {
    for (std::string_view rest = content; rest.size() > piece; rest.remove_prefix(piece))
      says += Cat("BDAT ", piece, "\r\n", rest.substr(0, piece));
    const std::size_t last = content.empty() ? 0 : (content.size() - 1) % piece + 1;
    says += Cat("BDAT ", last, " LAST\r\n", content.substr(content.size() - last));
  }
  says += "QUIT\r\n";
  const Talk talk = Converse(says, says.size(), choices);
  const int last = CheckReplies(talk.replies);
  PENSTOCK_CHECK(talk.contents.size() <= 1);
  if (!talk.contents.empty()) PENSTOCK_CHECK(talk.contents[0] == content);
  // A refused DATA is closed to, since what is behind it may be content.
  const bool no_data = (choices & (kNoContent | kMailRefused)) != 0 && way == Way::kDots;
  PENSTOCK_CHECK(last == 221 || (last == 421 && no_data));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view octets(reinterpret_cast<const char*>(data) + 2, size - 2);
  const unsigned choices = data[0];
  const std::size_t piece = std::size_t{data[1]} % 64 + 1 + octets.size() / 100;
  CheckAnything(octets, piece, choices);
  CheckContent(octets, piece, choices, Way::kChunks);
  CheckContent(octets, piece, choices, Way::kBinary);
  // By DATA only lines that have their end are content.
  std::string lines(octets);
  if (!lines.empty() && !lines.ends_with("\r\n")) lines += "\r\n";
  CheckContent(lines, piece, choices, Way::kDots);
  return 0;
}
