// SPDX-License-Identifier: Apache-2.0
#include "engine/wire/yaml.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/wire/yaml_scalar.h"

namespace penstock::wire {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::OneofDescriptor;

std::vector<std::string> Keys(const Descriptor& type) {
  std::vector<std::string> keys;
  for (int i = 0; i < type.field_count(); ++i)
    keys.push_back(type.field(i)->name());
  return keys;
}

std::vector<std::string> Keys(const OneofDescriptor& oneof) {
  std::vector<std::string> keys;
  for (int i = 0; i < oneof.field_count(); ++i)
    keys.push_back(oneof.field(i)->name());
  return keys;
}

const FieldDescriptor* FindField(const Descriptor& type, const std::string& key) {
  const FieldDescriptor* field = type.FindFieldByName(key);
  return field != nullptr ? field : type.FindFieldByCamelcaseName(key);
}

std::string_view NodeWord(const YAML::Node& node) {
  if (node.IsMap()) return "a mapping";
  if (node.IsSequence()) return "a list";
  if (node.IsScalar()) return "a single value";
  return "nothing";
}

// Where a control character stands that no YAML file holds as itself (YAML 1.2 §5.1); npos:
// nowhere. yaml-cpp takes them, and makes other octets of a NUL and what follows it.
std::size_t FindControl(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool is_control = (c >= 0 && c < ' ') || c == 0x7F;
    if (is_control && c != '\t' && c != '\n' && c != '\r') return i;
  }
  return std::string_view::npos;
}

// What yaml-cpp says about text that is no YAML, with the usual mend.
std::string SyntaxFault(std::string_view line, const std::string& message) {
  if (line.find('\t') < line.find_first_not_of(" \t")) {
    return "not YAML: a tab before the text; expected spaces";
  }
  if (message == "illegal map value") {
    return R"(not YAML: a second ": " in one line; expected quotes around text that has it)";
  }
  if (message == "alias not found after *" || message == "the referenced anchor is not defined") {
    return R"(not YAML: "*" begins an alias; expected quotes around text that begins with it)";
  }
  if (message == "bad file") return "not YAML: nested too deep, or not text";
  return Cat("not YAML: ", Printable(message));  // it quotes what stands there
}

std::string_view LineOf(std::string_view text, int number) {
  for (int i = 0; i < number; ++i) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

// The way from the top of the file to a field, in the frames of the functions that read it: its
// text is made for a fault or a recorded place only.
struct Path {
  const Path* around = nullptr;
  std::string_view name;  // of a field; or a map's key
  enum class Kind : std::uint8_t { kTop, kField, kElement, kKey } kind = Kind::kTop;
  int index = 0;  // of an element

  [[nodiscard]] Path Field(std::string_view field) const { return {this, field, Kind::kField, 0}; }

  [[nodiscard]] Path Element(int i) const { return {this, {}, Kind::kElement, i}; }

  [[nodiscard]] Path Key(std::string_view key) const { return {this, key, Kind::kKey, 0}; }

  [[nodiscard]] std::string ToString() const {
    if (kind == Kind::kTop) return {};
    std::string text = around->ToString();
    if (kind == Kind::kElement) {
      Append(text, "[", index, "]");
    } else if (kind == Kind::kKey) {
      Append(text, "[\"", Printable(name), "\"]");
    } else {
      Append(text, text.empty() ? "" : ".", Printable(name));
    }
    return text;
  }
};

// Where the first two documents of a file begin. YAML::LoadAll does not end on text that yaml-cpp
// takes for endless empty documents (",a"), so whoever loads a document asks here first.
class DocumentStarts : private YAML::EventHandler {
 public:
  // Throws YAML::Exception for text that is no YAML.
  explicit DocumentStarts(const std::string& text) {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    while (marks_.size() < 2 && parser.HandleNextDocument(*this)) {
    }
  }

  [[nodiscard]] const std::vector<YAML::Mark>& marks() const { return marks_; }

 private:
  void OnDocumentStart(const YAML::Mark& mark) override { marks_.push_back(mark); }

  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& /*mark*/, YAML::anchor_t /*anchor*/) override {}

  void OnAlias(const YAML::Mark& /*mark*/, YAML::anchor_t /*anchor*/) override {}

  void OnScalar(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                const std::string& /*value*/) override {}

  void OnSequenceStart(const YAML::Mark& /*mark*/, const std::string& /*tag*/,
                       YAML::anchor_t /*anchor*/, YAML::EmitterStyle::value /*style*/) override {}

  void OnSequenceEnd() override {}

  void OnMapStart(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                  YAML::EmitterStyle::value /*style*/) override {}

  void OnMapEnd() override {}

  std::vector<YAML::Mark> marks_;
};

}  // namespace

