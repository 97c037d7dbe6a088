// SPDX-License-Identifier: Apache-2.0
// What an embedding MTA keeps of a message that is not decided yet: its messages as they stand,
// signed. Who has the key alone can make one, and one that was changed is refused whole.
//
//   token = body MAC
//   body  = version(1) { octets(4) record }…     one record a message, as in the store
//   MAC   = HMAC-SHA-256(secret, kResumeTokenDomain body)
//
// Numbers are big-endian.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "engine/flow/message_state.h"

namespace penstock::embed {

inline constexpr std::string_view kResumeTokenDomain{"penstock resume token\0", 22};

// `messages`: pointers to states, none null.
std::string SealToken(std::string_view secret, std::span<const flow::MessageState* const> messages);

// Errors: kInvalidArgument: longer than limits::kResumeTokenOctetsMax, or not signed by `secret`;
// kFailedPrecondition: of another version.
StatusOr<std::vector<flow::MessageState>> OpenToken(std::string_view secret,
                                                    std::string_view token);

}  // namespace penstock::embed
