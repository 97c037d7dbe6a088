// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/dot_stuffer.h"

#include <algorithm>
#include <cstddef>

namespace penstock::mail {
namespace {

constexpr std::size_t kWindowOctets = 256;  // as in DataReader::FeedLine

}  // namespace

void DotStuffer::Append(std::string_view content, std::string& wire) {
  wire.reserve(wire.size() + content.size());
  while (!content.empty()) {
    if (state_ == State::kCr) {  // its CRLF is written
      if (content.front() == '\n') content.remove_prefix(1);
      state_ = State::kLineStart;
      continue;
    }
    if (state_ == State::kLineStart && content.front() == '.') wire += '.';
    state_ = State::kInLine;
    const std::string_view window = content.substr(0, kWindowOctets);
    const std::size_t lf = std::min(window.find('\n'), window.size());
    const std::size_t end = std::min(window.substr(0, lf).find('\r'), lf);
    wire.append(window.substr(0, end));
    content.remove_prefix(end);
    if (end == window.size()) continue;
    wire += "\r\n";
    state_ = content.front() == '\r' ? State::kCr : State::kLineStart;
    content.remove_prefix(1);
  }
}

void DotStuffer::Finish(std::string& wire) {
  wire += state_ == State::kInLine ? "\r\n.\r\n" : ".\r\n";
}

}  // namespace penstock::mail
