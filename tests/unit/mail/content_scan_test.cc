// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/content_scan.h"

#include <string>

#include <catch2/catch.hpp>

#include "engine/base/strings.h"
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

constexpr const char* kKinds[kDefectKinds] = {
    "line too long",    "NUL",         "bare CR", "bare LF",
    "header too large", "no boundary", "no end",  "forbidden encoding",
    "not base64",       "missing",     "repeated"};

Json Shown(const ContentFacts& facts) {
  Json defects = Json::array();
  for (const Defect& defect : facts.defects) {
    defects.push_back(
        {kKinds[static_cast<std::size_t>(defect.kind)], defect.part, defect.field, defect.line});
  }
  return {{"defects", defects},
          {"header_eight_bit", facts.header_eight_bit},
          {"body_eight_bit", facts.body_eight_bit},
          {"octets", facts.octets},
          {"longest_line", facts.longest_line_octets}};
}

ContentFacts InPieces(const std::string& content, std::size_t piece) {
  ContentScan scan({});
  for (std::size_t at = 0; at < content.size(); at += piece)
    scan.Feed(std::string_view(content).substr(at, piece));
  return scan.Finish();
}

}  // namespace

TEST_CASE("ContentScan: vectors", "[mail][content_scan]") {
  for (const auto& v : LoadVectors("mail/content_scan.json")) {
    DYNAMIC_SECTION(v.name) {
      const Json shown = Shown(ScanContent(Octets(v.input), {}));
      for (const auto& [key, value] : v.want.items())
        CHECK(shown.at(key) == value);
    }
  }
}

TEST_CASE("ContentScan: pieces of any size give the same facts", "[mail][content_scan]") {
  for (const auto& v : LoadVectors("mail/content_scan.json")) {
    CAPTURE(v.name);
    const std::string content = Octets(v.input);
    const ContentFacts whole = ScanContent(content, {});
    for (const std::size_t piece : {1U, 2U, 3U, 7U, 64U, 1000U})
      CHECK(InPieces(content, piece) == whole);
  }
}

TEST_CASE("ContentScan: parts are looked into 399 levels deep", "[mail][content_scan]") {
  const auto nested = [](int levels) {
    std::string content = "From: a\r\nDate: x\r\n";
    for (int i = 0; i < levels; ++i)
      Append(content, "Content-Type: multipart/mixed; boundary=b", i, "\r\n\r\n--b", i, "\r\n");
    content += "Content-Transfer-Encoding: base64\r\n\r\n!\r\n";
    for (int i = levels; --i >= 0;)
      Append(content, "--b", i, "--\r\n");
    return ScanContent(content, {});
  };
  for (const int levels : {1, 200, 399}) {
    const ContentFacts facts = nested(levels);
    REQUIRE(facts.defects.size() == 1);
    CHECK(facts.defects[0].kind == DefectKind::kNotBase64);
    CHECK(facts.defects[0].part.size() == static_cast<std::size_t>(levels) * 2 - 1);
  }
  CHECK(nested(400).defects.empty());
}

TEST_CASE("ContentScan: hostile content costs linear time", "[mail][content_scan]") {
  const std::string header = "Content-Type: multipart/mixed; boundary=";
  std::string deep;
  for (int i = 0; i < 5000; ++i)
    Append(deep, header, "b", i, "\r\n\r\n--b", i, "\r\n");
  std::string dashes = deep;
  std::string parts = header + "b\r\n\r\n";
  std::string fields = "X: 1\r\n";
  for (int i = 0; i < 200'000; ++i) {
    dashes += "--\r\n";
    parts += "--b\r\n\r\n";
    Append(fields, "Content-", i, ": 1\r\n");
  }
  std::string lines;
  for (int i = 0; i < 1'000'000; ++i)
    lines += '\n';
  const std::string endless = "Content-Type: " + std::string(4'000'000, '(');
  for (const std::string& content : {deep, dashes, parts, fields, lines, endless}) {
    const double start = CpuSeconds();
    const ContentFacts facts = ScanContent(content, {});
    CHECK(CpuSeconds() - start < 10);
    CHECK(facts.octets == content.size());
    CHECK(facts.defects.size() < 3000);
  }
}
