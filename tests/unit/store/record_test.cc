// SPDX-License-Identifier: Apache-2.0
#include "engine/store/record.h"

#include <string>

#include <catch2/catch.hpp>

#include "tests/support/store_samples.h"

namespace penstock::store {
namespace {

using namespace tests;  // NOLINT(google-build-using-namespace)

TEST_CASE("Record: everything reads back as it was written", "[store][record]") {
  flow::MessageState state = EveryField();
  state.content = ContentId("0000000100000001");
  CHECK(DecodeMessage(EncodeMessage(state)).value() == state);
  const flow::MessageState empty;
  CHECK(DecodeMessage(EncodeMessage(empty)).value() == empty);
  const std::vector<flow::HistoryEntry> history = {EveryHistoryField(), flow::HistoryEntry()};
  CHECK(DecodeHistory(EncodeHistory(history)).value() == history);
  ports::AsyncEvent event = EveryEventField();
  event.id = 7;
  event.dead = true;
  CHECK(DecodeAsyncEvent(7, EncodeAsyncEvent(event)).value() == event);
  CHECK(DecodeHook(EncodeHook(EveryHookField())).value() == EveryHookField());
  CHECK(DecodeFlowRule(EncodeFlowRule(EveryRuleField())).value() == EveryRuleField());
  const rules::Organization organization = {"acme", {"example.com", ""}};
  CHECK(DecodeOrganization(EncodeOrganization(organization)).value() == organization);
}

// A value that the engine has and the record has not would come back as damage.
TEST_CASE("Record: every word of the engine has one in the store", "[store][record]") {
  for (int i = 0; !Name(static_cast<flow::HistoryKind>(i)).empty(); ++i) {
    flow::HistoryEntry entry;
    entry.kind = static_cast<flow::HistoryKind>(i);
    CAPTURE(Name(entry.kind));
    CHECK(DecodeHistory(EncodeHistory({entry})).value()[0].kind == entry.kind);
  }
  const auto recipient = [](auto set) {
    flow::MessageState state;
    set(state);
    CHECK(DecodeMessage(EncodeMessage(state)).value() == state);
  };
  for (int i = 0; !Name(static_cast<flow::DecidedBy>(i)).empty(); ++i) {
    recipient([i](flow::MessageState& state) {
      state.recipients.emplace_back().decided_by = static_cast<flow::DecidedBy>(i);
    });
  }
  for (int i = 0; !Name(static_cast<flow::DeliveryProgress>(i)).empty(); ++i) {
    recipient([i](flow::MessageState& state) {
      state.recipients.emplace_back().progress = static_cast<flow::DeliveryProgress>(i);
    });
  }
  for (int i = 0; !Name(static_cast<flow::Marking>(i)).empty(); ++i) {
    recipient([i](flow::MessageState& state) {
      state.deliveries.emplace_back().marking = static_cast<flow::Marking>(i);
    });
  }
  for (int i = 0; i <= static_cast<int>(rules::Action::kRunHook); ++i) {
    recipient([i](flow::MessageState& state) {
      state.recipients.emplace_back().outcome = {static_cast<rules::Action>(i), "", ""};
    });
  }
}

TEST_CASE("Record: what is no record is data loss", "[store][record]") {
  const std::string sound = EncodeMessage(EveryField());
  CHECK(DecodeMessage(sound.substr(0, sound.size() / 2)).status().code() == StatusCode::kDataLoss);
  CHECK(DecodeMessage("\xff\xff\xff").status().code() == StatusCode::kDataLoss);
  CHECK(DecodeMessage("").status().code() == StatusCode::kDataLoss);  // no direction
  CHECK(DecodeHistory("\x0a\x01").status().code() == StatusCode::kDataLoss);
  CHECK(DecodeAsyncEvent(1, "x").status().code() == StatusCode::kDataLoss);
  CHECK(DecodeFlowRule("").status().code() == StatusCode::kDataLoss);
  flow::MessageState dangling = EveryField();
  dangling.deliveries.clear();
  CHECK(DecodeMessage(EncodeMessage(dangling)).status().code() == StatusCode::kDataLoss);
}

TEST_CASE("Record: a checksum is of the key and of every octet", "[store][record]") {
  const std::string record = EncodeMessage(EveryField());
  const std::uint32_t checksum = RecordChecksum("m-1", record);
  CHECK(CheckRecord("m-1", record, checksum).ok());
  CHECK(CheckRecord("m-2", record, checksum).code() == StatusCode::kDataLoss);
  for (std::size_t i = 0; i < record.size(); ++i) {
    std::string damaged = record;
    damaged[i] ^= 0x10;
    CHECK_FALSE(CheckRecord("m-1", damaged, checksum).ok());
  }
  // ISO 3309's check value, as every CRC-32 has it.
  CHECK(Checksum("123456789") == 0xcbf43926);
}

TEST_CASE("Record: a resource's key tells kinds, organizations and directions apart",
          "[store][record]") {
  rules::FlowRule rule;
  rule.organization = "acme";
  rule.name = "screen";
  CHECK(KeyOf(rule) == ResourceKey{"rule", "acme/INBOUND/screen"});
  rule.direction = rules::FlowDirection::kOutbound;
  CHECK(KeyOf(rule) == ResourceKey{"rule", "acme/OUTBOUND/screen"});
  CHECK(KeyOf(rules::Organization{"acme", {}}) == ResourceKey{"organization", "acme"});
  flow::Hook hook;
  hook.name = "acme";
  CHECK(KeyOf(hook) == ResourceKey{"hook", "acme"});
}

}  // namespace
}  // namespace penstock::store
