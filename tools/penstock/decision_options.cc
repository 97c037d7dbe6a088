// SPDX-License-Identifier: Apache-2.0
#include "tools/penstock/decision_options.h"

#include <algorithm>
#include <set>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/mail/mailbox.h"
#include "engine/wire/event_json.h"
#include "engine/wire/hook_trial.h"

#include "tools/penstock/input.h"
#include "tools/penstock/names.h"

namespace penstock::cli {
namespace {

using Kind = Parameter::Kind;

// "fallback.gateway: …" is --fallback-gateway to whoever types.
Status InOptions(const Status& status) {
  std::string_view text = Message(status);
  for (const auto& [field, option] :
       {std::pair<std::string_view, std::string_view>{"fallback.action", "--fallback"},
        {"fallback.gateway", "--fallback-gateway"},
        {"fallback.bounce_message", "--fallback-bounce-message"}}) {
    if (!text.starts_with(field)) continue;
    return MakeStatus(status.code(), Cat(option, text.substr(field.size())));
  }
  return status;
}

}  // namespace

std::vector<Parameter> With(std::vector<Parameter> first, const std::vector<Parameter>& rest) {
  first.insert(first.end(), rest.begin(), rest.end());
  return first;
}

const std::vector<std::string>& ActionWords() {
  static const std::vector<std::string> kWords = {
      "drop", "bounce", "move-to-junk", "default", "bypass-spam-check", "route-to-gateway"};
  return kWords;
}

Parameter OrgOption() {
  return {.name = "--org",
          .value = "ORG",
          .help = "the organization",
          .kind = Kind::kOrganization,
          .preset = "default"};
}

Parameter DirectionOption() {
  return {.name = "--direction",
          .value = "DIRECTION",
          .help = "of the mail",
          .kind = Kind::kWord,
          .required = true,
          .words = {"inbound", "outbound"}};
}

Parameter DomainOption() {
  return {.name = "--domain",
          .value = "DOMAIN",
          .help = "a domain that the organization owns",
          .repeated = true};
}

Parameter RcptOption(std::string help) {
  return {.name = "--rcpt",
          .value = "ADDRESS",
          .help = std::move(help),
          .repeated = true,
          .field = "recipients"};
}

Parameter OtherRcptOption() {
  return {.name = "--other-rcpt",
          .value = "ADDRESS",
          .help = "a recipient of the same message that another rule decides",
          .repeated = true,
          .field = "other_recipients"};
}

Parameter EventOption() {
  return {.name = "--event",
          .value = "FILE",
          .help = "the event as JSON, in any shape that WorkMail wrote; '-': standard input",
          .kind = Kind::kFile,
          .required = true,
          .field = "event_json"};
}

Parameter StrictOption() {
  return {.name = "--strict",
          .help = "inbound: an answer that adds a recipient outside the organization is invalid"};
}

std::vector<Parameter> FallbackOptions(std::string help, const std::string& field) {
  return {
      {.name = "--fallback",
       .value = "ACTION",
       .help = std::move(help),
       .kind = Kind::kWord,
       .words = ActionWords(),
       .field = field + ".action"},
      {.name = "--fallback-gateway",
       .value = "NEXT_HOP",
       .help = "with the fallback route-to-gateway: a next hop",
       .field = field + ".gateway"},
      {.name = "--fallback-bounce-message",
       .value = "TEXT",
       .help = "with the fallback bounce: text for the sender",
       .field = field + ".bounce_message"},
  };
}

v1::Verdict VerdictOf(const Arguments& arguments, const std::string& prefix,
                      const std::string& action) {
  v1::Verdict verdict;
  v1::Verdict::Action value = v1::Verdict::UNSPECIFIED;
  if (v1::Verdict::Action_Parse(EnumWord(arguments.Text(action)), &value))
    verdict.set_action(value);
  verdict.set_gateway(arguments.Text(prefix + "gateway"));
  verdict.set_bounce_message(arguments.Text(prefix + "bounce-message"));
  return verdict;
}

Status CheckFallbackOptions(const Arguments& arguments) {
  for (const char* name : {"--fallback-gateway", "--fallback-bounce-message"}) {
    if (arguments.Has(name) && !arguments.Has("--fallback")) {
      return InvalidArgument(Cat(name, " needs --fallback"));
    }
  }
  return OkStatus();
}

StatusOr<rules::Verdict> FallbackOf(const Arguments& arguments, rules::FlowDirection direction) {
  auto fallback = wire::ReadFallback(VerdictOf(arguments, "--fallback-", "--fallback"), direction);
  if (!fallback.ok()) return InOptions(fallback.status());
  return fallback;
}

std::optional<rules::FlowDirection> DirectionOf(const Arguments& arguments) {
  if (!arguments.Has("--direction")) return std::nullopt;
  return arguments.Text("--direction") == "inbound" ? rules::FlowDirection::kInbound
                                                    : rules::FlowDirection::kOutbound;
}

StatusOr<std::vector<std::string>> AddressesOf(const Arguments& arguments,
                                               std::string_view option) {
  std::vector<std::string> addresses = arguments.List(option);
  for (const std::string& address : addresses)
    PENSTOCK_RETURN_IF_ERROR(Annotate(mail::Mailbox::Parse(address).status(), option));
  return addresses;
}

StatusOr<rules::DomainTable> DomainsOf(const Arguments& arguments) {
  const rules::Organization organization{std::string(rules::kDefaultOrganization),
                                         arguments.List("--domain")};
  auto domains = rules::DomainTable::Build({&organization, 1});
  if (!domains.ok()) return Annotate(domains.status(), "--domain");
  return domains;
}

StatusOr<flow::OwnsDomain> OwnsDomainOf(const Arguments& arguments) {
  PENSTOCK_ASSIGN_OR_RETURN(rules::DomainTable domains, DomainsOf(arguments));
  return [domains = std::move(domains)](std::string_view domain) {
    return !domains.OwnerOfDomain(domain).empty();
  };
}

StatusOr<flow::Event> EventOf(const Arguments& arguments, Output& output) {
  const std::string path = arguments.Text("--event");
  PENSTOCK_ASSIGN_OR_RETURN(const std::string text,
                            ReadInput("--event", path, limits::kEventFileOctetsMax));
  const std::optional<rules::FlowDirection> direction = DirectionOf(arguments);
  StatusOr<flow::Event> event = wire::ParseEventJson(text, direction);
  if (!event.ok()) {
    const bool names_none = Message(event.status()) == "flowDirection: missing";
    return Annotate(
        names_none ? InvalidArgument("flowDirection: missing; say it with --direction inbound or "
                                     "--direction outbound")
                   : event.status(),
        Cat("--event ", path));
  }
  if (direction && *direction != event->direction) {
    output.Warn(Cat("the event's flowDirection is ", Name(event->direction), "; ", Name(*direction),
                    " counts, as --direction says"));
    event->direction = *direction;
  }
  return event;
}

StatusOr<std::vector<std::string>> InvocationRecipientsOf(const Arguments& arguments,
                                                          const flow::Event& event,
                                                          Output& output) {
  if (!arguments.Has("--rcpt")) {
    if (event.truncated) {
      output.Warn(
          "the event was cut: recipients that it leaves out are not shown; name all with --rcpt");
    }
    return event.recipients;
  }
  PENSTOCK_ASSIGN_OR_RETURN(std::vector<std::string> recipients, AddressesOf(arguments, "--rcpt"));
  std::set<std::string> keys;
  for (const std::string& recipient : recipients)
    keys.insert(mail::AddressKey(recipient));
  for (const std::string& recipient : event.recipients) {
    if (keys.contains(mail::AddressKey(recipient))) continue;
    output.Warn(Cat("\"", recipient, "\" is a recipient of the event, but not among --rcpt"));
  }
  return recipients;
}

}  // namespace penstock::cli
