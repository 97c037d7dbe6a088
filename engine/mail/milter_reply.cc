// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/milter_reply.h"

#include <algorithm>

#include "engine/base/limits.h"
#include "engine/base/strings.h"

namespace penstock::mail {
namespace {

constexpr std::size_t kChunkOctetsMax = 65'535;  // MILTER_CHUNK_SIZE of the older versions

std::string Number(std::uint32_t number) {
  std::string octets;
  for (const unsigned shift : {24U, 16U, 8U, 0U})
    octets.push_back(static_cast<char>(number >> shift & 0xffU));
  return octets;
}

std::string Frame(char command, std::string_view data = {}) {
  std::string frame = Number(static_cast<std::uint32_t>(data.size() + 1));
  frame.push_back(command);
  frame.append(data);
  return frame;
}

// A text must not hold the NUL that ends it, nor line ends that its reader does not expect.
std::string Text(std::string_view text) {
  std::string out(text);
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c == '\0' || c == '\r' || c == '\n'; }, '?');
  out.push_back('\0');
  return out;
}

}  // namespace

std::string MilterNegotiationReply(const MilterNegotiation& chosen,
                                   const MilterMacroNames& macros) {
  std::string data = Cat(Number(chosen.version), Number(chosen.actions), Number(chosen.steps));
  if ((chosen.actions & milter_action::kSetMacros) != 0) {
    for (const auto& [stage, names] : macros)
      data += Number(static_cast<std::uint32_t>(stage)) + Text(names);
  }
  return Frame('O', data);
}

std::string MilterContinue() {
  return Frame('c');
}

std::string MilterAccept() {
  return Frame('a');
}

std::string MilterDiscard() {
  return Frame('d');
}

std::string MilterReject() {
  return Frame('r');
}

std::string MilterTempfail() {
  return Frame('t');
}

std::string MilterProgress() {
  return Frame('p');
}

std::string MilterReplyCode(const SmtpReply& reply) {
  SmtpReply one_line = reply;
  one_line.text.clear();
  for (const char c : std::string_view(reply.text).substr(0, limits::kMilterReplyOctetsMax)) {
    const bool printable = static_cast<unsigned char>(c) >= ' ' && c < '\x7f' && c > '\0';
    if (c == '\n') {
      one_line.text += " / ";
    } else if (c == '%') {
      one_line.text += "%%";
    } else {
      one_line.text.push_back(printable ? c : '?');
    }
  }
  std::string data = Cat(one_line.code, " ");
  if (!one_line.status.empty()) Append(data, one_line.status.ToString(), " ");
  return Frame('y', data + Text(one_line.text));
}

std::string MilterAddRecipient(std::string_view path) {
  return Frame('+', Text(Cat("<", path, ">")));
}

std::string MilterDeleteRecipient(std::string_view given) {
  return Frame('-', Text(given));
}

std::string MilterAddHeader(std::string_view name, std::string_view value) {
  return Frame('h', Text(name) + Text(value));
}

std::string MilterInsertHeader(std::uint32_t place, std::string_view name, std::string_view value) {
  return Frame('i', Number(place) + Text(name) + Text(value));
}

std::string MilterChangeHeader(std::uint32_t occurrence, std::string_view name,
                               std::string_view value) {
  return Frame('m', Number(occurrence) + Text(name) + Text(value));
}

std::string MilterReplaceBody(std::string_view body) {
  std::string frames;
  do {
    frames += Frame('b', body.substr(0, kChunkOctetsMax));
    body.remove_prefix(std::min(kChunkOctetsMax, body.size()));
  } while (!body.empty());
  return frames;
}

std::string MilterQuarantine(std::string_view reason) {
  return Frame('q', Text(reason));
}

}  // namespace penstock::mail
