// SPDX-License-Identifier: Apache-2.0
#include "engine/delivery/smtp_client.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <tuple>
#include <utility>

#include "engine/async/spawn.h"
#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/mail/base64.h"
#include "engine/mail/dot_stuffer.h"

namespace penstock::delivery {
namespace {

namespace asio = async::asio;
using async::After;
using async::Task;
using mail::SmtpReply;

constexpr std::string_view kCrlf = "\r\n";

// RFC 3463 §3.5: X.4.1 no answer from host, X.4.2 bad connection, X.5.0 other protocol status.
constexpr mail::EnhancedStatus kBadConnection{4, 4, 2};
constexpr mail::EnhancedStatus kProtocolError{4, 5, 0};

// The server is about to close the connection (RFC 5321 §3.8).
bool IsFarewell(const SmtpReply& reply) {
  return reply.code == 421;
}

// RFC 5321 §4.5.3.1.10: servers of old say 552 for too many recipients, and mean 452. With a status
// of another kind it is another thing, a full mailbox for example.
SmtpReply WithoutOldTooMany(SmtpReply reply) {
  const mail::EnhancedStatus too_many{5, 5, 3};
  if (reply.code != 552 || !(reply.status.empty() || reply.status == too_many)) return reply;
  reply.code = 452;
  reply.status = {4, 5, 3};
  return reply;
}

// A server that does not know a command may repeat it, whole or cut, and what it says goes on
// record.
SmtpReply WithoutSecrets(SmtpReply reply, const std::vector<std::string>& secrets) {
  constexpr std::size_t kTellingOctets = 4;
  const std::string text = AsciiLower(reply.text);
  for (const std::string& secret : secrets) {
    if (text.find(AsciiLower(secret.substr(0, kTellingOctets))) == std::string::npos) continue;
    reply.text = "(left out: it repeats our password)";
    break;
  }
  return reply;
}

// A record of TLS may not fit into the socket's buffer, so this one waits a little.
asio::awaitable<void> QuitByTls(std::unique_ptr<async::Stream> stream) {
  std::ignore = co_await stream->Write("QUIT\r\n", After(limits::kLingerTimeout));
  stream->Close();
}

}  // namespace

SmtpClient::SmtpClient(std::unique_ptr<async::Stream> stream, SmtpClientOptions options)
    : stream_(std::move(stream)),
      options_(std::move(options)),
      opened_(std::chrono::steady_clock::now()) {}

Task<std::unique_ptr<SmtpClient>> SmtpClient::Open(async::SocketAddress address,
                                                   SmtpClientOptions options) {
  auto stream = co_await async::Stream::Connect(address, After(options.connect_timeout));
  if (!stream.ok()) co_return stream.status();
  std::unique_ptr<SmtpClient> client(new SmtpClient(*std::move(stream), options));
  const Status greeted = co_await client->Greet();
  if (!greeted.ok()) co_return Annotate(greeted, client->peer());
  const auto tls = co_await client->StartTlsIfWanted();
  if (!tls.ok()) co_return Annotate(tls.status(), client->peer());
  if (*tls != Tls::kFailed) {
    const Status logged_in = co_await client->LogIn();
    if (!logged_in.ok()) co_return Annotate(logged_in, client->peer());
    co_return client;
  }
  client.reset();
  options.starttls = StartTls::kNone;
  co_return co_await Open(address, std::move(options));
}

Task<void> SmtpClient::Greet() {
  const auto greeting = co_await ReadReply(options_.reply_timeout);
  PENSTOCK_CO_RETURN_IF_ERROR(Annotate(greeting.status(), "awaiting the greeting"));
  if (greeting->code != 220) {
    co_return FailedPrecondition(Cat("greeted us with: ", greeting->ToString()));
  }
  co_return co_await Hello();
}

Task<void> SmtpClient::Hello() {
  extensions_ = {};
  const std::string_view verb = options_.lmtp ? "LHLO" : "EHLO";
  const auto ehlo = co_await Command(Cat(verb, " ", options_.helo_name));
  PENSTOCK_CO_RETURN_IF_ERROR(Annotate(ehlo.status(), verb));
  if (IsTaken(*ehlo)) {
    extensions_ = ParseExtensions(ehlo->text);
    co_return OkStatus();
  }
  // RFC 5321 §3.2: a server that does not know EHLO gets HELO; LMTP has no such thing.
  if (options_.lmtp || !ehlo->is_permanent()) {
    co_return FailedPrecondition(Cat(verb, ": ", ehlo->ToString()));
  }
  const auto helo = co_await Command(Cat("HELO ", options_.helo_name));
  PENSTOCK_CO_RETURN_IF_ERROR(Annotate(helo.status(), "HELO"));
  if (!IsTaken(*helo)) {
    co_return FailedPrecondition(Cat("EHLO: ", ehlo->ToString(), "; HELO: ", helo->ToString()));
  }
  co_return OkStatus();
}

Task<SmtpClient::Tls> SmtpClient::StartTlsIfWanted() {
  if (options_.starttls == StartTls::kNone) co_return Tls::kPlain;
  const bool must = options_.starttls != StartTls::kMay;
  if (!extensions_.starttls) {
    if (!must) co_return Tls::kPlain;
    co_return FailedPrecondition("does not offer STARTTLS, which `starttls` demands");
  }
  const auto reply = co_await Command("STARTTLS");
  PENSTOCK_CO_RETURN_IF_ERROR(Annotate(reply.status(), "STARTTLS"));
  if (reply->code != 220) {
    if (!must && !IsFarewell(*reply)) co_return Tls::kPlain;
    co_return FailedPrecondition(Cat("STARTTLS: ", reply->ToString()));
  }
  auto tls = co_await Handshake();
  if (tls.ok() || must || tls.status().code() == StatusCode::kCancelled) co_return tls;
  // As Postfix does: who would not check the certificate gains nothing by keeping the mail.
  Log(LogLevel::kWarning, "tls_not_used",
      {{"server", peer()}, {"error", std::string(Message(tls.status()))}});
  co_return Tls::kFailed;
}

Task<SmtpClient::Tls> SmtpClient::Handshake() {
  // What came behind the 220 came in plain text: after TLS it would be the server's word.
  if (!unread_.empty()) {
    co_return FailedPrecondition("said more behind its 220 to STARTTLS, before TLS");
  }
  async::TlsHandshake handshake;
  handshake.peer_name = options_.tls_name;
  if (options_.starttls == StartTls::kVerify) handshake.check = async::PeerCheck::kDemand;
  const async::Deadline deadline = After(options_.tls_timeout);
  const auto facts = co_await stream_->StartTls(options_.tls, std::move(handshake), deadline);
  PENSTOCK_CO_RETURN_IF_ERROR(Annotate(facts.status(), "STARTTLS"));
  Log(LogLevel::kDebug, "tls",
      {{"server", peer()},
       {"version", facts->version},
       {"cipher", facts->cipher},
       {"subject", facts->peer_subject}});
  // RFC 3207 §4.2: what was said before TLS does not count.
  const Status greeted = co_await Hello();
  PENSTOCK_CO_RETURN_IF_ERROR(greeted);
  co_return Tls::kDone;
}

// RFC 4954, by PLAIN (RFC 4616) or LOGIN. A server that refuses it has refused the session: the
// mail waits until it is mended.
Task<void> SmtpClient::LogIn() {
  const SmtpLogin& login = options_.login;
  if (login.user.empty()) co_return OkStatus();
  const std::string address = async::IpAddressOf(stream_->peer());
  const bool here = address.empty() || address == "::1" || address.starts_with("127.");
  // TLS that an attacker may take away as well protects no password.
  const bool demanded =
      options_.starttls == StartTls::kEncrypt || options_.starttls == StartTls::kVerify;
  if (!here && !(demanded && stream_->is_tls())) {
    co_return FailedPrecondition(
        "`starttls` does not demand TLS, without which `auth` says nothing");
  }
  const auto password = ReadPassword(login.password_file);
  PENSTOCK_CO_RETURN_IF_ERROR(Annotate(password.status(), "auth.password_file"));
  const auto offers = [this](std::string_view mechanism) {
    return std::any_of(
        extensions_.auth.begin(), extensions_.auth.end(),
        [&](const std::string& one) { return EqualsIgnoreAsciiCase(one, mechanism); });
  };
  std::vector<std::string> lines;
  std::vector<std::string> secrets = {*password};
  if (offers("PLAIN")) {
    const std::string nul(1, '\0');
    secrets.push_back(mail::EncodeBase64(Cat(nul, login.user, nul, *password)));
    lines = {Cat("AUTH PLAIN ", secrets.back())};
  } else if (offers("LOGIN")) {
    secrets.push_back(mail::EncodeBase64(*password));
    lines = {"AUTH LOGIN", mail::EncodeBase64(login.user), secrets.back()};
  } else {
    co_return FailedPrecondition("offers neither AUTH PLAIN nor LOGIN, which `auth` needs");
  }
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto reply = co_await Command(lines[i]);
    PENSTOCK_CO_RETURN_IF_ERROR(Annotate(reply.status(), "AUTH"));
    if (reply->code != (i + 1 == lines.size() ? 235 : 334)) {
      co_return FailedPrecondition(Cat("AUTH: ", WithoutSecrets(*reply, secrets).ToString()));
    }
  }
  co_return OkStatus();
}

