// SPDX-License-Identifier: Apache-2.0
// The event a hook is given (SPEC E1–E7) and its JSON text. The text is appended by hand, because
// E5 counts its octets before anyone needs it; tests hold it equal to nlohmann's. The typed form of
// the same event is made from the struct in engine/wire.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/ids.h"
#include "engine/mail/mailbox.h"
#include "engine/rules/flow_rule.h"

namespace penstock::flow {

// E1: the version we write; the one reader (wire/event_json.h) takes 2019-07-28 as well.
inline constexpr std::string_view kSummaryVersion = "2018-10-10";

// Message summary 2018-10-10. BuildEvent puts only valid UTF-8 here.
struct Event {
  std::string mail_from;                // on whose behalf (E2); "" if nobody is known
  std::vector<std::string> recipients;  // of this invocation, as given in RCPT; E5 may have cut it
  std::optional<std::string> sender;    // only of mail on behalf of another (E2)
  std::optional<std::string> subject;   // nullopt: no such field; "": an empty one (E4)
  MessageId message_id;
  InvocationId invocation_id;  // empty only in an event read from the 2018 shape
  rules::FlowDirection direction = rules::FlowDirection::kInbound;
  bool truncated = false;  // recipients were cut (E5)
  friend bool operator==(const Event&, const Event&) = default;
};

// What the events of all invocations of one message share (E2, E4); kept with the message, so that
// every attempt says the same (H4).
struct MessageSummary {
  std::string mail_from;
  std::optional<std::string> sender;
  std::optional<std::string> subject;
  friend bool operator==(const MessageSummary&, const MessageSummary&) = default;
};

// Makes the summary of a message from what its header and envelope say.
//   `from` and `sender`: the usable mailboxes of all From and of all Sender fields, in their order.
//   mailFrom is the first of `from`, else `reverse_path` (SMTP MAIL FROM, "" for the null path);
//   sender is the first of `sender` that differs from the first of `from` (E2, compared as in R3).
//   `subject`: unfolded and decoded (RFC 2047), nullopt if there is no such field; cut to
//   limits::kSubjectCodePointsMax (E4).
MessageSummary Summarize(std::span<const mail::Mailbox> from, std::span<const mail::Mailbox> sender,
                         std::string_view reverse_path, std::optional<std::string_view> subject);

// Makes the event of one invocation. `recipients` are the invocation's, as given in RCPT, in order;
// a repeated one counts once (E3, compared as in R3). They are cut from the tail until the JSON
// text holds at most limits::kEventOctetsMax octets (E5; at least one is cut then).
//   Octets that are not UTF-8 become U+FFFD, here and in Summarize: the typed event allows no
//   others. The same arguments give the same event (H4).
Event BuildEvent(MessageSummary summary, std::span<const std::string> recipients,
                 MessageId message_id, InvocationId invocation_id, rules::FlowDirection direction);

// Appends the compact JSON text of `event`; keys in the order that the model was observed to write:
// summaryVersion, envelope, truncated, sender, subject, messageId, invocationId, flowDirection.
// Non-ASCII characters stand as they are; the version is always kSummaryVersion.
void AppendJson(std::string& out, const Event& event);

// Returns the count of octets that AppendJson appends.
std::size_t JsonOctets(const Event& event);

}  // namespace penstock::flow
