// SPDX-License-Identifier: Apache-2.0
#include "engine/store/record.h"

#include <type_traits>
#include <variant>

#include <zlib.h>

#include "engine/base/status_macros.h"
#include "engine/base/strings.h"

namespace penstock::store {
namespace {

std::uint32_t Crc(std::uint32_t seed, std::string_view octets) {
  return static_cast<std::uint32_t>(
      crc32_z(seed, reinterpret_cast<const Bytef*>(octets.data()), octets.size()));
}

}  // namespace

std::uint32_t Checksum(std::string_view octets) {
  return Crc(0, octets);
}

std::uint32_t RecordChecksum(std::string_view key, std::string_view record) {
  return Crc(Crc(Crc(0, key), std::string_view("\0", 1)), record);
}

Status CheckRecord(std::string_view key, std::string_view record, std::int64_t checksum) {
  const std::uint32_t found = RecordChecksum(key, record);
  if (found == checksum) return OkStatus();
  return DataLoss(Cat("checksum ", found, " instead of ", checksum));
}

ResourceKey KeyOf(const Resource& resource) {
  if (const auto* organization = std::get_if<rules::Organization>(&resource)) {
    return {std::string(kOrganizationKind), organization->name};
  }
  if (const auto* hook = std::get_if<flow::Hook>(&resource)) {
    return {std::string(kHookKind), hook->name};
  }
  const auto& rule = std::get<rules::FlowRule>(resource);
  return {std::string(kRuleKind),
          Cat(rule.organization, "/", rules::Name(rule.direction), "/", rule.name)};
}

std::string EncodeResource(const Resource& resource) {
  return std::visit(
      [](const auto& one) {
        using One = std::decay_t<decltype(one)>;
        if constexpr (std::is_same_v<One, rules::Organization>) {
          return EncodeOrganization(one);
        } else if constexpr (std::is_same_v<One, flow::Hook>) {
          return EncodeHook(one);
        } else {
          return EncodeFlowRule(one);
        }
      },
      resource);
}

StatusOr<Resource> DecodeResource(std::string_view kind, std::string_view name,
                                  std::int64_t checksum, std::string_view record) {
  PENSTOCK_RETURN_IF_ERROR(CheckRecord(name, record, checksum));
  return DecodeResource(kind, record);
}

StatusOr<Resource> DecodeResource(std::string_view kind, std::string_view record) {
  if (kind == kOrganizationKind) return DecodeOrganization(record);
  if (kind == kHookKind) return DecodeHook(record);
  if (kind == kRuleKind) return DecodeFlowRule(record);
  return DataLoss(
      Cat("resource of kind \"", Printable(kind), "\", which this version does not know"));
}

flow::HistoryEntry DamagedHistoryEntry(Time time, std::string_view reason) {
  flow::HistoryEntry entry;
  entry.time = time;
  entry.kind = flow::HistoryKind::kWarning;
  entry.detail = Cat("what stood here was damaged and is put aside: ", reason);
  return entry;
}

std::int64_t PhaseCode(flow::MessagePhase phase) {
  switch (phase) {
    case flow::MessagePhase::kActive:
      return 0;
    case flow::MessagePhase::kWaiting:
      return 1;
    case flow::MessagePhase::kDelivering:
      return 2;
    case flow::MessagePhase::kClosed:
      break;
  }
  return kClosedPhaseCode;
}

flow::MessagePhase OpenPhaseOf(std::int64_t code) {
  for (const auto phase : {flow::MessagePhase::kWaiting, flow::MessagePhase::kDelivering}) {
    if (PhaseCode(phase) == code) return phase;
  }
  return flow::MessagePhase::kActive;
}

}  // namespace penstock::store