Task<SmtpReply> SmtpClient::ReadReply(Milliseconds timeout) {
  const async::Deadline deadline = After(timeout);
  std::array<char, 4096> buffer;
  while (true) {
    if (!unread_.empty()) {
      const auto used = parser_.Feed(unread_);
      if (!used.ok()) co_return used.status();
      unread_.erase(0, *used);
      if (parser_.done()) {
        SmtpReply reply = parser_.Take();
        reply.server = options_.server;
        co_return reply;
      }
    }
    const auto octets = co_await stream_->Read(buffer, deadline);
    if (!octets.ok()) co_return octets.status();
    if (*octets == 0) co_return Unavailable("the server closed the connection");
    unread_.append(buffer.data(), *octets);
  }
}

// What the server said more than it was asked would count as its next replies, one command off.
Task<void> SmtpClient::Say(std::string_view lines) {
  if (!unread_.empty()) co_return InvalidArgument("the server said more than it was asked");
  co_return co_await stream_->Write(lines, After(options_.reply_timeout));
}

Task<SmtpReply> SmtpClient::Command(std::string line) {
  line += kCrlf;
  const Status written = co_await Say(line);
  PENSTOCK_CO_RETURN_IF_ERROR(written);
  co_return co_await ReadReply(options_.reply_timeout);
}

