// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/message_step.h"

#include <utility>

#include "engine/base/log.h"
#include "engine/base/metrics.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/runtime/bounce.h"

namespace penstock::runtime {
namespace {

using flow::Effects;
using flow::HistoryEntry;
using flow::HistoryKind;
using flow::MessageState;

// For a log line: an answer may add thousands. The history has them all.
std::string NamesOf(const std::vector<std::string>& recipients) {
  if (recipients.size() <= limits::kLogRecipientsMax) return Join(recipients, ",");
  const std::vector<std::string> first(recipients.begin(),
                                       recipients.begin() + limits::kLogRecipientsMax);
  return Cat(Join(first, ","), " and ", recipients.size() - first.size(), " more");
}

}  // namespace

StatusOr<ports::Transaction> StepTransaction(Context& context, const MessageState& state,
                                             const Effects& effects, std::string_view original,
                                             Time now, std::vector<MessageState>& bounces) {
  ports::Transaction transaction;
  transaction.messages.push_back({state, effects.history});
  if (effects.bounces.empty()) return transaction;
  PENSTOCK_ASSIGN_OR_RETURN(Bounce bounce,
                            MakeBounce(context, state, effects.bounces, original, now));
  // Before the line that closes the message, if there is one.
  auto& history = transaction.messages.front().history;
  for (const bool success : {false, true}) {
    HistoryEntry sent{.time = now, .kind = HistoryKind::kBounceSent};
    for (const flow::BouncedRecipient& bounced : effects.bounces) {
      if (bounced.reply.is_positive() == success)
        sent.recipients.push_back(state.recipients[bounced.recipient].forward_path);
    }
    if (sent.recipients.empty()) continue;
    sent.detail = Cat("as message ", bounce.write.state.id.text(),
                      success ? ": the sender asked to be told of success" : "");
    auto at = history.end();
    if (!history.empty() && history.back().kind == HistoryKind::kClosed) --at;
    history.insert(at, std::move(sent));
  }
  bounces.push_back(bounce.write.state);
  transaction.messages.push_back(std::move(bounce.write));
  transaction.contents.push_back(std::move(bounce.content));
  return transaction;
}

void ReportStep(Context& context, const MessageState& state,
                const std::vector<HistoryEntry>& history) {
  if (HookTail& tail = context.hooks.tail(); tail.watched()) {
    for (TailLine& line : TailLinesOf(state, history))
      tail.Tell(std::move(line));
  }
  const std::string_view direction = Name(state.direction);
  for (const HistoryEntry& entry : history) {
    switch (entry.kind) {
      case HistoryKind::kOutcome:
        Count(metrics::kOutcomes,
              {{"organization", state.organization},
               {"direction", direction},
               {"action", entry.action}},
              static_cast<double>(entry.recipients.size()));
        break;
      case HistoryKind::kFallbackApplied:
        Count(metrics::kFallbacks, {{"hook", entry.hook}});
        break;
      case HistoryKind::kDeliveryAttempt:
        Count(metrics::kDeliveries, {{"next_hop", entry.next_hop}, {"result", entry.code}},
              static_cast<double>(entry.recipients.size()));
        break;
      case HistoryKind::kHookAttempt:
        continue;  // HookGate has said it
      default:
        break;
    }
    Log(entry.code == "failed" || entry.code == "deferred" ? LogLevel::kWarning : LogLevel::kInfo,
        Name(entry.kind),
        {{"message", state.id.text()},
         {"recipients", NamesOf(entry.recipients)},
         {"rule", entry.rule},
         {"hook", entry.hook},
         {"next_hop", entry.next_hop},
         {"action", entry.action},
         {"code", entry.code},
         {"detail", Printable(entry.detail, limits::kLogDetailOctetsMax)}});
  }
}

}  // namespace penstock::runtime
