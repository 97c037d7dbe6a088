// SPDX-License-Identifier: Apache-2.0
#include "engine/store/content.h"

#include <algorithm>
#include <utility>

#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/store/names.h"
#include "engine/store/record.h"

namespace penstock::store {

StagedContent::StagedContent(std::uint64_t number, std::size_t inline_octets_max,
                             std::shared_ptr<ContentSegments> segments)
    : number_(number),
      id_(FormatContentId(number)),
      inline_octets_max_(std::min(inline_octets_max, kBlockOctets)),
      segments_(std::move(segments)) {}

StagedContent::~StagedContent() {
  if (!kept_) segments_->Free(blocks_, ContentSegments::Stage::kAppended);
}

Status StagedContent::Write(std::string_view octets) {
  PENSTOCK_RETURN_IF_ERROR(failed_);
  octets_ += octets.size();
  while (!octets.empty()) {
    if (buffer_.size() == kBlockOctets) {
      failed_ = Flush();  // the rest of `octets` is lost to it
      PENSTOCK_RETURN_IF_ERROR(failed_);
    }
    const std::size_t piece = std::min(octets.size(), kBlockOctets - buffer_.size());
    buffer_.append(octets.substr(0, piece));
    octets.remove_prefix(piece);
  }
  return OkStatus();
}

Status StagedContent::Flush() {
  PENSTOCK_ASSIGN_OR_RETURN(const Block block, segments_->Append(buffer_));
  blocks_.blocks.push_back(block);
  blocks_.octets += buffer_.size();
  buffer_.clear();
  return OkStatus();
}

StatusOr<std::shared_ptr<ports::ContentReader>> StagedContent::Open() const {
  PENSTOCK_RETURN_IF_ERROR(failed_);
  if (blocks_.blocks.empty()) return std::make_shared<InlineReader>(buffer_);
  PENSTOCK_ASSIGN_OR_RETURN(std::vector<std::shared_ptr<const File>> files,
                            segments_->OpenForReading(blocks_));
  auto head = std::make_unique<SegmentReader>(blocks_, std::move(files));
  return std::make_shared<StagedReader>(std::move(head), buffer_);
}

// A sync failed: what the blocks there have is readable as long as the page cache has it, and will
// not be written by any later sync.
Status StagedContent::LeaveFailedSegments() {
  for (std::size_t i = 0; i < blocks_.blocks.size(); ++i) {
    Block& block = blocks_.blocks[i];
    if (!segments_->HasFailed(block.segment)) continue;
    const BlockList one = {{block}, blocks_.OctetsOf(i)};
    PENSTOCK_ASSIGN_OR_RETURN(auto files, segments_->OpenForReading(one));
    std::string octets(static_cast<std::size_t>(one.octets), '\0');
    PENSTOCK_RETURN_IF_ERROR(SegmentReader(one, std::move(files)).Read(0, octets).status());
    PENSTOCK_ASSIGN_OR_RETURN(block, segments_->Append(octets));
    segments_->Free(one, ContentSegments::Stage::kAppended);
  }
  return OkStatus();
}

Status StagedContent::Finish() {
  PENSTOCK_RETURN_IF_ERROR(failed_);
  PENSTOCK_RETURN_IF_ERROR(LeaveFailedSegments());
  const bool is_inline = blocks_.blocks.empty() && buffer_.size() <= inline_octets_max_;
  if (is_inline || buffer_.empty()) return OkStatus();
  return Flush();
}

std::set<std::uint32_t> StagedContent::segments() const {
  std::set<std::uint32_t> segments;
  for (const Block& block : blocks_.blocks)
    segments.insert(block.segment);
  return segments;
}

void StagedContent::Keep() {
  kept_ = true;
  segments_->Keep(blocks_);
}

StatusOr<std::size_t> InlineReader::Read(std::uint64_t offset, std::span<char> buffer) const {
  if (offset >= octets_.size()) return std::size_t{0};
  return octets_.copy(buffer.data(), buffer.size(), static_cast<std::size_t>(offset));
}

StatusOr<std::size_t> StagedReader::Read(std::uint64_t offset, std::span<char> buffer) const {
  std::size_t done = 0;
  if (offset < head_->octets()) {
    PENSTOCK_ASSIGN_OR_RETURN(done, head_->Read(offset, buffer));
  }
  if (done == buffer.size()) return done;
  PENSTOCK_ASSIGN_OR_RETURN(const std::size_t rest,
                            tail_.Read(offset + done - head_->octets(), buffer.subspan(done)));
  return done + rest;
}

SegmentReader::SegmentReader(BlockList blocks, std::vector<std::shared_ptr<const File>> files)
    : blocks_(std::move(blocks)), files_(std::move(files)), checked_(blocks_.blocks.size()) {}

StatusOr<std::size_t> SegmentReader::Read(std::uint64_t offset, std::span<char> buffer) const {
  std::size_t done = 0;
  while (done < buffer.size() && offset + done < blocks_.octets) {
    const std::uint64_t at = offset + done;
    const auto index = static_cast<std::size_t>(at / kBlockOctets);
    const auto begin = static_cast<std::size_t>(at % kBlockOctets);
    PENSTOCK_ASSIGN_OR_RETURN(const std::size_t read,
                              ReadBlock(index, begin, buffer.subspan(done)));
    done += read;
  }
  return done;
}

// Reads from octet `begin` of a block to its end or the buffer's.
StatusOr<std::size_t> SegmentReader::ReadBlock(std::size_t index, std::size_t begin,
                                               std::span<char> buffer) const {
  const Block& block = blocks_.blocks[index];
  const std::size_t length = blocks_.OctetsOf(index);
  const auto read = [&](std::size_t from, std::span<char> into) -> Status {
    PENSTOCK_ASSIGN_OR_RETURN(const std::size_t octets,
                              files_[index]->Read(block.offset + from, into));
    if (octets == into.size()) return OkStatus();
    return DataLoss(Cat("content: segment ", block.segment, " ends before octet ",
                        block.offset + from + into.size()));
  };
  const std::size_t wanted = std::min(buffer.size(), length - begin);
  if (checked_[index]) {
    PENSTOCK_RETURN_IF_ERROR(read(begin, buffer.first(wanted)));
    return wanted;
  }
  std::string whole;
  std::span<char> octets = buffer.first(wanted);
  if (wanted < length) {
    whole.resize(length);
    octets = whole;
  }
  PENSTOCK_RETURN_IF_ERROR(read(0, octets));
  if (Checksum({octets.data(), octets.size()}) != block.checksum) {
    return DataLoss(
        Cat("content: checksum of the block at ", block.offset, " of segment ", block.segment));
  }
  checked_[index] = true;
  if (wanted < length) whole.copy(buffer.data(), wanted, begin);
  return wanted;
}

}  // namespace penstock::store
