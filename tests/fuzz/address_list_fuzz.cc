// SPDX-License-Identifier: Apache-2.0
// Every mailbox that is read from an address field has a domain, and is no longer than the field.
// Covers: engine/mail/address_list.cc
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/base/check.h"
#include "engine/mail/address_list.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  std::size_t octets = 0;
  for (const penstock::mail::Mailbox& mailbox : penstock::mail::ParseAddressList(body)) {
    PENSTOCK_CHECK(!mailbox.domain.empty());
    octets += mailbox.local_part.size() + mailbox.domain.size();
    PENSTOCK_CHECK(!mailbox.Key().empty());
  }
  PENSTOCK_CHECK(octets <= size);
  return 0;
}
