// SPDX-License-Identifier: Apache-2.0
// penstock.v1.ChangeService over the store's record of changes (SPEC R14).
#pragma once

#include <memory>

#include <grpcpp/impl/codegen/service_type.h>

#include "engine/api/admin_context.h"

namespace penstock::api {

// `admin` outlives it.
std::unique_ptr<grpc::Service> MakeChangeService(AdminContext& admin);

}  // namespace penstock::api
