// SPDX-License-Identifier: Apache-2.0
// penstock answer: what a hook's answer comes to, without a daemon.
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/flow/trial.h"
#include "engine/wire/answer_json.h"
#include "engine/wire/hook_trial.h"

#include "tools/penstock/decision_options.h"
#include "tools/penstock/input.h"
#include "tools/penstock/resources.h"
#include "tools/penstock/session.h"
#include "tools/penstock/trial_text.h"

namespace penstock::cli {
namespace {

Status Resolve(Session& session, const Arguments& arguments) {
  flow::Trial trial;
  PENSTOCK_ASSIGN_OR_RETURN(trial.event, EventOf(arguments, session.output()));
  PENSTOCK_ASSIGN_OR_RETURN(trial.recipients,
                            InvocationRecipientsOf(arguments, trial.event, session.output()));
  PENSTOCK_ASSIGN_OR_RETURN(trial.other_recipients, AddressesOf(arguments, "--other-rcpt"));
  PENSTOCK_ASSIGN_OR_RETURN(trial.fallback, FallbackOf(arguments, trial.event.direction));
  PENSTOCK_ASSIGN_OR_RETURN(const flow::OwnsDomain owns_domain, OwnsDomainOf(arguments));
  const std::string path = arguments.Text("--answer");
  PENSTOCK_ASSIGN_OR_RETURN(const std::string text,
                            ReadInput("--answer", path, limits::kAnswerFileOctetsMax));

  const StatusOr<flow::Answer> answer = wire::ParseAnswerJson(text);
  const StatusOr<flow::Resolution> resolution =
      answer.ok() ? flow::ResolveTrial(trial, owns_domain, arguments.Has("--strict"), *answer)
                  : answer.status();
  if (!resolution.ok()) return Annotate(resolution.status(), Cat("--answer ", path));
  const v1::Resolution resource = wire::ToProto(*resolution, trial.recipients);
  return session.output().Show(resource, [&] { return ResolutionText(resource); });
}

Status CheckResolve(const Arguments& arguments) {
  PENSTOCK_RETURN_IF_ERROR(CheckFallbackOptions(arguments));
  return CheckOneStandardInput(arguments, "--event", "--answer");
}

}  // namespace

std::vector<Command> AnswerCommands() {
  std::vector<Parameter> fallback =
      FallbackOptions("what recipients get whom the answer does not reach", "fallback");
  fallback.front().required = true;
  Parameter direction = DirectionOption();
  direction.required = false;
  direction.help += "; needed where the event does not name it";
  return {{
      .words = "answer resolve",
      .summary = "Show what a hook's answer comes to, recipient by recipient, and why",
      .details = "Asks no daemon. The answer is JSON, as a WorkMail function returns it.",
      .example = "penstock answer resolve --event event.json --answer answer.json "
                 "--fallback default --direction inbound --domain example.com",
      .parameters =
          With(With({EventOption(),
                     {.name = "--answer",
                      .value = "FILE",
                      .help = "what the hook returned, as JSON; '-': standard input",
                      .kind = Parameter::Kind::kFile,
                      .required = true}},
                    fallback),
               {std::move(direction), DomainOption(),
                RcptOption("a recipient of the invocation; name all where the event was cut"),
                OtherRcptOption(), StrictOption()}),
      .check = CheckResolve,
      .run = Resolve,
  }};
}

}  // namespace penstock::cli
