// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/event.h"

#include <random>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/flow/json_text.h"
#include "tests/support/vectors.h"

using namespace penstock;        // NOLINT(google-build-using-namespace)
using namespace penstock::flow;  // NOLINT(google-build-using-namespace)
using tests::Json;
using tests::LoadVectors;
using tests::Vector;

namespace {

std::vector<mail::Mailbox> Mailboxes(const Json& input, const char* key) {
  std::vector<mail::Mailbox> mailboxes;
  if (!input.contains(key)) return mailboxes;
  for (const std::string text : input.at(key)) {
    const auto mailbox = mail::Mailbox::Parse(text);
    REQUIRE(mailbox.ok());
    mailboxes.push_back(*mailbox);
  }
  return mailboxes;
}

std::string Repeated(const Json& times, std::string_view text) {
  std::string out;
  for (int i = 0; i < times.get<int>(); ++i)
    out.append(text);
  return out;
}

// `input` of the vectors: from, sender, mail_from, subject, recipients, direction; for long ones
// {"repeat": n, "text": t} as subject and {"count": n, "digits": d} for numbered recipients.
Event BuildFrom(const Json& input) {
  std::vector<std::string> recipients;
  if (const Json& given = input.at("recipients"); given.is_array()) {
    recipients = given.get<std::vector<std::string>>();
  } else {
    for (int i = 0; i < given.at("count").get<int>(); ++i) {
      std::string digits = std::to_string(i);
      digits.insert(0, given.at("digits").get<std::size_t>() - digits.size(), '0');
      recipients.push_back(Cat(digits, "@org.test"));
    }
  }
  std::optional<std::string> subject;
  if (input.contains("subject") && !input.at("subject").is_null()) {
    const Json& given = input.at("subject");
    subject = given.is_object() ? Repeated(given.at("repeat"), given.at("text").get<std::string>())
                                : given.get<std::string>();
  }
  const std::string reverse_path = input.value("mail_from", "");
  return BuildEvent(
      Summarize(Mailboxes(input, "from"), Mailboxes(input, "sender"), reverse_path, subject),
      recipients, MessageId("3c1f5d7e-0000-4000-8000-000000000001"),
      InvocationId("0123456789abcdef0123456789abcdef"),
      rules::ParseFlowDirection(input.value("direction", "INBOUND")).value());
}

std::string TextOf(const Event& event) {
  std::string text;
  AppendJson(text, event);
  return text;
}

// The same event through nlohmann; ordered_json keeps the keys' order.
Json TreeOf(const Event& event) {
  Json tree;
  tree["summaryVersion"] = "2018-10-10";
  tree["envelope"]["mailFrom"]["address"] = event.mail_from;
  tree["envelope"]["recipients"] = Json::array();
  for (const std::string& recipient : event.recipients)
    tree["envelope"]["recipients"].push_back({{"address", recipient}});
  tree["truncated"] = event.truncated;
  tree["sender"] = event.sender ? Json{{"address", *event.sender}} : Json();
  tree["subject"] = event.subject ? Json(*event.subject) : Json();
  tree["messageId"] = event.message_id.text();
  tree["invocationId"] = event.invocation_id.text();
  tree["flowDirection"] = std::string(rules::Name(event.direction));
  return tree;
}

std::string Dumped(const Json& tree) {
  return tree.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

TEST_CASE("Event: vectors", "[flow][event]") {
  for (const Vector& v : LoadVectors("flow/event.json")) {
    DYNAMIC_SECTION(v.name) {
      const Event event = BuildFrom(v.input);
      const std::string text = TextOf(event);
      CAPTURE(v.clauses, v.basis, text.substr(0, 2000));
      CHECK(text == Dumped(TreeOf(event)));
      CHECK(text.size() == JsonOctets(event));
      CHECK(text.size() <= limits::kEventOctetsMax);
      const Json tree = Json::parse(text);
      for (const auto& [key, want] : v.want.items()) {
        CAPTURE(key);
        if (key == "json") {
          CHECK(text == want.get<std::string>());
        } else if (key == "recipients") {
          CHECK(tree.at("envelope").at("recipients").size() == want);
        } else if (key == "subject_octets") {
          CHECK(tree.at("subject").get<std::string>().size() == want);
        } else {
          CHECK(tree.at(Json::json_pointer(key)) == want);
        }
      }
    }
  }
}

TEST_CASE("Event: exactly 131,072 octets fit, one more costs a recipient", "[flow][event]") {
  const std::vector<std::string> recipients = {"ann@org.test", "ben@org.test", "cleo@org.test"};
  const auto build = [&](std::size_t padding) {
    return BuildEvent({std::string(padding, 'p'), {}, {}}, recipients, MessageId("m"),
                      InvocationId("i"), rules::FlowDirection::kOutbound);
  };
  const std::size_t room = limits::kEventOctetsMax - JsonOctets(build(0));
  const Event fits = build(room);
  CHECK(JsonOctets(fits) == limits::kEventOctetsMax);
  CHECK(fits.recipients.size() == 3);
  CHECK_FALSE(fits.truncated);
  // "true" is shorter than "false", but that is not how it may be made to fit.
  const Event over = build(room + 1);
  CHECK(over.recipients == std::vector<std::string>{"ann@org.test", "ben@org.test"});
  CHECK(over.truncated);
  // Nothing but recipients is cut.
  const Event hopeless = build(limits::kEventOctetsMax);
  CHECK(hopeless.recipients.empty());
  CHECK(hopeless.truncated);
}

TEST_CASE("Event: as many recipients stay as fit", "[flow][event]") {
  std::vector<std::string> recipients;
  for (int i = 0; i < 6000; ++i)
    recipients.push_back(Cat("r", i, "\"@org.test"));
  const Event event = BuildEvent({"a@b.test", {}, "s"}, recipients, MessageId("m"),
                                 InvocationId("i"), rules::FlowDirection::kInbound);
  CHECK(event.truncated);
  REQUIRE(event.recipients.size() < recipients.size());
  Event larger = event;
  larger.recipients.push_back(recipients[event.recipients.size()]);
  CHECK(JsonOctets(event) <= limits::kEventOctetsMax);
  CHECK(JsonOctets(larger) > limits::kEventOctetsMax);
}

TEST_CASE("Event: what is not UTF-8 becomes U+FFFD, so that the typed event can carry it",
          "[flow][event]") {
  const std::vector<std::string> recipients = {"a\xff@org.test"};
  const std::vector<mail::Mailbox> from = {{"x\xc3", "org.test"}};
  const Event event = BuildEvent(Summarize(from, from, "", "\xf0\x9f\x93"), recipients,
                                 MessageId("m"), InvocationId("i"), rules::FlowDirection::kInbound);
  CHECK(event.recipients[0] == "a\xef\xbf\xbd@org.test");
  CHECK(event.mail_from == "x\xef\xbf\xbd@org.test");
  CHECK(event.subject == "\xef\xbf\xbd");
  CHECK_FALSE(event.sender);
}

TEST_CASE("Event: the same arguments give the same octets", "[flow][event]") {
  const std::vector<std::string> recipients = {"b@org.test", "a@org.test"};
  const auto build = [&] {
    return TextOf(BuildEvent({"f@org.test", "s@org.test", "x"}, recipients, MessageId("m"),
                             InvocationId("i"), rules::FlowDirection::kInbound));
  };
  CHECK(build() == build());
}

TEST_CASE("JsonText: any octets at all give what nlohmann writes", "[flow][event]") {
  // Pieces that need care at every place of a word, mixed with ones that do not.
  const std::string pieces[] = {
      "a",    "plain text",   "\"",       "\\",           "\n",       "\x01", "\x1f",
      "\x7f", "\xff",         "\xc3\xbc", "\xf0\x9f\x93", "\xe2\x82", "\b",   "\f",
      "\r",   "\t",           "/",        "\xed\xa0\x80", " ",        "!",    "[",
      "]",    "\xe2\x80\xa8", "\xf4\x90"};
  std::mt19937 random(11);
  std::uniform_int_distribution<std::size_t> piece(0, std::size(pieces) - 1);
  std::uniform_int_distribution<int> count(0, 12);
  for (int round = 0; round < 50'000; ++round) {
    std::string text;
    for (int i = count(random); i > 0; --i)
      text += round % 3 == 0   ? pieces[piece(random)]
              : round % 3 == 1 ? pieces[piece(random) % 2]
                               : std::string(1, static_cast<char>(random() % 256));
    std::string written = "x";
    AppendJsonString(written, text);
    const std::string want = "x" + Dumped(Json(text));
    if (written != want) {
      CAPTURE(written, want);
      FAIL("differs");
    }
    REQUIRE(JsonStringOctets(text) == want.size() - 1);
  }
}
