// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/content_retention.h"

#include <memory>
#include <string>
#include <utility>

namespace penstock::runtime {

bool IsForHooks(const flow::MessageState& message, const flow::Directory& directory) {
  const auto may_see = [&](const std::string& name) {
    const auto hook = directory.FindHook(name);
    return hook != nullptr && (MayRead(*hook, message.organization, message.direction) ||
                               MayReplace(*hook, message.organization, message.direction));
  };
  for (const flow::InvocationState& invocation : message.invocations) {
    if (may_see(invocation.hook)) return true;
  }
  const std::string* last = nullptr;  // recipients of one rule often stand together
  for (const flow::RecipientState& recipient : message.recipients) {
    if (recipient.decided_by != flow::DecidedBy::kAsyncRule) continue;
    if (last != nullptr && *last == recipient.rule) continue;
    last = &recipient.rule;
    const auto* rule = directory.FindRule(message.organization, message.direction, recipient.rule);
    if (rule != nullptr && rule->run_hook && may_see(rule->run_hook->hook)) return true;
  }
  return false;
}

ports::RetainedContent Retain(const flow::MessageState& message, InvocationId invocation,
                              ContentId content, Milliseconds retention) {
  return {message.id, std::move(invocation), std::move(content), message.received + retention};
}

std::optional<flow::ReplacedContent> Describe(const flow::MessageState& message,
                                              const StagedContent& staged) {
  if (staged.content == nullptr) return std::nullopt;
  flow::ReplacedContent replaced;
  replaced.id = staged.content->id();
  replaced.octets = staged.content->octets();
  // Fields of parts may be in UTF-8 as well, which a body tells by being 8-bit.
  replaced.smtputf8 = staged.header_eight_bit || (message.smtputf8 && staged.body_eight_bit);
  replaced.body_8bit = staged.header_eight_bit || staged.body_eight_bit;
  return replaced;
}

}  // namespace penstock::runtime
