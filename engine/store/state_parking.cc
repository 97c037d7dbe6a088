// SPDX-License-Identifier: Apache-2.0
// What leaves the tables: closed messages that are old, and records that are damaged. The latter go
// to the table `parked` with the reason, and nothing that belongs to them is thrown away.
#include <optional>
#include <utility>

#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/store/record.h"
#include "engine/store/state_tables.h"

namespace penstock::store {
namespace {

constexpr std::optional<std::int64_t> kNone;

template <class Decode>
Status Verify(std::string_view key, std::int64_t checksum, std::string_view record,
              const Decode& decode) {
  PENSTOCK_RETURN_IF_ERROR(CheckRecord(key, record, checksum));
  return decode(record).status();
}

}  // namespace

StatusOr<std::size_t> StateTables::Purge(Time before, std::size_t limit) {
  struct Old {
    std::int64_t number;
    std::string id;
    Status sound;
  };

  std::vector<Old> all;
  Status status;
  find_purgeable_.Begin(ToUnixMillis(before), limit);
  while (find_purgeable_.Next(status)) {
    Old old = {find_purgeable_.Int(0), std::string(find_purgeable_.Octets(1)), OkStatus()};
    const std::string_view record = find_purgeable_.Octets(3);
    old.sound = CheckRecord(old.id, record, find_purgeable_.Int(2));
    if (old.sound.ok()) {
      const StatusOr<flow::MessageState> state = DecodeMessage(record);
      old.sound = state.status();
      // The last chance to see that a row's phase is not what its record says.
      if (state.ok() && Phase(*state) != flow::MessagePhase::kClosed) {
        old.sound = DataLoss("row says closed, record says open");
      }
    }
    all.push_back(std::move(old));
  }
  PENSTOCK_RETURN_IF_ERROR(status);
  std::size_t purged = 0;
  for (const Old& old : all) {
    if (!old.sound.ok()) {
      const DamagedRecord damaged = {std::string(kMessageKind), old.id, 0,
                                     std::string(Message(old.sound))};
      PENSTOCK_RETURN_IF_ERROR(ParkMessage(damaged));
      continue;
    }
    PENSTOCK_RETURN_IF_ERROR(delete_history_.Run(old.number));
    PENSTOCK_RETURN_IF_ERROR(delete_message_.Run(old.number));
    ++purged;
  }
  return purged;
}

Status StateTables::Park(const DamagedRecord& damaged) {
  if (damaged.kind == kMessageKind) {
    // Whoever reported it read an older state: what is here now may be sound.
    Status status;
    Status sound;
    read_message_.Begin(std::string_view(damaged.key));
    if (!read_message_.Next(status)) return status;
    sound = Verify(damaged.key, read_message_.Int(3), read_message_.Octets(4), DecodeMessage);
    read_message_.Reset();
    return sound.ok() ? OkStatus() : ParkMessage(damaged);
  }
  if (damaged.kind == kHistoryKind) return ParkHistory(damaged);
  if (damaged.kind == kAsyncEventKind) return ParkAsyncEvent(damaged);
  return ParkResource(damaged);
}

// Its content keeps the use that the message had of it.
Status StateTables::ParkMessage(const DamagedRecord& damaged) {
  Status status;
  read_message_.Begin(std::string_view(damaged.key));
  if (!read_message_.Next(status)) return status;
  const std::int64_t number = read_message_.Int(0);
  const bool is_open = read_message_.Int(1) != kClosedPhaseCode;
  const std::int64_t content = read_message_.Int(2);
  const std::int64_t checksum = read_message_.Int(3);
  const std::string record(read_message_.Octets(4));
  read_message_.Reset();
  PENSTOCK_RETURN_IF_ERROR(park_.Run(std::string_view(damaged.kind), std::string_view(damaged.key),
                                     std::string_view(damaged.reason), number, content, checksum,
                                     Blob{record}));
  PENSTOCK_RETURN_IF_ERROR(delete_message_.Run(number));
  if (is_open) counts_.ChangeOpenMessages(-1);
  consequences_.parked.push_back(damaged);
  return OkStatus();
}

// A warning takes its place.
Status StateTables::ParkHistory(const DamagedRecord& damaged) {
  const std::optional<std::int64_t> message = ParseInt<std::int64_t>(damaged.key);
  if (!message) return OkStatus();
  const std::string key = HistoryKey(*message, damaged.sequence);
  Status status;
  find_history_.Begin(*message, damaged.sequence);
  if (!find_history_.Next(status)) return status;
  const std::int64_t time = find_history_.Int(1);
  const std::int64_t checksum = find_history_.Int(2);
  const std::string record(find_history_.Octets(3));
  find_history_.Reset();
  if (Verify(key, checksum, record, DecodeHistory).ok()) return OkStatus();
  PENSTOCK_RETURN_IF_ERROR(park_.Run(std::string_view(damaged.kind), std::string_view(key),
                                     std::string_view(damaged.reason), message, kNone, checksum,
                                     Blob{record}));
  const std::string warning =
      EncodeHistory({DamagedHistoryEntry(FromUnixMillis(time), damaged.reason)});
  PENSTOCK_RETURN_IF_ERROR(
      update_history_.Run(RecordChecksum(key, warning), Blob{warning}, *message, damaged.sequence));
  consequences_.parked.push_back(damaged);
  return OkStatus();
}

Status StateTables::ParkAsyncEvent(const DamagedRecord& damaged) {
  const std::optional<std::int64_t> id = ParseInt<std::int64_t>(damaged.key);
  if (!id) return OkStatus();
  Status status;
  read_event_.Begin(*id);
  if (!read_event_.Next(status)) return status;
  const std::int64_t checksum = read_event_.Int(2);
  const std::string record(read_event_.Octets(3));
  read_event_.Reset();
  const auto decode = [&id](std::string_view text) { return DecodeAsyncEvent(*id, text); };
  if (Verify(damaged.key, checksum, record, decode).ok()) return OkStatus();
  PENSTOCK_RETURN_IF_ERROR(park_.Run(std::string_view(damaged.kind), std::string_view(damaged.key),
                                     std::string_view(damaged.reason), kNone, kNone, checksum,
                                     Blob{record}));
  PENSTOCK_RETURN_IF_ERROR(EndEvent(*id));
  consequences_.parked.push_back(damaged);
  return OkStatus();
}

Status StateTables::ParkResource(const DamagedRecord& damaged) {
  const std::string_view name = damaged.key;
  Status status;
  find_resource_.Begin(std::string_view(damaged.kind), name);
  if (!find_resource_.Next(status)) return status;
  const std::int64_t checksum = find_resource_.Int(0);
  const std::string record(find_resource_.Octets(1));
  find_resource_.Reset();
  if (DecodeResource(damaged.kind, damaged.key, checksum, record).ok()) return OkStatus();
  PENSTOCK_RETURN_IF_ERROR(park_.Run(std::string_view(damaged.kind), name,
                                     std::string_view(damaged.reason), kNone, kNone, checksum,
                                     Blob{record}));
  PENSTOCK_RETURN_IF_ERROR(delete_resource_.Run(std::string_view(damaged.kind), name));
  consequences_.parked.push_back(damaged);
  return OkStatus();
}

}  // namespace penstock::store
