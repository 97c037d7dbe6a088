// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/milter_content.h"

#include <algorithm>

#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/mail/data_reader.h"

namespace penstock::mail {

void MilterContent::Field(std::string_view name, std::string_view value, std::string& content) {
  // RFC 5322 §2.2; obsolete syntax has spaces before the colon (§4.5), which some MTAs leave to us.
  const bool is_name =
      !name.empty() &&
      std::all_of(
          name.begin(), name.end(),
          [](char c) { return (c > ' ' && c < '\x7f' && c != ':') || c == ' ' || c == '\t'; }) &&
      name.front() != ' ' && name.front() != '\t';
  if (!is_name && !refusal_) {
    refusal_ =
        SmtpReply{550,
                  {5, 6, 0},
                  Cat("\"", Printable(name), "\" is no name of a header field (RFC 5322 2.2)")};
  }
  Append(name, content);
  Append(leading_space_ || value.starts_with(' ') ? ":" : ": ", content);
  // A line of a value that is no continuation would be another field, or the end of the header.
  for (std::size_t at = 0; (at = value.find('\n', at)) != std::string_view::npos;) {
    ++at;
    const bool folded = at < value.size() && (value[at] == ' ' || value[at] == '\t');
    if (!folded && !refusal_) {
      refusal_ = SmtpReply{550, {5, 6, 0}, "a header field holds a line end that folds nothing"};
    }
  }
  Append(value, content);
  Append("\r\n", content);
}

void MilterContent::EndOfHeader(std::string& content) {
  Append("\r\n", content);
}

void MilterContent::Body(std::string_view octets, std::string& content) {
  Append(octets, content);
}

void MilterContent::End() {
  if (behind_cr_ && !refusal_) refusal_ = ReplyTo(DataFault::kBareCr);
}

void MilterContent::Append(std::string_view octets, std::string& content) {
  std::size_t i = 0;
  while (i < octets.size() && !refusal_) {
    if (behind_cr_ && octets[i] != '\n') {
      refusal_ = ReplyTo(DataFault::kBareCr);
      break;
    }
    std::size_t end = std::min(octets.find_first_of("\r\n", i), octets.size());
    content.append(octets.substr(i, end - i));
    octets_ += end - i;
    line_octets_ += end - i;
    if (end < octets.size()) {
      behind_cr_ = octets[end] == '\r';
      if (!behind_cr_) {
        content.append("\r\n");
        octets_ += 2;
        line_octets_ = 0;
      }
      ++end;
    }
    i = end;
    if (line_octets_ + 2 > limits::kTextLineOctetsMax) refusal_ = ReplyTo(DataFault::kLineTooLong);
    if (octets_ > octets_max_) refusal_ = ReplyTo(DataFault::kTooBig);
  }
}

}  // namespace penstock::mail
