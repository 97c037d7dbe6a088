// SPDX-License-Identifier: Apache-2.0
// Attachments taken out of a mail, with a note in their place or nothing. It needs the whole
// message in memory: the hook's, not the daemon's.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "hooks/sdk/edit.h"

namespace penstock::sdk {

// What a predicate is asked about. All of it is the sender's word.
struct Attachment {
  std::string path;  // of its part: "2.1"; "" if the message is nothing but the attachment
  std::string name;  // of the file, UTF-8; empty: none is given
  // All that it is given, `name` first: a policy that asks for names asks for each, as a sender may
  // tell a mail reader another than the first.
  std::vector<std::string> names;
  std::string type;        // "application/pdf", in lower case
  std::size_t octets = 0;  // decoded; as they stand where they cannot be decoded
};

using AttachmentPredicate = std::function<bool(const Attachment&)>;

// Takes out each attachment that `remove` is true for. An attachment is a part that calls itself
// one, has a file's name, or is neither text nor a multipart; a message within the message is one,
// whole.
//   `note`: UTF-8 that comes in its place as text/plain, with {name}, {type} and {octets} filled
//   in; empty: the part goes, and where it was the only one an empty text stays. Refused, with
//   nothing changed: an attachment within something signed or encrypted. Errors: INVALID_ARGUMENT
//   for a note that is no UTF-8.
StatusOr<Edit> RemoveAttachments(std::string_view message, const AttachmentPredicate& remove,
                                 std::string_view note);

}  // namespace penstock::sdk
