// SPDX-License-Identifier: Apache-2.0
// The text of one leaf part, read as UTF-8 and written back in its own charset and encoding, or in
// others where those cannot hold it.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/status.h"
#include "hooks/sdk/edit.h"
#include "hooks/sdk/message_parts.h"

namespace penstock::sdk {

struct LeafText {
  std::string utf8;
  std::string charset;  // as the part says, in lower case
  std::string octets;   // decoded, before the charset
  // The charset gives the same octets for the text, so it is kept if it can hold what is added.
  bool keeps_charset = false;
};

// FAILED_PRECONDITION with the refusal's text if the encoding is unknown or broken, or the charset.
StatusOr<LeafText> ReadLeafText(std::string_view message, const Part& part);

// Returns the splice that gives a part another text: its other fields keep their octets. UTF-8 and
// quoted-printable are taken where charset and encoding of the part cannot hold it.
//   FAILED_PRECONDITION: its Content-Type cannot be written again.
StatusOr<Splice> WriteLeafText(std::string_view message, const Part& part, const LeafText& before,
                               const std::string& utf8);

}  // namespace penstock::sdk
