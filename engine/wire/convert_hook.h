// SPDX-License-Identifier: Apache-2.0
// Registered hooks and their permissions (SPEC H, P1).
#pragma once

#include "engine/base/status.h"
#include "engine/flow/hook.h"

namespace penstock::v1 {
class Hook;
class Permission;
}  // namespace penstock::v1

namespace penstock::wire {

v1::Hook ToProto(const flow::Hook& hook);  // with its etag (update.h)
v1::Permission ToProto(const flow::Permission& permission);

// Translates, puts in defaults, and checks all that needs no other resource (flow::Validate). The
// permissions, which are OUTPUT_ONLY, are not looked at.
//   Errors: kInvalidArgument, the text beginning with the field: `tls.key_file: …`.
StatusOr<flow::Hook> FromProto(const v1::Hook& hook);

// Empty grants mean INVOKE, empty directions both. Errors: as above.
StatusOr<flow::Permission> FromProto(const v1::Permission& permission);

}  // namespace penstock::wire
