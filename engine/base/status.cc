// SPDX-License-Identifier: Apache-2.0
#include "engine/base/status.h"

#include "engine/base/strings.h"

namespace penstock {

Status MakeStatus(StatusCode code, std::string_view text) {
  return Status(code, ToAbsl(text));
}

Status InvalidArgument(std::string_view text) {
  return MakeStatus(StatusCode::kInvalidArgument, text);
}

Status NotFound(std::string_view text) {
  return MakeStatus(StatusCode::kNotFound, text);
}

Status AlreadyExists(std::string_view text) {
  return MakeStatus(StatusCode::kAlreadyExists, text);
}

Status FailedPrecondition(std::string_view text) {
  return MakeStatus(StatusCode::kFailedPrecondition, text);
}

Status PermissionDenied(std::string_view text) {
  return MakeStatus(StatusCode::kPermissionDenied, text);
}

Status ResourceExhausted(std::string_view text) {
  return MakeStatus(StatusCode::kResourceExhausted, text);
}

Status DeadlineExceeded(std::string_view text) {
  return MakeStatus(StatusCode::kDeadlineExceeded, text);
}

Status Unavailable(std::string_view text) {
  return MakeStatus(StatusCode::kUnavailable, text);
}

Status DataLoss(std::string_view text) {
  return MakeStatus(StatusCode::kDataLoss, text);
}

Status Aborted(std::string_view text) {
  return MakeStatus(StatusCode::kAborted, text);
}

Status Cancelled(std::string_view text) {
  return MakeStatus(StatusCode::kCancelled, text);
}

Status Internal(std::string_view text) {
  return MakeStatus(StatusCode::kInternal, text);
}

Status Unimplemented(std::string_view text) {
  return MakeStatus(StatusCode::kUnimplemented, text);
}

std::string_view Message(const Status& status) {
  return FromAbsl(status.message());
}

std::string_view CodeName(StatusCode code) {
  switch (code) {
    case StatusCode::kOk:
      return "OK";
    case StatusCode::kCancelled:
      return "CANCELLED";
    case StatusCode::kUnknown:
      return "UNKNOWN";
    case StatusCode::kInvalidArgument:
      return "INVALID_ARGUMENT";
    case StatusCode::kDeadlineExceeded:
      return "DEADLINE_EXCEEDED";
    case StatusCode::kNotFound:
      return "NOT_FOUND";
    case StatusCode::kAlreadyExists:
      return "ALREADY_EXISTS";
    case StatusCode::kPermissionDenied:
      return "PERMISSION_DENIED";
    case StatusCode::kResourceExhausted:
      return "RESOURCE_EXHAUSTED";
    case StatusCode::kFailedPrecondition:
      return "FAILED_PRECONDITION";
    case StatusCode::kAborted:
      return "ABORTED";
    case StatusCode::kOutOfRange:
      return "OUT_OF_RANGE";
    case StatusCode::kUnimplemented:
      return "UNIMPLEMENTED";
    case StatusCode::kInternal:
      return "INTERNAL";
    case StatusCode::kUnavailable:
      return "UNAVAILABLE";
    case StatusCode::kDataLoss:
      return "DATA_LOSS";
    case StatusCode::kUnauthenticated:
      return "UNAUTHENTICATED";
    default:
      return "UNKNOWN";
  }
}

Status Annotate(const Status& status, std::string_view context) {
  if (status.ok()) return status;
  return MakeStatus(status.code(), Cat(context, ": ", Message(status)));
}

}  // namespace penstock
