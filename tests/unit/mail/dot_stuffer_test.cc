// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/dot_stuffer.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "engine/mail/data_reader.h"
#include "tests/support/vectors.h"
#include "tests/unit/mail/octets.h"

using namespace penstock;        // NOLINT(google-build-using-namespace)
using namespace penstock::mail;  // NOLINT(google-build-using-namespace)
using penstock::tests::LoadVectors;
using penstock::tests::Octets;

namespace {

std::string Stuff(const std::vector<std::string_view>& pieces) {
  DotStuffer stuffer;
  std::string wire;
  for (const std::string_view piece : pieces)
    stuffer.Append(piece, wire);
  stuffer.Finish(wire);
  return wire;
}

// Whether each line of `content` ends in CRLF, and CR and LF stand nowhere else.
bool IsInForm(std::string_view content) {
  for (std::size_t i = 0; i < content.size(); ++i) {
    if (content[i] == '\n') return false;
    if (content[i] == '\r' && content.substr(i++, 2) != "\r\n") return false;
  }
  return content.empty() || content.ends_with('\n');
}

}  // namespace

TEST_CASE("DotStuffer: vectors, cut at every place", "[mail][dot_stuffer]") {
  for (const auto& v : LoadVectors("mail/dot_stuffer.json")) {
    DYNAMIC_SECTION(v.name) {
      const std::string content = Octets(v.input);
      const std::string want = Octets(v.want);
      const std::string_view octets = content;
      for (std::size_t cut = 0; cut <= octets.size(); ++cut) {
        CAPTURE(cut);
        REQUIRE(Stuff({octets.substr(0, cut), octets.substr(cut)}) == want);
      }
      std::vector<std::string_view> single;
      for (std::size_t i = 0; i < octets.size(); ++i)
        single.push_back(octets.substr(i, 1));
      REQUIRE(Stuff(single) == want);
    }
  }
}

TEST_CASE("DotStuffer: what a server reads is the content, and no more than that",
          "[mail][dot_stuffer]") {
  // Every text of up to six of these octets.
  constexpr std::string_view kOctets = "\r\n.x";
  for (int length = 0; length <= 6; ++length) {
    for (int number = 0; number < 1 << (2 * length); ++number) {
      std::string content;
      for (int i = 0; i < length; ++i)
        content += kOctets[static_cast<std::size_t>(number >> (2 * i)) & 3U];
      const std::string wire = Stuff({content});
      DataReader reader(1000);
      std::string read;
      CAPTURE(length, number);
      REQUIRE(reader.Feed(wire, read) == wire.size());
      REQUIRE(reader.done());
      REQUIRE_FALSE(reader.fault());
      if (IsInForm(content)) REQUIRE(read == content);
    }
  }
}
