// SPDX-License-Identifier: Apache-2.0
#include "hooks/sdk/disclaimer.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/mail/header_section.h"
#include "hooks/sdk/html_place.h"
#include "hooks/sdk/leaf_text.h"
#include "hooks/sdk/message_parts.h"

namespace penstock::sdk {
namespace {

// The parts that hold the text of a mail.
class TextParts {
 public:
  TextParts(std::string_view message, const std::vector<Part>& parts)
      : message_(message), parts_(parts) {
    Collect();
  }

  [[nodiscard]] const std::vector<std::size_t>& found() const { return found_; }

  [[nodiscard]] const std::string& refusal() const { return refusal_; }

 private:
  // Walks without recursion: parts may stand hundreds deep within each other.
  void Collect() {
    std::vector<std::size_t> next{0};
    std::vector<std::size_t> alternatives;  // multiparts all of whose parts are wanted
    while (!next.empty() && refusal_.empty()) {
      const std::size_t index = next.back();
      next.pop_back();
      const Part& part = parts_[index];
      if (!found_.empty() && !Shares(index, found_.back())) continue;
      refusal_ = WhyNotWithin(parts_, index);
      if (part.kind == mail::PartKind::kLeaf) {
        if (IsText(part)) found_.push_back(index);
      } else if (part.type.value == "multipart/related") {
        if (!part.children.empty()) next.push_back(Root(part));
      } else if (part.kind == mail::PartKind::kMultipart) {
        next.insert(next.end(), part.children.rbegin(), part.children.rend());
      }
    }
  }

  // Whether two parts are forms of the same text: what they are both in, nearest, is a
  // multipart/alternative.
  [[nodiscard]] bool Shares(std::size_t a, std::size_t b) const {
    while (a != b)
      (a > b ? a : b) = parts_[std::max(a, b)].parent;
    return parts_[a].type.value == "multipart/alternative";
  }

  [[nodiscard]] bool IsText(const Part& part) const {
    if (part.type.value != "text/plain" && part.type.value != "text/html") return false;
    const FileInfo info = FileInfoOf(message_, part);
    return !info.attachment && info.names.empty();
  }

  // RFC 2387 §3.2: the part that "start" names, else the first.
  [[nodiscard]] std::size_t Root(const Part& related) const {
    const std::string start = FindParameter(related.type, "start").octets;
    for (const std::size_t child : related.children) {
      const auto header = mail::HeaderSection::Scan(HeaderOf(message_, parts_[child]));
      const mail::HeaderField* id = header.Find("Content-ID");
      if (!start.empty() && id != nullptr && mail::Unfold(id->body) == start) return child;
    }
    return related.children.front();
  }

  std::string_view message_;
  const std::vector<Part>& parts_;
  std::vector<std::size_t> found_;
  std::string refusal_;
};

// The disclaimer's lines, joined by `line_end`. Flowed: none is taken for a quote or goes on in the
// next one (RFC 3676 §4.4).
std::string Lines(const std::string& text, std::string_view line_end, bool flowed) {
  std::string joined;
  std::string_view rest = text;
  while (rest.ends_with('\n') || rest.ends_with('\r'))
    rest.remove_suffix(1);
  bool first = true;
  for (std::string_view line : Split(rest, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    line = line.substr(0, line.find_last_not_of(" \t") + 1);
    const bool stuffed =
        flowed && (line.starts_with(' ') || line.starts_with('>') || line.starts_with("From "));
    Append(joined, first ? "" : line_end, stuffed ? " " : "", line);
    first = false;
  }
  return joined;
}

std::string WithPlain(const std::string& text, const Disclaimer& disclaimer, bool flowed) {
  const bool lf = text.find('\n') != std::string::npos && text.find("\r\n") == std::string::npos;
  const std::string_view line_end = lf ? "\n" : "\r\n";
  const std::string lines = Lines(disclaimer.text, line_end, flowed);
  if (text.empty()) return Cat(lines, line_end);
  if (disclaimer.top) return Cat(lines, line_end, line_end, text);
  const bool open = !text.ends_with('\n');
  return Cat(text, open ? line_end : "", line_end, lines, open ? "" : line_end);
}

std::string WithHtml(const std::string& text, const Disclaimer& disclaimer) {
  const std::string fragment =
      disclaimer.html.empty() ? HtmlOf(Lines(disclaimer.text, "\n", false)) : disclaimer.html;
  const std::string html = InAscii(Lines(fragment, "\r\n", false));
  const std::size_t place = disclaimer.top ? PlaceAtTop(text) : PlaceAtBottom(text);
  const bool open = place == text.size() && !text.empty() && !text.ends_with('\n');
  return Cat(text.substr(0, place), open ? "\r\n" : "", html, open ? "" : "\r\n",
             text.substr(place));
}

bool HasPgp(std::string_view text) {
  return text.starts_with("-----BEGIN PGP ") ||
         text.find("\n-----BEGIN PGP ") != std::string_view::npos;
}

StatusOr<Splice> Rewrite(std::string_view message, const Part& part, const Disclaimer& disclaimer) {
  PENSTOCK_ASSIGN_OR_RETURN(const LeafText text, ReadLeafText(message, part));
  if (HasPgp(text.utf8))
    return FailedPrecondition("the mail is signed or encrypted (PGP in its text)");
  if (part.type.value == "text/plain") {
    const bool flowed = AsciiLower(FindParameter(part.type, "format").octets) == "flowed";
    return WriteLeafText(message, part, text, WithPlain(text.utf8, disclaimer, flowed));
  }
  if (!text.keeps_charset) {
    return FailedPrecondition(Cat("the HTML of ", part.path.empty() ? "the message" : "part ",
                                  part.path, " is in a charset that cannot be kept (",
                                  Printable(text.charset), ")"));
  }
  return WriteLeafText(message, part, text, WithHtml(text.utf8, disclaimer));
}

StatusOr<std::vector<Splice>> RewriteAll(std::string_view message, const Disclaimer& disclaimer) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<Part> parts, FindParts(message));
  const TextParts texts(message, parts);
  if (!texts.refusal().empty()) return FailedPrecondition(texts.refusal());
  if (texts.found().empty()) return FailedPrecondition("the mail has no text to put it into");
  std::vector<Splice> splices;
  for (const std::size_t index : texts.found()) {
    PENSTOCK_ASSIGN_OR_RETURN(Splice splice, Rewrite(message, parts[index], disclaimer));
    splices.push_back(std::move(splice));
  }
  return splices;
}

}  // namespace

StatusOr<Edit> AddDisclaimer(std::string_view message, const Disclaimer& disclaimer) {
  if (TrimAsciiSpace(disclaimer.text).empty()) return InvalidArgument("the disclaimer is empty");
  if (!IsValidUtf8(disclaimer.text) || !IsValidUtf8(disclaimer.html)) {
    return InvalidArgument("the disclaimer is no UTF-8");
  }
  Edit edit;
  StatusOr<std::vector<Splice>> splices = RewriteAll(message, disclaimer);
  if (!splices.ok()) {
    edit.refusal = Message(splices.status());
    return edit;
  }
  edit.splices = std::move(*splices);
  edit.warnings = WarningsOfBodyEdit(message);
  return edit;
}

}  // namespace penstock::sdk
