// SPDX-License-Identifier: Apache-2.0
// The door to absl::Status, with factories that take std::string_view (Debian's Abseil has a
// string_view of its own that does not convert).
//
// Text reads `what: why (where)`: lower case, no full stop, no secret, no message content.
// Codes: bad input → kInvalidArgument; unknown name → kNotFound; name taken → kAlreadyExists;
// not now, state must change first → kFailedPrecondition; permission → kPermissionDenied; over a
// limit → kResourceExhausted; no answer in time → kDeadlineExceeded; peer or disk not there →
// kUnavailable; stored data unreadable → kDataLoss.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace penstock {

using absl::OkStatus;
using absl::Status;
using absl::StatusCode;
using absl::StatusOr;

// Makes a Status of `code`; `kOk` gives OkStatus whatever the text.
Status MakeStatus(StatusCode code, std::string_view text);

Status InvalidArgument(std::string_view text);
Status NotFound(std::string_view text);
Status AlreadyExists(std::string_view text);
Status FailedPrecondition(std::string_view text);
Status PermissionDenied(std::string_view text);
Status ResourceExhausted(std::string_view text);
Status DeadlineExceeded(std::string_view text);
Status Unavailable(std::string_view text);
Status DataLoss(std::string_view text);
Status Aborted(std::string_view text);
Status Cancelled(std::string_view text);
Status Internal(std::string_view text);
Status Unimplemented(std::string_view text);

// Returns the text of `status` as a std::string_view into it.
std::string_view Message(const Status& status);

// Returns "DEADLINE_EXCEEDED" and the like: the words that gRPC and our logs share.
std::string_view CodeName(StatusCode code);

// Returns `status` with `context + ": "` before its text; OK stays OK.
Status Annotate(const Status& status, std::string_view context);

}  // namespace penstock
