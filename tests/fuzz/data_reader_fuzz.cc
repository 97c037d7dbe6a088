// SPDX-License-Identifier: Apache-2.0
// The content of DATA: what the reader takes from octets in pieces of any size is what it takes
// from them at once; and what comes out, stuffed again, is read back to the same content (RFC 5321
// §4.5.2). The same octets as chunks of BDAT come out as they went in, and stuffed are the same
// content by DATA. Input: how long the pieces are, then what follows DATA.
// Covers: engine/mail/data_reader.cc engine/mail/dot_stuffer.cc
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/check.h"
#include "engine/mail/data_reader.h"
#include "engine/mail/dot_stuffer.h"

using penstock::mail::DataFraming;
using penstock::mail::DataReader;
using penstock::mail::DotStuffer;

namespace {

constexpr std::uint64_t kOctetsMax = 512;

struct Reading {
  std::string content;
  std::size_t taken = 0;
  bool done = false;
  std::optional<penstock::mail::DataFault> fault;
};

Reading Read(std::string_view octets, std::size_t piece) {
  Reading reading;
  DataReader reader(kOctetsMax);
  while (!octets.empty() && !reader.done()) {
    const std::size_t given = std::min(piece, octets.size());
    const std::size_t taken = reader.Feed(octets.substr(0, given), reading.content);
    PENSTOCK_CHECK(taken <= given);
    PENSTOCK_CHECK(taken == given || reader.done());
    reading.taken += taken;
    octets.remove_prefix(taken);
  }
  PENSTOCK_CHECK(reader.content_octets() == reading.content.size() || reader.fault());
  PENSTOCK_CHECK(reading.content.size() <= kOctetsMax);
  reading.done = reader.done();
  reading.fault = reader.fault();
  return reading;
}

// The content of chunks, if it is taken.
std::optional<std::string> ReadChunks(std::string_view octets, std::size_t piece,
                                      DataFraming framing = DataFraming::kChunks) {
  std::string content;
  DataReader reader(kOctetsMax, framing);
  for (std::size_t at = 0; at < octets.size(); at += piece) {
    const std::string_view given = octets.substr(at, piece);
    PENSTOCK_CHECK(reader.Feed(given, content) == given.size());
  }
  PENSTOCK_CHECK(!reader.done());
  reader.End();
  PENSTOCK_CHECK(reader.done() && content.size() <= kOctetsMax);
  if (reader.fault()) return std::nullopt;
  return content;
}

// `content` is lines that end in CRLF.
void CheckStuffed(const std::string& content, std::size_t piece) {
  std::string wire;
  DotStuffer stuffer;
  for (std::size_t at = 0; at < content.size(); at += piece) {
    stuffer.Append(std::string_view(content).substr(at, piece), wire);
  }
  stuffer.Finish(wire);
  const Reading again = Read(wire, wire.size());
  PENSTOCK_CHECK(again.done && !again.fault && again.content == content);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view octets(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t piece = std::size_t{data[0]} % 32 + 1;
  const auto chunk = ReadChunks(octets, octets.size());
  PENSTOCK_CHECK(chunk == ReadChunks(octets, piece));
  PENSTOCK_CHECK(!chunk || *chunk == octets);
  const auto binary = ReadChunks(octets, octets.size(), DataFraming::kBinary);
  PENSTOCK_CHECK(binary == ReadChunks(octets, piece, DataFraming::kBinary));
  PENSTOCK_CHECK(!binary || *binary == octets);
  PENSTOCK_CHECK(binary || !chunk);  // what is text may be binary
  if (chunk && (chunk->empty() || chunk->ends_with("\r\n"))) CheckStuffed(*chunk, piece);
  const Reading whole = Read(octets, octets.size());
  const Reading pieces = Read(octets, piece);
  PENSTOCK_CHECK(whole.done == pieces.done && whole.taken == pieces.taken);
  PENSTOCK_CHECK(whole.fault == pieces.fault);
  if (whole.fault) return 0;
  PENSTOCK_CHECK(whole.content == pieces.content);
  if (whole.done) CheckStuffed(whole.content, piece);
  return 0;
}
