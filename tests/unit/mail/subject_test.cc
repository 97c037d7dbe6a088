// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/subject.h"

#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/base/utf8.h"
#include "tests/support/vectors.h"
#include "tests/unit/mail/octets.h"

using namespace penstock;        // NOLINT(google-build-using-namespace)
using namespace penstock::mail;  // NOLINT(google-build-using-namespace)
using penstock::tests::LoadVectors;
using penstock::tests::Octets;

TEST_CASE("DecodeSubject: vectors", "[mail][subject]") {
  for (const auto& v : LoadVectors("mail/subject.json")) {
    DYNAMIC_SECTION(v.name) {
      CHECK(DecodeSubject(Octets(v.input)) == Octets(v.want));
    }
  }
}

TEST_CASE("DecodeSubject: whatever is cut or damaged gives one line of UTF-8 within the limit",
          "[mail][subject]") {
  for (const auto& v : LoadVectors("mail/subject.json")) {
    const std::string body = Octets(v.input);
    if (body.size() > 1000) continue;
    CAPTURE(v.name);
    for (std::size_t at = 0; at < body.size(); ++at) {
      std::string damaged = body;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x9d);
      for (const std::string& input : {body.substr(0, at), damaged}) {
        const std::string subject = DecodeSubject(input);
        REQUIRE(IsValidUtf8(subject));
        REQUIRE(subject.find_first_of("\r\n") == std::string::npos);
        REQUIRE(subject.find('\0') == std::string::npos);
        REQUIRE(CutCodePoints(subject, limits::kSubjectCodePointsMax).size() == subject.size());
      }
    }
  }
}

TEST_CASE("DecodeSubject: many threads may decode at once", "[mail][subject]") {
  std::vector<std::string> decoded(8);
  std::vector<std::thread> threads;
  for (std::string& mine : decoded) {
    threads.emplace_back([&mine] {
      for (int i = 0; i < 200; ++i)
        mine = DecodeSubject("=?ISO-2022-JP?B?GyRCRnxLXBsoQg==?= =?koi8-r?b?8NLJ18XU?= x");
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  for (const std::string& one : decoded)
    CHECK(one == "日本Привет x");
}
