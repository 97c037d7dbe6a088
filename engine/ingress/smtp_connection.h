// SPDX-License-Identifier: Apache-2.0
// One connection of a client: moves octets between its stream, its session and the intake.
//
// Threads: one strand, the stream's; RequestStop and Abort as well.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/async/stream.h"
#include "engine/async/task.h"
#include "engine/async/tls_context.h"
#include "engine/base/limits.h"
#include "engine/base/time.h"
#include "engine/ingress/incoming_octets.h"
#include "engine/ingress/network_set.h"
#include "engine/ingress/smtp_session.h"
#include "engine/mail/data_reader.h"
#include "engine/mail/header_section.h"
#include "engine/ports/clock.h"
#include "engine/runtime/intake.h"

namespace penstock::ingress {

struct SmtpConnectionSettings {
  SmtpSessionSettings session;
  runtime::ListenerPolicy policy;
  NetworkSet trusted_networks;  // of clients (O3)
  std::shared_ptr<IncomingOctets> incoming = std::make_shared<IncomingOctets>();
  std::shared_ptr<async::TlsContext> tls;  // of a server; set if session.starttls is not kNone
  Milliseconds tls_timeout = limits::kTlsHandshakeTime;
  Milliseconds command_timeout = limits::kCommandTimeout;
  Milliseconds data_block_timeout = limits::kDataBlockTimeout;
  Milliseconds data_timeout = limits::kDataTimeout;
  Milliseconds linger_timeout = limits::kLingerTimeout;
  Milliseconds hold{0};  // of the reply to a message (A7)
};

class SmtpConnection {
 public:
  // `settings`, `intake` and `clock` outlive the object.
  SmtpConnection(std::unique_ptr<async::Stream> stream, const SmtpConnectionSettings& settings,
                 mail::ClientInfo client, runtime::Intake& intake, const ports::Clock& clock);
  SmtpConnection(const SmtpConnection&) = delete;
  SmtpConnection& operator=(const SmtpConnection&) = delete;
  ~SmtpConnection();

  // Speaks until the connection is closed. Once.
  async::asio::awaitable<void> Run();

  // Says 421 4.3.2 as soon as no transaction is open, and closes.
  void RequestStop();

  // Closes at once.
  void Abort() { stream_->Close(); }

  [[nodiscard]] async::Executor executor() const { return stream_->executor(); }

 private:
  // What of the content is kept while it is read.
  struct Incoming;

  async::asio::awaitable<void> Talk();
  std::optional<SmtpSession::Step> TakeLine();
  async::Task<void> AwaitLine(async::Deadline deadline);
  async::Task<void> Flush();
  async::asio::awaitable<void> SayFarewell(mail::EnhancedStatus status, std::string_view text);
  async::Task<void> StartTls();
  async::Task<SmtpSession::Step> ReceiveContent();
  async::Task<SmtpSession::Step> ReceiveChunk();
  async::Task<void> ReadContent(Incoming& incoming);
  async::Task<void> ReadChunk(std::uint64_t octets, async::Deadline last);
  void Keep(Incoming& incoming, std::string_view octets);
  async::asio::awaitable<runtime::HeldReply> Judge(Incoming& incoming);
  [[nodiscard]] std::optional<mail::SmtpReply> RefuseMail(
      std::optional<std::uint64_t> octets) const;
  void NoteRefused(const mail::SmtpReply& reply) const;
  void LogIfRefused(std::string_view line, std::string_view reply) const;

  std::unique_ptr<async::Stream> stream_;
  const SmtpConnectionSettings& settings_;
  runtime::Intake& intake_;
  const ports::Clock& clock_;
  SmtpSession session_;
  std::string in_;              // received
  std::size_t in_taken_ = 0;    // octets of in_ that have been taken as lines
  std::size_t in_scanned_ = 0;  // from in_taken_ to here in_ holds no LF
  std::size_t skipped_ = 0;     // octets of a line that is too long, dropped so far
  // Content that comes in chunks, between the first and the last of them.
  std::unique_ptr<Incoming> chunks_;
  std::string out_;  // replies, not sent yet: those to a pipelined group go together
  bool waiting_for_line_ = false;
  bool stopping_ = false;
};

}  // namespace penstock::ingress
