// SPDX-License-Identifier: Apache-2.0
#include "engine/wire/event_json.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/wire/json_position.h"

namespace penstock::wire {
namespace {

using nlohmann::json;

constexpr std::string_view kVersions[] = {flow::kSummaryVersion, "2019-07-28"};

Status Expected(std::string_view path, std::string_view what, const json& got) {
  return InvalidArgument(Cat(path, ": expected ", what, ", got ", got.type_name()));
}

// Returns the member `key` of `object`, or nullptr if it is absent or null.
const json* Find(const json& object, const char* key) {
  const auto member = object.find(key);
  return member == object.end() || member->is_null() ? nullptr : &*member;
}

StatusOr<std::optional<std::string>> OptionalText(const json& object, std::string_view path,
                                                  const char* key) {
  const json* const value = Find(object, key);
  if (value == nullptr) return std::optional<std::string>();
  if (!value->is_string()) return Expected(Cat(path, key), "a string", *value);
  return std::optional<std::string>(value->get_ref<const std::string&>());
}

StatusOr<std::string> Text(const json& object, std::string_view path, const char* key) {
  PENSTOCK_ASSIGN_OR_RETURN(std::optional<std::string> text, OptionalText(object, path, key));
  if (!text) return InvalidArgument(Cat(path, key, ": missing"));
  return *std::move(text);
}

StatusOr<const json*> Object(const json& object, std::string_view path, const char* key) {
  const json* const value = Find(object, key);
  if (value == nullptr) return InvalidArgument(Cat(path, key, ": missing"));
  if (!value->is_object()) return Expected(Cat(path, key), "an object", *value);
  return value;
}

Status CheckVersion(const json& document) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::string version, Text(document, "", "summaryVersion"));
  if (std::find(std::begin(kVersions), std::end(kVersions), version) != std::end(kVersions)) {
    return OkStatus();
  }
  return InvalidArgument(Cat("summaryVersion: \"", Printable(version), "\" is not known; expected ",
                             kVersions[0], " or ", kVersions[1]));
}

Status ReadEnvelope(const json& document, flow::Event& event) {
  PENSTOCK_ASSIGN_OR_RETURN(const json* const envelope, Object(document, "", "envelope"));
  PENSTOCK_ASSIGN_OR_RETURN(const json* const mail_from,
                            Object(*envelope, "envelope.", "mailFrom"));
  PENSTOCK_ASSIGN_OR_RETURN(event.mail_from, Text(*mail_from, "envelope.mailFrom.", "address"));
  const json* const recipients = Find(*envelope, "recipients");
  if (recipients == nullptr) return InvalidArgument("envelope.recipients: missing");
  if (!recipients->is_array()) return Expected("envelope.recipients", "an array", *recipients);
  event.recipients.reserve(recipients->size());
  for (const json& recipient : *recipients) {
    const std::string path = Cat("envelope.recipients[", event.recipients.size(), "]");
    if (!recipient.is_object()) return Expected(path, "an object", recipient);
    PENSTOCK_ASSIGN_OR_RETURN(std::string address, Text(recipient, Cat(path, "."), "address"));
    event.recipients.push_back(std::move(address));
  }
  return OkStatus();
}

Status ReadSender(const json& document, flow::Event& event) {
  if (Find(document, "sender") == nullptr) return OkStatus();
  PENSTOCK_ASSIGN_OR_RETURN(const json* const sender, Object(document, "", "sender"));
  PENSTOCK_ASSIGN_OR_RETURN(event.sender, OptionalText(*sender, "sender.", "address"));
  return OkStatus();
}

Status ReadIds(const json& document, flow::Event& event) {
  PENSTOCK_ASSIGN_OR_RETURN(std::string message_id, Text(document, "", "messageId"));
  PENSTOCK_RETURN_IF_ERROR(CheckId("messageId", message_id));
  event.message_id = MessageId(std::move(message_id));
  PENSTOCK_ASSIGN_OR_RETURN(std::optional<std::string> invocation_id,
                            OptionalText(document, "", "invocationId"));
  if (!invocation_id || invocation_id->empty()) return OkStatus();
  PENSTOCK_RETURN_IF_ERROR(CheckId("invocationId", *invocation_id));
  event.invocation_id = InvocationId(*std::move(invocation_id));
  return OkStatus();
}

