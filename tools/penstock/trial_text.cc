// SPDX-License-Identifier: Apache-2.0
#include "tools/penstock/trial_text.h"

#include <chrono>

#include "engine/base/strings.h"
#include "engine/base/time.h"
#include "engine/wire/proto_time.h"

#include "tools/penstock/output.h"
#include "tools/penstock/rule_text.h"

namespace penstock::cli {
namespace {

using Recipient = v1::Resolution::Recipient;

std::string BasisText(Recipient::Basis basis) {
  switch (basis) {
    case Recipient::NAMED:
      return "named by the answer";
    case Recipient::ALL_RECIPIENTS:
      return "allRecipients of the answer";
    case Recipient::FALLBACK:
      return "fallback: the answer does not reach it";
    case Recipient::SURPLUS:
      return "fallback: named beyond the tenth action alone";
    case Recipient::NO_ANSWER:
      return "fallback: no valid answer by the rule timeout";
    default:
      return Recipient::Basis_Name(basis);
  }
}

}  // namespace

std::string ResolutionText(const v1::Resolution& resolution) {
  Table table({"RECIPIENT", "OUTCOME", "WHY"});
  for (const Recipient& recipient : resolution.recipients()) {
    table.Add(
        {recipient.address(), VerdictText(recipient.verdict()), BasisText(recipient.basis())});
  }
  for (const v1::Resolution::Addition& addition : resolution.additions()) {
    table.Add({addition.address(), VerdictText(addition.verdict()), "added by the answer, as BCC"});
  }
  std::string text = table.ToText("no recipients");
  for (const v1::Resolution::Warning& warning : resolution.warnings()) {
    Append(text, v1::Resolution::Warning::Reason_Name(warning.reason()), " ", warning.where(), ": ",
           TerminalText(warning.text()), "\n");
  }
  if (resolution.warnings_left_out() > 0) {
    Append(text, "and ", resolution.warnings_left_out(), " further warnings\n");
  }
  return text;
}

std::string TrialText(const v1::HookTrial& trial) {
  const auto duration = std::chrono::duration_cast<Milliseconds>(wire::FromProto(trial.duration()));
  std::string text =
      Cat("hook ", TerminalText(trial.hook()),
          trial.rule().empty() ? "" : Cat(" by rule ", TerminalText(trial.rule())), ", ",
          v1::InvokeRequest::Mode_Name(trial.mode()), " attempt ", trial.attempt(), ": ",
          trial.code(), " after ", FormatDuration(duration), "\n");
  if (!trial.error().empty()) Append(text, "  ", TerminalText(trial.error()), "\n");
  if (!trial.answer().empty()) Append(text, "  answer: ", TerminalText(trial.answer()), "\n");
  if (trial.mode() == v1::InvokeRequest::ASYNC) {
    return Cat(text, "  the message is delivered as DEFAULT, whatever the hook answers\n");
  }
  return Cat(text, ResolutionText(trial.resolution()));
}

Status FailureOf(const v1::HookTrial& trial) {
  if (trial.code() == CodeName(StatusCode::kOk)) return OkStatus();
  const bool unreachable = trial.code() == CodeName(StatusCode::kUnavailable);
  const bool is_name = trial.hook().find_first_of(":/") == std::string::npos;
  return FailedPrecondition(
      Cat("the attempt at hook ", trial.hook(), " failed: ", trial.code(), ": ",
          TerminalText(trial.error()),
          !unreachable ? ""
          : is_name    ? Cat("; where it should listen: penstock hook show ", trial.hook())
                       : Cat("; does a hook listen at ", trial.hook(), "?")));
}

}  // namespace penstock::cli
