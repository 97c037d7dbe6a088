// SPDX-License-Identifier: Apache-2.0
// What SMTP says about a message, apart from its content (RFC 5321 §2.3.1).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/mail/dsn_parameters.h"

namespace penstock::mail {

// Who handed us the message, for the trace field (RFC 5321 §4.4) and the record.
struct ClientInfo {
  std::string address;   // "192.0.2.1"; empty for a library call
  std::string helo;      // what it called itself; may be empty
  std::string with;      // how it spoke, for the trace field: "ESMTP" (RFC 3848); may be empty
  std::string login;     // name it authenticated with; empty if it did not
  std::string listener;  // name of the listener in the configuration
  bool trusted = false;  // in a configured network or by certificate (O3)
  // Whose mail a trusted client says that it hands on: attributes of XFORWARD in the order given,
  // names in upper case, values decoded. For the record and for next hops; they decide nothing.
  std::vector<std::pair<std::string, std::string>> forwarded{};
  friend bool operator==(const ClientInfo&, const ClientInfo&) = default;
};

struct Envelope {
  std::string reverse_path;  // as given, without angle brackets; empty is the null path
  std::vector<std::string>
      forward_paths;       // as given, without angle brackets; a repeated one stands once (E3)
  bool smtputf8 = false;   // RFC 6531
  bool body_8bit = false;  // BODY=8BITMIME (RFC 6152)
  MessageDsn dsn;
  // What is asked for each forward path, by its place; who is behind the end has asked for nothing.
  std::vector<RecipientDsn> recipients_dsn;
};

}  // namespace penstock::mail
