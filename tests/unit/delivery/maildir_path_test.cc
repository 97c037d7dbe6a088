// SPDX-License-Identifier: Apache-2.0
#include "engine/delivery/maildir_path.h"

#include <string>

#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "tests/support/vectors.h"

using namespace penstock;            // NOLINT(google-build-using-namespace)
using namespace penstock::delivery;  // NOLINT(google-build-using-namespace)
using penstock::tests::LoadVectors;

TEST_CASE("MaildirPath: vectors", "[delivery][maildir]") {
  for (const auto& v : LoadVectors("delivery/maildir_path.json")) {
    DYNAMIC_SECTION(v.name) {
      const auto path = MaildirPath::Parse(v.input.at("path").get<std::string>());
      if (v.want.contains("path_error")) {
        REQUIRE_FALSE(path.ok());
        CHECK(Message(path.status()).find(v.want.at("path_error").get<std::string>()) !=
              std::string_view::npos);
        continue;
      }
      INFO(path.status());
      REQUIRE(path.ok());
      const auto folder = path->For(v.input.at("recipient").get<std::string>());
      if (v.want.contains("error")) {
        REQUIRE_FALSE(folder.ok());
        CHECK(folder.status().code() == StatusCode::kInvalidArgument);
        CHECK(Message(folder.status()).find(v.want.at("error").get<std::string>()) !=
              std::string_view::npos);
        continue;
      }
      INFO(folder.status());
      REQUIRE(folder.ok());
      CHECK(*folder == v.want.at("folder").get<std::string>());
    }
  }
}

TEST_CASE("MaildirPath: no octet of a local part leads out of the folder", "[delivery][maildir]") {
  const auto path = MaildirPath::Parse("/m/{domain}/{local_part}");
  REQUIRE(path.ok());
  int taken = 0;
  for (int a = 0; a < 256; ++a) {
    for (const std::string form : {"x", "xx", ".x", "x.", "/x", "x/", "../x"}) {
      std::string inside = form;
      for (std::size_t at = 0; (at = inside.find('x', at)) != std::string::npos; ++at)
        inside[at] = static_cast<char>(a);
      for (const bool quoted : {false, true}) {
        const std::string address =
            quoted ? "\"" + inside + "\"@own.example" : inside + "@own.example";
        const auto folder = path->For(address);
        if (!folder.ok()) continue;
        ++taken;
        CAPTURE(address, *folder);
        const auto parts = Split(*folder, '/');
        REQUIRE(parts.size() == 4);
        CHECK(parts[2] == "own.example");
        CHECK_FALSE(parts[3].empty());
        CHECK_FALSE(parts[3].starts_with('.'));
        CHECK(parts[3].find_first_of(std::string_view("\0\n\r\\", 4)) == std::string_view::npos);
      }
    }
  }
  CHECK(taken > 500);
}
