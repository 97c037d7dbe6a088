// SPDX-License-Identifier: Apache-2.0
// The door of the house: from a transaction that a front door has read to messages that are on
// disk, and the reply that says so. Steps 1 to 4 of the way of a message (ARCHITECTURE.md).
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "engine/async/task.h"
#include "engine/base/time.h"
#include "engine/mail/envelope.h"
#include "engine/mail/smtp_reply.h"
#include "engine/ports/store.h"
#include "engine/rules/direction.h"
#include "engine/runtime/held_reply.h"

namespace penstock::runtime {

// What a listener is configured to be (O3). Immutable while it listens.
struct ListenerPolicy {
  std::string name;
  rules::DirectionMode direction = rules::DirectionMode::kInbound;
  std::string organization = "default";  // outbound: of senders in no owned domain
  bool relay_checked = false;            // a milter's MTA has decided whose mail it takes for whom
};

// One transaction of a front door, its content read to the end.
struct Submission {
  const ListenerPolicy* policy = nullptr;  // outlives the call
  mail::ClientInfo client;
  mail::Envelope envelope;
  std::unique_ptr<ports::ContentWriter> content;
  std::string header_section;  // the content's first octets, up to and with the blank line
  Time received;
};

// Threads: safe from any. Calls resume on the caller's executor.
class Intake {
 public:
  virtual ~Intake() = default;

  // Whether a MAIL may be taken: nullopt if so, else the reply. Refused: as many messages are here
  // already as may be.
  [[nodiscard]] virtual std::optional<mail::SmtpReply> RefuseMail() const { return std::nullopt; }

  // Whether a RCPT may be taken, asked before it is answered: nullopt if so, else the reply.
  // Refused: a foreign recipient of a client that is neither trusted nor authenticated (O3); one
  // too many (H11). `accepted` counts the recipients that the transaction already has.
  [[nodiscard]] virtual std::optional<mail::SmtpReply> RefuseRecipient(
      const ListenerPolicy& policy, const mail::ClientInfo& client, std::string_view reverse_path,
      std::string_view forward_path, std::size_t accepted) const = 0;

  // Where the content of a transaction goes while it is read.
  // Errors: kResourceExhausted: the disk is short, whatever could go has gone (M5); kUnavailable.
  virtual async::Task<std::unique_ptr<ports::ContentWriter>> NewContent() = 0;

  // Selects rules, plans, and commits. A 250 says that every recipient's fate is on disk (A5);
  // any other reply says that nothing was accepted.
  virtual async::asio::awaitable<mail::SmtpReply> Accept(Submission submission) = 0;

  // The same for a front door that holds its reply (A7): calls SYNC hooks first, for as long as
  // `hold` says, then commits plan and outcomes in one. What the reply tells is told by no DSN.
  virtual async::asio::awaitable<HeldReply> Decide(Submission submission, Hold /*hold*/) {
    HeldReply held;
    held.reply = co_await Accept(std::move(submission));
    co_return held;
  }
};

}  // namespace penstock::runtime
