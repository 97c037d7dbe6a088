// SPDX-License-Identifier: Apache-2.0
// Limits of the check and the editing of message content, in the form of limits.h.
#pragma once

#include <cstddef>

namespace penstock::limits {

// clang-format off
inline constexpr std::size_t kContentLineOctetsMax = 1000;  // with CRLF, M4, RFC 5321 §4.5.3.1.6: a Put with a longer line is refused
inline constexpr std::size_t kMimeDepthMax = 400;  // parts within each other: what lies deeper is not looked into
inline constexpr std::size_t kBoundaryOctetsMax = 250;  // RFC 2046 §5.1.1 allows 70: a longer one counts as none
inline constexpr std::size_t kMimeFieldOctetsMax = 8192;  // of a Content-Type, Content-Disposition or Content-Transfer-Encoding field: cut there
inline constexpr std::size_t kMimeParametersMax = 64;  // of such a field: later ones are not read
inline constexpr std::size_t kFieldNamesMax = 64;  // once-only fields looked for in one header section, M4: later ones are not
inline constexpr std::size_t kFieldNameOctetsKept = 200;  // of the name of a field with a defect, M4: cut there
inline constexpr std::size_t kDefectsOfAKindMax = 256;  // places with a defect of one kind that are remembered, M4: CheckReplacement says what then
inline constexpr std::size_t kBodyLineOctetsKept = 512;  // of a body line that comes in pieces: enough for any delimiter and its white space
inline constexpr std::size_t kEditedPartsMax = 20'000;  // of a mail whose body a hook edits in its memory: refused, the mail stays as it came
inline constexpr std::size_t kRefusalsTold = 5;  // faults in the text of one refusal, M4: further ones are counted only
inline constexpr std::size_t kRefusalNameOctetsMax = 80;  // of a field's name in it: cut there
inline constexpr std::size_t kRefusalPathOctetsMax = 120;  // of a part's path in it: cut there
// clang-format on

}  // namespace penstock::limits
