// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/event.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/limits.h"
#include "engine/base/utf8.h"
#include "engine/flow/address_index.h"
#include "engine/flow/json_text.h"

namespace penstock::flow {
namespace {

// The text between the values, which JsonOctets counts and AppendJson writes.
constexpr std::string_view kToMailFrom =
    R"({"summaryVersion":"2018-10-10","envelope":{"mailFrom":{"address":)";
static_assert(kToMailFrom.find(kSummaryVersion) != std::string_view::npos);
constexpr std::string_view kToRecipients = R"(},"recipients":[)";
constexpr std::string_view kRecipientBegin = R"({"address":)";
constexpr std::string_view kRecipientEnd = "}";
constexpr std::string_view kComma = ",";
constexpr std::string_view kToTruncated = R"(]},"truncated":)";
constexpr std::string_view kToSender = R"(,"sender":)";
constexpr std::string_view kSenderBegin = R"({"address":)";
constexpr std::string_view kSenderEnd = "}";
constexpr std::string_view kToSubject = R"(,"subject":)";
constexpr std::string_view kToMessageId = R"(,"messageId":)";
constexpr std::string_view kToInvocationId = R"(,"invocationId":)";
constexpr std::string_view kToFlowDirection = R"(,"flowDirection":)";
constexpr std::string_view kEnd = "}";
constexpr std::string_view kNull = "null";

constexpr std::string_view TruncatedWord(bool truncated) {
  return truncated ? "true" : "false";
}

std::size_t RecipientOctets(std::string_view address) {
  return kRecipientBegin.size() + JsonStringOctets(address) + kRecipientEnd.size();
}

// Returns the octets of `event` without those of its recipients and the commas between them.
std::size_t OctetsBesideRecipients(const Event& event) {
  std::size_t octets =
      kToMailFrom.size() + JsonStringOctets(event.mail_from) + kToRecipients.size() +
      kToTruncated.size() + TruncatedWord(event.truncated).size() + kToSender.size() +
      kToSubject.size() + kToMessageId.size() + JsonStringOctets(event.message_id.text()) +
      kToInvocationId.size() + JsonStringOctets(event.invocation_id.text()) +
      kToFlowDirection.size() + JsonStringOctets(rules::Name(event.direction)) + kEnd.size();
  octets += event.sender ? kSenderBegin.size() + JsonStringOctets(*event.sender) + kSenderEnd.size()
                         : kNull.size();
  octets += event.subject ? JsonStringOctets(*event.subject) : kNull.size();
  return octets;
}

// Cuts the recipients to those that fit (E5).
void CutRecipients(Event& event) {
  const auto first_beyond = [&event] {
    std::size_t octets = OctetsBesideRecipients(event);
    std::size_t count = 0;
    for (; count < event.recipients.size(); ++count) {
      octets += RecipientOctets(event.recipients[count]) + (count == 0 ? 0 : kComma.size());
      if (octets > limits::kEventOctetsMax) break;
    }
    return count;
  };
  std::size_t count = first_beyond();
  if (count == event.recipients.size()) return;
  event.truncated = true;  // one octet shorter, and yet one recipient goes at least
  count = std::min(first_beyond(), event.recipients.size() - 1);
  event.recipients.resize(count);
}

}  // namespace

MessageSummary Summarize(std::span<const mail::Mailbox> from, std::span<const mail::Mailbox> sender,
                         std::string_view reverse_path, std::optional<std::string_view> subject) {
  MessageSummary summary;
  std::string from_key;  // no mailbox has this one: without a From, every Sender differs from it
  if (from.empty()) {
    summary.mail_from = ToValidUtf8(reverse_path);
  } else {
    summary.mail_from = ToValidUtf8(from.front().ToString());
    from_key = from.front().Key();
  }
  for (const mail::Mailbox& mailbox : sender) {
    if (mailbox.Key() == from_key) continue;
    summary.sender = ToValidUtf8(mailbox.ToString());
    break;
  }
  if (subject)
    summary.subject = ToValidUtf8(CutCodePoints(*subject, limits::kSubjectCodePointsMax));
  return summary;
}

Event BuildEvent(MessageSummary summary, std::span<const std::string> recipients,
                 MessageId message_id, InvocationId invocation_id, rules::FlowDirection direction) {
  Event event{.mail_from = std::move(summary.mail_from),
              .recipients = {},
              .sender = std::move(summary.sender),
              .subject = std::move(summary.subject),
              .message_id = std::move(message_id),
              .invocation_id = std::move(invocation_id),
              .direction = direction,
              .truncated = false};
  AddressIndex known(recipients.size());
  event.recipients.reserve(recipients.size());
  for (const std::string& recipient : recipients) {
    if (known.Insert(recipient).inserted) event.recipients.push_back(ToValidUtf8(recipient));
  }
  CutRecipients(event);
  return event;
}

std::size_t JsonOctets(const Event& event) {
  std::size_t octets = OctetsBesideRecipients(event);
  for (const std::string& recipient : event.recipients)
    octets += RecipientOctets(recipient) + kComma.size();
  return event.recipients.empty() ? octets : octets - kComma.size();
}

void AppendJson(std::string& out, const Event& event) {
  const std::size_t start = out.size();
  out.resize(start + JsonOctets(event));
  char* at = out.data() + start;
  const auto put = [&at](std::string_view text) {
    std::memcpy(at, text.data(), text.size());
    at += text.size();
  };
  const auto put_string = [&at](std::string_view text) { at = WriteJsonString(at, text); };

  put(kToMailFrom);
  put_string(event.mail_from);
  put(kToRecipients);
  for (std::size_t i = 0; i < event.recipients.size(); ++i) {
    if (i > 0) put(kComma);
    put(kRecipientBegin);
    put_string(event.recipients[i]);
    put(kRecipientEnd);
  }
  put(kToTruncated);
  put(TruncatedWord(event.truncated));
  put(kToSender);
  if (event.sender) {
    put(kSenderBegin);
    put_string(*event.sender);
    put(kSenderEnd);
  } else {
    put(kNull);
  }
  put(kToSubject);
  if (event.subject) {
    put_string(*event.subject);
  } else {
    put(kNull);
  }
  put(kToMessageId);
  put_string(event.message_id.text());
  put(kToInvocationId);
  put_string(event.invocation_id.text());
  put(kToFlowDirection);
  put_string(rules::Name(event.direction));
  put(kEnd);
  PENSTOCK_CHECK(at == out.data() + out.size());
}

}  // namespace penstock::flow
