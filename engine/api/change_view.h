// SPDX-License-Identifier: Apache-2.0
// Changes of resources as the services show them (R14).
#pragma once

#include <optional>

#include "engine/flow/resource.h"
#include "engine/ports/store.h"

namespace penstock::v1 {
class Change;
}

namespace penstock::api {

// One that is not on record: without name, time and who.
v1::Change ViewChange(const std::optional<flow::Resource>& before,
                      const std::optional<flow::Resource>& after);

v1::Change ViewChange(const ports::RecordedChange& change);

}  // namespace penstock::api
