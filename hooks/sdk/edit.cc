// SPDX-License-Identifier: Apache-2.0
#include "hooks/sdk/edit.h"

namespace penstock::sdk {

std::string Apply(const Edit& edit, std::string_view octets) {
  std::string result;
  result.reserve(octets.size());
  std::size_t from = 0;
  for (const Splice& splice : edit.splices) {
    result.append(octets.substr(from, splice.offset - from));
    result.append(splice.text);
    from = splice.offset + splice.octets;
  }
  result.append(octets.substr(from));
  return result;
}

}  // namespace penstock::sdk