asio::awaitable<TransactionResult> SmtpClient::Transact(SmtpTransaction transaction) {
  SmtpCourse course(std::move(transaction), extensions_);
  if (!course.recipients.empty()) {
    Status status = co_await Forward(course.transaction);
    if (status.ok()) status = co_await SendEnvelope(course);
    if (status.ok()) status = co_await SendData(course);
    if (!status.ok()) Break(course, status);
  }
  TransactionResult result;
  result.left_over = course.LeftOver();
  for (auto& reply : course.replies) {
    PENSTOCK_CHECK(reply.has_value());
    result.replies.push_back(std::move(*reply));
  }
  result.usable = !course.broken && !course.farewell;
  result.cancelled = course.cancelled;
  result.nothing_sent = course.lost_any && !course.content_begun;
  co_return result;
}

// Whose mail it is, for the server's log. What it makes of that is its business.
Task<void> SmtpClient::Forward(const SmtpTransaction& transaction) {
  for (std::string& line : ForwardLines(transaction, extensions_.xforward)) {
    const auto reply = co_await Command(std::move(line));
    PENSTOCK_CO_RETURN_IF_ERROR(reply.status());
    if (IsFarewell(*reply)) {
      co_return Unavailable(Cat("the server ended the session: ", reply->ToString()));
    }
  }
  co_return OkStatus();
}

