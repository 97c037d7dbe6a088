// SPDX-License-Identifier: Apache-2.0
#include "engine/wire/update.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/field_mask.pb.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/message.h>

#include "engine/base/strings.h"
#include "engine/wire/yaml_scalar.h"

namespace penstock::wire {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

std::unique_ptr<Message> Copy(const Message& message) {
  std::unique_ptr<Message> copy(message.New());
  copy->CopyFrom(message);
  return copy;
}

// Equal messages give equal octets: maps are written in the order of their keys.
std::string DeterministicOctets(const Message& message) {
  std::string octets;
  google::protobuf::io::StringOutputStream stream(&octets);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&coded);
  coded.Trim();
  return octets;
}

// FNV-1a. No defence: an etag guards against two administrators, not against an attacker.
std::uint64_t Hash(std::string_view octets) {
  std::uint64_t hash = 14'695'981'039'346'656'037ULL;
  for (const char octet : octets) {
    hash = (hash ^ static_cast<unsigned char>(octet)) * 1'099'511'628'211ULL;
  }
  return hash;
}

bool IsFixed(const FieldDescriptor& field) {
  return field.name() == "name" || field.name() == "etag";
}

std::vector<const FieldDescriptor*> AllFields(const Descriptor& type) {
  std::vector<const FieldDescriptor*> fields;
  for (int i = 0; i < type.field_count(); ++i) {
    if (!IsFixed(*type.field(i))) fields.push_back(type.field(i));
  }
  return fields;
}

std::vector<const FieldDescriptor*> FieldsThatAreSet(const Message& change) {
  std::vector<const FieldDescriptor*> fields;
  change.GetReflection()->ListFields(change, &fields);
  std::erase_if(fields, [](const FieldDescriptor* field) { return IsFixed(*field); });
  return fields;
}

std::string UnknownField(const Descriptor& type, const std::string& path) {
  std::vector<std::string> names;
  for (const FieldDescriptor* field : AllFields(type))
    names.push_back(field->name());
  return Cat("update_mask: ", Unknown("field", path, names));
}

}  // namespace

std::string Etag(const Message& resource) {
  const std::unique_ptr<Message> copy = Copy(resource);
  const FieldDescriptor* etag = copy->GetDescriptor()->FindFieldByName("etag");
  if (etag != nullptr) copy->GetReflection()->ClearField(copy.get(), etag);
  std::uint64_t hash = Hash(DeterministicOctets(*copy));
  std::string text(16, '0');
  for (std::size_t i = text.size(); i > 0; --i, hash >>= 4U) {
    text[i - 1] = "0123456789abcdef"[hash & 15U];
  }
  return text;
}

Status CheckEtag(std::string_view given, std::string_view current) {
  if (given.empty() || given == current) return OkStatus();
  return Aborted(Cat("etag: \"", Printable(given), "\" is not the current one, \"", current,
                     "\": somebody else has changed it; get it again"));
}

Status MergeUpdate(const Message& change, const google::protobuf::FieldMask& mask,
                   Message* resource) {
  const Descriptor& type = *change.GetDescriptor();
  std::vector<const FieldDescriptor*> fields;
  if (mask.paths_size() == 0) fields = FieldsThatAreSet(change);
  for (const std::string& path : mask.paths()) {
    if (path == "*") {
      if (mask.paths_size() > 1) {
        return InvalidArgument("update_mask: \"*\" beside other fields; expected it alone");
      }
      fields = AllFields(type);
      break;
    }
    const FieldDescriptor* field = type.FindFieldByName(path);
    if (field == nullptr) return InvalidArgument(UnknownField(type, path));
    if (!IsFixed(*field)) fields.push_back(field);
  }
  // A field that stands twice must not be swapped back.
  std::sort(fields.begin(), fields.end());
  fields.erase(std::unique(fields.begin(), fields.end()), fields.end());
  const std::unique_ptr<Message> source = Copy(change);
  resource->GetReflection()->SwapFields(source.get(), resource, fields);
  return OkStatus();
}

}  // namespace penstock::wire
