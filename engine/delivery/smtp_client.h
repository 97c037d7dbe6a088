// SPDX-License-Identifier: Apache-2.0
// One connection to a mail server, as its client, by SMTP (RFC 5321) or LMTP (RFC 2033). Not a pool
// and no policy: what to do about a connection that breaks is SmtpDelivery's business.
//
// Threads: all on the strand of its stream.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/async/stream.h"
#include "engine/async/task.h"
#include "engine/async/tls_context.h"
#include "engine/base/limits.h"
#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/delivery/smtp_login.h"
#include "engine/delivery/smtp_transaction.h"
#include "engine/mail/smtp_reply.h"

namespace penstock::delivery {

// STARTTLS (RFC 3207).
enum class StartTls {
  kNone,     // never
  kMay,      // where it is offered; plain text where not, or where the handshake fails
  kEncrypt,  // always, whoever the server is
  kVerify,   // always, with a certificate that counts and carries the server's name
};

struct SmtpClientOptions {
  std::string helo_name;  // our name in EHLO or LHLO
  std::string server;     // what SmtpReply::server says of its replies
  bool lmtp = false;      // LHLO, and a reply to the content for each recipient (RFC 2033 §4)
  StartTls starttls = StartTls::kNone;
  std::shared_ptr<async::TlsContext> tls;  // of a client; set unless starttls is kNone
  std::string tls_name;                    // that the server's certificate must carry
  SmtpLogin login;                         // said within TLS that must be, or to this machine
  Milliseconds tls_timeout = limits::kTlsHandshakeTime;
  Milliseconds connect_timeout = limits::kConnectTimeout;
  Milliseconds reply_timeout = limits::kReplyTimeout;
  Milliseconds data_block_timeout = limits::kDataBlockTimeout;
  Milliseconds data_reply_timeout = limits::kDataReplyTimeout;
};

struct TransactionResult {
  std::vector<mail::SmtpReply> replies;  // one for each forward path: 2xx, 4xx or 5xx
  bool usable = false;                   // the connection may carry another transaction
  // Indexes of the recipients that were too many for a transaction that has served others (RFC 5321
  // §4.5.3.1.10); their replies are 452.
  std::vector<std::size_t> left_over;
  bool cancelled = false;  // the coroutine was cancelled: no other try
  // The connection broke, or the server closed it with 421, before any content was sent: nothing
  // came of it, and another connection may do better.
  bool nothing_sent = false;
};

class SmtpClient {
 public:
  // Connects to `address`, awaits the greeting and says EHLO, or HELO to a server that knows no
  // other; then STARTTLS and EHLO again, and AUTH, as `options` say. On the caller's strand.
  //   Errors: kUnavailable, kDeadlineExceeded, kCancelled; kFailedPrecondition if the server
  //   refuses the session, or TLS or a login that must be. The text names the address and has what
  //   the server said.
  static async::Task<std::unique_ptr<SmtpClient>> Open(async::SocketAddress address,
                                                       SmtpClientOptions options);

  SmtpClient(const SmtpClient&) = delete;
  SmtpClient& operator=(const SmtpClient&) = delete;

  // One message: MAIL, RCPT, DATA, content. Never fails: whatever happens is a reply to each
  // recipient. Without a reply to the final dot it is a 4xx, so the message may arrive twice (A5);
  // by LMTP that concerns those alone whose reply did not come.
  async::asio::awaitable<TransactionResult> Transact(SmtpTransaction transaction);

  // Between transactions: the server has neither closed the connection nor said anything.
  [[nodiscard]] bool IsQuiet() { return unread_.empty() && stream_->IsQuiet(); }

  // Says QUIT, without waiting for what the server says, and closes.
  void Quit();

  [[nodiscard]] const ServerExtensions& extensions() const { return extensions_; }

  [[nodiscard]] async::Deadline opened() const { return opened_; }

  [[nodiscard]] async::Executor executor() const { return stream_->executor(); }

 private:
  SmtpClient(std::unique_ptr<async::Stream> stream, SmtpClientOptions options);

  enum class Tls { kDone, kPlain, kFailed };  // kFailed: another connection, in plain text

  async::Task<void> Greet();
  async::Task<void> Hello();
  async::Task<Tls> StartTlsIfWanted();
  async::Task<Tls> Handshake();
  async::Task<void> LogIn();
  async::Task<mail::SmtpReply> ReadReply(Milliseconds timeout);
  async::Task<void> Say(std::string_view lines);
  async::Task<mail::SmtpReply> Command(std::string line);
  async::Task<void> Forward(const SmtpTransaction& transaction);
  async::Task<void> SendEnvelope(SmtpCourse& course);
  Status TakeReply(SmtpCourse& course, std::size_t command, mail::SmtpReply reply);
  async::Task<void> SendData(SmtpCourse& course);
  async::Task<void> SendContent(SmtpCourse& course);
  bool SpeaksEarly();
  async::Task<void> ReadVerdicts(SmtpCourse& course);
  async::Task<void> WhyBroken(SmtpCourse& course, Status written);
  void Break(SmtpCourse& course, const Status& status);

  [[nodiscard]] std::string peer() const { return async::ToString(stream_->peer()); }

  std::unique_ptr<async::Stream> stream_;
  SmtpClientOptions options_;
  ServerExtensions extensions_;
  async::Deadline opened_;
  mail::SmtpReplyParser parser_;
  std::string unread_;  // received, not parsed yet
};

}  // namespace penstock::delivery