// One pass over one file.
class YamlReader {
 public:
  // `places` may be null.
  YamlReader(std::string_view file, YamlPlaces* places) : file_(file), places_(places) {
    if (places_ == nullptr) return;
    places_->file_ = file;
    places_->places_.clear();
  }

  void Read(std::string_view text, Message& out) {
    if (text.size() > limits::kYamlOctetsMax) {
      return Fail({1, 1}, {},
                  Cat(text.size(), " octets; expected at most ", limits::kYamlOctetsMax));
    }
    nodes_max_ = std::min(limits::kYamlNodesMax, 1000 + limits::kYamlUnfoldingMax * text.size());
    if (!IsValidUtf8(text)) return Fail({1, 1}, {}, "not UTF-8; expected a text file in UTF-8");
    if (const std::size_t at = FindControl(text); at != std::string_view::npos) {
      const std::string_view before = text.substr(0, at);
      const auto line = 1 + std::count(before.begin(), before.end(), '\n');
      const std::size_t column = at - before.rfind('\n');  // npos wraps to the text's begin
      return Fail({static_cast<int>(line), static_cast<int>(column)}, {},
                  R"(a control character; expected an escape between double quotes, like "\x1f")");
    }
    try {
      const std::string yaml(text);
      const DocumentStarts documents(yaml);
      if (documents.marks().size() > 1) {
        const YAML::Mark& second = documents.marks()[1];
        return Fail({second.line + 1, second.column + 1}, {},
                    "a second document; expected one, without \"---\" between");
      }
      if (!documents.marks().empty()) ReadMessage(YAML::Load(yaml), {1, 1}, {}, out);
    } catch (const YAML::Exception& e) {
      const Place place = {e.mark.line + 1, e.mark.column + 1};
      Fail(place, {}, SyntaxFault(LineOf(text, e.mark.line), e.msg));
    }
  }

  Status Result() const {
    if (faults_.empty()) return OkStatus();
    std::string text = Join(faults_, "\n");
    if (faults_left_out_ > 0) Append(text, "\nand ", faults_left_out_, " more");
    return InvalidArgument(text);
  }

 private:
  using Place = YamlPlaces::Place;

  void Fail(Place place, const Path& at, std::string_view what) {
    if (faults_.size() == limits::kYamlFaultsMax) {
      ++faults_left_out_;
      return;
    }
    const std::string path = at.ToString();
    faults_.push_back(
        Cat(file_, ":", place.line, ":", place.column, ": ", path, path.empty() ? "" : ": ", what));
  }

  void Record(const Path& path, Place place) {
    if (places_ != nullptr) places_->places_.emplace(path.ToString(), place);
  }

  // A node without a value has no place of its own: `around` is that of its key.
  static Place PlaceOf(const YAML::Node& node, Place around) {
    const YAML::Mark mark = node.Mark();
    if (mark.is_null() || node.IsNull()) return around;
    return {mark.line + 1, mark.column + 1};
  }

  // Counts every visit, so that aliases of aliases cannot unfold without end.
  bool Visit(Place place, const Path& path) {
    if (nodes_ == nodes_max_) {
      Fail(place, path, Cat("more than ", nodes_max_, " values; expected fewer aliases"));
    }
    return nodes_++ < nodes_max_;
  }

  void ReadMessage(const YAML::Node& node, Place around, const Path& path, Message& out) {
    const Place place = PlaceOf(node, around);
    if (!Visit(place, path) || node.IsNull()) return;
    const Descriptor& type = *out.GetDescriptor();
    if (!node.IsMap()) {
      return Fail(place, path,
                  Cat(NodeWord(node), "; expected a mapping with keys of ", Listed(Keys(type))));
    }
    std::map<int, int> lines;                             // of each field seen, by its number
    std::map<const OneofDescriptor*, std::string> taken;  // the member that is there
    for (const auto& entry : node) {
      const Place at = PlaceOf(entry.first, place);
      if (!entry.first.IsScalar()) {
        Fail(at, path, Cat(NodeWord(entry.first), " as key; expected a word"));
        continue;
      }
      const std::string& key = entry.first.Scalar();
      const FieldDescriptor* field = FindField(type, key);
      if (field == nullptr) {
        Fail(at, path.Field(key), Unknown("key", key, Keys(type)));
        continue;
      }
      const Path field_path = path.Field(field->name());
      const auto [line, first_time] = lines.emplace(field->number(), at.line);
      if (!first_time) {
        Fail(at, field_path, Cat("given twice; expected once, as in line ", line->second));
        continue;
      }
      if (const OneofDescriptor* oneof = field->real_containing_oneof()) {
        const auto [member, alone] = taken.emplace(oneof, field->name());
        if (!alone) {
          Fail(at, field_path,
               Cat("stands beside \"", member->second, "\"; expected only one of ",
                   Listed(Keys(*oneof))));
          continue;
        }
      }
      Record(field_path, at);
      ReadField(entry.second, at, field_path, *field, out);
    }
  }

