// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/mime_walk.h"

#include <utility>

#include "engine/base/limits.h"
#include "engine/mail/header_line.h"

namespace penstock::mail {
namespace {

std::string_view WithoutTrailingSpace(std::string_view text) {
  const auto last = text.find_last_not_of(" \t");
  return text.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

bool HoldsAMessage(std::string_view type) {
  return type == "message/rfc822" || type == "message/global" || type == "message/news";
}

// RFC 2045 §6.4; but RFC 6532 §3.7 and RFC 6533 let the types of message/global be encoded.
bool IsForbidden(const MimeField& type, TransferEncoding encoding) {
  const bool composite = type.IsType("multipart") || type.IsType("message");
  return composite && !IsIdentity(encoding) && !type.value.starts_with("message/global");
}

}  // namespace

MimeWalk::MimeWalk(MimeVisitor& visitor) : visitor_(visitor) {
  Begin(0);
}

void MimeWalk::Feed(std::string_view octets) {
  lines_.Feed(
      octets, [this] { return KeptMax(); }, [this](const ContentLine& line) { Take(line); });
}

std::uint64_t MimeWalk::Finish() {
  lines_.Finish([this] { return KeptMax(); }, [this](const ContentLine& line) { Take(line); });
  while (in_header_)
    EndHeader(end_);
  EndTo(0, end_, 0);
  return end_;
}

std::size_t MimeWalk::KeptMax() const {
  return in_header_ ? limits::kHeaderSectionOctetsMax : limits::kBodyLineOctetsKept;
}

void MimeWalk::Take(const ContentLine& line) {
  if (!TakeDelimiter(line)) {
    bool taken = false;
    while (in_header_ && !taken)
      taken = TakeHeaderLine(line);
    if (!taken) TakeBodyLine(line);
  }
  end_ = line.next_offset();
  end_octets_ = line.end_octets;
}

bool MimeWalk::TakeDelimiter(const ContentLine& line) {
  if (boundaries_.empty() || !line.start.starts_with("--") || !line.whole()) return false;
  std::string_view text = WithoutTrailingSpace(line.start.substr(2));
  auto found = boundaries_.find(text);
  bool last = false;
  if (found == boundaries_.end() && text.ends_with("--")) {
    text.remove_suffix(2);
    found = boundaries_.find(text);
    last = true;
  }
  if (found == boundaries_.end()) return false;
  const std::size_t depth = found->second.back();
  while (in_header_)
    EndHeader(line.offset);
  EndTo(depth + 1, line.offset, end_octets_);
  visitor_.OnLine(path_, depth, LinePlace::kDelimiter, "", line);
  if (last) {
    path_.back().closed = true;
    Forget(path_.back().boundary);
  } else {
    Begin(line.next_offset());
  }
  return true;
}

bool MimeWalk::TakeHeaderLine(const ContentLine& line) {
  const std::size_t depth = path_.size() - 1;
  if (line.octets == 0) {
    visitor_.OnLine(path_, depth, LinePlace::kHeaderEnd, "", line);
    EndHeader(line.next_offset());
    return true;
  }
  const bool first = std::exchange(first_line_, false);
  const HeaderLine read = ReadHeaderLine(line.start);
  if (read.kind == HeaderLineKind::kField) {
    field_ = line.start.substr(0, read.name_octets);
    wanted_ = nullptr;
    if (EqualsIgnoreAsciiCase(field_, "content-type") && !std::exchange(has_type_, true)) {
      wanted_ = &content_type_;
    } else if (EqualsIgnoreAsciiCase(field_, "content-transfer-encoding") &&
               !std::exchange(has_encoding_, true)) {
      wanted_ = &transfer_encoding_;
    }
    TakeField(line.start.substr(read.colon + 1), line);
    return true;
  }
  if (read.kind == HeaderLineKind::kContinuation && !field_.empty()) {
    TakeField(line.start, line);
    return true;
  }
  const bool top = depth == 0 || path_[depth - 1].kind == PartKind::kMessage;
  if (first && top && IsMboxLine(line.start)) {
    visitor_.OnLine(path_, depth, LinePlace::kMboxLine, "", line);
    return true;
  }
  EndHeader(line.offset);
  return false;
}

void MimeWalk::TakeField(std::string_view text, const ContentLine& line) {
  visitor_.OnLine(path_, path_.size() - 1, LinePlace::kField, field_, line);
  if (wanted_ == nullptr) return;
  wanted_->append(text.substr(0, limits::kMimeFieldOctetsMax - wanted_->size()));
}

void MimeWalk::TakeBodyLine(const ContentLine& line) {
  const bool around = path_.back().kind == PartKind::kMultipart;
  visitor_.OnLine(path_, path_.size() - 1, around ? LinePlace::kAroundParts : LinePlace::kBody, "",
                  line);
}

void MimeWalk::Begin(std::uint64_t offset) {
  OpenPart part;
  if (!path_.empty()) part.number = ++path_.back().children;
  path_.push_back(std::move(part));
  in_header_ = true;
  first_line_ = true;
  field_.clear();
  wanted_ = nullptr;
  has_type_ = false;
  has_encoding_ = false;
  content_type_.clear();
  transfer_encoding_.clear();
  visitor_.OnPart(path_, offset);
}

void MimeWalk::EndHeader(std::uint64_t offset) {
  in_header_ = false;
  SetKind(path_.back());
  visitor_.OnHeaderEnd(path_, offset);
  if (path_.back().kind == PartKind::kMultipart) {
    boundaries_[path_.back().boundary].push_back(path_.size() - 1);
  } else if (path_.back().kind == PartKind::kMessage) {
    Begin(offset);
  }
}

void MimeWalk::SetKind(OpenPart& part) {
  part.type = ReadMimeField(content_type_);
  if (part.type.value.find('/') == std::string::npos) {
    const bool digest =
        path_.size() > 1 && path_[path_.size() - 2].type.value == "multipart/digest";
    part.type = {};
    part.type.value = digest && !has_type_ ? "message/rfc822" : "text/plain";
  }
  part.encoding = ReadTransferEncoding(transfer_encoding_);
  part.encoding_forbidden = IsForbidden(part.type, part.encoding);
  if (part.type.IsType("multipart")) {
    part.boundary = WithoutTrailingSpace(FindParameter(part.type, "boundary").octets);
    if (part.boundary.size() > limits::kBoundaryOctetsMax) part.boundary.clear();
  }
  if (path_.size() >= limits::kMimeDepthMax) return;
  if (!part.boundary.empty()) {
    part.kind = PartKind::kMultipart;
  } else if (HoldsAMessage(part.type.value) && IsIdentity(part.encoding)) {
    part.kind = PartKind::kMessage;
  }
}

void MimeWalk::EndTo(std::size_t depth, std::uint64_t offset, std::uint8_t before) {
  while (path_.size() > depth) {
    const OpenPart& part = path_.back();
    visitor_.OnPartEnd(path_, offset, before);
    if (part.kind == PartKind::kMultipart && !part.closed) Forget(part.boundary);
    path_.pop_back();
  }
}

void MimeWalk::Forget(const std::string& boundary) {
  const auto found = boundaries_.find(boundary);
  found->second.pop_back();
  if (found->second.empty()) boundaries_.erase(found);
}

std::string PartPath(const std::vector<OpenPart>& path, std::size_t depth) {
  std::string text;
  for (std::size_t i = 1; i <= depth; ++i)
    Append(text, text.empty() ? "" : ".", path[i].number);
  return text;
}

}  // namespace penstock::mail
