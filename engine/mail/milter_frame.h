// SPDX-License-Identifier: Apache-2.0
// What an MTA says to a milter (draft-adams-milter-protocol, version 6, and the older versions that
// are part of it): frames of a length, a command and its data. An MTA that sends something else is
// out of step, and there is no way back into it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "engine/base/status.h"

namespace penstock::mail {

// Bits of the negotiation: what a milter may do to a message.
namespace milter_action {
inline constexpr std::uint32_t kAddHeader = 0x1;
inline constexpr std::uint32_t kReplaceBody = 0x2;
inline constexpr std::uint32_t kAddRecipient = 0x4;
inline constexpr std::uint32_t kDeleteRecipient = 0x8;
inline constexpr std::uint32_t kChangeHeader = 0x10;
inline constexpr std::uint32_t kQuarantine = 0x20;
inline constexpr std::uint32_t kSetMacros = 0x100;
}  // namespace milter_action

// Bits of the negotiation: what an MTA leaves out, or does otherwise. Of those that let an event go
// without a reply we ask none: a reply to such an event is taken for that of the next one, and an
// MTA that writes event after event without reading meets Nagle's algorithm.
namespace milter_step {
inline constexpr std::uint32_t kNoUnknown = 0x100;
inline constexpr std::uint32_t kNoData = 0x200;
inline constexpr std::uint32_t kHeaderLeadingSpace = 0x100000;
}  // namespace milter_step

struct MilterNegotiation {
  std::uint32_t version = 0;
  std::uint32_t actions = 0;
  std::uint32_t steps = 0;
  friend bool operator==(const MilterNegotiation&, const MilterNegotiation&) = default;
};

// What the MTA knows at a stage, sent ahead of the event of the command `stage`. It has no reply.
struct MilterMacros {
  char stage = 0;
  std::vector<std::pair<std::string, std::string>> values;  // names without braces
  friend bool operator==(const MilterMacros&, const MilterMacros&) = default;
};

struct MilterConnect {
  std::string host;
  std::string address;    // IPv4 or IPv6; empty where the client has none
  bool is_local = false;  // over a unix socket
  friend bool operator==(const MilterConnect&, const MilterConnect&) = default;
};

struct MilterHello {
  std::string name;
  friend bool operator==(const MilterHello&, const MilterHello&) = default;
};

// MAIL or RCPT.
struct MilterPath {
  bool is_recipient = false;
  std::string given;  // as the MTA wrote it: what deletes a recipient must be the same octets
  std::string path;   // without angle brackets; empty: the null path
  std::vector<std::string> arguments;
  friend bool operator==(const MilterPath&, const MilterPath&) = default;
};

struct MilterHeader {
  std::string name;
  std::string value;  // lines of a folded one end in LF
  friend bool operator==(const MilterHeader&, const MilterHeader&) = default;
};

struct MilterBody {
  std::string octets;
  friend bool operator==(const MilterBody&, const MilterBody&) = default;
};

// The end of the message; some MTAs send the last octets of the body with it.
struct MilterEnd {
  std::string octets;
  friend bool operator==(const MilterEnd&, const MilterEnd&) = default;
};

// Events without data that we look at.
enum class MilterSignal : std::uint8_t {
  kData,
  kEndOfHeader,
  kUnknown,  // an SMTP command that the MTA does not know
  kAbort,    // the message is given up; no reply
  kQuit,     // the connection ends; no reply
  kQuitNew,  // another SMTP session follows on this connection; no reply
};

using MilterEvent = std::variant<MilterNegotiation, MilterMacros, MilterConnect, MilterHello,
                                 MilterPath, MilterHeader, MilterBody, MilterEnd, MilterSignal>;

// Reads one frame.
//   Errors: kInvalidArgument, naming command and fault; kResourceExhausted over a limit.
StatusOr<MilterEvent> ParseMilterFrame(char command, std::string_view data);

// Cuts octets into frames, in pieces of any size.
class MilterFrameReader {
 public:
  // Takes octets up to the end of the frame and returns how many. Call it until done().
  //   Errors: kInvalidArgument (a frame of no octets); kResourceExhausted, past
  //   limits::kMilterFrameOctetsMax. The connection is out of step then.
  StatusOr<std::size_t> Feed(std::string_view octets);

  [[nodiscard]] bool done() const { return length_known_ && data_.size() == length_; }

  // Only when done(): command and data, until Next.
  [[nodiscard]] char command() const { return data_.front(); }

  [[nodiscard]] std::string_view data() const { return std::string_view(data_).substr(1); }

  void Next();

 private:
  std::string data_;  // of the length first, then of the frame
  std::size_t length_ = 0;
  bool length_known_ = false;
};

}  // namespace penstock::mail
