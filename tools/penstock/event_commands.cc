// SPDX-License-Identifier: Apache-2.0
// penstock event: what a hook would be given, without a daemon.
#include <string>
#include <utility>
#include <vector>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/flow/event.h"
#include "engine/mail/header_section.h"
#include "engine/mail/mailbox.h"
#include "engine/mail/summary.h"
#include "engine/rules/direction.h"
#include "engine/wire/convert_hook_call.h"
#include "engine/wire/event_json.h"

#include "penstock/v1/hook.pb.h"

#include "tools/penstock/decision_options.h"
#include "tools/penstock/input.h"
#include "tools/penstock/resources.h"
#include "tools/penstock/session.h"
#include "tools/penstock/system_clock.h"

namespace penstock::cli {
namespace {

using rules::FlowDirection;

// MAIL FROM, "" for the null path, which may also be written as SMTP does.
StatusOr<std::string> ReversePathOf(const Arguments& arguments) {
  const std::string path = arguments.Text("--mail-from");
  if (path.empty() || path == "<>") return std::string();
  PENSTOCK_RETURN_IF_ERROR(Annotate(mail::Mailbox::Parse(path).status(), "--mail-from"));
  return path;
}

// The recipients that an event lists: of an inbound message those in owned domains (O3).
StatusOr<std::vector<std::string>> ListedRecipients(const Arguments& arguments,
                                                    FlowDirection direction, Output& output) {
  PENSTOCK_ASSIGN_OR_RETURN(std::vector<std::string> all, AddressesOf(arguments, "--rcpt"));
  PENSTOCK_ASSIGN_OR_RETURN(const rules::DomainTable domains, DomainsOf(arguments));
  if (direction == FlowDirection::kOutbound) {
    if (all.size() > limits::kOutboundRecipientsMax) {
      output.Warn(Cat(all.size(), " recipients: outbound mail takes ",
                      limits::kOutboundRecipientsMax, "; a listener refuses the others (H11)"));
    }
    return all;
  }
  const rules::InboundSplit split = rules::SplitByOrganization(all, domains);
  for (const std::size_t i : split.foreign) {
    output.Warn(
        Cat("\"", all[i], "\" is in no --domain; the event of an inbound message leaves it out"));
  }
  if (split.parts.empty()) {
    return InvalidArgument(
        "--rcpt: none is in a --domain, so no rule is asked for an inbound message; name the "
        "domains that the organization owns with --domain");
  }
  std::vector<std::string> own;
  for (const std::size_t i : split.parts.front().recipients)
    own.push_back(std::move(all[i]));
  return own;
}

// null and empty are not the same (E2, E4).
std::string OrNull(const std::optional<std::string>& text) {
  return text ? Cat("\"", *text, "\"") : "null";
}

std::string SheetOf(const flow::Event& event) {
  Sheet sheet;
  sheet.Add("Mail from", Cat("\"", event.mail_from, "\""));
  sheet.Add("Recipients", Join(event.recipients, ", "));
  sheet.Add("Truncated", event.truncated ? "yes: recipients were left out" : "no");
  sheet.Add("Sender", OrNull(event.sender));
  sheet.Add("Subject", OrNull(event.subject));
  sheet.Add("Message", event.message_id.text());
  sheet.Add("Invocation", event.invocation_id.text());
  sheet.Add("Direction", Name(event.direction));
  sheet.Add("JSON", Cat(flow::JsonOctets(event), " of ", limits::kEventOctetsMax, " octets"));
  return sheet.ToText();
}

template <class Id>
StatusOr<Id> IdOf(const Arguments& arguments, std::string_view option, Id fresh) {
  if (!arguments.Has(option)) return fresh;
  std::string text = arguments.Text(option);
  PENSTOCK_RETURN_IF_ERROR(wire::CheckId(option, text));
  return Id(std::move(text));
}

Status Build(Session& session, const Arguments& arguments) {
  const FlowDirection direction = *DirectionOf(arguments);
  PENSTOCK_ASSIGN_OR_RETURN(const std::string header, ReadHeader("--eml", arguments.Text("--eml")));
  PENSTOCK_ASSIGN_OR_RETURN(const std::string reverse_path, ReversePathOf(arguments));
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<std::string> recipients,
                            ListedRecipients(arguments, direction, session.output()));
  PENSTOCK_ASSIGN_OR_RETURN(MessageId message, IdOf(arguments, "--message-id", FreshMessageId()));
  PENSTOCK_ASSIGN_OR_RETURN(InvocationId invocation,
                            IdOf(arguments, "--invocation-id", FreshInvocationId()));
  const mail::Summary summary = mail::Summarize(mail::HeaderSection::Scan(header));
  const flow::Event event =
      flow::BuildEvent(flow::Summarize(summary.from, summary.sender, reverse_path, summary.subject),
                       recipients, std::move(message), std::move(invocation), direction);
  std::string json;
  flow::AppendJson(json, event);
  json += '\n';
  return session.output().Show(
      wire::ToProto(event), [&] { return SheetOf(event); }, json);
}

Status CheckBuild(const Arguments& arguments) {
  if (!arguments.Has("--mail-from")) {
    return InvalidArgument("--mail-from is missing; '' stands for the null path");
  }
  if (arguments.Text("--direction") == "inbound" && !arguments.Has("--domain")) {
    return InvalidArgument(
        "--domain is missing: the event of an inbound message lists recipients in the "
        "organization's domains alone");
  }
  return OkStatus();
}

}  // namespace

std::vector<Command> EventCommands() {
  Parameter rcpt = RcptOption("a recipient of the message, as in SMTP RCPT");
  rcpt.required = true;
  return {{
      .words = "event build",
      .summary = "Show the event that a hook would be given for a message",
      .details = "Asks no daemon. With --output json: exactly the JSON text of the event.",
      .example = "penstock event build --eml mail.eml --mail-from alice@example.org "
                 "--rcpt bob@example.com --direction inbound --domain example.com --output json",
      .parameters = {{.name = "--eml",
                      .value = "FILE",
                      .help = "the message; '-': standard input",
                      .kind = Parameter::Kind::kFile,
                      .required = true},
                     {.name = "--mail-from",
                      .value = "ADDRESS",
                      .help = "SMTP MAIL FROM; '' for the null path"},
                     std::move(rcpt),
                     DirectionOption(),
                     DomainOption(),
                     {.name = "--message-id",
                      .value = "ID",
                      .help = "the event's messageId; a new one if not given"},
                     {.name = "--invocation-id",
                      .value = "ID",
                      .help = "the event's invocationId; a new one if not given"}},
      .check = CheckBuild,
      .run = Build,
  }};
}

}  // namespace penstock::cli
