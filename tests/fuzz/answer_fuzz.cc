// SPDX-License-Identifier: Apache-2.0
// An answer in JSON: what is read, written and read again is the same; what it is resolved to gives
// every recipient one verdict that a hook may give, and adds nobody twice (H5 to H11).
// Covers: engine/wire/answer_json.cc engine/flow/answer.cc engine/flow/resolve.cc
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/check.h"
#include "engine/base/limits.h"
#include "engine/flow/answer.h"
#include "engine/flow/resolve.h"
#include "engine/mail/mailbox.h"
#include "engine/wire/answer_json.h"

using penstock::flow::Answer;
using penstock::flow::Resolution;
using penstock::flow::ResolveInput;
using penstock::rules::Action;
using penstock::rules::FlowDirection;

namespace {

void CheckResolution(const Answer& answer, FlowDirection direction) {
  const std::vector<std::string> recipients = {"ann@example.com", "bob@example.com",
                                               "\"c d\"@example.com"};
  const std::vector<std::string> others = {"eve@example.com"};
  ResolveInput input;
  input.recipients = recipients;
  input.other_recipients = others;
  input.fallback = {Action::kMoveToJunk, "", ""};
  input.direction = direction;
  input.owns_domain = [](std::string_view domain) { return domain == "example.com"; };
  input.room = penstock::flow::RoomForAdditions(direction, 499);
  const auto resolution = Resolve(input, answer);
  if (!resolution.ok()) {
    PENSTOCK_CHECK(!resolution.status().message().empty());
    return;
  }
  PENSTOCK_CHECK(resolution->recipients.size() == recipients.size());
  for (const auto& resolved : resolution->recipients) {
    PENSTOCK_CHECK(IsAnswerAction(resolved.verdict.action, direction) ||
                   resolved.verdict == input.fallback);
  }
  std::set<std::string> keys = {"eve@example.com"};
  for (const std::string& recipient : recipients)
    keys.insert(penstock::mail::AddressKey(recipient));
  PENSTOCK_CHECK(resolution->additions.size() <= input.room);
  for (const auto& addition : resolution->additions) {
    PENSTOCK_CHECK(keys.insert(penstock::mail::AddressKey(addition.address)).second);
    PENSTOCK_CHECK(addition.verdict.action != Action::kDrop &&
                   addition.verdict.action != Action::kBounce);
  }
  PENSTOCK_CHECK(resolution->warnings.size() <= penstock::limits::kAnswerWarningsMax);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto answer = penstock::wire::ParseAnswerJson(text);
  if (!answer.ok()) {
    PENSTOCK_CHECK(!answer.status().message().empty());
    return 0;
  }
  std::string json;
  AppendJson(json, *answer);
  const auto again = penstock::wire::ParseAnswerJson(json);
  PENSTOCK_CHECK(again.ok() && *again == *answer);
  CheckResolution(*answer, FlowDirection::kInbound);
  CheckResolution(*answer, FlowDirection::kOutbound);
  answer->typed = true;
  CheckResolution(*answer, FlowDirection::kInbound);
  return 0;
}
