// SPDX-License-Identifier: Apache-2.0
// The input is a token, then a body that is signed here as only the holder of the key could. The
// token is refused; what the body says, if it is one, seals to a token that says the same (H4).
// Covers: engine/embed/resume_token.cc
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/check.h"
#include "engine/embed/resume_token.h"
#include "engine/flow/mac.h"

using namespace penstock;  // NOLINT(google-build-using-namespace)

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string secret(32, 'k');
  const std::string input(reinterpret_cast<const char*>(data), size);
  const auto refused = embed::OpenToken(secret, input);
  PENSTOCK_CHECK(refused.status().code() == StatusCode::kInvalidArgument);

  const flow::Mac mac = flow::MacOf(secret, embed::kResumeTokenDomain, input);
  std::string token = input;
  token.append(reinterpret_cast<const char*>(mac.data()), mac.size());
  const auto states = embed::OpenToken(secret, token);
  if (!states.ok()) return 0;
  std::vector<const flow::MessageState*> messages;
  for (const flow::MessageState& state : *states)
    messages.push_back(&state);
  const auto again = embed::OpenToken(secret, embed::SealToken(secret, messages));
  PENSTOCK_CHECK(again.ok() && *again == *states);
  PENSTOCK_CHECK(!embed::OpenToken(std::string(32, 'l'), token).ok());
  token[size % token.size()] ^= 1;
  PENSTOCK_CHECK(!embed::OpenToken(secret, token).ok());
  return 0;
}
