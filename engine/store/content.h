// SPDX-License-Identifier: Apache-2.0
// Content on its way into the SQLite store and out of it: short ones are a column of state.db,
// longer ones blocks in segments (content_segments.h).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/ports/store.h"
#include "engine/store/content_segments.h"

namespace penstock::store {

class StagedContent final : public ports::ContentWriter {
 public:
  // `inline_octets_max`: a longer content goes to segments.
  StagedContent(std::uint64_t number, std::size_t inline_octets_max,
                std::shared_ptr<ContentSegments> segments);
  ~StagedContent() override;

  [[nodiscard]] const ContentId& id() const override { return id_; }

  [[nodiscard]] std::uint64_t octets() const override { return octets_; }

  Status Write(std::string_view octets) override;

  [[nodiscard]] StatusOr<std::shared_ptr<ports::ContentReader>> Open() const override;

  [[nodiscard]] std::uint64_t number() const { return number_; }

  // After the last Write, and again before each further try to commit it: hands what is still
  // buffered to the segments, if it's not inline, and writes anew what is in a segment that failed.
  // Errors: kUnavailable, also for a Write that failed before; kDataLoss for octets to be written
  // anew that cannot be read.
  Status Finish();

  // After Finish. Exactly one of the two holds octets, if there are any.
  [[nodiscard]] const std::string& inline_octets() const { return buffer_; }

  [[nodiscard]] const BlockList& blocks() const { return blocks_; }

  // Its segments, to be synced before it is committed.
  [[nodiscard]] std::set<std::uint32_t> segments() const;

  // Its row is committed: the octets stay when it's destroyed.
  void Keep();

 private:
  Status Flush();
  Status LeaveFailedSegments();

  const std::uint64_t number_;
  const ContentId id_;
  const std::size_t inline_octets_max_;
  const std::shared_ptr<ContentSegments> segments_;
  std::string buffer_;  // at most a block
  BlockList blocks_;    // what has been appended
  std::uint64_t octets_ = 0;
  Status failed_;
  bool kept_ = false;
};

// Octets that stood in state.db.
class InlineReader final : public ports::ContentReader {
 public:
  explicit InlineReader(std::string octets) : octets_(std::move(octets)) {}

  [[nodiscard]] std::uint64_t octets() const override { return octets_.size(); }

  StatusOr<std::size_t> Read(std::uint64_t offset, std::span<char> buffer) const override;

 private:
  const std::string octets_;
};

// Octets in segments. The first read of a block reads all of it and checks it.
class SegmentReader final : public ports::ContentReader {
 public:
  // `files`: one for each block.
  SegmentReader(BlockList blocks, std::vector<std::shared_ptr<const File>> files);

  [[nodiscard]] std::uint64_t octets() const override { return blocks_.octets; }

  StatusOr<std::size_t> Read(std::uint64_t offset, std::span<char> buffer) const override;

 private:
  StatusOr<std::size_t> ReadBlock(std::size_t index, std::size_t begin,
                                  std::span<char> buffer) const;

  const BlockList blocks_;
  const std::vector<std::shared_ptr<const File>> files_;
  mutable std::vector<std::atomic<bool>> checked_;  // by block
};

// Octets of which the first are in segments and the rest is not handed to them yet.
class StagedReader final : public ports::ContentReader {
 public:
  StagedReader(std::unique_ptr<SegmentReader> head, std::string tail)
      : head_(std::move(head)), tail_(std::move(tail)) {}

  [[nodiscard]] std::uint64_t octets() const override { return head_->octets() + tail_.octets(); }

  StatusOr<std::size_t> Read(std::uint64_t offset, std::span<char> buffer) const override;

 private:
  const std::unique_ptr<SegmentReader> head_;
  const InlineReader tail_;
};

}  // namespace penstock::store
