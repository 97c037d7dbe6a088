// SPDX-License-Identifier: Apache-2.0
// The tables of state.db and how an older file becomes one of today (FORMAT.md).
#pragma once

#include <cstdint>
#include <string>

#include "engine/base/status.h"
#include "engine/store/sqlite.h"

namespace penstock::store {

// The version that this program writes.
std::int64_t SchemaVersion();

// Brings an open database, new ones included, to SchemaVersion(), one version a transaction.
//   Errors: kFailedPrecondition for a newer version, or a database that is none of ours, saying
//   what to do; kUnavailable, kDataLoss.
Status Migrate(Database& database, const std::string& path);

// What every connection of the store sets before anything else.
Status Configure(Database& database);

}  // namespace penstock::store
