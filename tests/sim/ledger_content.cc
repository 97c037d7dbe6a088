// SPDX-License-Identifier: Apache-2.0
// What hooks put in the place of content, and what leaves (M2, M7).
#include <algorithm>

#include "engine/base/strings.h"
#include "tests/sim/ledger.h"

namespace penstock::sim {
namespace {

using flow::Index;

// Nullopt: it cannot be read now.
std::optional<std::string> ReadAll(const ports::ContentReader& content) {
  std::string octets(content.octets(), '\0');
  const auto read = content.Read(0, octets);
  if (!read.ok() || *read != octets.size()) return std::nullopt;
  return octets;
}

}  // namespace

std::string Ledger::MakePut(const runtime::ContentClaim& claim, std::size_t number) const {
  const auto message = messages_.find(claim.message);
  const std::string received = message == messages_.end() || message->second.submission == nullptr
                                   ? std::string("\r\n\r\n")
                                   : message->second.submission->content;
  return Cat(received, "put ", number, " by ", claim.invocation.text(), " in attempt ",
             claim.attempt, "\r\n");
}

// Within an attempt it sees what it staged, at its begin what was received.
void Ledger::OnGet(const runtime::ContentClaim& claim, const ports::ContentReader& seen) {
  const auto message = messages_.find(claim.message);
  const Invocation& invocation = invocations_[claim.invocation];
  const bool runs = invocation.running && invocation.last_attempt == claim.attempt &&
                    !cancelled_.contains(claim.message);
  if (claim.mode != rules::InvocationMode::kSync || !runs || message == messages_.end()) return;
  const auto staged = invocation.staged.find(claim.attempt);
  const std::string& want =
      staged != invocation.staged.end() ? staged->second : message->second.submission->content;
  trace_.Count("content get");
  if (ReadAll(seen) != want)
    Violate("M2", Cat("attempt ", claim.attempt, " of ", claim.invocation.text(),
                      " sees what it has not put"));
}

void Ledger::OnPut(const runtime::ContentClaim& claim, const std::string& octets,
                   const Status& status) {
  const bool sync = claim.mode == rules::InvocationMode::kSync;
  trace_.Line("put by ", claim.invocation.text(), ", attempt ", claim.attempt, ": ",
              CodeName(status.code()));
  if (!status.ok()) {
    if (status.code() == StatusCode::kFailedPrecondition) trace_.Count("put too late");
    if (status.code() == StatusCode::kInvalidArgument)
      Violate("M4", Cat("a sound put is refused: ", penstock::Message(status)));
    return;
  }
  trace_.Count(sync ? "content put" : "content put by an async hook");
  if (!sync) return;
  const auto message = messages_.find(claim.message);
  if (message == messages_.end()) return;
  for (const flow::InvocationState& invocation : message->second.state.invocations) {
    if (invocation.id == claim.invocation && invocation.decided)
      Violate("M3", Cat("a put is taken after the decision, ", claim.invocation.text()));
  }
  invocations_[claim.invocation].staged[claim.attempt] = octets;
}

// The decision is durable: with what the attempt put whose answer it is, and with nothing else.
void Ledger::CheckReplaced(const flow::MessageState& after, Index i) {
  const flow::InvocationState& is = after.invocations[i];
  Invocation& seen = invocations_[is.id];
  const bool answered =
      !is.fell_back &&
      std::none_of(after.recipients.begin(), after.recipients.end(),
                   [i](const flow::RecipientState& recipient) {
                     return recipient.invocation == i &&
                            recipient.decided_by == flow::DecidedBy::kAdministrator;
                   });
  const auto staged = seen.staged.find(is.attempts_ended);
  const bool put = answered && staged != seen.staged.end();
  if (put != is.replaced.has_value())
    Violate("M2",
            Cat("invocation ", is.id.text(), put ? " lost what it put" : " is given content"));
  if (put) {
    trace_.Count("content replaced");
    seen.replaced = staged->second;
  }
  seen.staged.clear();
}

const Ledger::Invocation* Ledger::Replaced(const Message& message, Index recipient) const {
  const Index i = message.state.recipients[recipient].invocation;
  if (i == flow::kNoIndex) return nullptr;
  const auto found = invocations_.find(message.state.invocations[i].id);
  return found != invocations_.end() && found->second.replaced ? &found->second : nullptr;
}

void Ledger::CheckContent(const Message& message, const ports::DeliveryRequest& request,
                          const std::vector<Index>& recipients) {
  if (message.submission == nullptr) return;
  const auto octets = ReadAll(*request.content);
  for (const Index i : recipients) {
    const Invocation* replaced = Replaced(message, i);
    if (replaced != nullptr) trace_.Count("replaced content delivered");
    const std::string& want =
        replaced != nullptr ? *replaced->replaced : message.submission->content;
    if (octets != want)
      Violate(replaced != nullptr ? "M2" : "M7",
              Cat("message ", request.message.text(), " leaves with other octets"));
  }
  if (request.reverse_path != message.submission->reverse_path)
    Violate("M7", Cat("message ", request.message.text(), " leaves with another reverse path"));
}

}  // namespace penstock::sim