  void ReadField(const YAML::Node& node, Place around, const Path& path,
                 const FieldDescriptor& field, Message& out) {
    if (field.is_map()) return ReadMap(node, around, path, field, out);
    if (!field.is_repeated()) return ReadValue(node, around, path, field, out);
    const Place place = PlaceOf(node, around);
    if (!Visit(place, path) || node.IsNull()) return;
    if (!node.IsSequence()) {
      return Fail(place, path,
                  Cat(NodeWord(node), "; expected a list, each with \"- \" before it"));
    }
    int index = 0;
    for (const YAML::Node& element : node) {
      const Path element_path = path.Element(index++);
      Record(element_path, PlaceOf(element, place));
      ReadValue(element, place, element_path, field, out);
    }
  }

  void ReadMap(const YAML::Node& node, Place around, const Path& path, const FieldDescriptor& field,
               Message& out) {
    const Place place = PlaceOf(node, around);
    if (!Visit(place, path) || node.IsNull()) return;
    if (!node.IsMap()) {
      return Fail(place, path, Cat(NodeWord(node), "; expected a mapping"));
    }
    const FieldDescriptor& key_field = *field.message_type()->map_key();
    std::set<std::string> seen;
    for (const auto& entry : node) {
      const Place at = PlaceOf(entry.first, place);
      const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "";
      const Path entry_path = path.Key(key);
      if (!seen.insert(key).second) {
        Fail(at, entry_path, "given twice; expected once");
        continue;
      }
      Message& added = *out.GetReflection()->AddMessage(&out, &field);
      ReadValue(entry.first, at, entry_path, key_field, added);
      ReadValue(entry.second, at, entry_path, *field.message_type()->map_value(), added);
    }
  }

  // One value: a singular field's, or one more of a repeated one.
  void ReadValue(const YAML::Node& node, Place around, const Path& path,
                 const FieldDescriptor& field, Message& out) {
    const Place place = PlaceOf(node, around);
    if (field.type() == FieldDescriptor::TYPE_MESSAGE && !IsScalarMessage(field)) {
      // `tls:` with nothing behind it is no tls; `tls: {}` is one of defaults.
      if (node.IsNull() && !field.is_repeated()) return;
      const auto* reflection = out.GetReflection();
      Message& child = field.is_repeated() ? *reflection->AddMessage(&out, &field)
                                           : *reflection->MutableMessage(&out, &field);
      return ReadMessage(node, place, path, child);
    }
    if (!Visit(place, path)) return;
    if (!node.IsScalar()) {
      return Fail(place, path, Cat(NodeWord(node), "; expected ", ExpectedScalar(field)));
    }
    const std::string fault = SetScalar(node.Scalar(), field, out);
    if (!fault.empty()) Fail(place, path, fault);
  }

  std::string file_;
  YamlPlaces* places_;
  std::vector<std::string> faults_;
  std::size_t faults_left_out_ = 0;
  std::size_t nodes_ = 0;
  std::size_t nodes_max_ = 0;
};

std::string YamlPlaces::Where(std::string_view path) const {
  Place place = {1, 1};
  for (std::string_view around = path; !around.empty();) {
    if (const auto found = places_.find(around); found != places_.end()) {
      place = found->second;
      break;
    }
    const std::size_t end = around.find_last_of(".[");
    around = around.substr(0, end == std::string_view::npos ? 0 : end);
  }
  return Cat(file_, ":", place.line, ":", place.column, ": ", path);
}

Status ReadYaml(std::string_view text, std::string_view file, Message* out, YamlPlaces* places) {
  YamlReader reader(file, places);
  reader.Read(text, *out);
  return reader.Result();
}

}  // namespace penstock::wire
