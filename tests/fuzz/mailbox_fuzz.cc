// SPDX-License-Identifier: Apache-2.0
// A mailbox that parses prints to itself, parses again, and has a key that is its own key (R3).
// Covers: engine/mail/mailbox.cc engine/mail/address_literal.cc
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/check.h"
#include "engine/mail/mailbox.h"

using penstock::mail::AddressKey;
using penstock::mail::Mailbox;
using penstock::mail::NormalizeDomain;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);

  const auto mailbox = Mailbox::Parse(text);
  if (mailbox.ok()) {
    PENSTOCK_CHECK(mailbox->ToString() == text);
    const std::string key = mailbox->Key();
    PENSTOCK_CHECK(key == AddressKey(text));
    const auto again = Mailbox::Parse(key);
    PENSTOCK_CHECK(again.ok());
    PENSTOCK_CHECK(again->Key() == key);
  } else {
    PENSTOCK_CHECK(!mailbox.status().message().empty());
    AddressKey(text);
  }

  const auto domain = NormalizeDomain(text);
  if (domain.ok()) {
    const auto again = NormalizeDomain(*domain);
    PENSTOCK_CHECK(again.ok() && *again == *domain);
  }
  return 0;
}
