// SPDX-License-Identifier: Apache-2.0
// Edits of header fields. They need the header section alone (Get with part HEADER_SECTION), some
// thousand octets: Put what Apply makes of it, then the rest of the message as Get streams it from
// there on. Other fields and the body keep their octets.
//
//   `header_section`: octets from the first of the message, up to the body or beyond.
//   Errors: INVALID_ARGUMENT for what no header can hold (a name, a text): the caller's mistake,
//   whatever the message.
// A field comes to the end of the header section. Where that has no fields, or will have none, and
// no blank line ends it, one is added, so that the body stays the body.
#pragma once

#include <string_view>

#include "engine/base/status.h"
#include "hooks/sdk/edit.h"

namespace penstock::sdk {

// Adds a field, whether or not there is one of that name. `text`: see EncodeFieldBody.
StatusOr<Edit> AddField(std::string_view header_section, std::string_view name,
                        std::string_view text);

// Gives the first field of that name another body and takes out the others; adds one if there is
// none. Names are compared without regard to ASCII case; the one that is there stays as written.
StatusOr<Edit> ReplaceField(std::string_view header_section, std::string_view name,
                            std::string_view text);

// Takes out all fields of that name.
StatusOr<Edit> RemoveField(std::string_view header_section, std::string_view name);

// Puts `tag` ("[EXT]", at most 45 octets of UTF-8) and a space before the Subject, unless the
// subject as a person reads it has the tag already, as an answer to a tagged mail has. What is
// there of the subject keeps its octets, encoded words and folding. No Subject: one with the tag
// alone is added; several: each is tagged.
StatusOr<Edit> TagSubject(std::string_view header_section, std::string_view tag);

}  // namespace penstock::sdk
