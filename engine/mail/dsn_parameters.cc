// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/dsn_parameters.h"

#include <algorithm>
#include <cstddef>

#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/base/utf8.h"
#include "engine/mail/xtext.h"

namespace penstock::mail {
namespace {

constexpr std::string_view kUtf8Type = "utf-8";

// RFC 5322 §3.2.3 atext.
bool IsAtom(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return IsAsciiAlpha(c) || IsAsciiDigit(c) ||
           std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
  });
}

// The decoded text of an xtext that is ASCII, as it stands in a field of a DSN.
bool IsAsciiXtext(std::string_view xtext) {
  const auto text = DecodeXtext(xtext);
  return text && IsAscii(xtext) && IsAscii(*text);
}

bool ReadNotify(std::string_view value, RecipientDsn& dsn) {
  dsn.notify_given = true;
  if (EqualsIgnoreAsciiCase(value, "NEVER")) return true;
  for (const std::string_view one : Split(value, ',')) {
    if (EqualsIgnoreAsciiCase(one, "SUCCESS")) {
      dsn.success = true;
    } else if (EqualsIgnoreAsciiCase(one, "FAILURE")) {
      dsn.failure = true;
    } else if (EqualsIgnoreAsciiCase(one, "DELAY")) {
      dsn.delay = true;
    } else {
      return false;
    }
  }
  return true;
}

bool IsOriginalRecipient(std::string_view value) {
  if (value.size() > limits::kOriginalRecipientOctetsMax) return false;
  const std::size_t semicolon = value.find(';');
  if (semicolon == std::string_view::npos || semicolon + 1 == value.size()) return false;
  const std::string_view type = value.substr(0, semicolon);
  const std::string_view address = value.substr(semicolon + 1);
  // RFC 6533 §3: utf-8-addr-unitext stands for itself.
  if (EqualsIgnoreAsciiCase(type, kUtf8Type) && !IsAscii(address)) return IsValidUtf8(address);
  return IsAtom(type) && IsAsciiXtext(address);
}

}  // namespace

bool ReadMailDsn(std::string_view keyword, const std::optional<std::string>& value, MessageDsn& dsn,
                 std::string& fault) {
  const std::string_view text = value ? std::string_view(*value) : "";
  if (keyword == "RET") {
    if (EqualsIgnoreAsciiCase(text, "FULL")) {
      dsn.ret = DsnReturn::kFull;
    } else if (EqualsIgnoreAsciiCase(text, "HDRS")) {
      dsn.ret = DsnReturn::kHeaders;
    } else {
      fault = "RET takes FULL or HDRS";
    }
  } else if (keyword == "ENVID") {
    dsn.envelope_id = text;
    if (text.empty() || text.size() > limits::kEnvelopeIdOctetsMax || !IsAsciiXtext(text)) {
      fault = Cat("ENVID takes xtext of at most ", limits::kEnvelopeIdOctetsMax, " octets");
    }
  } else {
    return false;
  }
  return true;
}

bool ReadRcptDsn(std::string_view keyword, const std::optional<std::string>& value,
                 RecipientDsn& dsn, std::string& fault) {
  const std::string_view text = value ? std::string_view(*value) : "";
  if (keyword == "NOTIFY") {
    if (!ReadNotify(text, dsn))
      fault = "NOTIFY takes NEVER, or SUCCESS, FAILURE and DELAY with commas";
  } else if (keyword == "ORCPT") {
    dsn.original_recipient = text;
    if (!IsOriginalRecipient(text)) {
      fault =
          Cat("ORCPT takes type;xtext of at most ", limits::kOriginalRecipientOctetsMax, " octets");
    }
  } else {
    return false;
  }
  return true;
}

std::string MailParameters(const MessageDsn& dsn) {
  std::string text;
  if (dsn.ret != DsnReturn::kUnset) {
    Append(text, " RET=", dsn.ret == DsnReturn::kFull ? "FULL" : "HDRS");
  }
  if (!dsn.envelope_id.empty()) Append(text, " ENVID=", dsn.envelope_id);
  return text;
}

std::string RcptParameters(const RecipientDsn& dsn, bool utf8) {
  std::string text;
  if (dsn.notify_given) {
    std::string wishes;
    for (const auto& [wish, name] :
         {std::pair(dsn.success, "SUCCESS"), std::pair(dsn.failure, "FAILURE"),
          std::pair(dsn.delay, "DELAY")}) {
      if (wish) Append(wishes, wishes.empty() ? "" : ",", name);
    }
    Append(text, " NOTIFY=", wishes.empty() ? std::string_view("NEVER") : wishes);
  }
  if (!dsn.original_recipient.empty()) {
    Append(text, " ORCPT=",
           utf8 || IsAscii(dsn.original_recipient) ? dsn.original_recipient
                                                   : Utf8Address(dsn.original_recipient, false));
  }
  return text;
}

std::string Utf8Address(std::string_view address, bool utf8) {
  std::string out;
  while (!address.empty()) {
    const std::size_t octets = FirstUtf8Piece(address).octets;
    const auto lead = static_cast<unsigned char>(address.front());
    const bool special = lead == '+' || lead == '=' || lead == '\\' || lead <= ' ';
    if (!special && (lead < 0x80 || utf8)) {
      out.append(address.substr(0, octets));
    } else {
      std::uint32_t code_point = octets == 1 ? lead : lead & (0xffU >> (octets + 1));
      for (const char c : address.substr(1, octets - 1))
        code_point = (code_point << 6U) | (static_cast<unsigned char>(c) & 0x3fU);
      std::string hex;
      for (; code_point > 0 || hex.size() < 2; code_point >>= 4U)
        hex.insert(hex.begin(), "0123456789ABCDEF"[code_point & 15U]);
      Append(out, "\\x{", hex, "}");
    }
    address.remove_prefix(octets);
  }
  return out;
}

}  // namespace penstock::mail
