// SPDX-License-Identifier: Apache-2.0
// Organizations and the domains they own, which decide what is internal (SPEC O1, O2).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "engine/base/strings.h"
#include "engine/mail/mailbox.h"

namespace penstock::rules {

// What a fresh install has (O1).
inline constexpr std::string_view kDefaultOrganization = "default";

struct Organization {
  std::string name;
  std::vector<std::string> domains;  // as given; U-labels and capitals are taken
  friend bool operator==(const Organization&, const Organization&) = default;
};

// Which organization owns a domain. A domain owns no subdomain of it: each is listed by itself.
// Threads: const, safe from many.
class DomainTable {
 public:
  DomainTable() = default;

  // A domain that an organization lists twice counts once.
  //   Errors: kInvalidArgument for a name (CheckName), a name that stands twice, or a text that is
  //   no domain; kAlreadyExists for a domain of two organizations (O2), naming both.
  static StatusOr<DomainTable> Build(std::span<const Organization> organizations);

  // Returns the organization that owns a domain in normal form (mail::NormalizeDomain); empty if
  // none does. The view lives as long as the table.
  [[nodiscard]] std::string_view OwnerOfDomain(std::string_view normal_domain) const;

  // The same for a mailbox, as given. One at an address literal is owned by none.
  [[nodiscard]] std::string_view Owner(const mail::Mailbox& mailbox) const;

  // The same for a mail::Mailbox::Key() or AddressKey(); one without a domain is owned by none.
  [[nodiscard]] std::string_view OwnerOfKey(std::string_view address_key) const;

  [[nodiscard]] bool Owns(std::string_view organization, const mail::Mailbox& mailbox) const;

 private:
  StringMap<std::string> owners_;  // domain in normal form → organization
};

}  // namespace penstock::rules
