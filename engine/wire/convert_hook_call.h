// SPDX-License-Identifier: Apache-2.0
// The request and the response of HookService.Invoke (SPEC E1–E7, H5).
#pragma once

#include "engine/base/status.h"
#include "engine/flow/answer.h"
#include "engine/flow/event.h"

namespace penstock::v1 {
class Event;
class InvokeRequest;
class InvokeResponse;
}  // namespace penstock::v1

namespace penstock::wire {

v1::Event ToProto(const flow::Event& event);

// Sets the typed event, and the JSON text as well if the hook is registered with `json` (E7).
void FillInvokeRequest(const flow::Event& event, bool json, v1::InvokeRequest* request);

// Returns what the hook answered, typed or as JSON; whether it makes sense is Resolve's matter.
//   A type that this version does not know stands as its number.
//   Errors: kInvalidArgument (H6) for an answer in both forms, and as ParseAnswerJson.
StatusOr<flow::Answer> ToAnswer(const v1::InvokeResponse& response);

// Returns the typed form of an answer that Resolve has accepted, for the record.
v1::InvokeResponse ToProto(const flow::Answer& answer);

}  // namespace penstock::wire
