// SPDX-License-Identifier: Apache-2.0
// One word of a YAML file into one field of a message.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace google::protobuf {
class FieldDescriptor;
class Message;
}  // namespace google::protobuf

namespace penstock::wire {

// Whether the field's message is written as one word: Duration, Timestamp, FieldMask.
bool IsScalarMessage(const google::protobuf::FieldDescriptor& field);

// Sets `field` of `message` to what `text` says, or adds it if the field is repeated.
//   Returns "", or the fault: `"x" is no whole number; expected 0 to 4294967295`.
std::string SetScalar(const std::string& text, const google::protobuf::FieldDescriptor& field,
                      google::protobuf::Message& message);

// Returns what such a field takes: "a whole number", "one of inbound, outbound".
std::string ExpectedScalar(const google::protobuf::FieldDescriptor& field);

// Returns `unknown key; did you mean "listeners"?`, or else what is known.
std::string Unknown(std::string_view what, std::string_view text,
                    std::span<const std::string> words);

// Returns "a, b and c", cut after 20 of them.
std::string Listed(std::span<const std::string> words);

}  // namespace penstock::wire
