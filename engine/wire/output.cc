// SPDX-License-Identifier: Apache-2.0
#include "engine/wire/output.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>
#include <vector>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/field_mask.pb.h>
#include <google/protobuf/message.h>
#include <google/protobuf/util/field_mask_util.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/time_util.h>

#include "absl/strings/escaping.h"

#include "engine/base/strings.h"
#include "engine/wire/proto_time.h"
#include "engine/wire/yaml_scalar.h"

namespace penstock::wire {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr std::string_view kLowerHex = "0123456789abcdef";

// Words that some YAML reader takes for a truth value or for nothing.
bool IsReserved(std::string_view text) {
  constexpr std::array<std::string_view, 9> kWords = {"true", "false", "yes", "no", "on",
                                                      "off",  "null",  "y",   "n"};
  return std::any_of(kWords.begin(), kWords.end(),
                     [&](std::string_view word) { return EqualsIgnoreAsciiCase(word, text); });
}

bool IsPlain(std::string_view text) {
  if (text.empty() || !IsAsciiAlpha(text.front()) || IsReserved(text)) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return IsAsciiAlpha(c) || IsAsciiDigit(c) || c == '-' || c == '_' || c == '.' || c == '/' ||
           c == '@';
  });
}

// YAML 1.1 takes these characters for line ends or refuses them: U+0080–U+009F, U+2028, U+2029 and
// U+FEFF. Returns the escape of the one that `rest` starts with, and its octets; else "".
std::pair<std::string, std::size_t> EscapedCharacter(std::string_view rest) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(rest[i]); };
  if (rest.size() >= 2 && at(0) == 0xC2 && at(1) < 0xA0) {
    return {Cat("\\x", kLowerHex.substr(at(1) >> 4U, 1), kLowerHex.substr(at(1) & 15U, 1)), 2};
  }
  if (rest.starts_with("\xE2\x80\xA8")) return {"\\u2028", 3};
  if (rest.starts_with("\xE2\x80\xA9")) return {"\\u2029", 3};
  if (rest.starts_with("\xEF\xBB\xBF")) return {"\\ufeff", 3};
  return {"", 0};
}

std::string Text(std::string_view text) {
  if (IsPlain(text)) return std::string(text);
  std::string out = "\"";
  while (!text.empty()) {
    const auto c = static_cast<unsigned char>(text.front());
    const auto [escaped, octets] = EscapedCharacter(text);
    if (octets > 0) {
      out += escaped;
      text.remove_prefix(octets);
      continue;
    }
    if (c == '"' || c == '\\') {
      out += '\\';
      out += text.front();
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c < 0x20 || c == 0x7F) {
      Append(out, "\\x", kLowerHex.substr(c >> 4U, 1), kLowerHex.substr(c & 15U, 1));
    } else {
      out += text.front();
    }
    text.remove_prefix(1);
  }
  return out + "\"";
}

std::string Real(double value) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  return {digits.data(), end};
}

std::string ScalarMessage(const Message& value) {
  namespace pb = google::protobuf;
  if (const auto* duration = dynamic_cast<const pb::Duration*>(&value)) {
    return DurationText(FromProto(*duration));
  }
  if (const auto* timestamp = dynamic_cast<const pb::Timestamp*>(&value)) {
    return Text(pb::util::TimeUtil::ToString(*timestamp));
  }
  if (const auto* mask = dynamic_cast<const pb::FieldMask*>(&value)) {
    return Text(pb::util::FieldMaskUtil::ToString(*mask));
  }
  return {};
}

