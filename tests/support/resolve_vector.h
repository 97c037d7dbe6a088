// SPDX-License-Identifier: Apache-2.0
// Reads what vectors of answers say, and writes a resolution as they do. Input:
//   {"recipients": […], "others": […], "fallback": "BOUNCE" | "BOUNCE:text", "direction":
//   "INBOUND",
//    "domains": […], "strict": false, "room": 3}
// all optional but recipients. Want: {"recipients": ["a@x.test: DROP NAMED", …],
//    "added": ["b@x.test: DEFAULT"], "warnings": ["actions[0]: SURPLUS_ACTION", …]}
// where added and warnings are left out if empty; or {"invalid": "actions[0].action.type: …"}, the
// beginning of the error. Here and not in the library: only tests of floors above flow include it.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/strings.h"
#include "engine/flow/resolve.h"
#include "engine/rules/flow_rule.h"
#include "tests/support/vectors.h"

namespace penstock::tests {

inline std::string VerdictText(const rules::Verdict& verdict) {
  std::string text(rules::Name(verdict.action));
  if (!verdict.bounce_message.empty()) Append(text, ":", verdict.bounce_message);
  if (!verdict.gateway.empty()) Append(text, ":", verdict.gateway);
  return text;
}

inline rules::Verdict ReadVerdict(const std::string& text) {
  rules::Verdict verdict;
  const auto colon = text.find(':');
  verdict.action = rules::ParseAction(text.substr(0, colon)).value();
  if (colon == std::string::npos) return verdict;
  const bool bounce = verdict.action == rules::Action::kBounce;
  (bounce ? verdict.bounce_message : verdict.gateway) = text.substr(colon + 1);
  return verdict;
}

// Owns what a ResolveInput points to.
struct ResolveCase {
  std::vector<std::string> recipients;
  std::vector<std::string> others;
  std::set<std::string> domains;
  flow::ResolveInput input;

  explicit ResolveCase(const Json& json) {
    for (const auto& [key, value] : json.items()) {
      if (key == "recipients") {
        recipients = value.get<std::vector<std::string>>();
      } else if (key == "others") {
        others = value.get<std::vector<std::string>>();
      } else if (key == "domains") {
        domains = value.get<std::set<std::string>>();
      } else if (key == "fallback") {
        input.fallback = ReadVerdict(value);
      } else if (key == "direction") {
        input.direction = rules::ParseFlowDirection(value.get<std::string>()).value();
      } else if (key == "strict") {
        input.strict = value;
      } else if (key != "answer" && key != "typed" && key != "room" && key != "padding") {
        throw std::runtime_error("unknown key " + key);
      }
    }
    // "padding": so many other recipients besides, for cases at the limit of H11.
    for (int i = 0; i < json.value("padding", 0); ++i)
      others.push_back(Cat("padding", i, "@padding.test"));
    input.recipients = recipients;
    input.other_recipients = others;
    input.owns_domain = [this](std::string_view domain) {
      return domains.contains(std::string(domain));
    };
    input.room = json.value(
        "room", flow::RoomForAdditions(input.direction, recipients.size() + others.size()));
  }

  ResolveCase(const ResolveCase&) = delete;
  ResolveCase& operator=(const ResolveCase&) = delete;
};

inline Json ResolutionJson(const std::vector<std::string>& recipients,
                           const StatusOr<flow::Resolution>& resolution) {
  if (!resolution.ok()) return {{"invalid", std::string(Message(resolution.status()))}};
  Json json;
  json["recipients"] = Json::array();
  for (std::size_t i = 0; i < resolution->recipients.size(); ++i) {
    const flow::Resolved& resolved = resolution->recipients[i];
    json["recipients"].push_back(Cat(recipients.at(i), ": ", VerdictText(resolved.verdict), " ",
                                     flow::Name(resolved.basis)));
  }
  for (const flow::Addition& addition : resolution->additions)
    json["added"].push_back(Cat(addition.address, ": ", VerdictText(addition.verdict)));
  for (const flow::Warning& warning : resolution->warnings)
    json["warnings"].push_back(Cat(warning.where, ": ", flow::Name(warning.reason)));
  return json;
}

// Whether `got` is what the vector wants: of an invalid answer, the beginning of the error.
inline bool IsWanted(const Json& got, const Json& want) {
  if (!want.contains("invalid") || !got.contains("invalid")) return got == want;
  return got.at("invalid").get<std::string>().starts_with(want.at("invalid").get<std::string>());
}

}  // namespace penstock::tests
