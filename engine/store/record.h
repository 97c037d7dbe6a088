// SPDX-License-Identifier: Apache-2.0
// Turns what the store keeps into octets and back (record.proto). Each record carries a checksum
// over its key and its octets, so that one that rotted, or lies under another's key, is found out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "engine/flow/hook.h"
#include "engine/flow/message_state.h"
#include "engine/ports/store.h"

namespace penstock::store {

// CRC-32 (ISO 3309, as in gzip) of `octets`.
std::uint32_t Checksum(std::string_view octets);

// The checksum of a record: of `key`, a zero octet, and `record`.
std::uint32_t RecordChecksum(std::string_view key, std::string_view record);

// kDataLoss if `checksum` is not that of `key` and `record`.
Status CheckRecord(std::string_view key, std::string_view record, std::int64_t checksum);

std::string EncodeMessage(const flow::MessageState& state);
std::string EncodeHistory(const std::vector<flow::HistoryEntry>& entries);
std::string EncodeAsyncEvent(const ports::AsyncEvent& event);
std::string EncodeOrganization(const rules::Organization& organization);
std::string EncodeHook(const flow::Hook& hook);
std::string EncodeFlowRule(const rules::FlowRule& rule);

// Errors of all: kDataLoss, saying what cannot be read.
StatusOr<flow::MessageState> DecodeMessage(std::string_view record);
StatusOr<std::vector<flow::HistoryEntry>> DecodeHistory(std::string_view record);
StatusOr<ports::AsyncEvent> DecodeAsyncEvent(std::int64_t id, std::string_view record);
StatusOr<rules::Organization> DecodeOrganization(std::string_view record);
StatusOr<flow::Hook> DecodeHook(std::string_view record);
StatusOr<rules::FlowRule> DecodeFlowRule(std::string_view record);

// Where a resource stands in `resources`.
struct ResourceKey {
  std::string kind;  // "organization", "hook", "rule"
  std::string name;  // a rule's: "organization/INBOUND/name"; '/' stands in no name
  friend auto operator<=>(const ResourceKey&, const ResourceKey&) = default;
};

inline constexpr std::string_view kOrganizationKind = "organization";
inline constexpr std::string_view kHookKind = "hook";
inline constexpr std::string_view kRuleKind = "rule";

using flow::Resource;

ResourceKey KeyOf(const Resource& resource);
std::string EncodeResource(const Resource& resource);
// Errors of both: kDataLoss; of the second also for a checksum that is wrong.
StatusOr<Resource> DecodeResource(std::string_view kind, std::string_view record);
StatusOr<Resource> DecodeResource(std::string_view kind, std::string_view name,
                                  std::int64_t checksum, std::string_view record);

// What stands in a history where an entry was damaged.
flow::HistoryEntry DamagedHistoryEntry(Time time, std::string_view reason);

// The number that state.db has for a phase; equal over all versions.
std::int64_t PhaseCode(flow::MessagePhase phase);
// Of a row that is open.
flow::MessagePhase OpenPhaseOf(std::int64_t code);
inline constexpr std::int64_t kClosedPhaseCode = 3;

}  // namespace penstock::store
