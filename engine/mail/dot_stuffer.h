// SPDX-License-Identifier: Apache-2.0
// Content on its way out through DATA: dots of transparency and the final dot (RFC 5321 §4.5.2).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::mail {

class DotStuffer {
 public:
  // Appends the next octets of the content to `wire`.
  //   A CR or LF alone leaves as CRLF: SMTP has no other line end (§2.3.8), and a next hop that
  //   takes LF for one could be made to see a final dot that is none. Content that came in by SMTP
  //   holds neither (DataReader), so it leaves as it came.
  void Append(std::string_view content, std::string& wire);

  // Ends the content: a line end if its last line has none, and the final dot.
  void Finish(std::string& wire);

 private:
  enum class State : std::uint8_t { kLineStart, kInLine, kCr };

  State state_ = State::kLineStart;
};

}  // namespace penstock::mail
