// SPDX-License-Identifier: Apache-2.0
// The history of a message in the words of the API.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/flow/history.h"
#include "engine/flow/message_state.h"

#include "penstock/v1/messages.pb.h"

namespace penstock::api {

// The step in one sentence.
std::string SentenceOf(const flow::HistoryEntry& entry);

// One entry of the message that `state` describes.
v1::HistoryEntry ViewOf(const flow::HistoryEntry& entry, const flow::MessageState& state);

// One attempt to call a hook: of a kHookAttempt or kAsyncAttempt.
v1::InvocationAttempt AttemptOf(const flow::HistoryEntry& entry);

// One attempt to deliver: of a kDeliveryAttempt.
v1::DeliveryAttempt DeliveryAttemptOf(const flow::HistoryEntry& entry);

// Resource name of the rule with this id; "" of "".
std::string RuleNameOf(const flow::MessageState& state, std::string_view rule);

// What follows `prefix` in the detail of an entry: the id in "invocation 0123…"; "" if it does not
// begin so.
std::string DetailAfter(const flow::HistoryEntry& entry, std::string_view prefix);

}  // namespace penstock::api
