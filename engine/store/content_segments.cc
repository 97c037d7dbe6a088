// SPDX-License-Identifier: Apache-2.0
#include "engine/store/content_segments.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/store/record.h"

namespace penstock::store {
namespace {

constexpr std::size_t kEncodedBlockOctets = 12;
constexpr std::string_view kSuffix = ".segment";

void AppendBigEndian(std::string& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8)
    out.push_back(static_cast<char>((value >> shift) & 0xffU));
}

std::uint32_t ReadBigEndian(std::string_view text) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i)
    value = (value << 8U) | static_cast<std::uint8_t>(text[i]);
  return value;
}

// "0000002a.segment"
std::string SegmentName(std::uint32_t number) {
  std::string digits(8, '0');
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit, number >>= 4U)
    *digit = "0123456789abcdef"[number & 15U];
  return Cat(digits, kSuffix);
}

std::optional<std::uint32_t> ParseSegmentName(std::string_view name) {
  std::uint32_t number = 0;
  const std::size_t digits = std::min<std::size_t>(8, name.size());
  const auto [end, error] = std::from_chars(name.data(), name.data() + digits, number, 16);
  if (error != std::errc{} || number == 0 || name != SegmentName(number)) return std::nullopt;
  return number;
}

std::size_t PagesOf(std::size_t octets) {
  return (octets + kPageOctets - 1) / kPageOctets;
}

}  // namespace

std::size_t BlockList::OctetsOf(std::size_t index) const {
  const std::uint64_t before = static_cast<std::uint64_t>(index) * kBlockOctets;
  return static_cast<std::size_t>(std::min<std::uint64_t>(kBlockOctets, octets - before));
}

std::string EncodeBlocks(const std::vector<Block>& blocks) {
  std::string text;
  text.reserve(blocks.size() * kEncodedBlockOctets);
  for (const Block& block : blocks) {
    AppendBigEndian(text, block.segment);
    AppendBigEndian(text, block.offset);
    AppendBigEndian(text, block.checksum);
  }
  return text;
}

StatusOr<BlockList> DecodeBlocks(std::string_view text, std::uint64_t octets) {
  const std::uint64_t count = (octets + kBlockOctets - 1) / kBlockOctets;
  if (text.size() != count * kEncodedBlockOctets) {
    return DataLoss(Cat("blocks: ", text.size(), " octets for a content of ", octets));
  }
  BlockList content;
  content.octets = octets;
  for (; !text.empty(); text.remove_prefix(kEncodedBlockOctets)) {
    const Block block = {ReadBigEndian(text), ReadBigEndian(text.substr(4)),
                         ReadBigEndian(text.substr(8))};
    const std::size_t length = content.OctetsOf(content.blocks.size());
    if (block.segment == 0 || block.offset % kPageOctets != 0 ||
        block.offset + length > limits::kSegmentOctets) {
      return DataLoss(Cat("blocks: one at ", block.offset, " of segment ", block.segment));
    }
    content.blocks.push_back(block);
  }
  return content;
}

ContentSegments::ContentSegments(FileSystem& files, std::string folder, std::size_t segment_octets)
    : files_(files),
      folder_(std::move(folder)),
      segment_octets_(std::min(segment_octets, limits::kSegmentOctets)) {}

std::string ContentSegments::PathOf(std::uint32_t number) const {
  return Cat(folder_, "/", SegmentName(number));
}

void ContentSegments::Mark(Segment& segment, const Block& block, std::size_t octets, bool needed) {
  const std::size_t first = block.offset / kPageOctets;
  for (std::size_t page = first; page < first + PagesOf(octets); ++page) {
    segment.needed[page] = needed;
  }
}

void ContentSegments::Adopt(const BlockList& content) {
  const MutexLock lock(mutex_);
  for (std::size_t i = 0; i < content.blocks.size(); ++i) {
    const Block& block = content.blocks[i];
    Segment& segment = segments_[block.segment];
    Mark(segment, block, content.OctetsOf(i), true);
    segment.full = true;
    segment.end = limits::kSegmentOctets;
    segment.held = kPages;  // as far as we know
    last_ = std::max(last_, block.segment);
  }
}