Status ReadTruncated(const json& document, flow::Event& event) {
  const json* const truncated = Find(document, "truncated");
  if (truncated == nullptr) return OkStatus();
  if (!truncated->is_boolean()) return Expected("truncated", "true or false", *truncated);
  event.truncated = truncated->get<bool>();
  return OkStatus();
}

Status ReadDirection(const json& document, std::optional<rules::FlowDirection> absent,
                     flow::Event& event) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::optional<std::string> direction,
                            OptionalText(document, "", "flowDirection"));
  if (!direction) {
    if (!absent) return InvalidArgument("flowDirection: missing");
    event.direction = *absent;
    return OkStatus();
  }
  const auto parsed = rules::ParseFlowDirection(*direction);
  if (!parsed) {
    return InvalidArgument(
        Cat("flowDirection: \"", Printable(*direction), "\" is neither INBOUND nor OUTBOUND"));
  }
  event.direction = *parsed;
  return OkStatus();
}

Status NotJson(std::string_view bytes, std::size_t octets_read) {
  return InvalidArgument(Cat("event: not JSON (", JsonPosition(bytes, octets_read), ")"));
}

// Says where `bytes`, which are not JSON, go wrong.
Status DescribeFault(std::string_view bytes) {
  // Only the position is wanted: every other event is let through.
  struct Locator : nlohmann::json_sax<json> {
    bool null() override { return true; }

    bool boolean(bool) override { return true; }

    bool number_integer(number_integer_t) override { return true; }

    bool number_unsigned(number_unsigned_t) override { return true; }

    bool number_float(number_float_t, const string_t&) override { return true; }

    bool string(string_t&) override { return true; }

    bool binary(binary_t&) override { return true; }

    bool start_object(std::size_t) override { return true; }

    bool key(string_t&) override { return true; }

    bool end_object() override { return true; }

    bool start_array(std::size_t) override { return true; }

    bool end_array() override { return true; }

    bool parse_error(std::size_t position, const std::string&, const json::exception&) override {
      octets_read = position;
      return false;
    }

    std::size_t octets_read = 0;
  };

  Locator locator;
  json::sax_parse(bytes.begin(), bytes.end(), &locator);
  return NotJson(bytes, locator.octets_read);
}

}  // namespace

Status CheckId(std::string_view key, std::string_view id) {
  const bool good = !id.empty() && id.size() <= limits::kEventIdOctetsMax &&
                    std::all_of(id.begin(), id.end(), [](char c) {
                      return (c >= 'a' && c <= 'z') || IsAsciiDigit(c) || c == '-';
                    });
  if (good) return OkStatus();
  return InvalidArgument(Cat(key, ": \"", Printable(id), "\" is no id; expected 1 to ",
                             limits::kEventIdOctetsMax, " of a-z, 0-9 and \"-\""));
}

StatusOr<flow::Event> ParseEventJson(std::string_view bytes,
                                     std::optional<rules::FlowDirection> absent_direction) {
  if (bytes.size() > limits::kEventFileOctetsMax) {
    return InvalidArgument(Cat("event: ", bytes.size(), " octets, over the ",
                               limits::kEventFileOctetsMax, " that are allowed"));
  }
  // The parser takes NUL for the end of its input.
  const std::size_t nul = bytes.find('\0');
  if (nul != std::string_view::npos) return NotJson(bytes, nul + 1);
  const json document = json::parse(bytes.begin(), bytes.end(), nullptr, false);
  if (document.is_discarded()) return DescribeFault(bytes);
  if (!document.is_object()) return Expected("event", "an object", document);
  flow::Event event;
  PENSTOCK_RETURN_IF_ERROR(CheckVersion(document));
  PENSTOCK_RETURN_IF_ERROR(ReadEnvelope(document, event));
  PENSTOCK_RETURN_IF_ERROR(ReadSender(document, event));
  PENSTOCK_ASSIGN_OR_RETURN(event.subject, OptionalText(document, "", "subject"));
  PENSTOCK_RETURN_IF_ERROR(ReadIds(document, event));
  PENSTOCK_RETURN_IF_ERROR(ReadTruncated(document, event));
  PENSTOCK_RETURN_IF_ERROR(ReadDirection(document, absent_direction, event));
  return event;
}

}  // namespace penstock::wire
