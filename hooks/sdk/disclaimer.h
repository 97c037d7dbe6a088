// SPDX-License-Identifier: Apache-2.0
// A disclaimer in the text that a reader of the mail sees first (SPEC M). It needs the whole
// message in memory: the hook's, not the daemon's.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/status.h"
#include "hooks/sdk/edit.h"

namespace penstock::sdk {

struct Disclaimer {
  std::string text;  // UTF-8, line ends of LF or CRLF; for text/plain
  std::string html;  // a fragment, UTF-8; empty: made of `text`
  bool top = false;  // before the text instead of behind it
};

// Puts a disclaimer into the mail's text: into every form of it where it has several
// (multipart/alternative), into the root of a multipart/related, else into the first part that has
// text. Not into attachments, nor into messages within the message. Each part that changes is
// rewritten in its charset and encoding where those can hold it; all else keeps its octets.
//   format=flowed (RFC 3676) is kept: the disclaimer's lines are fixed ones.
//   Refused, with nothing changed: a mail that is signed or encrypted (multipart/signed,
//   multipart/encrypted, S/MIME, PGP in the text), text whose encoding or charset cannot be read,
//   HTML in a charset that does not give the same octets again, and mail without text.
//   Errors: INVALID_ARGUMENT for a disclaimer that is empty or no UTF-8.
StatusOr<Edit> AddDisclaimer(std::string_view message, const Disclaimer& disclaimer);

}  // namespace penstock::sdk
