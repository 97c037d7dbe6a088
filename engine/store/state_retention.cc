// SPDX-License-Identifier: Apache-2.0
// What is retained of messages for those who may read it (M5), and the keys that say who may (P2).
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/store/record.h"
#include "engine/store/state_tables.h"

namespace penstock::store {

Status StateTables::PrepareRetention() {
  const std::pair<Statement*, std::string_view> statements[] = {
      {&find_retained_, "SELECT content FROM retained WHERE message = ? AND invocation = ?"},
      {&put_retained_,
       "INSERT INTO retained (message, invocation, content, until) VALUES (?, ?, ?, ?)"
       " ON CONFLICT DO UPDATE SET content = excluded.content, until = excluded.until"},
      {&delete_retained_, "DELETE FROM retained WHERE message = ? AND invocation = ?"},
      {&find_releasable_,
       "SELECT message, invocation, content FROM retained INDEXED BY retained_until"
       " WHERE until < ? ORDER BY until LIMIT ?"},
      {&put_capability_key_,
       "INSERT INTO capability_keys (id, made, checksum, secret) VALUES (?, ?, ?, ?)"
       " ON CONFLICT DO UPDATE SET made = excluded.made, checksum = excluded.checksum,"
       " secret = excluded.secret"},
      {&delete_capability_key_, "DELETE FROM capability_keys WHERE id = ?"},
  };
  for (const auto& [statement, sql] : statements) {
    PENSTOCK_ASSIGN_OR_RETURN(*statement, database_.Prepare(sql));
  }
  return OkStatus();
}

Status StateTables::WriteRetained(const PreparedRetained& retained, UseChanges& uses) {
  const std::string_view message = retained.message;
  const std::string_view invocation = retained.invocation;
  Status status;
  find_retained_.Begin(message, invocation);
  if (find_retained_.Next(status)) {
    --uses[static_cast<std::uint64_t>(find_retained_.Int(0))];
    find_retained_.Reset();
  }
  PENSTOCK_RETURN_IF_ERROR(status);
  ++uses[retained.content];
  return put_retained_.Run(message, invocation, retained.content, retained.until);
}

StatusOr<std::size_t> StateTables::ReleaseRetained(Time before, std::size_t limit) {
  std::vector<std::pair<std::string, std::string>> keys;
  UseChanges uses;
  Status status;
  find_releasable_.Begin(ToUnixMillis(before), limit);
  while (find_releasable_.Next(status)) {
    keys.emplace_back(find_releasable_.Octets(0), find_releasable_.Octets(1));
    --uses[static_cast<std::uint64_t>(find_releasable_.Int(2))];
  }
  PENSTOCK_RETURN_IF_ERROR(status);
  for (const auto& [message, invocation] : keys) {
    PENSTOCK_RETURN_IF_ERROR(
        delete_retained_.Run(std::string_view(message), std::string_view(invocation)));
  }
  PENSTOCK_RETURN_IF_ERROR(WriteContents({}, uses));
  return keys.size();
}

std::string KeyOf(const ports::CapabilityKey& key) {
  return Cat(key.id, "/", ToUnixMillis(key.made));
}

Status StateTables::WriteCapabilityKeys(const PreparedTransaction& transaction) {
  for (const ports::CapabilityKey& key : transaction.new_capability_keys) {
    PENSTOCK_RETURN_IF_ERROR(put_capability_key_.Run(
        key.id, ToUnixMillis(key.made), RecordChecksum(KeyOf(key), key.secret), Blob{key.secret}));
  }
  for (const std::uint32_t id : transaction.removed_capability_keys)
    PENSTOCK_RETURN_IF_ERROR(delete_capability_key_.Run(id));
  return OkStatus();
}

}  // namespace penstock::store
