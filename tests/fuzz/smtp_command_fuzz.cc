// SPDX-License-Identifier: Apache-2.0
// A command line is a command whose paths are mailboxes without odd octets, or gets a reply of
// class 5 that fits the wire.
// Covers: engine/mail/smtp_command.cc
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "engine/base/check.h"
#include "engine/base/strings.h"
#include "engine/mail/mailbox.h"
#include "engine/mail/smtp_command.h"

using penstock::mail::Mailbox;
using penstock::mail::SmtpCommand;
using penstock::mail::SmtpReply;
using penstock::mail::SmtpVerb;

namespace {

void CheckCommand(const SmtpCommand& command) {
  const bool has_path = command.verb == SmtpVerb::kMail || command.verb == SmtpVerb::kRcpt;
  if (!has_path) {
    const bool chunk = command.verb == SmtpVerb::kBdat;
    PENSTOCK_CHECK(command.size.has_value() == chunk && (chunk || !command.last));
    PENSTOCK_CHECK(!command.body_8bit && !command.smtputf8);
    return;
  }
  PENSTOCK_CHECK(!command.last);
  const std::string& path = command.argument;
  for (const char c : path)
    PENSTOCK_CHECK(static_cast<unsigned char>(c) >= ' ' && c != '\x7f');
  if (path.find('@') != std::string::npos) {
    PENSTOCK_CHECK(Mailbox::Parse(path).ok());
  } else {
    PENSTOCK_CHECK(path.empty() ? command.verb == SmtpVerb::kMail
                                : command.verb == SmtpVerb::kRcpt && path.size() == 10);
  }
}

void CheckReply(const SmtpReply& reply) {
  PENSTOCK_CHECK(reply.code >= 500 && reply.code < 600);
  PENSTOCK_CHECK(reply.status.status_class == 5);
  const std::string wire = reply.ToWire();
  PENSTOCK_CHECK(wire.ends_with("\r\n") && penstock::IsAscii(wire));
  for (std::size_t start = 0; start < wire.size();) {
    const std::size_t end = wire.find("\r\n", start);
    PENSTOCK_CHECK(end + 2 - start <= 512);
    for (const char c : wire.substr(start, end - start)) {
      PENSTOCK_CHECK(static_cast<unsigned char>(c) >= ' ');
    }
    start = end + 2;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  const auto parsed = penstock::mail::ParseSmtpCommand(line, {"RET", "ENVID", "NOTIFY", "ORCPT"});
  if (const auto* command = std::get_if<SmtpCommand>(&parsed)) {
    CheckCommand(*command);
  } else {
    CheckReply(std::get<SmtpReply>(parsed));
  }
  return 0;
}
