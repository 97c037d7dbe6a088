// SPDX-License-Identifier: Apache-2.0
// The content that follows DATA (RFC 5321 §4.1.1.4, §4.5.2): finds its end and takes the dots of
// transparency out. Line ends are strict: only CR LF "." CR LF ends the content, and a CR or LF
// alone makes it refused. Whoever takes less can be made to see a message boundary that the server
// before it did not see (SMTP smuggling). The content of BDAT (RFC 3030) has its length told, and
// no dots of transparency; its lines are the same, since a next hop may take them by DATA.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/mail/smtp_reply.h"

namespace penstock::mail {

enum class DataFault : std::uint8_t {
  kBareLf,
  kBareCr,
  kLineTooLong,  // over limits::kTextLineOctetsMax, its CRLF counted
  kTooBig,       // over the given number of octets
};

// Returns the reply that ends a transaction with that fault.
SmtpReply ReplyTo(DataFault fault);

enum class DataFraming : std::uint8_t {
  kDots,    // DATA
  kChunks,  // BDAT
  kBinary,  // BDAT with BODY=BINARYMIME (RFC 3030 §3): behind the header section any octets
};

class DataReader {
 public:
  // `octets_max`: of content, with its line ends and without the dots of transparency.
  explicit DataReader(std::uint64_t octets_max, DataFraming framing = DataFraming::kDots)
      : octets_max_(octets_max), framing_(framing) {}

  // Takes octets up to the end of the content and returns how many: what is left after done() are
  // pipelined commands. Appends the content to `content`; after a fault nothing more is appended,
  // but reading goes on to the true end, so that the reply comes in step. In chunks: takes all; a
  // line end may stand in two chunks.
  std::size_t Feed(std::string_view octets, std::string& content);

  // In chunks: that was the last. A line without its end is taken as it is; a CR at its end is
  // alone.
  void End();

  // The final dot was read, or End was called.
  [[nodiscard]] bool done() const { return state_ == State::kDone; }

  // The first fault. It stands as soon as it is seen.
  [[nodiscard]] std::optional<DataFault> fault() const { return fault_; }

  // Content so far; up to the fault, if there is one.
  [[nodiscard]] std::uint64_t content_octets() const { return content_octets_; }

 private:
  enum class State : std::uint8_t {
    kLineStart,  // behind CRLF, or at the very beginning
    kDot,        // behind a dot at the start of a line; it is not content
    kDotCr,
    kInLine,
    kInLineCr,
    kDone,
  };

  void Add(std::string_view content_octets, std::string& content);
  void AddBinary(std::string_view content_octets, std::string& content);
  std::size_t FeedLine(std::string_view octets, std::string& content);
  void SetFault(DataFault fault);

  std::uint64_t octets_max_;
  DataFraming framing_;
  std::uint64_t content_octets_ = 0;
  std::size_t line_octets_ = 0;
  bool in_binary_ = false;  // behind the header section of kBinary
  State state_ = State::kLineStart;
  std::optional<DataFault> fault_;
};

}  // namespace penstock::mail
