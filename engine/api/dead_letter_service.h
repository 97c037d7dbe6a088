// SPDX-License-Identifier: Apache-2.0
// penstock.v1.DeadLetterService: events that ASYNC hooks have not taken, shown and sent again
// (H12).
#pragma once

#include <memory>

#include <grpcpp/impl/codegen/service_type.h>

#include "engine/api/admin_context.h"

namespace penstock::api {

// `admin` outlives it.
std::unique_ptr<grpc::Service> MakeDeadLetterService(AdminContext& admin);

}  // namespace penstock::api
