// SPDX-License-Identifier: Apache-2.0
#include "engine/wire/answer_json.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/wire/json_position.h"

namespace penstock::wire {
namespace {

// What the array or object that is being read is.
enum class Place : std::uint8_t {
  kDocument,  // around the text's one value
  kAnswer,
  kActions,  // array
  kEntry,
  kAction,
  kParameters,
  kRecipients,  // array
  kIgnored,
};

// The member of the object at hand whose value comes next.
enum class Member : std::uint8_t {
  kUnknown,
  kActions,
  kAction,
  kRecipients,
  kAllRecipients,
  kType,
  kParameters,
  kBounceMessage,
};

Member MemberOf(Place place, std::string_view key) {
  switch (place) {
    case Place::kAnswer:
      return key == "actions" ? Member::kActions : Member::kUnknown;
    case Place::kEntry:
      if (key == "action") return Member::kAction;
      if (key == "recipients") return Member::kRecipients;
      if (key == "allRecipients") return Member::kAllRecipients;
      return Member::kUnknown;
    case Place::kAction:
      if (key == "type") return Member::kType;
      if (key == "parameters") return Member::kParameters;
      return Member::kUnknown;
    case Place::kParameters:
      return key == "bounceMessage" ? Member::kBounceMessage : Member::kUnknown;
    default:
      return Member::kUnknown;
  }
}

Status NotJson(std::string_view bytes, std::size_t octets_read, std::string_view why) {
  return InvalidArgument(
      Cat("answer: not JSON: ", why, " (", JsonPosition(bytes, octets_read), ")"));
}

// Receives nlohmann's parse events. No tree is built: of a hostile text nothing is kept but what
// the answer can hold.
class AnswerReader {
 public:
  using Text = nlohmann::json::string_t;

  explicit AnswerReader(std::string_view bytes) : bytes_(bytes) {
    places_.reserve(limits::kAnswerDepthMax + 1);
    places_.push_back(Place::kDocument);
  }

  // Called once, after the parse; `complete` is its result.
  StatusOr<flow::Answer> Finish(bool complete) {
    if (!status_.ok()) return status_;
    if (!complete) return InvalidArgument("answer: not JSON");
    if (!has_actions_) return InvalidArgument("actions: missing");
    return std::move(answer_);
  }

  bool null() {
    switch (place()) {
      case Place::kDocument:
        return Refuse("an object", "null");
      case Place::kActions:
        return Refuse("an object", "null");
      case Place::kRecipients:
        entry().recipients.emplace_back();
        return true;
      default:
        return true;  // key() has made the member absent
    }
  }

  bool boolean(bool value) {
    if (Skipped()) return true;
    if (member_ != Member::kAllRecipients || place() != Place::kEntry) {
      return Refuse(Expected(), "a boolean");
    }
    entry().all_recipients = value;
    return true;
  }

  bool number_integer(std::int64_t) { return Number(); }

  bool number_unsigned(std::uint64_t) { return Number(); }

  bool number_float(double, const Text&) { return Number(); }

  bool string(Text& text) {
    if (Skipped()) return true;
    if (place() == Place::kRecipients) {
      entry().recipients.push_back(text);
      return true;
    }
    if (place() == Place::kDocument || place() == Place::kActions) {
      return Refuse(Expected(), "a string");
    }
    switch (member_) {
      case Member::kType:
        entry().type = text;
        return true;
      case Member::kBounceMessage:
        entry().bounce_message = text;
        return true;
      case Member::kAllRecipients:
        return SetAllRecipients(text);
      default:
        return Refuse(Expected(), "a string");
    }
  }

  bool binary(nlohmann::json::binary_t&) { return Refuse(Expected(), "binary data"); }

  bool start_object(std::size_t) {
    if (Skipped()) return Enter(Place::kIgnored);
    switch (place()) {
      case Place::kDocument:
        return Enter(Place::kAnswer);
      case Place::kActions:
        answer_.actions.emplace_back();
        return Enter(Place::kEntry);
      case Place::kEntry:
        if (member_ == Member::kAction) return Enter(Place::kAction);
        break;
      case Place::kAction:
        if (member_ == Member::kParameters) return Enter(Place::kParameters);
        break;
      default:
        break;
    }
    return Refuse(Expected(), "an object");
  }

  bool key(Text& key) {
    member_ = MemberOf(place(), key);
    // The last of several members of one name counts, so what an earlier one has set goes.
    switch (member_) {
      case Member::kUnknown:
        break;
      case Member::kActions:
        answer_.actions.clear();
        has_actions_ = false;
        break;
      case Member::kAction:
        entry().type.clear();
        entry().bounce_message.reset();
        break;
      case Member::kRecipients:
        entry().recipients.clear();
        entry().has_recipients = false;
        break;
      case Member::kAllRecipients:
        entry().all_recipients = false;
        break;
      case Member::kType:
        entry().type.clear();
        break;
      case Member::kParameters:
      case Member::kBounceMessage:
        entry().bounce_message.reset();
        break;
    }
    return true;
  }

