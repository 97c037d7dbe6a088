// SPDX-License-Identifier: Apache-2.0
#include "tests/support/reference_resolve.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <utility>

namespace penstock::tests {
namespace {

// R7, for what a hook may answer: from the most restrictive to the least.
const std::vector<std::string> kOrder = {"DROP", "BOUNCE", "MOVE_TO_JUNK", "DEFAULT",
                                         "BYPASS_SPAM_CHECK"};

// Type and, for BOUNCE, the message: what makes an action unique (H8).
using UniqueAction = std::pair<std::string, std::string>;

UniqueAction UniqueOf(const ReferenceEntry& entry) {
  if (entry.type != "BOUNCE") return {entry.type, ""};
  return {entry.type, entry.bounce_message.value_or("")};
}

std::size_t Rank(const UniqueAction& action) {
  return static_cast<std::size_t>(std::find(kOrder.begin(), kOrder.end(), action.first) -
                                  kOrder.begin());
}

std::string Written(const UniqueAction& action) {
  return action.second.empty() ? action.first : action.first + ":" + action.second;
}

bool IsAllowed(const std::string& type, bool inbound) {
  if (type == "BOUNCE" || type == "DROP" || type == "DEFAULT") return true;
  return inbound && (type == "BYPASS_SPAM_CHECK" || type == "MOVE_TO_JUNK");
}

// What comparing goes by, for names that are no addresses as well.
std::string KeyOrText(const std::string& address) {
  return ReferenceKey(address).value_or("no address: " + address);
}

std::vector<std::string> Keys(const std::vector<std::string>& addresses) {
  std::vector<std::string> keys;
  for (const auto& address : addresses)
    keys.push_back(KeyOrText(address));
  return keys;
}

bool Holds(const std::vector<std::string>& keys, const std::string& address) {
  return std::find(keys.begin(), keys.end(), KeyOrText(address)) != keys.end();
}

// H7: of several actions, in array order, the most restrictive; of equals the first.
UniqueAction MostRestrictive(const std::vector<UniqueAction>& actions) {
  UniqueAction best = actions.front();
  for (const auto& action : actions) {
    if (Rank(action) < Rank(best)) best = action;
  }
  return best;
}

bool Differ(const std::vector<UniqueAction>& actions) {
  return std::any_of(actions.begin(), actions.end(),
                     [&](const UniqueAction& action) { return action != actions.front(); });
}

// The actions that name `address`, in array order: those that count, or the surplus ones.
std::vector<UniqueAction> ActionsNaming(const std::string& address, const ReferenceInput& input,
                                        const std::vector<bool>& counts, bool counting) {
  std::vector<UniqueAction> actions;
  for (std::size_t i = 0; i < input.actions.size(); ++i) {
    const auto& entry = input.actions[i];
    if (counts[i] != counting || !entry.recipients) continue;
    if (Holds(Keys(*entry.recipients), address)) actions.push_back(UniqueOf(entry));
  }
  return actions;
}

void FindInvalidFields(const ReferenceInput& input, ReferenceResult& result) {
  if (input.actions.empty()) result.invalid_fields.insert("actions");
  for (std::size_t i = 0; i < input.actions.size(); ++i) {
    const auto& entry = input.actions[i];
    const std::string field = "actions[" + std::to_string(i) + "]";
    if (!IsAllowed(entry.type, input.inbound)) {
      result.invalid_fields.insert(field + ".action.type");
    }
    const bool nobody = (!entry.recipients || entry.recipients->empty()) && !entry.all_recipients;
    if (nobody && input.typed) result.warnings.insert("NO_RECIPIENTS");
    if (nobody && !input.typed && !entry.recipients) {
      result.invalid_fields.insert(field + ".recipients");
    }
  }
}

// H8: which entries count.
std::vector<bool> FindCounting(const ReferenceInput& input, ReferenceResult& result) {
  std::vector<UniqueAction> seen;
  std::vector<bool> counts;
  for (const auto& entry : input.actions) {
    if (std::find(seen.begin(), seen.end(), UniqueOf(entry)) == seen.end()) {
      seen.push_back(UniqueOf(entry));
    }
    const auto place = std::find(seen.begin(), seen.end(), UniqueOf(entry)) - seen.begin();
    counts.push_back(place < 10);
    if (place >= 10) result.warnings.insert("SURPLUS_ACTION");
  }
  return counts;
}

void DecideRecipients(const ReferenceInput& input, const std::vector<bool>& counts,
                      ReferenceResult& result) {
  std::vector<UniqueAction> all;
  for (std::size_t i = 0; i < input.actions.size(); ++i) {
    if (counts[i] && input.actions[i].all_recipients) all.push_back(UniqueOf(input.actions[i]));
  }
  if (!all.empty() && Differ(all)) result.warnings.insert("ALL_CONFLICT");
  for (const auto& recipient : input.recipients) {
    const auto named = ActionsNaming(recipient, input, counts, true);
    const auto surplus = ActionsNaming(recipient, input, counts, false);
    if (!named.empty()) {
      if (Differ(named)) result.warnings.insert("CONFLICT");
      result.recipients.push_back(Written(MostRestrictive(named)) + " NAMED");
    } else if (!surplus.empty()) {
      result.recipients.push_back(input.fallback + " SURPLUS");
    } else if (!all.empty()) {
      result.recipients.push_back(Written(MostRestrictive(all)) + " ALL_RECIPIENTS");
    } else {
      result.recipients.push_back(input.fallback + " FALLBACK");
    }
  }
}

// H9, H10, H11.
void FindAdditions(const ReferenceInput& input, const std::vector<bool>& counts,
                   ReferenceResult& result) {
  const std::vector<std::string> own = Keys(input.recipients);
  const std::vector<std::string> others = Keys(input.other_recipients);
  std::set<std::string> done;
  std::size_t in_message = input.recipients.size() + input.other_recipients.size();
  for (std::size_t i = 0; i < input.actions.size(); ++i) {
    const auto& entry = input.actions[i];
    if (!counts[i] || !entry.recipients) continue;
    for (std::size_t k = 0; k < entry.recipients->size(); ++k) {
      const std::string& name = (*entry.recipients)[k];
      if (Holds(own, name)) continue;
      if (Holds(others, name)) {
        result.warnings.insert("UNDER_ANOTHER_RULE");
        continue;
      }
      if (!ReferenceKey(name)) {
        result.warnings.insert("NOT_AN_ADDRESS");
        continue;
      }
      if (entry.type == "DROP" || entry.type == "BOUNCE") {
        result.warnings.insert("STRANGER_NOT_REFUSED");
        continue;
      }
      if (!done.insert(*ReferenceKey(name)).second) continue;
      const std::string domain = ReferenceKey(name)->substr(ReferenceKey(name)->find('@') + 1);
      if (input.inbound && !input.domains.contains(domain)) {
        result.warnings.insert("FOREIGN_ADDITION");
        if (input.strict) {
          result.invalid_fields.insert("actions[" + std::to_string(i) + "].recipients[" +
                                       std::to_string(k) + "]");
        }
        continue;
      }
      std::vector<UniqueAction> adding;
      for (const auto& action : ActionsNaming(name, input, counts, true)) {
        if (action.first != "DROP" && action.first != "BOUNCE") adding.push_back(action);
      }
      if (Differ(adding)) result.warnings.insert("CONFLICT");
      if (!input.inbound && in_message >= 500) {
        result.warnings.insert("NO_ROOM");
        continue;
      }
      ++in_message;
      result.additions.push_back(name + " " + Written(MostRestrictive(adding)));
    }
  }
}

}  // namespace

std::optional<std::string> ReferenceKey(const std::string& address) {
  const auto at = address.find('@');
  if (at == std::string::npos || at == 0 || address.find('@', at + 1) != std::string::npos) {
    return std::nullopt;
  }
  std::string local = address.substr(0, at);
  std::string domain = address.substr(at + 1);
  for (std::string* part : {&local, &domain}) {
    for (char& c : *part)
      c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  if (local.size() > 2 && local.front() == '"') local = local.substr(1, local.size() - 2);
  if (!domain.empty() && domain.back() == '.') domain.pop_back();
  if (domain ==
      "b\xc3\xbc"
      "cher.test") {
    domain = "xn--bcher-kva.test";
  }
  if (domain.empty() || local.find(' ') != std::string::npos) return std::nullopt;
  return local + "@" + domain;
}

ReferenceResult ReferenceResolve(const ReferenceInput& input) {
  ReferenceResult result;
  FindInvalidFields(input, result);
  if (!result.invalid_fields.empty()) return result;
  const std::vector<bool> counts = FindCounting(input, result);
  DecideRecipients(input, counts, result);
  FindAdditions(input, counts, result);
  return result;
}

}  // namespace penstock::tests
