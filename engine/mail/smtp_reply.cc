// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/smtp_reply.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/base/utf8.h"

namespace penstock::mail {
namespace {

constexpr std::size_t kWireLineOctetsMax = 512;  // RFC 5321 §4.5.3.1.5, with code and CRLF

// Returns `line` as it may stand in a reply or a log: tabs as spaces, other control characters, and
// with kAscii every character that is not ASCII, as "?".
std::string CleanLine(std::string_view line, ReplyCharset charset) {
  std::string clean;
  while (!line.empty()) {
    const Utf8Piece piece = FirstUtf8Piece(line);
    const auto octet = static_cast<unsigned char>(line.front());
    // U+0080 to U+009F are control characters as well.
    const bool c1 = piece.valid && octet == 0xc2 && static_cast<unsigned char>(line[1]) < 0xa0;
    if (octet == '\t') {
      clean += ' ';
    } else if (octet < 0x20 || octet == 0x7f || c1 || !piece.valid ||
               (octet >= 0x80 && charset == ReplyCharset::kAscii)) {
      clean += '?';
    } else {
      clean.append(line.substr(0, piece.octets));
    }
    line.remove_prefix(piece.octets);
  }
  return clean;
}

// Returns how much of `text` goes on one line of `octets_max`: up to a space, or else up to the end
// of a character.
std::size_t LineBreak(std::string_view text, std::size_t octets_max) {
  if (text.size() <= octets_max) return text.size();
  const auto space = text.rfind(' ', octets_max);
  if (space != std::string_view::npos && space > 0) return space;
  std::size_t octets = 0;
  for (;;) {
    const std::size_t next = FirstUtf8Piece(text.substr(octets)).octets;
    if (octets + next > octets_max) return octets;
    octets += next;
  }
}

std::vector<std::string> WireLines(const SmtpReply& reply, ReplyCharset charset,
                                   std::size_t octets_max) {
  std::vector<std::string> lines;
  for (std::string_view line : Split(reply.text, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    const std::string clean = CleanLine(line, charset);
    std::string_view rest = clean;
    do {
      const std::size_t octets = LineBreak(rest, octets_max);
      lines.emplace_back(rest.substr(0, octets));
      rest.remove_prefix(octets);
      if (rest.starts_with(' ')) rest.remove_prefix(1);
    } while (!rest.empty());
  }
  return lines;
}

}  // namespace

std::string EnhancedStatus::ToString() const {
  return empty() ? std::string() : Cat(status_class, ".", subject, ".", detail);
}

std::optional<EnhancedStatus> EnhancedStatus::Parse(std::string_view text) {
  const std::vector<std::string_view> pieces = Split(text, '.');
  if (pieces.size() != 3) return std::nullopt;
  std::array<int, 3> numbers{};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const bool digits = std::all_of(pieces[i].begin(), pieces[i].end(), IsAsciiDigit);
    const auto number = ParseInt<int>(pieces[i]);
    if (!digits || pieces[i].size() > 3 || !number) return std::nullopt;
    numbers[i] = *number;
  }
  const bool known_class = numbers[0] == 2 || numbers[0] == 4 || numbers[0] == 5;
  if (!known_class || pieces[0].size() != 1) return std::nullopt;
  return EnhancedStatus{numbers[0], numbers[1], numbers[2]};
}

std::string SmtpReply::ToWire(ReplyCharset charset) const {
  const std::string enhanced = status.ToString();
  const std::size_t around = std::string_view("550 \r\n").size() + enhanced.size() + 1;
  const std::vector<std::string> lines = WireLines(*this, charset, kWireLineOctetsMax - around);
  std::string wire;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const bool last = i + 1 == lines.size();
    Append(wire, code, last ? " " : "-", enhanced);
    if (!enhanced.empty() && !lines[i].empty()) wire += ' ';
    Append(wire, lines[i], "\r\n");
  }
  return wire;
}

std::string SmtpReply::ToString() const {
  std::string out = Cat(code);
  if (!status.empty()) Append(out, " ", status.ToString());
  const char* separator = " ";
  for (const std::string_view line : Split(text, '\n')) {
    if (!line.empty()) Append(out, separator, CleanLine(line, ReplyCharset::kUtf8));
    separator = " / ";
  }
  return out;
}

StatusOr<std::size_t> SmtpReplyParser::Feed(std::string_view octets) {
  PENSTOCK_RETURN_IF_ERROR(fault_);
  std::size_t taken = 0;
  while (!done_ && taken < octets.size()) {
    const auto lf = octets.find('\n', taken);
    const std::size_t end = lf == std::string_view::npos ? octets.size() : lf + 1;
    if (line_.size() + (end - taken) > limits::kReplyLineOctetsMax) {
      fault_ = ResourceExhausted(Cat("reply: a line over ", limits::kReplyLineOctetsMax,
                                     " octets (line ", lines_ + 1, ")"));
      return fault_;
    }
    line_.append(octets.substr(taken, end - taken));
    taken = end;
    if (!line_.ends_with('\n')) break;
    fault_ = TakeLine();
    PENSTOCK_RETURN_IF_ERROR(fault_);
    line_.clear();
  }
  return taken;
}

// Takes the complete line in `line_`.
Status SmtpReplyParser::TakeLine() {
  std::string_view line = line_;
  line = line.substr(0, line.find_last_not_of(" \t\r\n") + 1);
  const auto refuse = [&](std::string_view why) {
    return InvalidArgument(
        Cat("reply \"", Printable(line), "\": ", why, " (line ", lines_ + 1, ")"));
  };
  const auto code = ParseInt<int>(line.substr(0, 3));
  if (line.size() < 3 || !code || *code < 200 || *code > 599) {
    return refuse("no code of three digits between 200 and 599");
  }
  if (line.size() > 3 && line[3] != ' ' && line[3] != '-') {
    return refuse("neither space nor hyphen after the code");
  }
  if (lines_ > 0 && *code != reply_.code) {
    return refuse(Cat("another code than the ", reply_.code, " before it"));
  }
  done_ = line.size() == 3 || line[3] == ' ';
  if (++lines_ == limits::kReplyLinesMax && !done_) {
    return ResourceExhausted(Cat("reply: over ", limits::kReplyLinesMax, " lines"));
  }
  reply_.code = *code;
  line.remove_prefix(std::min<std::size_t>(line.size(), 4));

  const std::string_view word = line.substr(0, line.find_first_of(" \t"));
  const auto status = EnhancedStatus::Parse(word);
  const bool first = lines_ == 1;
  if (status && status->status_class == *code / 100 && (first || *status == reply_.status)) {
    reply_.status = *status;
    line.remove_prefix(std::min(line.size(), word.size() + 1));
  }
  const std::string clean = CleanLine(line, ReplyCharset::kUtf8);
  if (reply_.text.size() + 1 + clean.size() > limits::kReplyTextOctetsMax) return OkStatus();
  if (!first) reply_.text += '\n';
  reply_.text += clean;
  return OkStatus();
}

SmtpReply SmtpReplyParser::Take() {
  PENSTOCK_CHECK(done_);
  done_ = false;
  lines_ = 0;
  return std::exchange(reply_, {});
}

}  // namespace penstock::mail
