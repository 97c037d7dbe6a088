// SPDX-License-Identifier: Apache-2.0
// The message that an MTA tells to a milter event by event, put together again: fields with their
// order and folding, and the body. Without the leading space of a value, which old MTAs keep to
// themselves, a field has one. A line end is CRLF or LF on this wire, and CRLF in the message; what
// no message of ours has makes it refused: CR alone, a field that is none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/mail/smtp_reply.h"

namespace penstock::mail {

class MilterContent {
 public:
  // `leading_space`: values come with it. `octets_max`: of the message.
  MilterContent(bool leading_space, std::uint64_t octets_max)
      : leading_space_(leading_space), octets_max_(octets_max) {}

  // Each appends octets of the message to `content`; nothing after a refusal.
  void Field(std::string_view name, std::string_view value, std::string& content);
  void EndOfHeader(std::string& content);
  void Body(std::string_view octets, std::string& content);
  // The message is over: a CR that was last stands alone.
  void End();

  // Why the message is refused, if it is.
  [[nodiscard]] const std::optional<SmtpReply>& refusal() const { return refusal_; }

 private:
  void Append(std::string_view octets, std::string& content);

  bool leading_space_;
  std::uint64_t octets_max_;
  std::uint64_t octets_ = 0;
  std::size_t line_octets_ = 0;
  bool behind_cr_ = false;
  std::optional<SmtpReply> refusal_;
};

}  // namespace penstock::mail
