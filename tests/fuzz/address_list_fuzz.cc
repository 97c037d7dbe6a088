// SPDX-License-Identifier: Apache-2.0
// Every mailbox that is read from an address field has a domain, and there are no more of them than
// the field has an "@".
// Covers: engine/mail/address_list.cc
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/base/check.h"
#include "engine/mail/address_list.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  std::ptrdiff_t ats = std::count(body.begin(), body.end(), '@');
  for (const penstock::mail::Mailbox& mailbox : penstock::mail::ParseAddressList(body)) {
    PENSTOCK_CHECK(!mailbox.domain.empty());
    PENSTOCK_CHECK(--ats >= 0);
    PENSTOCK_CHECK(!mailbox.Key().empty());
  }
  return 0;
}
