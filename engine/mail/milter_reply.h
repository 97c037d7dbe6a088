// SPDX-License-Identifier: Apache-2.0
// What a milter says to its MTA (draft-adams-milter-protocol), as octets for the wire. There is
// none for the shutdown of a milter ('4'): at the end of a message Postfix 3.7 answers its client
// 250 for it, and loses the mail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/mail/milter_frame.h"
#include "engine/mail/smtp_reply.h"

namespace penstock::mail {

// The stages whose macros a milter may choose.
enum class MilterStage : std::uint8_t {
  kConnect = 0,
  kHello = 1,
  kMail = 2,
  kRecipient = 3,
  kData = 4,
  kEndOfMessage = 5,
  kEndOfHeader = 6,
};

using MilterMacroNames = std::vector<std::pair<MilterStage, std::string>>;

// The answer to a negotiation. `macros`: "j {client_addr}" for a stage; only with kSetMacros.
std::string MilterNegotiationReply(const MilterNegotiation& chosen, const MilterMacroNames& macros);

// Verdicts. At the end of a message they come last.
std::string MilterContinue();
std::string MilterAccept();    // take the message, and ask no more about it
std::string MilterDiscard();   // tell the client 250, and drop it
std::string MilterReject();    // 550 of the MTA's own words
std::string MilterTempfail();  // 451 of the MTA's own words

// A reply of class 4 or 5 for the client, in our words. "%" is doubled, since Sendmail takes the
// text for a format and Postfix undoes it; what is not printable ASCII becomes "?".
std::string MilterReplyCode(const SmtpReply& reply);

// Resets the MTA's clock while the verdict takes its time.
std::string MilterProgress();

// At the end of a message, ahead of the verdict; each only if its action was negotiated.
std::string MilterAddRecipient(std::string_view path);      // without angle brackets
std::string MilterDeleteRecipient(std::string_view given);  // MilterPath::given, octet for octet
std::string MilterAddHeader(std::string_view name, std::string_view value);
// `place`: 0 is above all other fields.
std::string MilterInsertHeader(std::uint32_t place, std::string_view name, std::string_view value);
// The `occurrence`th field of that name, from 1; an empty value deletes it.
std::string MilterChangeHeader(std::uint32_t occurrence, std::string_view name,
                               std::string_view value);
// The body as a whole, CRLF line ends, in as many frames as it takes.
std::string MilterReplaceBody(std::string_view body);
std::string MilterQuarantine(std::string_view reason);  // the MTA keeps the message in its hold

}  // namespace penstock::mail
