// SPDX-License-Identifier: Apache-2.0
// Where in a JSON text something is, for errors.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace penstock::wire {

// Returns "line 1, column 42" of the `octets_read`th octet of `text`, counted from 1, as
// nlohmann/json reports it.
std::string JsonPosition(std::string_view text, std::size_t octets_read);

}  // namespace penstock::wire
