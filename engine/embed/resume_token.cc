// SPDX-License-Identifier: Apache-2.0
#include "engine/embed/resume_token.h"

#include <cstdint>
#include <utility>

#include "engine/base/limits.h"
#include "engine/flow/mac.h"
#include "engine/store/record.h"

namespace penstock::embed {
namespace {

constexpr char kVersion = 1;
constexpr std::size_t kLengthOctets = 4;

void AppendLength(std::string& body, std::size_t octets) {
  for (int shift = (kLengthOctets - 1) * 8; shift >= 0; shift -= 8)
    body.push_back(static_cast<char>(static_cast<std::uint8_t>(octets >> shift)));
}

std::size_t LengthOf(std::string_view octets) {
  std::size_t length = 0;
  for (const char octet : octets)
    length = (length << 8U) | static_cast<std::uint8_t>(octet);
  return length;
}

}  // namespace

std::string SealToken(std::string_view secret,
                      std::span<const flow::MessageState* const> messages) {
  std::string token(1, kVersion);
  for (const flow::MessageState* message : messages) {
    const std::string record = store::EncodeMessage(*message);
    AppendLength(token, record.size());
    token += record;
  }
  const flow::Mac mac = flow::MacOf(secret, kResumeTokenDomain, token);
  token.append(reinterpret_cast<const char*>(mac.data()), mac.size());
  return token;
}

StatusOr<std::vector<flow::MessageState>> OpenToken(std::string_view secret,
                                                    std::string_view token) {
  const Status refused = InvalidArgument(
      "token: it is none of this engine's, or was changed; give it back octet for octet, to the "
      "data folder that it came from or to one of the same token_key");
  if (token.size() <= flow::kMacOctets || token.size() > limits::kResumeTokenOctetsMax)
    return refused;
  std::string_view body = token.substr(0, token.size() - flow::kMacOctets);
  if (!flow::IsMac(token.substr(body.size()), flow::MacOf(secret, kResumeTokenDomain, body)))
    return refused;
  const Status other_version = FailedPrecondition(
      "token: written by another version of Penstock, which alone can go on with it; ask anew, "
      "without it");
  if (body.front() != kVersion) return other_version;
  body.remove_prefix(1);
  std::vector<flow::MessageState> messages;
  while (!body.empty()) {
    if (body.size() < kLengthOctets) return other_version;
    const std::size_t octets = LengthOf(body.substr(0, kLengthOctets));
    body.remove_prefix(kLengthOctets);
    if (octets > body.size()) return other_version;
    auto message = store::DecodeMessage(body.substr(0, octets));
    if (!message.ok()) return other_version;
    messages.push_back(*std::move(message));
    body.remove_prefix(octets);
  }
  if (messages.empty()) return other_version;
  return messages;
}

}  // namespace penstock::embed
