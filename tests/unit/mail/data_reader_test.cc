// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/data_reader.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "engine/base/limits.h"
#include "tests/support/vectors.h"
#include "tests/unit/mail/cpu_seconds.h"
#include "tests/unit/mail/octets.h"

using namespace penstock;        // NOLINT(google-build-using-namespace)
using namespace penstock::mail;  // NOLINT(google-build-using-namespace)
using penstock::tests::CpuSeconds;
using penstock::tests::Json;
using penstock::tests::LoadVectors;
using penstock::tests::Octets;

namespace {

constexpr std::uint64_t kOctetsMax = 1000;

std::string NameOf(std::optional<DataFault> fault) {
  if (!fault) return "";
  switch (*fault) {
    case DataFault::kBareLf:
      return "bare LF";
    case DataFault::kBareCr:
      return "bare CR";
    case DataFault::kLineTooLong:
      return "line too long";
    case DataFault::kTooBig:
      break;
  }
  return "too big";
}

void CheckRead(const std::vector<std::string_view>& pieces, const Json& want) {
  DataReader reader(kOctetsMax);
  std::string content;
  std::string rest;
  for (const std::string_view piece : pieces) {
    const std::size_t taken = reader.Feed(piece, content);
    if (!reader.done()) REQUIRE(taken == piece.size());
    rest.append(piece.substr(taken));
  }
  REQUIRE(reader.done());
  REQUIRE(NameOf(reader.fault()) == want.value("fault", std::string()));
  REQUIRE(rest == want.value("rest", std::string()));
  REQUIRE(reader.content_octets() == content.size());
  if (want.contains("content")) {
    REQUIRE(content == Octets(want.at("content")));
  } else {
    REQUIRE(content.size() <= want.at("content_octets_max").get<std::size_t>());
  }
}

void CheckChunks(DataFraming framing, const std::vector<std::string_view>& pieces,
                 const Json& want) {
  DataReader reader(kOctetsMax, framing);
  std::string content;
  for (const std::string_view piece : pieces)
    REQUIRE(reader.Feed(piece, content) == piece.size());
  REQUIRE_FALSE(reader.done());
  reader.End();
  REQUIRE(reader.done());
  REQUIRE(NameOf(reader.fault()) == want.value("fault", std::string()));
  if (want.contains("content")) {
    REQUIRE(content == Octets(want.at("content")));
  } else {
    REQUIRE(content.size() <= want.at("content_octets_max").get<std::size_t>());
  }
}

}  // namespace

TEST_CASE("DataReader: vectors in chunks, cut at every place", "[mail][data_reader]") {
  for (const DataFraming framing : {DataFraming::kChunks, DataFraming::kBinary}) {
    const bool binary = framing == DataFraming::kBinary;
    for (const auto& v :
         LoadVectors(binary ? "mail/data_reader_binary.json" : "mail/data_reader_chunks.json")) {
      CAPTURE(v.name);
      const std::string input = Octets(v.input);
      const std::string_view octets = input;
      for (std::size_t cut = 0; cut <= octets.size(); ++cut)
        CheckChunks(framing, {octets.substr(0, cut), octets.substr(cut)}, v.want);
      std::vector<std::string_view> single;
      for (std::size_t i = 0; i < octets.size(); ++i)
        single.push_back(octets.substr(i, 1));
      CheckChunks(framing, single, v.want);
    }
  }
}

TEST_CASE("DataReader: vectors, cut at every place", "[mail][data_reader]") {
  for (const auto& v : LoadVectors("mail/data_reader.json")) {
    DYNAMIC_SECTION(v.name) {
      const std::string input = Octets(v.input);
      const std::string_view octets = input;
      const std::size_t step = octets.size() > 5000 ? 4999 : 1;
      for (std::size_t cut = 0; cut <= octets.size(); cut += step) {
        CAPTURE(cut);
        CheckRead({octets.substr(0, cut), octets.substr(cut)}, v.want);
      }
      std::vector<std::string_view> single;
      for (std::size_t i = 0; i < octets.size(); ++i)
        single.push_back(octets.substr(i, 1));
      CheckRead(single, v.want);
    }
  }
}

TEST_CASE("DataReader: only CR LF dot CR LF ends the content, of all it could be",
          "[mail][data_reader]") {
  // Every text of up to six of these octets, behind "a".
  constexpr std::string_view kOctets = "\r\n.x";
  for (int length = 1; length <= 6; ++length) {
    for (int number = 0; number < 1 << (2 * length); ++number) {
      std::string input = "a";
      for (int i = 0; i < length; ++i)
        input += kOctets[static_cast<std::size_t>(number >> (2 * i)) & 3U];
      DataReader reader(kOctetsMax);
      std::string content;
      const std::size_t taken = reader.Feed(input, content);
      const auto end = input.find("\r\n.\r\n");
      CAPTURE(length, number);
      REQUIRE(reader.done() == (end != std::string::npos));
      REQUIRE(taken == (reader.done() ? end + 5 : input.size()));
    }
  }
}

TEST_CASE("DataReader: a line over the limit is a fault, at the limit it is none",
          "[mail][data_reader]") {
  const std::size_t more = GENERATE(as<std::size_t>{}, 0, 1);
  const std::string line(limits::kTextLineOctetsMax - 2 + more, 'a');
  DataReader reader(limits::kMessageOctetsMax);
  std::string content;
  reader.Feed("short\r\n" + line + "\r\n.\r\n", content);
  REQUIRE(reader.done());
  CHECK(NameOf(reader.fault()) == (more == 0 ? "" : "line too long"));
}

TEST_CASE("DataReader: a fault is known before the end", "[mail][data_reader]") {
  DataReader reader(kOctetsMax);
  std::string content;
  reader.Feed("a\nb", content);
  CHECK(reader.fault() == DataFault::kBareLf);
  CHECK_FALSE(reader.done());
}

TEST_CASE("DataReader: nothing that a client sends is slow to read", "[mail][data_reader]") {
  const std::string piece =
      GENERATE(as<std::string>{}, "\r", "\n", ".", "\r\n", "\r\n.", "\r.\n", "x");
  std::string input;
  while (input.size() < (1U << 20U))
    input += piece;
  DataReader reader(limits::kMessageOctetsMax);
  std::string content;
  const double before = CpuSeconds();
  CHECK(reader.Feed(input, content) > 0);
  CHECK(CpuSeconds() - before < 3);
}

TEST_CASE("DataReader: each fault has a reply that says so for good", "[mail][data_reader]") {
  CHECK(ReplyTo(DataFault::kTooBig).ToString() == "552 5.3.4 the message is too big");
  for (const DataFault fault :
       {DataFault::kBareLf, DataFault::kBareCr, DataFault::kLineTooLong, DataFault::kTooBig}) {
    CHECK(ReplyTo(fault).is_permanent());
    CHECK(ReplyTo(fault).status.status_class == 5);
  }
}
