// SPDX-License-Identifier: Apache-2.0
// SMTP replies (RFC 5321 §4.2) with enhanced status codes (RFC 2034, RFC 3463): ours to a client,
// and the reading of a server's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/status.h"

namespace penstock::mail {

// "5.7.1": class 2, 4 or 5; subject and detail 0..999 (RFC 3463 §2). All zero: none.
struct EnhancedStatus {
  int status_class = 0;
  int subject = 0;
  int detail = 0;

  [[nodiscard]] bool empty() const { return status_class == 0; }

  [[nodiscard]] std::string ToString() const;  // "5.7.1"; "" if there is none

  // Reads "5.7.1" and nothing around it.
  static std::optional<EnhancedStatus> Parse(std::string_view text);

  friend bool operator==(const EnhancedStatus&, const EnhancedStatus&) = default;
};

// Replies to a client that did not ask for SMTPUTF8 are ASCII (RFC 6531 §3.7.4).
enum class ReplyCharset { kAscii, kUtf8 };

// What a next hop's 2xx means to a sender who asked to be told of success (RFC 3461 §5.2).
enum class HandOver : std::uint8_t {
  kRelayed,    // to a server that does not offer DSN: we say so
  kDelivered,  // into the mailbox: we say so
  kPromised,   // to one that offers DSN: it is the one to tell
};

struct SmtpReply {
  int code = 0;           // 200..599
  EnhancedStatus status;  // none: greeting, replies to HELO and EHLO, 3xx (RFC 2034 §4)
  std::string text;       // UTF-8; lines are separated by \n, no CR
  HandOver hand_over = HandOver::kRelayed;  // of a delivery's 2xx
  // Of a next hop's reply: the host that gave it, by name or address literal. Empty: these are
  // words of ours. Those of a 4xx are for administrators, and may name files and addresses; those
  // of a 5xx are for the sender as well, and do not.
  std::string server{};

  [[nodiscard]] bool is_positive() const { return code >= 200 && code < 400; }

  [[nodiscard]] bool is_transient() const { return code >= 400 && code < 500; }

  [[nodiscard]] bool is_permanent() const { return code >= 500; }

  // Returns the lines for the wire, each with code, status and CRLF. A line over 512 octets
  // (§4.5.3.1.5) is broken at a space; control characters, and with kAscii what is not ASCII,
  // become "?".
  [[nodiscard]] std::string ToWire(ReplyCharset charset = ReplyCharset::kAscii) const;

  // Returns "550 5.7.1 first line / second line" for logs, the record and DSNs.
  [[nodiscard]] std::string ToString() const;

  friend bool operator==(const SmtpReply&, const SmtpReply&) = default;
};

// Reads one reply of a server, in pieces of any size. A reply is hostile input: each line is at
// most limits::kReplyLineOctetsMax octets, and there are at most limits::kReplyLinesMax.
//   A line may end in LF alone. The enhanced status is taken from the first line if its class is
//   that of the code, and taken off the others; text is printable UTF-8, of kReplyTextOctetsMax.
class SmtpReplyParser {
 public:
  // Takes octets up to the end of the reply and returns how many; what is left belongs to the next
  // reply. Call it until done(). After a fault it takes nothing more.
  //   Errors: kInvalidArgument if it is no reply, kResourceExhausted over a limit. The connection
  //   is out of step then and has to be closed.
  StatusOr<std::size_t> Feed(std::string_view octets);

  [[nodiscard]] bool done() const { return done_; }

  // Returns the reply and starts over for the next. Only when done().
  SmtpReply Take();

 private:
  Status TakeLine();

  std::string line_;  // begun, without its LF
  SmtpReply reply_;
  std::size_t lines_ = 0;
  bool done_ = false;
  Status fault_;
};

}  // namespace penstock::mail
