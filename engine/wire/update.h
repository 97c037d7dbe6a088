// SPDX-License-Identifier: Apache-2.0
// What every Update of a resource has in common: etags and field masks (AIP-134, AIP-154).
#pragma once

#include <string>
#include <string_view>

#include "engine/base/status.h"

namespace google::protobuf {
class FieldMask;
class Message;
}  // namespace google::protobuf

namespace penstock::wire {

// Returns 16 hexadecimal digits that depend on every field of the resource but its `etag`: two
// resources of the same content have the same.
std::string Etag(const google::protobuf::Message& resource);

// Checks the etag that a caller gave, "" for none, against the resource as it is.
//   Errors: kAborted.
Status CheckEtag(std::string_view given, std::string_view current);

// Puts into `resource` what `change` says about the fields of `mask`, given by their .proto names.
//   An empty mask means every field that is set in `change`; "*" every field. A field of the mask
//   that `change` does not set is cleared; a list is replaced, and of a oneof's members the one
//   that is there. `name` and `etag` stay in any case.
//   Errors: kInvalidArgument, `update_mask: "nmae" is no known field; did you mean "name"?`; also
//   for a field of a field.
Status MergeUpdate(const google::protobuf::Message& change, const google::protobuf::FieldMask& mask,
                   google::protobuf::Message* resource);

}  // namespace penstock::wire
