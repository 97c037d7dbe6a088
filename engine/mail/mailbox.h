// SPDX-License-Identifier: Apache-2.0
// A mailbox: local part and domain (RFC 5321 §4.1.2). What is given is kept as given; comparing
// goes by a key (SPEC R3).
#pragma once

#include <string>
#include <string_view>

#include "engine/base/status.h"

namespace penstock::mail {

struct Mailbox {
  std::string local_part;  // as given; a quoted string keeps its quotes
  std::string domain;      // as given: A-labels, U-labels, or an address literal "[192.0.2.1]"

  // Parses `local-part "@" ( Domain / address-literal )` and nothing around it: no display name, no
  // angle brackets, no source route. UTF-8 is taken in both parts (RFC 6531 §3.3).
  //   Errors: kInvalidArgument, naming the offending text and place; also over the limits of
  //   RFC 5321 §4.5.3.1.
  static StatusOr<Mailbox> Parse(std::string_view text);

  [[nodiscard]] std::string ToString() const;

  // Two mailboxes are the same if their keys are (R3): ASCII letters in lower case in both parts,
  // the domain in A-labels without its trailing dot. A local part that is quoted without need
  // compares like the unquoted one. A "+tag" stays.
  [[nodiscard]] std::string Key() const;

  friend bool operator==(const Mailbox&, const Mailbox&) = default;
};

// Returns `domain` in A-labels, lower case, without one trailing dot (IDNA 2008 by libidn2).
//   Errors: kInvalidArgument if it is no domain name; an address literal is one only to Mailbox.
StatusOr<std::string> NormalizeDomain(std::string_view domain);

// Returns Mailbox::Parse(text)'s key, or `text` in lower case where it does not parse: for sets
// that must hold whatever a client gave.
std::string AddressKey(std::string_view text);

}  // namespace penstock::mail
