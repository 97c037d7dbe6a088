// SPDX-License-Identifier: Apache-2.0
// Limits of the ready-made hooks (hooks/builtin), as limits.h has those of the house.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace penstock::limits {

// clang-format off
inline constexpr std::size_t kBuiltinHooksMax = 100;  // in one file: refused
inline constexpr std::size_t kBuiltinPatternsMax = 100'000;  // in one list of them: refused
inline constexpr std::size_t kEditedMessageOctetsMax = 256U << 20U;  // of a mail whose body a ready-made hook edits or looks into: it counts as one that cannot be changed
inline constexpr std::size_t kEditingOctetsMax = 1U << 30U;  // of memory for such mail at a time, three times its octets each: the attempt fails, and comes again
inline constexpr std::size_t kBuiltinHeaderOctetsMax = 4U << 20U;  // of a header section that is looked at: the attempt fails
inline constexpr std::size_t kMailTextOctetsMax = 65'536;  // of a disclaimer's text or HTML, an attachment's note: refused
inline constexpr std::size_t kBounceTextOctetsMax = 4096;  // of a bounce message in the file; A3 cuts it to 1,024 characters: refused
inline constexpr int kStormMessagesMax = 10'000;  // that may be let through in one window: refused
inline constexpr int kStormMessagesDefault = 20;  // in one window
inline constexpr std::chrono::minutes kStormWindowDefault{1};
inline constexpr std::chrono::hours kStormWindowMax{24};  // refused
inline constexpr std::size_t kStormCallsMax = 100'000;  // of one storm brake that are remembered: the oldest is forgotten
inline constexpr std::size_t kStormRecipientsMax = 500'000;  // of all these together: the oldest call is forgotten
inline constexpr std::chrono::minutes kRepeatRemembered{255};  // of a call: the longest rule timeout (R10) and its last attempt; later it counts again
inline constexpr std::size_t kCounterCallsMax = 100'000;  // of one counter that are remembered: the oldest is forgotten, and counts again if it is repeated
inline constexpr std::size_t kCounterSeriesMax = 1'000;  // pairs of organization and rule that one counter tells apart: further mail is counted under "other"
inline constexpr std::size_t kFilterRulesMax = 100;  // of a header filter: refused
inline constexpr std::size_t kFilterPatternOctetsMax = 1'000;  // of a regular expression: refused
inline constexpr std::int64_t kFilterPatternMemory = 4 << 20;  // of RE2 for one, in octets: a pattern that needs more is refused, a search that does is slower
inline constexpr std::size_t kAttachmentListMax = 1'000;  // extensions or types: refused
inline constexpr std::uint64_t kSavedFolderOctetsDefault = 10ULL << 30U;  // of all copies of a hook: attempts fail
inline constexpr std::uint64_t kSavedFolderOctetsMin = 1U << 20U;  // refused
inline constexpr std::chrono::minutes kSavedSweepInterval{10};  // between two looks for copies that have been kept long enough
inline constexpr std::size_t kArchiveAddressesMax = 10;  // refused
inline constexpr std::size_t kStepsMax = 6;  // of one hook: with a bounce message each and the other four actions they make ten unique ones (H8): refused
// clang-format on

}  // namespace penstock::limits
