// SPDX-License-Identifier: Apache-2.0
// The octets of large contents: a log of segments, files that are only ever appended to. Contents
// that are written at the same time share a segment, so one sync makes a whole group durable;
// a segment goes as a whole when nothing in it is needed any more. FORMAT.md has the measurements
// that chose this.
//
//   Append ──► Block (written, not durable) ──► Sync ──► Keep    its content is committed
//                                                  └───► Free    it isn't, or not any more
//
// Space: the dead pages of a segment that is full are given back when less than a quarter of those
// that it holds are needed: full segments take four times what is needed at most (on file systems
// that can give back).
// A segment whose sync failed is appended to no more, and what was not durable in it fails with it.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/limits.h"
#include "engine/base/mutex.h"
#include "engine/base/status.h"
#include "engine/store/file_system.h"

namespace penstock::store {

// Up to kBlockOctets octets of a content; all of its blocks but the last are full.
struct Block {
  std::uint32_t segment = 0;
  std::uint32_t offset = 0;    // in the segment, a multiple of kPageOctets
  std::uint32_t checksum = 0;  // Checksum of its octets
  friend bool operator==(const Block&, const Block&) = default;
};

inline constexpr std::size_t kBlockOctets = 65'536;
inline constexpr std::size_t kPageOctets = 4'096;  // what space is counted and given back in

// The blocks of a content and how long it is.
struct BlockList {
  std::vector<Block> blocks;
  std::uint64_t octets = 0;

  // Octets in block `index`.
  [[nodiscard]] std::size_t OctetsOf(std::size_t index) const;
  friend bool operator==(const BlockList&, const BlockList&) = default;
};

// As state.db has it: segment, offset, checksum of each block, four octets each, big-endian.
std::string EncodeBlocks(const std::vector<Block>& blocks);
// kDataLoss if they are not the blocks of `octets` octets.
StatusOr<BlockList> DecodeBlocks(std::string_view text, std::uint64_t octets);

// Threads: safe from any.
class ContentSegments {
 public:
  // `folder` exists; `files` outlives it. `segment_octets`: no segment gets longer; at most
  // limits::kSegmentOctets.
  ContentSegments(FileSystem& files, std::string folder,
                  std::size_t segment_octets = limits::kSegmentOctets);

  ContentSegments(const ContentSegments&) = delete;
  ContentSegments& operator=(const ContentSegments&) = delete;

  // At the start: takes note of the blocks of a committed content. A segment that is missing is
  // reported when the content is read.
  void Adopt(const BlockList& content);

  // After the last Adopt, before the first Append: removes the segments that nothing needs, which
  // hold what was never committed or is gone. Errors: kUnavailable.
  Status Recover();

  // Writes up to kBlockOctets octets. The caller owes it a Free, and before that a Keep or none.
  // Errors: kUnavailable.
  StatusOr<Block> Append(std::string_view octets);

  // Makes what has been appended to `segments` durable; returns those where that failed, now or
  // before.
  std::set<std::uint32_t> Sync(const std::set<std::uint32_t>& segments);

  // Whether a sync of it has failed: what was appended to it will never be durable.
  [[nodiscard]] bool HasFailed(std::uint32_t segment) const;

  // The blocks belong to a content that is committed.
  void Keep(const BlockList& content);

  // Nobody needs the blocks any more. Files may go: not to be called where a wait matters.
  enum class Stage { kAppended, kKept };
  void Free(const BlockList& content, Stage stage);

  // The files of a content's blocks, one each. They can be read as long as they are held.
  //   Errors: kNotFound if it has been freed; kDataLoss if a file is missing; kUnavailable.
  StatusOr<std::vector<std::shared_ptr<const File>>> OpenForReading(const BlockList& content);

  // For tests and figures.
  struct Usage {
    std::uint64_t needed = 0;  // octets, in whole pages
    std::uint64_t segments = 0;
  };

  [[nodiscard]] Usage usage() const;

 private:
  static constexpr std::size_t kPages = limits::kSegmentOctets / kPageOctets;

  struct Segment {
    std::bitset<kPages> needed;         // by page
    std::uint32_t end = 0;              // octets given out
    std::uint32_t blocks_appended = 0;  // neither kept nor freed yet
    bool full = false;                  // nothing is appended any more
    bool failed = false;                // a sync or a write failed
    std::size_t held = 0;               // pages that take space: those given out, less given back
    std::shared_ptr<File> file;         // open while it is appended to or has blocks_appended
    std::weak_ptr<File> open;           // the same file while anyone has it
  };

  [[nodiscard]] std::string PathOf(std::uint32_t number) const;
  StatusOr<std::shared_ptr<File>> OpenSegment(std::uint32_t number, Segment& segment)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Status BeginSegment() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Settle(std::uint32_t number) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void GiveBackDeadSpace(std::uint32_t number, Segment& segment)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static void Mark(Segment& segment, const Block& block, std::size_t octets, bool needed);

  FileSystem& files_;
  const std::string folder_;
  const std::size_t segment_octets_;
  mutable Mutex mutex_;
  std::map<std::uint32_t, Segment> segments_ ABSL_GUARDED_BY(mutex_);
  std::uint32_t last_ ABSL_GUARDED_BY(mutex_) = 0;     // number given to a segment
  std::uint32_t current_ ABSL_GUARDED_BY(mutex_) = 0;  // the one appended to; 0: none
};

}  // namespace penstock::store