// The value of `field`, or its element `index` if it is repeated, in one word.
std::string Scalar(const Message& message, const FieldDescriptor& field, int index) {
  const Reflection& in = *message.GetReflection();
  const bool many = field.is_repeated();
#define PENSTOCK_FETCH(Type) \
  (many ? in.GetRepeated##Type(message, &field, index) : in.Get##Type(message, &field))
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return Cat(PENSTOCK_FETCH(Int32));
    case FieldDescriptor::CPPTYPE_INT64:
      return Cat(PENSTOCK_FETCH(Int64));
    case FieldDescriptor::CPPTYPE_UINT32:
      return Cat(PENSTOCK_FETCH(UInt32));
    case FieldDescriptor::CPPTYPE_UINT64:
      return Cat(PENSTOCK_FETCH(UInt64));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return Real(PENSTOCK_FETCH(Double));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return Real(static_cast<double>(PENSTOCK_FETCH(Float)));
    case FieldDescriptor::CPPTYPE_BOOL:
      return PENSTOCK_FETCH(Bool) ? "true" : "false";
    case FieldDescriptor::CPPTYPE_ENUM:
      return PENSTOCK_FETCH(Enum)->name();
    case FieldDescriptor::CPPTYPE_STRING: {
      const std::string text = PENSTOCK_FETCH(String);
      if (field.type() != FieldDescriptor::TYPE_BYTES) return Text(text);
      return Cat("\"", absl::Base64Escape(ToAbsl(text)), "\"");
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return ScalarMessage(PENSTOCK_FETCH(Message));
  }
#undef PENSTOCK_FETCH
  return {};
}

bool IsMapping(const FieldDescriptor& field) {
  return field.type() == FieldDescriptor::TYPE_MESSAGE && !IsScalarMessage(field);
}

class Writer {
 public:
  // `indent`: columns before each key. `lead`: what stands before the first key instead.
  void WriteMessage(const Message& message, std::size_t indent, std::string_view lead) {
    std::vector<const FieldDescriptor*> fields;
    message.GetReflection()->ListFields(message, &fields);
    std::string before(lead);
    for (const FieldDescriptor* field : fields) {
      Append(out_, before, field->name(), ":");
      before = std::string(indent, ' ');
      WriteField(message, *field, indent);
    }
  }

  std::string Take() { return std::move(out_); }

 private:
  // Goes on after "name:".
  void WriteField(const Message& message, const FieldDescriptor& field, std::size_t indent) {
    const Reflection& in = *message.GetReflection();
    if (field.is_map()) return WriteMap(message, field, indent + 2);
    if (!field.is_repeated()) {
      if (!IsMapping(field)) return Append(out_, " ", Scalar(message, field, 0), "\n");
      return WriteNested(in.GetMessage(message, &field), indent + 2, std::string(indent + 2, ' '));
    }
    out_ += "\n";
    const std::string dash = Cat(std::string(indent + 2, ' '), "- ");
    for (int i = 0; i < in.FieldSize(message, &field); ++i) {
      if (!IsMapping(field)) {
        Append(out_, dash, Scalar(message, field, i), "\n");
        continue;
      }
      const Message& element = in.GetRepeatedMessage(message, &field, i);
      if (IsEmpty(element)) {
        Append(out_, dash, "{}\n");
      } else {
        WriteMessage(element, indent + 4, dash);
      }
    }
  }

  void WriteMap(const Message& message, const FieldDescriptor& field, std::size_t indent) {
    const Reflection& in = *message.GetReflection();
    std::vector<std::pair<std::string, const Message*>> entries;
    for (int i = 0; i < in.FieldSize(message, &field); ++i) {
      const Message& entry = in.GetRepeatedMessage(message, &field, i);
      entries.emplace_back(Scalar(entry, *field.message_type()->map_key(), 0), &entry);
    }
    std::sort(entries.begin(), entries.end());
    out_ += "\n";
    const FieldDescriptor& value = *field.message_type()->map_value();
    for (const auto& [key, entry] : entries) {
      Append(out_, std::string(indent, ' '), key, ":");
      WriteField(*entry, value, indent);
    }
  }

  void WriteNested(const Message& message, std::size_t indent, std::string_view lead) {
    if (IsEmpty(message)) return Append(out_, " {}\n");
    out_ += "\n";
    WriteMessage(message, indent, lead);
  }

  static bool IsEmpty(const Message& message) {
    std::vector<const FieldDescriptor*> fields;
    message.GetReflection()->ListFields(message, &fields);
    return fields.empty();
  }

  std::string out_;
};

}  // namespace

std::string WriteYaml(const Message& message) {
  Writer writer;
  writer.WriteMessage(message, 0, "");
  std::string out = writer.Take();
  return out.empty() ? "{}\n" : out;
}

StatusOr<std::string> WriteJson(const Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.always_print_primitive_fields = true;
  std::string out;
  const auto status = google::protobuf::util::MessageToJsonString(message, &out, options);
  if (!status.ok()) {
    return InvalidArgument(std::string_view(status.message().data(),
                                            static_cast<std::size_t>(status.message().size())));
  }
  if (!out.ends_with('\n')) out += '\n';
  return out;
}

}  // namespace penstock::wire