  bool end_object() { return Leave(); }

  bool start_array(std::size_t) {
    if (Skipped()) return Enter(Place::kIgnored);
    if (place() == Place::kAnswer) {  // the only member there is that is not skipped
      has_actions_ = true;
      return Enter(Place::kActions);
    }
    if (place() == Place::kEntry && member_ == Member::kRecipients) {
      entry().has_recipients = true;
      return Enter(Place::kRecipients);
    }
    return Refuse(Expected(), "an array");
  }

  bool end_array() { return Leave(); }

  bool parse_error(std::size_t octets_read, const std::string&,
                   const nlohmann::json::exception& error) {
    const bool too_short = octets_read > bytes_.size();
    const bool number = error.id == 406;  // out_of_range.406: no double holds it
    status_ = NotJson(bytes_, octets_read,
                      too_short ? "it ends too early"
                      : number  ? "a number out of range"
                                : "a character that is not expected");
    return false;
  }

 private:
  [[nodiscard]] Place place() const { return places_.back(); }

  flow::AnswerEntry& entry() { return answer_.actions.back(); }

  // Whether the value at hand is part of what we do not know.
  [[nodiscard]] bool Skipped() const {
    switch (place()) {
      case Place::kIgnored:
        return true;
      case Place::kAnswer:
      case Place::kEntry:
      case Place::kAction:
      case Place::kParameters:
        return member_ == Member::kUnknown;
      default:
        return false;
    }
  }

  bool Enter(Place place) {
    if (places_.size() > limits::kAnswerDepthMax) {
      status_ = InvalidArgument(
          Cat("answer: nested deeper than ", limits::kAnswerDepthMax, " arrays and objects"));
      return false;
    }
    places_.push_back(place);
    return true;
  }

  bool Leave() {
    places_.pop_back();
    return true;
  }

  bool Number() { return Skipped() || Refuse(Expected(), "a number"); }

  bool SetAllRecipients(std::string_view text) {
    // Functions that Amazon publishes return these.
    if (text == "true" || text == "True") {
      entry().all_recipients = true;
    } else if (text != "false" && text != "False") {
      return Refuse(Expected(), Cat("\"", Printable(text), "\""));
    }
    return true;
  }

  [[nodiscard]] std::string_view Expected() const {
    if (place() == Place::kDocument || place() == Place::kActions) return "an object";
    if (place() == Place::kRecipients) return "a string";
    switch (member_) {
      case Member::kActions:
        return "an array of objects";
      case Member::kRecipients:
        return "an array of strings";
      case Member::kAllRecipients:
        return "true or false";
      case Member::kType:
      case Member::kBounceMessage:
        return "a string";
      default:
        return "an object";
    }
  }

  [[nodiscard]] std::string Path() const {
    if (place() == Place::kDocument) return "answer";
    if (place() == Place::kAnswer) return "actions";
    if (place() == Place::kActions) return Cat("actions[", answer_.actions.size(), "]");
    const std::string path = Cat("actions[", answer_.actions.size() - 1, "]");
    if (place() == Place::kRecipients) {
      return Cat(path, ".recipients[", answer_.actions.back().recipients.size(), "]");
    }
    switch (member_) {
      case Member::kAction:
        return Cat(path, ".action");
      case Member::kRecipients:
        return Cat(path, ".recipients");
      case Member::kAllRecipients:
        return Cat(path, ".allRecipients");
      case Member::kType:
        return Cat(path, ".action.type");
      case Member::kParameters:
        return Cat(path, ".action.parameters");
      default:
        return Cat(path, ".action.parameters.bounceMessage");
    }
  }

  bool Refuse(std::string_view expected, std::string_view got) {
    status_ = InvalidArgument(Cat(Path(), ": expected ", expected, ", got ", got));
    return false;
  }

  std::string_view bytes_;
  flow::Answer answer_;
  bool has_actions_ = false;
  Status status_;
  std::vector<Place> places_;
  Member member_ = Member::kUnknown;  // says nothing right after an array or object has ended
};

}  // namespace

StatusOr<flow::Answer> ParseAnswerJson(std::string_view bytes) {
  if (bytes.empty()) return InvalidArgument("answer: empty");
  if (bytes.size() > limits::kAnswerOctetsMax) {
    return InvalidArgument(Cat("answer: ", bytes.size(), " octets, over the ",
                               limits::kAnswerOctetsMax, " that are allowed"));
  }
  AnswerReader reader(bytes);
  // The parser takes NUL for the end of its input.
  if (const auto nul = bytes.find('\0'); nul != std::string_view::npos) {
    return NotJson(bytes, nul + 1, "a character that is not expected");
  }
  const bool complete = nlohmann::json::sax_parse(bytes.begin(), bytes.end(), &reader);
  return reader.Finish(complete);
}

}  // namespace penstock::wire
