// SPDX-License-Identifier: Apache-2.0
#include "engine/wire/yaml_scalar.h"

#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/field_mask.pb.h>
#include <google/protobuf/message.h>
#include <google/protobuf/util/field_mask_util.h>
#include <google/protobuf/util/time_util.h>

#include "absl/strings/escaping.h"

#include "engine/base/nearest.h"
#include "engine/base/strings.h"
#include "engine/wire/proto_time.h"

namespace penstock::wire {
namespace {

using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr std::size_t kListedMax = 20;

std::string Quoted(std::string_view text) {
  return Cat("\"", Printable(text), "\"");
}

std::string Is(std::string_view text, std::string_view what, std::string_view expected) {
  return Cat(Quoted(text), " is ", what, "; expected ", expected);
}

// The words of an enum but the one that stands for none, in lower case.
std::vector<std::string> Words(const EnumDescriptor& type) {
  std::vector<std::string> words;
  for (int i = 0; i < type.value_count(); ++i) {
    if (type.value(i)->number() != 0) words.push_back(AsciiLower(type.value(i)->name()));
  }
  return words;
}

template <class Int>
std::string RangeOf() {
  return Cat("a whole number from ", std::numeric_limits<Int>::min(), " to ",
             std::numeric_limits<Int>::max());
}

bool IsWholeNumber(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.empty()) return false;
  for (const char c : text) {
    if (!IsAsciiDigit(c)) return false;
  }
  return true;
}

// `store` is given the number.
template <class Int, class Store>
std::string SetInteger(const std::string& text, Store store) {
  const std::optional<Int> value = ParseInt<Int>(text);
  if (!value) {
    return Is(text, IsWholeNumber(text) ? "out of range" : "no whole number", RangeOf<Int>());
  }
  store(*value);
  return {};
}

template <class Store>
std::string SetReal(const std::string& text, Store store) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || rest != end) return Is(text, "no number", "a number");
  store(value);
  return {};
}

std::optional<bool> ParseBool(std::string_view text) {
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  return std::nullopt;
}

const EnumValueDescriptor* FindWord(const EnumDescriptor& type, std::string_view text) {
  for (int i = 0; i < type.value_count(); ++i) {
    const EnumValueDescriptor* value = type.value(i);
    if (value->number() != 0 && EqualsIgnoreAsciiCase(value->name(), text)) return value;
  }
  return nullptr;
}

std::string SetMessage(const std::string& text, const FieldDescriptor& field, Message& message) {
  const auto* reflection = message.GetReflection();
  const std::string& type = field.message_type()->full_name();
  const auto store = [&](const Message& value) {
    Message* slot = field.is_repeated() ? reflection->AddMessage(&message, &field)
                                        : reflection->MutableMessage(&message, &field);
    slot->CopyFrom(value);
  };
  if (type == "google.protobuf.Duration") {
    const auto duration = ParseDuration(text);
    if (!duration) return Is(text, "no duration", ExpectedScalar(field));
    store(ToProto(*duration));
  } else if (type == "google.protobuf.Timestamp") {
    google::protobuf::Timestamp timestamp;
    if (!google::protobuf::util::TimeUtil::FromString(text, &timestamp)) {
      return Is(text, "no time", ExpectedScalar(field));
    }
    store(timestamp);
  } else {
    google::protobuf::FieldMask mask;
    google::protobuf::util::FieldMaskUtil::FromString(text, &mask);
    store(mask);
  }
  return {};
}

std::string SetBytes(const std::string& text, const FieldDescriptor& field, Message& message) {
  std::string octets;
  if (!absl::Base64Unescape(ToAbsl(text), &octets)) return Is(text, "no base64", "base64");
  const auto* reflection = message.GetReflection();
  if (field.is_repeated()) {
    reflection->AddString(&message, &field, octets);
  } else {
    reflection->SetString(&message, &field, octets);
  }
  return {};
}

}  // namespace

