// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/data_reader.h"

#include <algorithm>

#include "engine/base/limits.h"

namespace penstock::mail {

SmtpReply ReplyTo(DataFault fault) {
  switch (fault) {
    case DataFault::kBareLf:
      return {550, {5, 5, 2}, "an LF without CR: lines end in CRLF (RFC 5321 2.3.8)"};
    case DataFault::kBareCr:
      return {550, {5, 5, 2}, "a CR without LF: lines end in CRLF (RFC 5321 2.3.8)"};
    case DataFault::kLineTooLong:
      return {500, {5, 5, 6}, "a line of the message is too long"};
    case DataFault::kTooBig:
      break;
  }
  return {552, {5, 3, 4}, "the message is too big"};
}

std::size_t DataReader::Feed(std::string_view octets, std::string& content) {
  std::size_t i = 0;
  while (i < octets.size() && state_ != State::kDone) {
    if (in_binary_) {
      AddBinary(octets.substr(i), content);
      return octets.size();
    }
    const char c = octets[i];
    switch (state_) {
      case State::kLineStart: {
        const bool dot = c == '.' && framing_ == DataFraming::kDots;
        state_ = dot ? State::kDot : State::kInLine;
        if (dot) ++i;
        break;
      }
      case State::kInLine:
        i += FeedLine(octets.substr(i), content);
        break;
      case State::kInLineCr:
        state_ = State::kInLine;
        if (c == '\n') {
          in_binary_ = framing_ == DataFraming::kBinary && line_octets_ == 0;
          Add("\r\n", content);
          state_ = State::kLineStart;
          line_octets_ = 0;
          ++i;
        } else {
          SetFault(DataFault::kBareCr);
        }
        break;
      case State::kDot:
        state_ = c == '\r' ? State::kDotCr : State::kInLine;
        if (c == '\r') ++i;
        break;
      case State::kDotCr:
        state_ = c == '\n' ? State::kDone : State::kInLine;
        if (c == '\n') {
          ++i;
        } else {
          SetFault(DataFault::kBareCr);
        }
        break;
      case State::kDone:
        break;
    }
  }
  return i;
}

void DataReader::End() {
  if (state_ == State::kInLineCr) SetFault(DataFault::kBareCr);
  state_ = State::kDone;
}

// Takes octets of a line up to its CR, or up to where looking further would cost too much: in a
// piece full of CR, a search for LF to its end would be made for each.
std::size_t DataReader::FeedLine(std::string_view octets, std::string& content) {
  constexpr std::size_t kWindowOctets = 256;
  const std::string_view window = octets.substr(0, kWindowOctets);
  const std::size_t lf = std::min(window.find('\n'), window.size());
  const std::size_t cr = std::min(window.substr(0, lf).find('\r'), lf);
  Add(window.substr(0, cr), content);
  if (cr < lf) {
    state_ = State::kInLineCr;
    return cr + 1;
  }
  if (lf == window.size()) return lf;
  SetFault(DataFault::kBareLf);
  return lf + 1;
}

void DataReader::Add(std::string_view content_octets, std::string& content) {
  if (fault_) return;
  line_octets_ += content_octets.size();
  if (line_octets_ > limits::kTextLineOctetsMax) return SetFault(DataFault::kLineTooLong);
  AddBinary(content_octets, content);
}

void DataReader::AddBinary(std::string_view content_octets, std::string& content) {
  if (fault_) return;
  if (content_octets.size() > octets_max_ - content_octets_) return SetFault(DataFault::kTooBig);
  content_octets_ += content_octets.size();
  content.append(content_octets);
}

void DataReader::SetFault(DataFault fault) {
  if (!fault_) fault_ = fault;
}

}  // namespace penstock::mail
