// SPDX-License-Identifier: Apache-2.0
#include "engine/wire/output.h"

#include <limits>
#include <string>

#include <google/protobuf/util/message_differencer.h>
#include <google/protobuf/wrappers.pb.h>

#include <catch2/catch.hpp>

#include "engine/wire/yaml.h"

#include "penstock/v1/config.pb.h"
#include "penstock/v1/flow_rules.pb.h"
#include "penstock/v1/hooks.pb.h"
#include "penstock/v1/messages.pb.h"

namespace penstock::wire {
namespace {

template <class Message>
void CheckReadsBack(const Message& message) {
  const std::string text = WriteYaml(message);
  CAPTURE(text);
  Message read;
  const Status status = ReadYaml(text, "out.yaml", &read);
  CHECK(status == OkStatus());
  CHECK(google::protobuf::util::MessageDifferencer::Equals(message, read));
}

}  // namespace

TEST_CASE("WriteYaml: a rule as a person would write it", "[wire][yaml]") {
  v1::FlowRule rule;
  rule.set_name("organizations/default/directions/inbound/flowRules/disclaimer");
  rule.add_sender_patterns("*");
  rule.add_sender_patterns("example.com");
  rule.add_recipient_patterns("*");
  rule.mutable_run_hook()->set_hook("disclaimer");
  rule.mutable_run_hook()->set_mode(v1::InvokeRequest::SYNC);
  rule.mutable_run_hook()->mutable_fallback()->set_action(v1::Verdict::DEFAULT);
  rule.mutable_run_hook()->mutable_rule_timeout()->set_seconds(14'400);
  CHECK(WriteYaml(rule) ==
        "name: organizations/default/directions/inbound/flowRules/disclaimer\n"
        "sender_patterns:\n"
        "  - \"*\"\n"
        "  - example.com\n"
        "recipient_patterns:\n"
        "  - \"*\"\n"
        "run_hook:\n"
        "  hook: disclaimer\n"
        "  mode: SYNC\n"
        "  fallback:\n"
        "    action: DEFAULT\n"
        "  rule_timeout: 4h\n");
  CheckReadsBack(rule);
}

TEST_CASE("WriteYaml: nested lists, maps and empty messages read back", "[wire][yaml]") {
  v1::Config config;
  CHECK(WriteYaml(config) == "{}\n");
  CheckReadsBack(config);
  config.set_data_folder("/var/lib/penstock");
  config.add_listeners();
  config.add_listeners()->add_trusted_networks("127.0.0.0/8");
  config.mutable_listeners(1)->set_listen("127.0.0.1:25");
  config.mutable_listeners(1)->set_direction(v1::Listener::AUTO);
  config.mutable_admin();
  config.mutable_delivery()->mutable_expiry()->set_seconds(432'000);
  config.add_next_hops()->mutable_smtp();
  CheckReadsBack(config);

  v1::Hook hook;
  (*hook.mutable_labels())["team"] = "mail";
  (*hook.mutable_labels())["no"] = "";
  (*hook.mutable_labels())["a: b"] = "true";
  hook.set_async_retries(0);
  hook.mutable_tls();
  hook.add_permissions()->add_grants(v1::Permission::READ);
  CheckReadsBack(hook);

  v1::Message message;
  message.mutable_receive_time()->set_seconds(1'795'290'480);
  message.mutable_receive_time()->set_nanos(123'000'000);
  message.add_invocations()->mutable_event()->set_subject("");
  message.set_content_octets(std::numeric_limits<std::int64_t>::max());
  CheckReadsBack(message);
}

TEST_CASE("WriteYaml: every character of a text reads back", "[wire][yaml]") {
  for (const char* text : {"true",
                           "No",
                           "null",
                           "~",
                           "1",
                           "0x10",
                           "1:30",
                           "- a",
                           "a: b",
                           "a #b",
                           "\"q\"",
                           "back\\slash",
                           " lead",
                           "trail ",
                           "tab\there",
                           "two\nlines\n",
                           "\r\n",
                           "\x01\x7f",
                           "\xC2\x85\xC2\xA0",
                           "\xE2\x80\xA8\xE2\x80\xA9",
                           "\xEF\xBB\xBF",
                           "käse €",
                           "😀",
                           "*",
                           "&a",
                           "!t",
                           "%",
                           "@x",
                           "`",
                           "{",
                           "[",
                           "---",
                           "...",
                           "=",
                           "<<"}) {
    CAPTURE(text);
    v1::Config config;
    config.set_hostname(text);
    CheckReadsBack(config);
  }
}

TEST_CASE("WriteYaml: numbers and octets read back", "[wire][yaml]") {
  google::protobuf::DoubleValue real;
  real.set_value(0.1);
  CheckReadsBack(real);
  google::protobuf::FloatValue single;
  single.set_value(-1.5e-7F);
  CheckReadsBack(single);
  google::protobuf::UInt64Value large;
  large.set_value(std::numeric_limits<std::uint64_t>::max());
  CheckReadsBack(large);
  google::protobuf::BytesValue octets;
  octets.set_value(std::string("\0\xff\x80 ", 4));
  CheckReadsBack(octets);
}

TEST_CASE("WriteJson: prints every key that is not an absent message", "[wire][json]") {
  v1::Permission permission;
  permission.set_statement_id("s1");
  const auto text = WriteJson(permission);
  REQUIRE(text.ok());
  CHECK(*text ==
        "{\n \"statementId\": \"s1\",\n \"organization\": \"\",\n \"grants\": [],\n"
        " \"directions\": []\n}\n");
}

TEST_CASE("WriteJson: a time that JSON has no text for is an error", "[wire][json]") {
  v1::HistoryEntry entry;
  entry.mutable_time()->set_seconds(std::numeric_limits<std::int64_t>::max());
  CHECK(WriteJson(entry).status().code() == StatusCode::kInvalidArgument);
}

}  // namespace penstock::wire
