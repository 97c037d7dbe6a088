// SPDX-License-Identifier: Apache-2.0
// Organizations (SPEC O1).
#pragma once

#include "engine/base/status.h"
#include "engine/rules/organization.h"

namespace penstock::v1 {
class Organization;
}

namespace penstock::wire {

// Domains in normal form and byte order; with its etag (update.h).
v1::Organization ToProto(const rules::Organization& organization);

// Domains come out in normal form, in byte order, each once.
//   Errors: kInvalidArgument, the text beginning with the field: `domains[1]: …`.
StatusOr<rules::Organization> FromProto(const v1::Organization& organization);

}  // namespace penstock::wire
