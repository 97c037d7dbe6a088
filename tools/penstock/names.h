// SPDX-License-Identifier: Apache-2.0
// Between the names that people type and those of the API.
#pragma once

#include <string>
#include <string_view>

namespace penstock::cli {

// Returns the last part of a resource name: "acme" of "organizations/acme".
std::string IdOf(std::string_view resource_name);

// Returns "organizations/{organization}/directions/{direction}"; "-" stands for all.
std::string RulesParent(std::string_view organization, std::string_view direction);

// Returns "{rule} (organization {organization}, inbound)" of a flow rule's resource name.
std::string RuleText(std::string_view resource_name);

// Returns the word of an enum as it is typed: "move-to-junk" of "MOVE_TO_JUNK".
std::string TypedWord(std::string_view enum_word);

// Returns the word of an enum of what is typed: "MOVE_TO_JUNK" of "move-to-junk".
std::string EnumWord(std::string_view typed);

}  // namespace penstock::cli