bool IsScalarMessage(const FieldDescriptor& field) {
  const std::string& type = field.message_type()->full_name();
  return type == "google.protobuf.Duration" || type == "google.protobuf.Timestamp" ||
         type == "google.protobuf.FieldMask";
}

std::string SetScalar(const std::string& text, const FieldDescriptor& field, Message& message) {
  const auto* reflection = message.GetReflection();
  const bool add = field.is_repeated();
#define PENSTOCK_STORE(Type)                           \
  [&](auto stored) {                                   \
    if (add) {                                         \
      reflection->Add##Type(&message, &field, stored); \
    } else {                                           \
      reflection->Set##Type(&message, &field, stored); \
    }                                                  \
  }
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      if (field.type() == FieldDescriptor::TYPE_BYTES) return SetBytes(text, field, message);
      PENSTOCK_STORE(String)(text);
      return {};
    case FieldDescriptor::CPPTYPE_INT32:
      return SetInteger<std::int32_t>(text, PENSTOCK_STORE(Int32));
    case FieldDescriptor::CPPTYPE_INT64:
      return SetInteger<std::int64_t>(text, PENSTOCK_STORE(Int64));
    case FieldDescriptor::CPPTYPE_UINT32:
      return SetInteger<std::uint32_t>(text, PENSTOCK_STORE(UInt32));
    case FieldDescriptor::CPPTYPE_UINT64:
      return SetInteger<std::uint64_t>(text, PENSTOCK_STORE(UInt64));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return SetReal(text, PENSTOCK_STORE(Double));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return SetReal(text, [&](double value) { PENSTOCK_STORE(Float)(static_cast<float>(value)); });
    case FieldDescriptor::CPPTYPE_BOOL: {
      const std::optional<bool> value = ParseBool(text);
      if (!value) return Is(text, "neither true nor false", ExpectedScalar(field));
      PENSTOCK_STORE(Bool)(*value);
      return {};
    }
    case FieldDescriptor::CPPTYPE_ENUM: {
      const EnumValueDescriptor* value = FindWord(*field.enum_type(), text);
      if (value == nullptr) return Unknown("word", text, Words(*field.enum_type()));
      PENSTOCK_STORE(Enum)(value);
      return {};
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return SetMessage(text, field, message);
  }
#undef PENSTOCK_STORE
  return Cat("cannot be set from a file");
}

std::string ExpectedScalar(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return field.type() == FieldDescriptor::TYPE_BYTES ? "base64" : "text, \"\" if it is empty";
    case FieldDescriptor::CPPTYPE_BOOL:
      return "true or false";
    case FieldDescriptor::CPPTYPE_ENUM:
      return Cat("one of ", Listed(Words(*field.enum_type())));
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT:
      return "a number";
    case FieldDescriptor::CPPTYPE_MESSAGE:
      if (field.message_type()->name() == "Timestamp") return R"(a time, "2026-11-21T19:48:00Z")";
      if (field.message_type()->name() == "FieldMask") return R"(names of fields, "a,b.c")";
      return R"(a number with its unit, "500ms", "15s", "30m", "4h" or "5d")";
    default:
      return "a whole number";
  }
}

std::string Unknown(std::string_view what, std::string_view text,
                    std::span<const std::string> words) {
  if (const auto nearest = NearestWord(text, words)) {
    return Cat(Quoted(text), " is no known ", what, "; did you mean \"", *nearest, "\"?");
  }
  return Cat(Quoted(text), " is no known ", what, "; expected one of ", Listed(words));
}

std::string Listed(std::span<const std::string> words) {
  std::string out;
  for (std::size_t i = 0; i < words.size() && i < kListedMax; ++i) {
    Append(out, i == 0 ? "" : ", ", words[i]);
  }
  if (words.size() > kListedMax) out += " …";
  return out;
}

}  // namespace penstock::wire
