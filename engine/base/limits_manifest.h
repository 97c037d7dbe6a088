// SPDX-License-Identifier: Apache-2.0
// Limits of manifests (limits.h).
#pragma once

#include <cstddef>

namespace penstock::limits {

// clang-format off
inline constexpr std::size_t kManifestFaultsOctets = 4096;  // of the text of an error, which travels in a header: further lines are left out
inline constexpr std::size_t kManifestWarningsMax = 50;  // told about one manifest, R13: further ones are counted only
inline constexpr std::size_t kChangesReadMax = 50;  // change records read at a time for a page, so that kListPageOctets holds about
inline constexpr std::size_t kDifferenceCellsMax = 1'000'000;  // lines before times lines after that are compared: beyond, all go and all come
inline constexpr std::size_t kQuietRulesMax = 1000;  // rules of a manifest: for more of them the command line says what it is doing
// clang-format on

}  // namespace penstock::limits