Status ContentSegments::Recover() {
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<std::string> names, files_.List(folder_));
  const MutexLock lock(mutex_);
  std::set<std::uint32_t> found;
  for (const std::string& name : names) {
    const std::optional<std::uint32_t> number = ParseSegmentName(name);
    if (!number) {
      Log(LogLevel::kWarning, "content_file_unknown", {{"file", Cat(folder_, "/", name)}});
      continue;
    }
    found.insert(*number);
    last_ = std::max(last_, *number);
    if (segments_.contains(*number)) continue;
    PENSTOCK_RETURN_IF_ERROR(files_.Remove(PathOf(*number)));
  }
  for (auto& [number, segment] : segments_) {
    if (found.contains(number)) {
      GiveBackDeadSpace(number, segment);
    } else {
      Log(LogLevel::kError, "content_file_missing", {{"file", PathOf(number)}});
    }
  }
  return OkStatus();
}

Status ContentSegments::BeginSegment() {
  if (current_ != 0) {
    segments_.at(current_).full = true;
    Settle(std::exchange(current_, 0));
  }
  const std::uint32_t number = last_ + 1;
  PENSTOCK_ASSIGN_OR_RETURN(std::unique_ptr<File> file, files_.Create(PathOf(number)));
  last_ = number;
  const Status durable = files_.SyncFolder(folder_);
  if (!durable.ok()) {
    static_cast<void>(files_.Remove(PathOf(number)));  // else the next start does
    return durable;
  }
  Segment& segment = segments_[number];
  segment.file = std::move(file);
  segment.open = segment.file;
  current_ = number;
  return OkStatus();
}

StatusOr<Block> ContentSegments::Append(std::string_view octets) {
  PENSTOCK_CHECK(!octets.empty() && octets.size() <= kBlockOctets);
  const std::size_t pages = PagesOf(octets.size());
  Block block;
  std::shared_ptr<File> file;
  {
    const MutexLock lock(mutex_);
    if (current_ == 0 || segments_.at(current_).end + pages * kPageOctets > segment_octets_) {
      PENSTOCK_RETURN_IF_ERROR(BeginSegment());
    }
    Segment& segment = segments_.at(current_);
    block.segment = current_;
    block.offset = segment.end;
    segment.end += static_cast<std::uint32_t>(pages * kPageOctets);
    segment.held += pages;
    ++segment.blocks_appended;
    Mark(segment, block, octets.size(), true);
    file = segment.file;
  }
  block.checksum = Checksum(octets);
  const Status written = file->Write(block.offset, octets);
  if (written.ok()) return block;
  Free({{block}, octets.size()}, Stage::kAppended);
  return written;
}

std::set<std::uint32_t> ContentSegments::Sync(const std::set<std::uint32_t>& segments) {
  std::set<std::uint32_t> failed;
  for (const std::uint32_t number : segments) {
    std::shared_ptr<File> file;
    {
      const MutexLock lock(mutex_);
      const Segment& segment = segments_.at(number);
      if (segment.failed) {
        failed.insert(number);
        continue;
      }
      file = segment.file;
    }
    const Status synced = file->Sync();
    if (synced.ok()) continue;
    failed.insert(number);
    Log(LogLevel::kError, "content_sync_failed", {{"error", std::string(Message(synced))}});
    const MutexLock lock(mutex_);
    Segment& segment = segments_.at(number);
    segment.failed = true;
    segment.full = true;
    if (current_ == number) current_ = 0;
  }
  return failed;
}

bool ContentSegments::HasFailed(std::uint32_t segment) const {
  const MutexLock lock(mutex_);
  return segments_.at(segment).failed;
}

void ContentSegments::Keep(const BlockList& content) {
  const MutexLock lock(mutex_);
  std::set<std::uint32_t> touched;
  for (const Block& block : content.blocks) {
    --segments_.at(block.segment).blocks_appended;
    touched.insert(block.segment);
  }
  for (const std::uint32_t number : touched)
    Settle(number);
}

