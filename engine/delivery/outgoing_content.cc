// SPDX-License-Identifier: Apache-2.0
#include "engine/delivery/outgoing_content.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/mail/data_reader.h"
#include "engine/mail/header_section.h"
#include "engine/mail/marking.h"
#include "engine/mail/smtp_command.h"

namespace penstock::delivery {
namespace {

StatusOr<std::string> ReadHeaderSection(const ports::ContentReader& content) {
  mail::HeaderCollector collector;
  const auto memory = std::make_unique_for_overwrite<char[]>(limits::kContentChunkOctets);
  const std::span<char> buffer(memory.get(), limits::kContentChunkOctets);
  std::uint64_t offset = 0;
  while (!collector.ended()) {
    PENSTOCK_ASSIGN_OR_RETURN(const std::size_t octets, content.Read(offset, buffer));
    if (octets == 0) break;
    collector.Feed({buffer.data(), octets});
    offset += octets;
    if (collector.over_limit()) {
      return InvalidArgument(
          Cat("header section is larger than ", limits::kHeaderSectionOctetsMax, " octets"));
    }
  }
  return collector.octets();
}

}  // namespace

StatusOr<OutgoingContent> OutgoingContent::Open(
    std::string fields_on_top, flow::Marking marking, const MarkingFields& marking_fields,
    std::shared_ptr<const ports::ContentReader> content) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::string header, ReadHeaderSection(*content));
  std::vector<std::string_view> names;
  for (const FieldMarking* field : {&marking_fields.junk, &marking_fields.bypass_spam_check}) {
    if (!field->name.empty()) names.emplace_back(field->name);
  }
  OutgoingContent out;
  out.head_ = std::move(fields_on_top);
  const FieldMarking* mark = marking == flow::Marking::kJunk ? &marking_fields.junk
                             : marking == flow::Marking::kBypassSpamCheck
                                 ? &marking_fields.bypass_spam_check
                                 : nullptr;
  if (mark != nullptr && !mark->name.empty()) out.head_ += mail::MakeField(mark->name, mark->body);
  out.head_ += mail::RemoveFields(header, names);
  out.body_offset_ = header.size();
  out.content_ = std::move(content);
  out.has_non_ascii_header_ = !IsAscii(out.head_);
  return out;
}

StatusOr<bool> OutgoingContent::NeedsBinary() {
  mail::DataReader lines(std::numeric_limits<std::uint64_t>::max(), mail::DataFraming::kChunks);
  const auto memory = std::make_unique_for_overwrite<char[]>(limits::kContentChunkOctets);
  const std::span<char> buffer(memory.get(), limits::kContentChunkOctets);
  std::string read;
  Rewind();
  for (std::size_t octets = 1; octets > 0 && !lines.fault();) {
    PENSTOCK_ASSIGN_OR_RETURN(octets, Read(buffer));
    lines.Feed({buffer.data(), octets}, read);
    read.clear();
  }
  lines.End();
  Rewind();
  return lines.fault().has_value();
}

std::uint64_t OutgoingContent::octets() const {
  return head_.size() + content_->octets() - body_offset_;
}

StatusOr<std::size_t> OutgoingContent::Read(std::span<char> buffer) {
  std::size_t octets = 0;
  if (position_ < head_.size()) {
    octets = head_.copy(buffer.data(), buffer.size(), static_cast<std::size_t>(position_));
    position_ += octets;
    buffer = buffer.subspan(octets);
  }
  if (!buffer.empty()) {
    const std::uint64_t offset = body_offset_ + (position_ - head_.size());
    PENSTOCK_ASSIGN_OR_RETURN(const std::size_t more, content_->Read(offset, buffer));
    position_ += more;
    octets += more;
  }
  return octets;
}

}  // namespace penstock::delivery
