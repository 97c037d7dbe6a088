// SPDX-License-Identifier: Apache-2.0
// An event in JSON: what is read and written reads the same again; its octets are counted. One that
// is built of what was read holds its recipients once, in order, as many as fit (E2 to E5).
// Covers: engine/wire/event_json.cc engine/flow/event.cc engine/flow/json_text.cc
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/check.h"
#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/base/utf8.h"
#include "engine/flow/event.h"
#include "engine/mail/mailbox.h"
#include "engine/wire/event_json.h"

using penstock::flow::Event;
using penstock::flow::MessageSummary;
using penstock::limits::kEventOctetsMax;
using penstock::mail::Mailbox;

namespace {

std::vector<Mailbox> MailboxesOf(std::string_view address) {
  const auto mailbox = Mailbox::Parse(address);
  if (!mailbox.ok()) return {};
  return {*mailbox};
}

MessageSummary SummaryOf(const Event& event) {
  const std::vector<Mailbox> from = MailboxesOf(event.mail_from);
  const std::vector<Mailbox> sender = MailboxesOf(event.sender.value_or(""));
  const MessageSummary summary =
      penstock::flow::Summarize(from, sender, event.mail_from, event.subject);
  PENSTOCK_CHECK(summary.mail_from == event.mail_from);  // UTF-8, as it was read from JSON
  PENSTOCK_CHECK(summary.subject.has_value() == event.subject.has_value());
  const bool differs = !sender.empty() && (from.empty() || from[0].Key() != sender[0].Key());
  PENSTOCK_CHECK(summary.sender == (differs ? event.sender : std::nullopt));
  return summary;
}

// The recipients that an event has, or so many of their kind that an event cannot hold them all.
std::vector<std::string> RecipientsOf(const Event& event) {
  if (!event.truncated || event.recipients.empty()) return event.recipients;
  std::vector<std::string> many;
  const std::string stem(150, 'r');  // long ones, so that a run is short
  for (std::size_t octets = 0; octets < kEventOctetsMax;) {
    for (const std::string& recipient : event.recipients) {
      many.push_back(penstock::Cat(stem, many.size(), recipient));
      octets += many.back().size();
    }
  }
  return many;
}

void CheckBuilt(const Event& event) {
  const std::vector<std::string> recipients = RecipientsOf(event);
  Event built = BuildEvent(SummaryOf(event), recipients, event.message_id, event.invocation_id,
                           event.direction);
  PENSTOCK_CHECK(JsonOctets(built) <= kEventOctetsMax || built.recipients.empty());
  std::vector<std::string> once;
  std::set<std::string> keys;
  for (const std::string& recipient : recipients) {
    if (keys.insert(penstock::mail::AddressKey(recipient)).second) once.push_back(recipient);
  }
  PENSTOCK_CHECK(built.truncated == (built.recipients.size() < once.size()));
  for (std::size_t i = 0; i < built.recipients.size(); ++i)
    PENSTOCK_CHECK(built.recipients[i] == once[i]);
  if (!built.truncated) return;
  built.truncated = false;  // E5: all of them would not have fitted
  built.recipients = once;
  PENSTOCK_CHECK(JsonOctets(built) > kEventOctetsMax);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto event = penstock::wire::ParseEventJson(text);
  if (!event.ok()) {
    PENSTOCK_CHECK(!event.status().message().empty());
    return 0;
  }
  std::string json;
  AppendJson(json, *event);
  PENSTOCK_CHECK(JsonOctets(*event) == json.size());
  CheckBuilt(*event);
  // The shape before invocation ids were added has none, and is not written any more.
  if (event->invocation_id.empty()) return 0;
  const auto again = penstock::wire::ParseEventJson(json);
  PENSTOCK_CHECK(again.ok() && *again == *event);
  return 0;
}
