// SPDX-License-Identifier: Apache-2.0
// Messages for people: one line each, or one message with all that happened to it.
#pragma once

#include <string>

#include "penstock/v1/messages.pb.h"

namespace penstock::cli {

// Ends with a hint if there are more.
std::string MessageTable(const v1::ListMessagesResponse& messages);

// What it was, who got which outcome and why, each hook with its attempts, each delivery with its
// attempts and what it waits for, and the history in order.
std::string MessageStory(const v1::Message& message);

}  // namespace penstock::cli