Task<void> SmtpClient::SendEnvelope(SmtpCourse& course) {
  // RFC 2920: a group of commands in one write, DATA its last. Replies to a group that is not too
  // large fit into the socket's buffer, so that neither side waits for the other to read.
  const std::size_t group = extensions_.pipelining ? limits::kPipelinedCommandsMax : 1;
  std::size_t command = 0;
  while (command < course.commands()) {
    if (command == course.data_command() && !course.any_taken()) break;
    const std::size_t end = std::min(command + group, course.commands());
    std::string lines;
    for (std::size_t i = command; i < end; ++i)
      lines += course.CommandLine(i, extensions_);
    const Status written = co_await Say(lines);
    PENSTOCK_CO_RETURN_IF_ERROR(written);
    for (; command < end; ++command) {
      auto reply = co_await ReadReply(options_.reply_timeout);
      PENSTOCK_CO_RETURN_IF_ERROR(reply.status());
      PENSTOCK_CO_RETURN_IF_ERROR(TakeReply(course, command, *std::move(reply)));
    }
    if (course.mail_refused) break;
  }
  co_return OkStatus();
}

Status SmtpClient::TakeReply(SmtpCourse& course, std::size_t command, SmtpReply reply) {
  const bool to_data = command == course.data_command();
  if (!IsRefusal(reply) && !(to_data ? reply.code == 354 : IsTaken(reply))) {
    return InvalidArgument(Cat("reply out of place: ", reply.ToString()));
  }
  if (IsFarewell(reply)) {
    course.farewell = true;
    course.lost_any = course.SetAll(reply);
    return Unavailable(Cat("the server ended the session: ", reply.ToString()));
  }
  if (to_data) {
    course.data_reply = std::move(reply);
  } else if (command == 0) {
    course.mail_refused = !IsTaken(reply);
    if (course.mail_refused) course.SetAll(reply);
  } else if (!course.mail_refused) {
    course.replies[course.recipients[command - 1]] = WithoutOldTooMany(std::move(reply));
  }
  return OkStatus();
}

Task<void> SmtpClient::SendData(SmtpCourse& course) {
  const bool may_send = course.any_taken();
  if (course.transaction.body_binary && may_send) co_return co_await SendContent(course);
  if (course.data_reply && course.data_reply->code == 354) {
    if (may_send) co_return co_await SendContent(course);
    if (options_.lmtp) {
      // RFC 2033 §4.2: it must refuse; the dot would get no reply at all.
      co_return InvalidArgument("DATA was answered 354 though no recipient was taken");
    }
    // RFC 2920 §3.1: a server may say 354 although it took no recipient; then a dot alone ends it.
    const auto reply = co_await Command(".");
    co_return reply.status();
  }
  const auto reset = co_await Command("RSET");
  // Where more replies came than commands went out, the refusal of DATA may be that of another.
  const bool out_of_step =
      reset.ok() ? reset->code == 354 : reset.status().code() == StatusCode::kInvalidArgument;
  if (course.data_reply && !out_of_step) course.SetAll(*course.data_reply);
  PENSTOCK_CO_RETURN_IF_ERROR(reset.status());
  co_return IsTaken(*reset) ? OkStatus() : Unavailable(Cat("RSET: ", reset->ToString()));
}

