// SPDX-License-Identifier: Apache-2.0
// A server's reply is read alike in pieces of any size; what was read, written and read again is
// the same. Input: how long the pieces are, then the server's octets.
// Covers: engine/mail/smtp_reply.cc
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/base/check.h"
#include "engine/base/strings.h"
#include "engine/mail/smtp_reply.h"

using penstock::mail::SmtpReply;
using penstock::mail::SmtpReplyParser;

namespace {

struct Replies {
  std::vector<SmtpReply> replies;
  bool fault = false;
};

Replies Read(std::string_view octets, std::size_t piece) {
  Replies result;
  SmtpReplyParser parser;
  while (!octets.empty()) {
    const auto taken = parser.Feed(octets.substr(0, std::min(piece, octets.size())));
    if (!taken.ok()) {
      result.fault = true;
      return result;
    }
    PENSTOCK_CHECK(*taken > 0 && *taken <= octets.size());
    octets.remove_prefix(*taken);
    if (parser.done()) result.replies.push_back(parser.Take());
  }
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view octets(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Replies whole = Read(octets, octets.size());
  const Replies pieces = Read(octets, std::size_t{data[0]} % 32 + 1);
  PENSTOCK_CHECK(whole.fault == pieces.fault && whole.replies == pieces.replies);
  for (const SmtpReply& reply : whole.replies) {
    PENSTOCK_CHECK(reply.code >= 200 && reply.code < 600);
    PENSTOCK_CHECK(penstock::IsValidUtf8(reply.text));
    const Replies again = Read(reply.ToWire(penstock::mail::ReplyCharset::kUtf8), 1 << 20);
    PENSTOCK_CHECK(!again.fault && again.replies.size() == 1);
    PENSTOCK_CHECK(again.replies[0].code == reply.code);
    PENSTOCK_CHECK(again.replies[0].status == reply.status);
  }
  return 0;
}
