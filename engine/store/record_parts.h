// SPDX-License-Identifier: Apache-2.0
// What the record files have in common. Private to them.
#pragma once

#include <climits>
#include <string_view>

#include "engine/base/status.h"
#include "engine/base/strings.h"
#include "engine/rules/flow_rule.h"
#include "engine/store/record_words.h"

namespace penstock::store {

template <class Stored>
StatusOr<Stored> ParseStored(std::string_view record) {
  Stored stored;
  if (record.size() > INT_MAX ||
      !stored.ParseFromArray(record.data(), static_cast<int>(record.size()))) {
    return DataLoss("record: not a protobuf message");
  }
  return stored;
}

inline Status UnknownValue(std::string_view field) {
  return DataLoss(Cat("record: a value of ", field, " that this version does not know"));
}

inline void StoreVerdict(const rules::Verdict& verdict, v1::Verdict& out) {
  out.set_action(StoredWord(kActions, verdict.action));
  out.set_gateway(verdict.gateway);
  out.set_bounce_message(verdict.bounce_message);
}

// Returns whether the action is known.
inline bool ReadVerdict(const v1::Verdict& stored, rules::Verdict& out) {
  out.gateway = stored.gateway();
  out.bounce_message = stored.bounce_message();
  return ReadWord(kActions, stored.action(), out.action);
}

}  // namespace penstock::store
