// SPDX-License-Identifier: Apache-2.0
// Whether an organization may go, as far as no Directory knows it.
#pragma once

#include <string>

#include "engine/api/admin_context.h"
#include "engine/async/task.h"

namespace penstock::api {

// Errors: kFailedPrecondition while a listener of the configuration names it, or it has messages
// that are not closed; the store's. `admin` outlives it.
async::Task<void> CheckRemovable(const AdminContext& admin, std::string organization);

}  // namespace penstock::api
