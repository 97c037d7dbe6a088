// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/bounce.h"

#include <algorithm>
#include <span>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/mail/dsn.h"
#include "engine/mail/header_section.h"

namespace penstock::runtime {
namespace {

mail::DsnRecipient ToDsn(const flow::MessageState& parent, const flow::BouncedRecipient& bounced) {
  mail::DsnRecipient recipient;
  recipient.final_recipient = parent.recipients[bounced.recipient].forward_path;
  recipient.status = bounced.reply.status;
  recipient.bounce_message = bounced.bounce_message;
  recipient.original_recipient = parent.recipients[bounced.recipient].dsn.original_recipient;
  if (bounced.reply.is_positive()) {
    recipient.action = bounced.reply.hand_over == mail::HandOver::kDelivered
                           ? mail::DsnAction::kDelivered
                           : mail::DsnAction::kRelayed;
  }
  // Of a mailbox there is nothing to tell: what its server says names folders, the junk one too.
  if (recipient.action == mail::DsnAction::kDelivered) return recipient;
  if (!bounced.reply.server.empty()) {
    recipient.remote_mta = bounced.reply.server;
    recipient.diagnostic = bounced.reply;
  } else if (recipient.action == mail::DsnAction::kFailed) {
    recipient.reason = bounced.reply.text;  // of a 5xx: fit for the sender
  }
  return recipient;
}

}  // namespace

StatusOr<Bounce> MakeBounce(Context& context, const flow::MessageState& parent,
                            const std::vector<flow::BouncedRecipient>& bounced,
                            std::string_view original, Time now) {
  flow::MessageState state;
  state.id = MessageId(FormatUuid(context.random.Bytes()));
  state.organization = parent.organization;
  state.direction = rules::FlowDirection::kOutbound;
  state.smtputf8 = parent.smtputf8;
  state.received = now;
  state.may_bounce = false;
  state.is_bounce = true;

  mail::Dsn dsn;
  dsn.reporting_mta = context.hostname;
  dsn.reverse_path = parent.reverse_path;
  dsn.arrival_date = parent.received;
  for (const flow::BouncedRecipient& one : bounced)
    dsn.recipients.push_back(ToDsn(parent, one));
  dsn.original_header = mail::HeaderSection::Scan(original).octets();
  if (parent.dsn.ret == mail::DsnReturn::kFull && original.size() == parent.octets &&
      original.size() <= limits::kDsnContentOctetsMax) {
    dsn.original_content = original;
  }
  dsn.smtputf8 = parent.smtputf8;
  dsn.envelope_id = parent.dsn.envelope_id;
  dsn.msg_id = Cat(state.id.text(), "@", context.hostname);
  dsn.boundary = FormatHex(context.random.Bytes());
  dsn.date = now;
  state.msg_id = Cat("<", dsn.msg_id, ">");

  Bounce bounce;
  PENSTOCK_ASSIGN_OR_RETURN(bounce.content, context.store.NewContent());
  const std::string message = mail::BuildDsn(dsn);
  state.body_8bit = state.smtputf8 || !IsAscii(message);
  PENSTOCK_RETURN_IF_ERROR(bounce.content->Write(message));
  state.content = bounce.content->id();
  state.octets = bounce.content->octets();

  flow::RecipientState recipient;
  recipient.forward_path = parent.reverse_path;
  recipient.dsn.notify_given = true;  // NEVER (RFC 3461 §6.1)
  recipient.outcome = rules::Verdict{};
  recipient.decided_by = flow::DecidedBy::kNoRule;
  recipient.rule_reason = "our own bounce: no rule applies";
  state.recipients.push_back(std::move(recipient));

  const auto settings = context.settings.Current();
  flow::MessageMachine machine(std::move(state), *settings, {});
  flow::Effects effects = machine.Begin(now);
  flow::HistoryEntry accepted{.time = now, .kind = flow::HistoryKind::kAccepted};
  accepted.detail = Cat("bounce of message ", parent.id.text());
  effects.history.insert(effects.history.begin(), std::move(accepted));
  bounce.write = {machine.state(), std::move(effects.history)};
  return bounce;
}

StatusOr<std::string> ReadOriginal(const ports::ContentReader& content) {
  std::string octets(std::min<std::uint64_t>(content.octets(), limits::kHeaderSectionOctetsMax),
                     '\0');
  std::size_t filled = 0;
  while (filled < octets.size()) {
    PENSTOCK_ASSIGN_OR_RETURN(const std::size_t read,
                              content.Read(filled, std::span(octets).subspan(filled)));
    if (read == 0) break;
    filled += read;
  }
  octets.resize(filled);
  return octets;
}

}  // namespace penstock::runtime
