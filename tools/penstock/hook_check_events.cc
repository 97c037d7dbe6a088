// SPDX-License-Identifier: Apache-2.0
#include "tools/penstock/hook_check_events.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/strings.h"

#include "tools/penstock/system_clock.h"

namespace penstock::cli {
namespace {

using rules::FlowDirection;
using rules::InvocationMode;

// RFC 5321 §4.5.3.1 and RFC 1035 §2.3.4.
constexpr std::size_t kAddressOctetsMax = 254;
constexpr std::size_t kLocalPartOctetsMax = 64;
constexpr std::size_t kLabelOctetsMax = 63;

// What an event is made of; the rest is the same for all.
struct Makings {
  std::string name;
  std::string summary;
  FlowDirection direction = FlowDirection::kInbound;
  std::vector<std::string> recipients;
  std::string mail_from = "alice@example.org";
  std::optional<std::string> sender = std::nullopt;
  std::optional<std::string> subject = "Lunch tomorrow?";
  InvocationMode mode = InvocationMode::kSync;
  std::uint32_t attempt = 1;
};

CheckEvent Make(Makings makings) {
  CheckEvent made;
  made.name = std::move(makings.name);
  made.summary = std::move(makings.summary);
  made.mode = makings.mode;
  made.attempt = makings.attempt;
  made.event = flow::BuildEvent({.mail_from = std::move(makings.mail_from),
                                 .sender = std::move(makings.sender),
                                 .subject = std::move(makings.subject)},
                                makings.recipients, FreshMessageId(), FreshInvocationId(),
                                makings.direction);
  made.recipients = std::move(makings.recipients);
  return made;
}

std::vector<std::string> Many(std::size_t count, std::string_view prefix, std::string_view domain) {
  std::vector<std::string> many;
  many.reserve(count);
  for (std::size_t i = 1; i <= count; ++i)
    many.push_back(Cat(prefix, i, "@", domain));
  return many;
}

// Labels before `domain`, so that it has `octets` or at most one less.
std::string LongDomain(std::size_t octets, std::string_view domain) {
  std::string labels;
  while (labels.size() + domain.size() + 2 <= octets) {
    const std::size_t room = octets - labels.size() - domain.size() - 1;
    Append(labels, std::string(std::min(room, kLabelOctetsMax), 'd'), ".");
  }
  return labels + std::string(domain);
}

}  // namespace

CheckEvent PlainEvent(const std::string& recipient) {
  return Make(
      {.name = "inbound", .summary = "a plain message from outside", .recipients = {recipient}});
}

std::vector<CheckEvent> CheckEvents(const std::string& domain) {
  const std::string bob = Cat("bob@", domain);
  std::vector<Makings> all = {
      {.name = "inbound", .summary = "a plain message from outside", .recipients = {bob}},
      {.name = "outbound",
       .summary = "a message to outside: junk and bypass are no actions there",
       .direction = FlowDirection::kOutbound,
       .recipients = {"bob@example.org"},
       .mail_from = Cat("alice@", domain)},
      {.name = "async",
       .summary = "a call whose answer is ignored",
       .recipients = {bob},
       .mode = InvocationMode::kAsync},
      {.name = "later-attempt",
       .summary = "the seventh attempt of an invocation",
       .recipients = {bob},
       .attempt = 7},
      {.name = "null-subject",
       .summary = "a message without a Subject field",
       .recipients = {bob},
       .subject = std::nullopt},
      {.name = "empty-subject",
       .summary = "a message with an empty Subject field",
       .recipients = {bob},
       .subject = ""},
      {.name = "no-sender",
       .summary = "a bounce: no From, and the null path",
       .recipients = {bob},
       .mail_from = ""},
      {.name = "on-behalf",
       .summary = "a message whose Sender differs from its From",
       .recipients = {bob},
       .sender = "list@lists.example.org"},
      {.name = "utf8-address",
       .summary = "addresses beyond ASCII (RFC 6531)",
       .recipients = {Cat("jürgen@", domain), Cat("用户@", domain)},
       .mail_from = "пётр@example.org"},
      {.name = "idn",
       .summary = "domains beyond ASCII, as A-labels and as U-labels",
       .recipients = {bob},
       .mail_from = "info@xn--bcher-kva.example",
       .sender = "info@bücher.example"},
      {.name = "emoji-subject",
       .summary = "a subject beyond the Basic Multilingual Plane",
       .recipients = {bob},
       .subject = "🎉 Grüße aus 東京 👩‍👩‍👧"},
      {.name = "quotes",
       .summary = "quoted local parts, and a subject with quotes and a backslash",
       .recipients = {Cat("\"a@b c\"@", domain), Cat("\"back\\\\slash\"@", domain),
                      Cat("o'hara@", domain)},
       .subject = "He said \"no\" \\ 'yes' {json: [1]} %s <b>&amp;"},
      {.name = "long-address",
       .summary = "an address of 254 octets",
       .recipients = {Cat(std::string(kLocalPartOctetsMax, 'l'), "@",
                          LongDomain(kAddressOctetsMax - kLocalPartOctetsMax - 1, domain))}},
      {.name = "recipients-500",
       .summary = "500 recipients, the most of a message to outside",
       .direction = FlowDirection::kOutbound,
       .recipients = Many(limits::kOutboundRecipientsMax, "recipient", "example.org"),
       .mail_from = Cat("alice@", domain)},
      {.name = "truncated",
       .summary = "more recipients than an event of 131,072 octets holds",
       .recipients = Many(limits::kInboundRecipientsMax, "recipient", LongDomain(150, domain))},
  };
  std::vector<CheckEvent> events;
  events.reserve(all.size());
  for (Makings& makings : all)
    events.push_back(Make(std::move(makings)));
  return events;
}

}  // namespace penstock::cli
