// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/milter_frame.h"

#include <algorithm>
#include <optional>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"

namespace penstock::mail {
namespace {

constexpr std::size_t kNumberOctets = 4;

std::uint32_t ReadNumber(std::string_view octets) {
  std::uint32_t number = 0;
  for (const char octet : octets.substr(0, kNumberOctets)) {
    number = number << 8U | static_cast<unsigned char>(octet);
  }
  return number;
}

Status Malformed(char command, std::string_view why) {
  return InvalidArgument(Cat("milter frame '", Printable({&command, 1}), "': ", why));
}

// The next text, which ends in NUL; nullopt if there is none.
std::optional<std::string> TakeText(std::string_view& data) {
  const std::size_t end = data.find('\0');
  if (end == std::string_view::npos) return std::nullopt;
  std::string text(data.substr(0, end));
  data.remove_prefix(end + 1);
  return text;
}

StatusOr<MilterEvent> ParseNegotiation(char command, std::string_view data) {
  if (data.size() < 3 * kNumberOctets) return Malformed(command, "expected three numbers");
  return MilterNegotiation{ReadNumber(data), ReadNumber(data.substr(kNumberOctets)),
                           ReadNumber(data.substr(2 * kNumberOctets))};
}

StatusOr<MilterEvent> ParseMacros(char command, std::string_view data) {
  if (data.empty()) return Malformed(command, "expected the command that it is for");
  if (data.size() > limits::kMilterMacroOctetsMax)
    return ResourceExhausted(Cat("milter macros of ", data.size(), " octets; at most ",
                                 limits::kMilterMacroOctetsMax, " are taken"));
  MilterMacros macros{data.front(), {}};
  data.remove_prefix(1);
  while (!data.empty()) {
    auto name = TakeText(data);
    auto value = name ? TakeText(data) : std::nullopt;
    if (!value) return Malformed(command, "expected name and value, each with a NUL behind it");
    if (macros.values.size() == limits::kMilterMacrosMax)
      return ResourceExhausted(Cat("more than ", limits::kMilterMacrosMax, " milter macros"));
    if (name->size() > 2 && name->front() == '{' && name->back() == '}')
      name = name->substr(1, name->size() - 2);
    macros.values.emplace_back(*std::move(name), *std::move(value));
  }
  return macros;
}

// host NUL family [port address NUL]
StatusOr<MilterEvent> ParseConnect(char command, std::string_view data) {
  MilterConnect connect;
  auto host = TakeText(data);
  if (!host || data.empty()) return Malformed(command, "expected host and family");
  connect.host = *std::move(host);
  const char family = data.front();
  data.remove_prefix(1);
  if (family == 'U') return connect;
  if (family != '4' && family != '6' && family != 'L')
    return Malformed(command, "expected the family 4, 6, L or U");
  constexpr std::size_t kPortOctets = 2;
  if (data.size() < kPortOctets) return Malformed(command, "expected a port");
  data.remove_prefix(kPortOctets);
  auto address = TakeText(data);
  if (!address) return Malformed(command, "expected an address with a NUL behind it");
  connect.is_local = family == 'L';
  if (connect.is_local) return connect;
  constexpr std::string_view kIpv6Tag = "IPv6:";  // Sendmail writes it as in an address literal
  if (StartsWithIgnoreAsciiCase(*address, kIpv6Tag)) address->erase(0, kIpv6Tag.size());
  connect.address = *std::move(address);
  return connect;
}

StatusOr<MilterEvent> ParsePath(char command, std::string_view data) {
  MilterPath path;
  path.is_recipient = command == 'R';
  auto given = TakeText(data);
  if (!given) return Malformed(command, "expected an address with a NUL behind it");
  path.given = *std::move(given);
  std::string_view bare = path.given;
  if (bare.size() >= 2 && bare.front() == '<' && bare.back() == '>') {
    bare.remove_prefix(1);
    bare.remove_suffix(1);
  }
  path.path = bare;
  const bool odd = std::any_of(bare.begin(), bare.end(), [](char c) {
    return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
  });
  if (odd) return Malformed(command, "the address holds a control character");
  if (path.is_recipient && path.path.empty()) return Malformed(command, "the address is empty");
  while (!data.empty()) {
    auto argument = TakeText(data);
    if (!argument) return Malformed(command, "an argument has no NUL behind it");
    if (path.arguments.size() == limits::kMilterArgumentsMax)
      return ResourceExhausted(Cat("more than ", limits::kMilterArgumentsMax, " milter arguments"));
    path.arguments.push_back(*std::move(argument));
  }
  return path;
}

StatusOr<MilterEvent> ParseHeader(char command, std::string_view data) {
  auto name = TakeText(data);
  auto value = name ? TakeText(data) : std::nullopt;
  if (!value) return Malformed(command, "expected name and value, each with a NUL behind it");
  return MilterHeader{*std::move(name), *std::move(value)};
}

}  // namespace

StatusOr<MilterEvent> ParseMilterFrame(char command, std::string_view data) {
  switch (command) {
    case 'O':
      return ParseNegotiation(command, data);
    case 'D':
      return ParseMacros(command, data);
    case 'C':
      return ParseConnect(command, data);
    case 'H': {
      auto name = TakeText(data);
      if (!name) return Malformed(command, "expected a name with a NUL behind it");
      return MilterHello{*std::move(name)};
    }
    case 'M':
    case 'R':
      return ParsePath(command, data);
    case 'L':
      return ParseHeader(command, data);
    case 'B':
      return MilterBody{std::string(data)};
    case 'E':
      return MilterEnd{std::string(data)};
    case 'T':
      return MilterSignal::kData;
    case 'N':
      return MilterSignal::kEndOfHeader;
    case 'U':
      return MilterSignal::kUnknown;
    case 'A':
      return MilterSignal::kAbort;
    case 'Q':
      return MilterSignal::kQuit;
    case 'K':
      return MilterSignal::kQuitNew;
    default:
      return Malformed(command, "no such command");
  }
}

StatusOr<std::size_t> MilterFrameReader::Feed(std::string_view octets) {
  std::size_t taken = 0;
  if (!length_known_) {
    taken = std::min(kNumberOctets - data_.size(), octets.size());
    data_.append(octets.substr(0, taken));
    if (data_.size() < kNumberOctets) return taken;
    length_ = ReadNumber(data_);
    if (length_ == 0) return InvalidArgument("milter frame of no octets");
    if (length_ > limits::kMilterFrameOctetsMax)
      return ResourceExhausted(Cat("milter frame of ", length_, " octets; at most ",
                                   limits::kMilterFrameOctetsMax, " are taken"));
    length_known_ = true;
    data_.clear();
  }
  const std::size_t rest = std::min(length_ - data_.size(), octets.size() - taken);
  data_.append(octets.substr(taken, rest));
  return taken + rest;
}

void MilterFrameReader::Next() {
  data_.clear();
  length_known_ = false;
}

}  // namespace penstock::mail