Task<void> SmtpClient::SendContent(SmtpCourse& course) {
  OutgoingContent& content = *course.transaction.content;
  content.Rewind();
  const bool binary = course.transaction.body_binary;
  mail::DotStuffer stuffer;
  const auto memory = std::make_unique_for_overwrite<char[]>(limits::kContentChunkOctets);
  const std::span<char> buffer(memory.get(), limits::kContentChunkOctets);
  std::string wire = binary ? Cat("BDAT ", content.octets(), " LAST", kCrlf) : "";
  for (bool ended = false; !ended;) {
    const auto octets = content.Read(buffer);
    if (!octets.ok()) {
      // Without the final dot, or all octets of the chunk, the server takes nothing.
      course.SetAll({451, {4, 3, 0}, Cat("content cannot be read: ", Message(octets.status()))});
      co_return octets.status();
    }
    ended = *octets == 0;
    if (binary) {
      wire.append(buffer.data(), *octets);
    } else if (ended) {
      stuffer.Finish(wire);
    } else {
      stuffer.Append({buffer.data(), *octets}, wire);
    }
    if (!ended && wire.size() < limits::kContentChunkOctets) continue;
    if (ended && SpeaksEarly()) {
      // A 2xx now is no reply to the message; without its end the server has taken nothing.
      co_return co_await WhyBroken(course, Unavailable("the server spoke before its end"));
    }
    course.content_begun = true;
    const Status written = co_await stream_->Write(wire, After(options_.data_block_timeout));
    if (!written.ok()) co_return co_await WhyBroken(course, written);
    wire.clear();
  }
  co_return co_await ReadVerdicts(course);
}

// By TLS, records that say nothing may wait in the socket.
bool SmtpClient::SpeaksEarly() {
  return !unread_.empty() || (!stream_->is_tls() && !stream_->IsQuiet());
}

// What becomes of the content: one reply, by LMTP one for each recipient that was taken, in the
// order of RCPT (RFC 2033 §4.2).
Task<void> SmtpClient::ReadVerdicts(SmtpCourse& course) {
  for (const std::size_t recipient : course.recipients) {
    if (!course.IsOpen(recipient)) continue;
    auto reply = co_await ReadReply(options_.data_reply_timeout);
    if (!reply.ok()) {
      co_return Annotate(reply.status(), "no reply to the message, which may arrive twice");
    }
    if (!IsTaken(*reply) && !IsRefusal(*reply)) {
      co_return InvalidArgument(Cat("reply out of place: ", reply->ToString()));
    }
    course.farewell = course.farewell || IsFarewell(*reply);
    course.served = options_.lmtp || IsTaken(*reply);
    // RFC 2033 has LMTP for the last step; a server that offers DSN has taken that on.
    reply->hand_over = extensions_.dsn ? mail::HandOver::kPromised
                       : options_.lmtp ? mail::HandOver::kDelivered
                                       : mail::HandOver::kRelayed;
    if (!options_.lmtp) {
      course.SetAll(*reply);
      break;
    }
    course.replies[recipient] = *std::move(reply);
    course.settled[recipient] = true;
  }
  co_return OkStatus();
}

// A server that has had enough may say why before it closes the connection.
Task<void> SmtpClient::WhyBroken(SmtpCourse& course, Status written) {
  if (written.code() != StatusCode::kCancelled) {
    const auto reply = co_await ReadReply(limits::kLingerTimeout);
    if (reply.ok() && IsRefusal(*reply)) course.SetAll(*reply);
  }
  co_return Annotate(written, "sending the content");
}

// The connection is lost, or out of step: recipients whose fate is open come again.
void SmtpClient::Break(SmtpCourse& course, const Status& status) {
  course.broken = true;
  course.cancelled = status.code() == StatusCode::kCancelled;
  const bool nonsense = status.code() == StatusCode::kInvalidArgument ||
                        status.code() == StatusCode::kResourceExhausted;
  const SmtpReply reply{451, nonsense ? kProtocolError : kBadConnection,
                        Cat(peer(), ": ", Message(status))};
  if (course.SetAll(reply)) course.lost_any = true;
}

void SmtpClient::Quit() {
  if (stream_->is_tls()) {
    const async::Executor strand = stream_->executor();
    return async::Spawn(strand, QuitByTls(std::move(stream_)), "quit");
  }
  stream_->TryWrite("QUIT\r\n");
  stream_->Close();
}

}  // namespace penstock::delivery