void ContentSegments::Free(const BlockList& content, Stage stage) {
  const MutexLock lock(mutex_);
  std::set<std::uint32_t> touched;
  for (std::size_t i = 0; i < content.blocks.size(); ++i) {
    const Block& block = content.blocks[i];
    Segment& segment = segments_.at(block.segment);
    Mark(segment, block, content.OctetsOf(i), false);
    if (stage == Stage::kAppended) --segment.blocks_appended;
    touched.insert(block.segment);
  }
  for (const std::uint32_t number : touched)
    Settle(number);
}

// Does what the end of a need for a segment, or of appending to it, makes possible.
void ContentSegments::Settle(std::uint32_t number) {
  const auto found = segments_.find(number);
  if (found == segments_.end() || !found->second.full) return;
  Segment& segment = found->second;
  if (segment.needed.none()) {
    const Status removed = files_.Remove(PathOf(number));
    if (!removed.ok()) {
      Log(LogLevel::kWarning, "content_file_kept", {{"error", std::string(Message(removed))}});
    }
    segments_.erase(found);
    return;
  }
  GiveBackDeadSpace(number, segment);
  if (segment.blocks_appended == 0) segment.file.reset();
}

void ContentSegments::GiveBackDeadSpace(std::uint32_t number, Segment& segment) {
  const std::size_t needed = segment.needed.count();
  if (needed * 4 >= segment.held) return;
  // What an open reader holds stays readable; the next end of a need tries again.
  const bool has_readers =
      segment.file != nullptr ? segment.file.use_count() > 1 : !segment.open.expired();
  if (has_readers) return;
  const StatusOr<std::shared_ptr<File>> file = OpenSegment(number, segment);
  if (!file.ok()) {
    Log(LogLevel::kWarning, "content_file_kept", {{"error", std::string(Message(file.status()))}});
    return;
  }
  segment.held = needed;
  const std::size_t end = segment.end / kPageOctets;
  for (std::size_t page = 0; page < end;) {
    std::size_t next = page + 1;
    while (next < end && segment.needed[next] == segment.needed[page])
      ++next;
    if (!segment.needed[page]) {
      const Status given = (*file)->Discard(page * kPageOctets, (next - page) * kPageOctets);
      if (!given.ok()) return;  // not on this file system; the segment goes as a whole
    }
    page = next;
  }
}

StatusOr<std::shared_ptr<File>> ContentSegments::OpenSegment(std::uint32_t number,
                                                             Segment& segment) {
  if (std::shared_ptr<File> file = segment.open.lock()) return file;
  PENSTOCK_ASSIGN_OR_RETURN(std::shared_ptr<File> file, files_.Open(PathOf(number)));
  segment.open = file;
  return file;
}

StatusOr<std::vector<std::shared_ptr<const File>>> ContentSegments::OpenForReading(
    const BlockList& content) {
  const MutexLock lock(mutex_);
  std::vector<std::shared_ptr<const File>> files;
  for (const Block& block : content.blocks) {
    const auto segment = segments_.find(block.segment);
    if (segment == segments_.end() || !segment->second.needed[block.offset / kPageOctets]) {
      return NotFound("content: no longer there");
    }
    const StatusOr<std::shared_ptr<File>> file = OpenSegment(block.segment, segment->second);
    if (file.status().code() == StatusCode::kNotFound) {
      return DataLoss(Cat("content: ", Message(file.status())));
    }
    PENSTOCK_RETURN_IF_ERROR(file.status());
    files.push_back(*file);
  }
  return files;
}

ContentSegments::Usage ContentSegments::usage() const {
  const MutexLock lock(mutex_);
  Usage usage;
  for (const auto& [number, segment] : segments_)
    usage.needed += segment.needed.count() * kPageOctets;
  usage.segments = segments_.size();
  return usage;
}

}  // namespace penstock::store
