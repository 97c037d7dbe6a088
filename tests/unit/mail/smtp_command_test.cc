// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/smtp_command.h"

#include <string>

#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "tests/support/vectors.h"
#include "tests/unit/mail/octets.h"

using namespace penstock;        // NOLINT(google-build-using-namespace)
using namespace penstock::mail;  // NOLINT(google-build-using-namespace)
using penstock::tests::Json;
using penstock::tests::LoadVectors;
using penstock::tests::Octets;

namespace {

// What differs from a command without anything, as the vectors write it.
Json ToJson(const std::variant<SmtpCommand, SmtpReply>& result) {
  Json json;
  if (const auto* reply = std::get_if<SmtpReply>(&result)) {
    json["reply"] = reply->ToString();
    return json;
  }
  const SmtpCommand& command = std::get<SmtpCommand>(result);
  json["verb"] = Name(command.verb);
  if (!command.argument.empty() || command.verb == SmtpVerb::kMail) {
    json["argument"] = command.argument;
  }
  if (command.size) json["size"] = *command.size;
  if (command.last) json["last"] = true;
  if (command.body_8bit) json["body_8bit"] = true;
  if (command.body_binary) json["body_binary"] = true;
  if (command.smtputf8) json["smtputf8"] = true;
  for (const EsmtpParameter& parameter : command.parameters) {
    Json pair = {parameter.keyword, nullptr};
    if (parameter.value) pair[1] = *parameter.value;
    json["parameters"].push_back(pair);
  }
  return json;
}

}  // namespace

TEST_CASE("ParseSmtpCommand: vectors", "[mail][smtp_command]") {
  for (const auto& v : LoadVectors("mail/smtp_command.json")) {
    DYNAMIC_SECTION(v.name) {
      Json want = v.want;
      if (want.contains("argument")) want["argument"] = Octets(want["argument"]);
      CHECK(ToJson(ParseSmtpCommand(Octets(v.input), {"KNOWN"})).dump() == want.dump());
    }
  }
}

TEST_CASE("ParseSmtpCommand: a command that is cut or damaged is read or refused, never more",
          "[mail][smtp_command]") {
  int refused = 0;
  for (const auto& v : LoadVectors("mail/smtp_command.json")) {
    const std::string line = Octets(v.input);
    if (line.size() > 1000) continue;
    CAPTURE(v.name);
    for (std::size_t at = 0; at < line.size(); ++at) {
      for (const char octet : {'\0', '"', '<', '\\', ':', '=', '\xff'}) {
        std::string damaged = line;
        damaged[at] = octet;
        for (const std::string& input : {line.substr(0, at), damaged}) {
          const auto result = ParseSmtpCommand(input);
          if (const auto* reply = std::get_if<SmtpReply>(&result)) {
            ++refused;
            REQUIRE(reply->is_permanent());
            REQUIRE(reply->status.status_class == 5);
          } else {
            REQUIRE(IsValidUtf8(std::get<SmtpCommand>(result).argument));
          }
        }
      }
    }
  }
  CHECK(refused > 1000);
}
