// SPDX-License-Identifier: Apache-2.0
#include "engine/ingress/smtp_connection.h"

#include <algorithm>
#include <utility>

#include <boost/asio/this_coro.hpp>

#include "engine/base/log.h"
#include "engine/base/metrics.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"

namespace penstock::ingress {
namespace {

namespace asio = async::asio;
using async::After;
using async::Task;
using mail::SmtpReply;

constexpr std::size_t kReadOctets = 4096;  // of commands; content is read in larger pieces
constexpr mail::EnhancedStatus kTimeout{4, 4, 2};
constexpr mail::EnhancedStatus kGoingDown{4, 3, 2};
constexpr mail::EnhancedStatus kMisuse{4, 7, 0};

// The store says why in its own words; a client is told no more than it can act upon.
SmtpReply NoRoom(const ports::ContentWriter* writer, const Status& status) {
  Log(LogLevel::kError, "content_not_stored",
      {{"content", writer == nullptr ? "" : writer->id().text()},
       {"error", std::string(Message(status))}});
  return {452, {4, 3, 1}, "the message cannot be stored now; try again later"};
}

SmtpReply TooMuchComesIn() {
  return {452, {4, 3, 1}, "too much mail comes in at this time; try again later"};
}

}  // namespace

struct SmtpConnection::Incoming {
  Incoming(std::uint64_t octets_max, std::shared_ptr<IncomingOctets> all, mail::DataFraming framing)
      : reader(octets_max, framing), share(std::move(all)) {}

  // Why it will not be taken, as far as is known.
  [[nodiscard]] std::optional<SmtpReply> Refusal() const {
    return reader.fault() ? mail::ReplyTo(*reader.fault()) : refusal;
  }

