// SPDX-License-Identifier: Apache-2.0
#include "engine/store/content_segments.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "engine/store/content.h"
#include "tests/support/store_samples.h"
#include "tests/unit/store/fake_file_system.h"

namespace penstock::store {
namespace {

using tests::FakeFileSystem;
using tests::Octets;
using Stage = ContentSegments::Stage;

BlockList Append(ContentSegments& segments, const std::string& octets) {
  BlockList content;
  for (std::size_t at = 0; at < octets.size(); at += kBlockOctets) {
    const std::string piece = octets.substr(at, kBlockOctets);
    content.blocks.push_back(segments.Append(piece).value());
    content.octets += piece.size();
  }
  return content;
}

// The octets, or the error's code.
std::string Read(ContentSegments& segments, const BlockList& content) {
  auto files = segments.OpenForReading(content);
  if (!files.ok()) return std::string(CodeName(files.status().code()));
  const SegmentReader reader(content, *std::move(files));
  std::string octets(content.octets, '\0');
  const auto read = reader.Read(0, octets);
  return read.ok() ? octets : std::string(CodeName(read.status().code()));
}

std::size_t CountOf(const std::vector<std::string>& log, std::string_view operation) {
  return static_cast<std::size_t>(
      std::count_if(log.begin(), log.end(), [operation](const std::string& line) {
        return line.starts_with(std::string(operation) + " ");
      }));
}

// Fills the current segment, so that the next full block begins another.
BlockList FillSegment(ContentSegments& segments) {
  const std::string octets = Octets(kBlockOctets, 9);
  BlockList content;
  do {
    content.blocks.push_back(segments.Append(octets).value());
    content.octets += kBlockOctets;
  } while (content.blocks.back().offset + 2 * kBlockOctets <= limits::kSegmentOctets);
  return content;
}

TEST_CASE("ContentSegments: contents written together share a segment and its sync",
          "[store][segments]") {
  FakeFileSystem files;
  ContentSegments segments(files, "content");
  const std::string first = Octets(100'000, 1);
  const std::string second = Octets(10, 2);
  const BlockList a = Append(segments, first);
  const BlockList b = Append(segments, second);
  CHECK(a.blocks.size() == 2);
  CHECK(a.blocks[0].segment == b.blocks[0].segment);
  CHECK(b.blocks[0].offset == 65'536 + 36'864);  // whole pages
  CHECK(segments.Sync({a.blocks[0].segment}).empty());
  segments.Keep(a);
  segments.Keep(b);
  CHECK(Read(segments, a) == first);
  CHECK(Read(segments, b) == second);
  const auto log = files.TakeLog();
  CHECK(CountOf(log, "sync") == 1);
  CHECK(CountOf(log, "create") == 1);
  CHECK(CountOf(log, "sync_folder") == 1);  // the segment's name is durable before its octets
  CHECK(files.Files() == std::vector<std::string>{"content/00000001.segment"});
}

TEST_CASE("ContentSegments: a segment goes when it is full and nothing in it is needed",
          "[store][segments]") {
  FakeFileSystem files;
  ContentSegments segments(files, "content");
  const BlockList first = Append(segments, Octets(10));
  const BlockList filler = FillSegment(segments);
  segments.Keep(first);
  segments.Keep(filler);
  segments.Free(filler, Stage::kKept);
  segments.Free(first, Stage::kKept);
  CHECK(files.Files().size() == 1);  // it might take more
  const BlockList next = Append(segments, Octets(kBlockOctets));
  CHECK(files.Files() == std::vector<std::string>{"content/00000002.segment"});
  segments.Free(next, Stage::kAppended);
}

TEST_CASE("ContentSegments: a segment that is full already goes with its last content",
          "[store][segments]") {
  FakeFileSystem files;
  ContentSegments segments(files, "content");
  const BlockList first = Append(segments, Octets(10));
  const BlockList filler = FillSegment(segments);
  segments.Keep(first);
  segments.Keep(filler);
  const BlockList next = Append(segments, Octets(kBlockOctets));
  segments.Free(first, Stage::kKept);
  CHECK(files.Files().size() == 2);
  segments.Free(filler, Stage::kKept);
  CHECK(files.Files() == std::vector<std::string>{"content/00000002.segment"});
  CHECK(Read(segments, filler) == "NOT_FOUND");
  segments.Free(next, Stage::kAppended);
}

TEST_CASE("ContentSegments: a full segment gives back what is dead once a quarter is needed",
          "[store][segments]") {
  FakeFileSystem files;
  ContentSegments segments(files, "content");
  const std::string octets = Octets(300'000);
  const BlockList kept = Append(segments, octets);
  const BlockList filler = FillSegment(segments);
  segments.Keep(kept);
  segments.Keep(filler);
  const BlockList next = Append(segments, Octets(kBlockOctets));
  files.TakeLog();

  SECTION("and what is kept stays as it is") {
    segments.Free(filler, Stage::kKept);
    CHECK(CountOf(files.TakeLog(), "discard") > 0);
    CHECK(Read(segments, kept) == octets);
    const std::string& file = files.Octets("content/00000001.segment");
    CHECK(file.find_first_not_of('\0', 300'000) == std::string::npos);
  }
  SECTION("but not under an open reader") {
    auto reading = segments.OpenForReading(filler).value();
    const SegmentReader reader(filler, reading);
    segments.Free(filler, Stage::kKept);
    CHECK(CountOf(files.TakeLog(), "discard") == 0);
    std::string block(kBlockOctets, '\0');
    REQUIRE(reader.Read(5 * kBlockOctets, block).ok());
    CHECK(block == Octets(kBlockOctets, 9));
  }
  SECTION("nor on a file system that cannot, where the segment goes as a whole") {
    files.SetFault([](std::string_view operation, const std::string&) {
      return operation == "discard" ? Unimplemented("discard") : OkStatus();
    });
    segments.Free(filler, Stage::kKept);
    CHECK(CountOf(files.TakeLog(), "discard") == 1);
    CHECK(Read(segments, kept) == octets);
    segments.Free(kept, Stage::kKept);
    CHECK(files.Files() == std::vector<std::string>{"content/00000002.segment"});
  }
  segments.Free(next, Stage::kAppended);
}

TEST_CASE("ContentSegments: a failed sync fails all that was not durable in that segment",
          "[store][segments]") {
  FakeFileSystem files;
  ContentSegments segments(files, "content");
  const std::string octets = Octets(10);
  const BlockList durable = Append(segments, octets);
  REQUIRE(segments.Sync({1}).empty());
  segments.Keep(durable);
  const BlockList lost = Append(segments, Octets(10));
  const BlockList lost_too = Append(segments, Octets(10));
  files.SetFault([](std::string_view operation, const std::string&) {
    return operation == "sync" ? Unavailable("EIO") : OkStatus();
  });
  CHECK(segments.Sync({1}) == std::set<std::uint32_t>{1});
  files.SetFault(nullptr);
  files.TakeLog();
  // A second sync may well succeed: the kernel has forgotten what it could not write.
  CHECK(segments.Sync({1}) == std::set<std::uint32_t>{1});
  CHECK(CountOf(files.TakeLog(), "sync") == 0);
  const BlockList next = Append(segments, octets);
  CHECK(next.blocks[0].segment == 2);
  CHECK(segments.Sync({2}).empty());
  CHECK(Read(segments, durable) == octets);
  segments.Free(lost, Stage::kAppended);
  segments.Free(lost_too, Stage::kAppended);
  CHECK(Read(segments, durable) == octets);
  segments.Free(durable, Stage::kKept);
  segments.Free(next, Stage::kAppended);
  CHECK(files.Files() == std::vector<std::string>{"content/00000002.segment"});
}

TEST_CASE("ContentSegments: what cannot be written is an error and takes nothing",
          "[store][segments]") {
  FakeFileSystem files;
  ContentSegments segments(files, "content");
  const char* operation = "";
  SECTION("no file") {
    operation = "create";
  }
  SECTION("a name that cannot be made durable") {
    operation = "sync_folder";
  }
  SECTION("no space") {
    operation = "write";
  }
  files.SetFault([operation](std::string_view now, const std::string&) {
    return now == operation ? Unavailable("ENOSPC") : OkStatus();
  });
  CHECK(segments.Append("octets").status().code() == StatusCode::kUnavailable);
  CHECK(segments.usage().needed == 0);
  files.SetFault(nullptr);
  const BlockList content = Append(segments, "octets");
  CHECK(Read(segments, content) == "octets");
  segments.Free(content, Stage::kAppended);
}

TEST_CASE("ContentSegments: a start keeps what is committed and removes the rest",
          "[store][segments]") {
  FakeFileSystem files;
  const std::string octets = Octets(100'000);
  BlockList kept;
  {
    ContentSegments segments(files, "content");
    static_cast<void>(FillSegment(segments));
    kept = Append(segments, octets);
    segments.Keep(kept);
    static_cast<void>(FillSegment(segments));
    static_cast<void>(Append(segments, octets));
  }
  REQUIRE(files.Files().size() == 3);
  files.Plant("content/notes.txt", "an operator's");
  files.TakeLog();
  ContentSegments segments(files, "content");
  segments.Adopt(kept);
  REQUIRE(segments.Recover().ok());
  CHECK(files.Files() == std::vector<std::string>{"content/00000002.segment", "content/notes.txt"});
  CHECK(CountOf(files.TakeLog(), "discard") > 0);
  CHECK(Read(segments, kept) == octets);
  // A number that was in use is not used again.
  CHECK(Append(segments, octets).blocks[0].segment == 4);
  segments.Free(kept, Stage::kKept);
  CHECK(files.Files() == std::vector<std::string>{"content/00000004.segment", "content/notes.txt"});
}

TEST_CASE("ContentSegments: a segment that is gone is data loss, not an end", "[store][segments]") {
  FakeFileSystem files;
  ContentSegments segments(files, "content");
  BlockList lost;
  lost.blocks = {{7, 0, 1}};
  lost.octets = 10;
  segments.Adopt(lost);
  REQUIRE(segments.Recover().ok());
  CHECK(Read(segments, lost) == "DATA_LOSS");
  segments.Free(lost, Stage::kKept);
  CHECK(segments.usage().segments == 0);
}

TEST_CASE("SegmentReader: damage is found whatever piece is read", "[store][segments]") {
  FakeFileSystem files;
  ContentSegments segments(files, "content");
  const std::string octets = Octets(150'000);
  const BlockList content = Append(segments, octets);
  segments.Keep(content);
  const std::string path = "content/00000001.segment";
  SECTION("one octet") {
    files.Octets(path)[100'000] ^= 1;
  }
  SECTION("a file cut short") {
    files.Octets(path).resize(100'000);
  }
  const auto reading = segments.OpenForReading(content).value();
  std::string piece(10, '\0');
  const SegmentReader reader(content, reading);
  CHECK(reader.Read(0, piece).ok());
  CHECK(reader.Read(65'536, piece).status().code() == StatusCode::kDataLoss);
  CHECK(reader.Read(130'000, piece).status().code() == StatusCode::kDataLoss);
  CHECK(Read(segments, content) == "DATA_LOSS");
}

TEST_CASE("BlockList: what state.db holds is read back or refused", "[store][segments]") {
  const std::vector<Block> blocks = {{1, 0, 0xffffffff}, {0x01020304, 4096, 0}};
  const std::string text = EncodeBlocks(blocks);
  CHECK(text.size() == 24);
  CHECK(text.substr(12, 8) == std::string("\x01\x02\x03\x04\x00\x00\x10\x00", 8));
  const auto read = DecodeBlocks(text, 65'537);
  REQUIRE(read.ok());
  CHECK(read->blocks == blocks);
  CHECK(read->OctetsOf(0) == 65'536);
  CHECK(read->OctetsOf(1) == 1);
  CHECK(DecodeBlocks(text, 131'073).status().code() == StatusCode::kDataLoss);
  CHECK(DecodeBlocks(text, 65'536).status().code() == StatusCode::kDataLoss);
  CHECK(DecodeBlocks(text.substr(1), 65'537).status().code() == StatusCode::kDataLoss);
  for (const Block& bad : {Block{0, 0, 0}, Block{1, 1, 0}, Block{1, limits::kSegmentOctets, 0}}) {
    CHECK(DecodeBlocks(EncodeBlocks({bad}), 10).status().code() == StatusCode::kDataLoss);
  }
}

TEST_CASE("StagedContent: what is not kept is given back", "[store][content]") {
  FakeFileSystem files;
  const auto segments = std::make_shared<ContentSegments>(files, "content");
  {
    StagedContent content(1, 8192, segments);
    REQUIRE(content.Write(Octets(200'000)).ok());
    CHECK(content.octets() == 200'000);
    CHECK(segments->usage().needed == 196'608);  // the rest is in memory
    REQUIRE(content.Finish().ok());
    CHECK(segments->usage().needed == 200'704);
  }
  CHECK(segments->usage().needed == 0);
}

TEST_CASE("StagedContent: a short content needs no file", "[store][content]") {
  FakeFileSystem files;
  const auto segments = std::make_shared<ContentSegments>(files, "content");
  StagedContent content(1, 8192, segments);
  REQUIRE(content.Write(Octets(8192)).ok());
  REQUIRE(content.Finish().ok());
  CHECK(content.inline_octets() == Octets(8192));
  CHECK(files.TakeLog().empty());
  StagedContent longer(2, 8192, segments);
  REQUIRE(longer.Write(Octets(8193)).ok());
  REQUIRE(longer.Finish().ok());
  CHECK(longer.inline_octets().empty());
  CHECK(longer.blocks().octets == 8193);
}

TEST_CASE("StagedContent: after a failed write nothing more is taken", "[store][content]") {
  FakeFileSystem files;
  const auto segments = std::make_shared<ContentSegments>(files, "content");
  StagedContent content(1, 8192, segments);
  REQUIRE(content.Write(Octets(65'536)).ok());
  files.SetFault([](std::string_view operation, const std::string&) {
    return operation == "write" ? Unavailable("ENOSPC") : OkStatus();
  });
  CHECK(content.Write("x").code() == StatusCode::kUnavailable);
  files.SetFault(nullptr);
  CHECK(content.Write("x").code() == StatusCode::kUnavailable);
  CHECK(content.Finish().code() == StatusCode::kUnavailable);
}

}  // namespace
}  // namespace penstock::store