  mail::DataReader reader;
  mail::HeaderCollector header;
  IncomingOctets::Share share;
  std::unique_ptr<ports::ContentWriter> writer;  // null once the message is refused
  std::optional<SmtpReply> refusal;              // of ours; the reader's fault is apart
  async::Deadline last;                          // for all of it
};

SmtpConnection::SmtpConnection(std::unique_ptr<async::Stream> stream,
                               const SmtpConnectionSettings& settings, mail::ClientInfo client,
                               runtime::Intake& intake, const ports::Clock& clock)
    : stream_(std::move(stream)),
      settings_(settings),
      intake_(intake),
      clock_(clock),
      session_(
          settings.session, std::move(client),
          [this](const mail::ClientInfo& from, const mail::Envelope& envelope,
                 std::string_view forward_path) {
            return intake_.RefuseRecipient(settings_.policy, from, envelope.reverse_path,
                                           forward_path, envelope.forward_paths.size());
          },
          [this](std::optional<std::uint64_t> octets) { return RefuseMail(octets); },
          [this](std::string_view address) {
            return settings_.trusted_networks.Contains(address);
          }) {}

SmtpConnection::~SmtpConnection() = default;

std::optional<SmtpReply> SmtpConnection::RefuseMail(std::optional<std::uint64_t> octets) const {
  std::optional<SmtpReply> refusal = intake_.RefuseMail();
  if (!refusal && !settings_.incoming->HasRoom(octets.value_or(0))) refusal = TooMuchComesIn();
  return refusal;
}

// For whoever is asked why a mail did not come. RCPTs behind a refused MAIL say nothing new.
void SmtpConnection::LogIfRefused(std::string_view line, std::string_view reply) const {
  const bool mail = StartsWithIgnoreAsciiCase(line, "MAIL");
  const bool rcpt = StartsWithIgnoreAsciiCase(line, "RCPT") && session_.in_transaction();
  if (!(mail || rcpt) || reply.starts_with('2')) return;
  Log(LogLevel::kInfo, mail ? "mail_refused" : "recipient_refused",
      {{"listener", settings_.policy.name},
       {"client", session_.client().address},
       {"sender", Printable(session_.envelope().reverse_path)},
       {"command", Printable(line, limits::kPathOctetsMax)},
       {"reply", std::string(reply.substr(0, reply.find('\r')))}});
}

void SmtpConnection::RequestStop() {
  stopping_ = true;
  if (waiting_for_line_ && !session_.in_transaction()) stream_->Cancel();
}

asio::awaitable<void> SmtpConnection::Run() {
  co_await Talk();
  stream_->Close();
}

asio::awaitable<void> SmtpConnection::Talk() {
  out_ = session_.Greeting();
  async::Deadline deadline = After(settings_.command_timeout);
  while (true) {
    if (stopping_ && !session_.in_transaction()) {
      co_await SayFarewell(kGoingDown, "is shutting down");
      co_return;
    }
    std::optional<SmtpSession::Step> step = TakeLine();
    if (!step) {
      if (skipped_ > limits::kSkippedLineOctetsMax) {
        co_await SayFarewell(kMisuse, "gives up on a line without end");
        co_return;
      }
      if (chunks_) deadline = std::min(deadline, chunks_->last);
      const Status more = co_await AwaitLine(deadline);
      if (more.code() == StatusCode::kDeadlineExceeded) {
        co_await SayFarewell(kTimeout, "got no command in time");
        co_return;
      }
      const bool asked_to_stop = stopping_ && more.code() == StatusCode::kCancelled;
      if (!more.ok() && !asked_to_stop) co_return;
      continue;
    }
    if (!session_.in_transaction()) chunks_.reset();  // the client has given it up
    const bool chunk = step->next == SmtpSession::Next::kChunk;
    if (chunk || step->next == SmtpSession::Next::kContent) {
      auto receiving = chunk ? ReceiveChunk() : ReceiveContent();
      auto received = co_await std::move(receiving);
      if (!received.ok()) co_return;
      step = *std::move(received);
    }
    if (step->next == SmtpSession::Next::kTls && in_taken_ == in_.size()) {
      out_ += step->reply;
      const Status started = co_await StartTls();
      if (!started.ok()) co_return;
      deadline = After(settings_.command_timeout);
      continue;
    }
    if (step->next == SmtpSession::Next::kTls) {
      // Somebody between the client and us may have put it there: after TLS it would be the
      // client's word (CVE-2011-0411).
      step->reply = session_.Farewell(kMisuse, "takes nothing behind STARTTLS before TLS");
      step->next = SmtpSession::Next::kClose;
    }
    out_ += step->reply;
    bool close = step->next == SmtpSession::Next::kClose;
    if (step->next == SmtpSession::Next::kCloseUnlessQuiet && in_taken_ < in_.size()) {
      out_ += session_.Farewell(kMisuse, "reads nothing behind what it refused");
      close = true;
    }
    if (close) {
      const Status said = co_await Flush();
      const bool nothing_unread = in_taken_ == in_.size() && stream_->IsQuiet();
      if (said.ok() && !nothing_unread) co_await stream_->Linger(After(settings_.linger_timeout));
      co_return;
    }
    deadline = After(settings_.command_timeout);
  }
}

// Replies to a group of commands go out in one write, when no further command is there (RFC 2920).
Task<void> SmtpConnection::AwaitLine(async::Deadline deadline) {
  const Status flushed = co_await Flush();
  PENSTOCK_CO_RETURN_IF_ERROR(flushed);
  if (stopping_ && !session_.in_transaction()) co_return OkStatus();
  in_.erase(0, in_taken_);
  in_scanned_ -= in_taken_;
  in_taken_ = 0;
  const std::size_t had = in_.size();
  in_.resize(had + kReadOctets);
  waiting_for_line_ = true;
  const std::span<char> room(in_.data() + had, kReadOctets);
  const auto octets = co_await stream_->Read(room, deadline);
  waiting_for_line_ = false;
  in_.resize(had + (octets.ok() ? *octets : 0));
  PENSTOCK_CO_RETURN_IF_ERROR(octets.status());
  co_return *octets == 0 ? Unavailable("the client closed the connection") : OkStatus();
}

// The next line as the session answers it; nullopt if none is complete.
std::optional<SmtpSession::Step> SmtpConnection::TakeLine() {
  const std::size_t lf = in_.find('\n', in_scanned_);
  if (lf == std::string::npos) {
    in_scanned_ = in_.size();
    if (skipped_ + in_.size() - in_taken_ >= limits::kCommandLineOctetsMax) {
      skipped_ += in_.size() - in_taken_;
      in_taken_ = in_.size();
    }
    return std::nullopt;
  }
  std::string_view line(in_.data() + in_taken_, lf - in_taken_);
  in_taken_ = in_scanned_ = lf + 1;
  if (skipped_ + line.size() + 1 > limits::kCommandLineOctetsMax) {
    skipped_ = 0;
    return session_.OnLineFault(SmtpSession::LineFault::kTooLong);
  }
  if (!line.ends_with('\r')) return session_.OnLineFault(SmtpSession::LineFault::kBareLf);
  line.remove_suffix(1);
  SmtpSession::Step step = session_.OnLine(line);
  LogIfRefused(line, step.reply);
  return step;
}

Task<void> SmtpConnection::Flush() {
  if (out_.empty()) co_return OkStatus();
  const Status written = co_await stream_->Write(out_, After(settings_.command_timeout));
  out_.clear();
  co_return written;
}

asio::awaitable<void> SmtpConnection::SayFarewell(mail::EnhancedStatus status,
                                                  std::string_view text) {
  out_ += session_.Farewell(status, text);
  const Status said = co_await Flush();
  if (said.ok()) co_await stream_->Linger(After(settings_.linger_timeout));
}

// An error: the connection is over.
Task<void> SmtpConnection::StartTls() {
  const Status answered = co_await Flush();
  PENSTOCK_CO_RETURN_IF_ERROR(answered);
  async::TlsHandshake handshake;
  // A client that shows a certificate that does not count is as good as one without.
  const bool asks = !settings_.tls->files().ca_file.empty();
  handshake.check = asks ? async::PeerCheck::kReport : async::PeerCheck::kNone;
  const async::Deadline deadline = After(settings_.tls_timeout);
  const auto facts = co_await stream_->StartTls(settings_.tls, std::move(handshake), deadline);
  if (!facts.ok()) {
    Log(LogLevel::kInfo, "tls_failed",
        {{"listener", settings_.policy.name},
         {"client", session_.client().address},
         {"error", std::string(Message(facts.status()))}});
    co_return facts.status();
  }
  Log(facts->peer_fault.empty() ? LogLevel::kDebug : LogLevel::kInfo, "tls",
      {{"listener", settings_.policy.name},
       {"client", session_.client().address},
       {"version", facts->version},
       {"cipher", facts->cipher},
       {"subject", facts->peer_subject},
       {"not_trusted", facts->peer_fault}});
  in_.clear();
  in_taken_ = in_scanned_ = skipped_ = 0;
  session_.OnTls(!facts->peer_subject.empty());
  co_return OkStatus();
}

// From DATA to the reply to the final dot. An error: the connection is over.
Task<SmtpSession::Step> SmtpConnection::ReceiveContent() {
  Incoming incoming(settings_.session.message_octets_max, settings_.incoming,
                    mail::DataFraming::kDots);
  incoming.last = After(settings_.data_timeout);
  auto writer = co_await intake_.NewContent();
  if (!writer.ok()) {
    co_return session_.RefuseContent(NoRoom(nullptr, writer.status()));
  }
  incoming.writer = *std::move(writer);
  out_ += session_.BeginContent();
  const Status asked = co_await Flush();
  PENSTOCK_CO_RETURN_IF_ERROR(asked);
  const Status read = co_await ReadContent(incoming);
  if (read.code() == StatusCode::kDeadlineExceeded) {
    co_await SayFarewell(kTimeout, "got no content in time");
  }
  PENSTOCK_CO_RETURN_IF_ERROR(read);
  const runtime::HeldReply held = co_await Judge(incoming);
  co_return session_.EndContent(held.reply, held.each);
}

// From BDAT to its reply. An error: the connection is over.
Task<SmtpSession::Step> SmtpConnection::ReceiveChunk() {
  const SmtpSession::Chunk chunk = session_.chunk();
  if (!chunk.drop && !chunks_) {
    chunks_ = std::make_unique<Incoming>(
        settings_.session.message_octets_max, settings_.incoming,
        session_.is_binary() ? mail::DataFraming::kBinary : mail::DataFraming::kChunks);
    chunks_->last = After(settings_.data_timeout);
    auto writer = co_await intake_.NewContent();
    if (writer.ok()) {
      chunks_->writer = *std::move(writer);
    } else {
      chunks_->refusal = NoRoom(nullptr, writer.status());
    }
  }
  const async::Deadline last = chunks_ ? chunks_->last : After(settings_.data_timeout);
  const Status read = co_await ReadChunk(chunk.octets, last);
  if (read.code() == StatusCode::kDeadlineExceeded) {
    co_await SayFarewell(kTimeout, "got no content in time");
  }
  PENSTOCK_CO_RETURN_IF_ERROR(read);
  if (chunk.drop) co_return session_.EndChunk();
  if (chunk.last) {
    const std::unique_ptr<Incoming> incoming = std::move(chunks_);
    incoming->reader.End();
    const runtime::HeldReply held = co_await Judge(*incoming);
    co_return session_.EndChunk(held.reply, held.each);
  }
  SmtpReply reply{250, {2, 0, 0}, Cat(chunk.octets, " octets received")};
  if (const auto refusal = chunks_->Refusal()) {
    reply = *refusal;
    NoteRefused(reply);
    chunks_.reset();
  }
  co_return session_.EndChunk(reply);
}

// Reads so many octets, and keeps them unless they are dropped.
Task<void> SmtpConnection::ReadChunk(std::uint64_t octets, async::Deadline last) {
  std::unique_ptr<char[]> buffer;
  std::string content;
  std::string_view piece = std::string_view(in_).substr(in_taken_);
  piece = piece.substr(0, octets);
  in_taken_ += piece.size();
  in_scanned_ = in_taken_;
  while (true) {
    octets -= piece.size();
    if (chunks_ && !session_.chunk().drop) {
      chunks_->reader.Feed(piece, content);
      Keep(*chunks_, content);
      content.clear();
    }
    if (octets == 0) co_return OkStatus();
    const Status flushed = co_await Flush();
    PENSTOCK_CO_RETURN_IF_ERROR(flushed);
    if (!buffer) buffer = std::make_unique_for_overwrite<char[]>(limits::kContentChunkOctets);
    const std::size_t most = std::min<std::uint64_t>(octets, limits::kContentChunkOctets);
    const std::span<char> room(buffer.get(), most);
    const async::Deadline deadline = std::min(After(settings_.data_block_timeout), last);
    const auto got = co_await stream_->Read(room, deadline);
    PENSTOCK_CO_RETURN_IF_ERROR(got.status());
    if (*got == 0) co_return Unavailable("the client closed the connection");
    piece = {buffer.get(), *got};
  }
}

Task<void> SmtpConnection::ReadContent(Incoming& incoming) {
  const auto buffer = std::make_unique_for_overwrite<char[]>(limits::kContentChunkOctets);
  std::string content;
  // A client that does not wait for the 354 is served as well.
  std::string_view octets = std::string_view(in_).substr(in_taken_);
  while (true) {
    const std::size_t used = incoming.reader.Feed(octets, content);
    Keep(incoming, content);
    content.clear();
    if (incoming.reader.done()) {
      in_ = std::string(octets.substr(used));
      in_taken_ = in_scanned_ = 0;
      co_return OkStatus();
    }
    const async::Deadline deadline = std::min(After(settings_.data_block_timeout), incoming.last);
    const std::span<char> room(buffer.get(), limits::kContentChunkOctets);
    const auto got = co_await stream_->Read(room, deadline);
    PENSTOCK_CO_RETURN_IF_ERROR(got.status());
    if (*got == 0) co_return Unavailable("the client closed the connection");
    octets = {buffer.get(), *got};
  }
}

void SmtpConnection::Keep(Incoming& incoming, std::string_view octets) {
  if (incoming.reader.fault()) incoming.writer.reset();
  if (!incoming.writer) return incoming.share.Release();
  if (octets.empty()) return;
  if (!incoming.share.Take(octets.size())) {
    incoming.refusal = TooMuchComesIn();
    incoming.writer.reset();
    return;
  }
  incoming.header.Feed(octets);
  if (incoming.header.over_limit()) {
    incoming.refusal = {
        552,
        {5, 3, 4},
        Cat("header section larger than ", limits::kHeaderSectionOctetsMax, " octets")};
    incoming.writer.reset();
    return;
  }
  const Status written = incoming.writer->Write(octets);
  if (written.ok()) return;
  incoming.refusal = NoRoom(incoming.writer.get(), written);
  incoming.writer.reset();
}

asio::awaitable<runtime::HeldReply> SmtpConnection::Judge(Incoming& incoming) {
  runtime::HeldReply held;
  if (const auto refusal = incoming.Refusal()) {
    held.reply = *refusal;
  } else {
    runtime::Submission submission;
    submission.policy = &settings_.policy;
    submission.client = session_.client();
    submission.envelope = session_.envelope();
    submission.content = std::move(incoming.writer);
    submission.header_section = incoming.header.octets();
    submission.received = clock_.Now();
    const bool lmtp = settings_.session.lmtp;
    const runtime::Hold hold{settings_.hold,
                             lmtp ? runtime::HeldSays::kEachReply : runtime::HeldSays::kOneReply};
    held = co_await intake_.Decide(std::move(submission), hold);
  }
  if (!held.reply.is_positive()) NoteRefused(held.reply);
  co_return held;
}

void SmtpConnection::NoteRefused(const SmtpReply& reply) const {
  Count(metrics::kMessagesRefused, {{"code", Cat(reply.code)}});
  Log(LogLevel::kInfo, "message_refused",
      {{"listener", settings_.policy.name},
       {"client", session_.client().address},
       {"sender", Printable(session_.envelope().reverse_path)},
       {"reply", reply.ToString()}});
}

}  // namespace penstock::ingress
