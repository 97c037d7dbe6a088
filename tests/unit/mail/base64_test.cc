// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/base64.h"

#include <catch2/catch.hpp>

using namespace penstock::mail;  // NOLINT(google-build-using-namespace)

TEST_CASE("Base64: octets there and back", "[mail][base64]") {
  std::string octets;
  for (int i = 0; i < 300; ++i) {
    CHECK(DecodeBase64(EncodeBase64(octets)) == octets);
    CHECK(DecodeBase64(EncodeBase64Lines(octets)) == octets);
    octets += static_cast<char>(i * 37);
  }
  CHECK(EncodeBase64("") == "");
  CHECK(EncodeBase64("a") == "YQ==");
  CHECK(EncodeBase64("ab") == "YWI=");
  CHECK(EncodeBase64("abc") == "YWJj");
  CHECK(EncodeBase64("\xff\xfe") == "//4=");
}

TEST_CASE("EncodeBase64Lines: 76 characters and CRLF (RFC 2045 §6.8)", "[mail][base64]") {
  CHECK(EncodeBase64Lines("") == "");
  CHECK(EncodeBase64Lines(std::string(57, '\0')) == std::string(76, 'A') + "\r\n");
  CHECK(EncodeBase64Lines(std::string(58, '\0')) == std::string(76, 'A') + "\r\nAA==\r\n");
}

TEST_CASE("DecodeBase64: white space and missing padding are borne, other octets are not",
          "[mail][base64]") {
  CHECK(DecodeBase64(" YW\r\nJ\tj \n") == "abc");
  CHECK(DecodeBase64("YWI") == "ab");
  CHECK(DecodeBase64("YQ==\r\n") == "a");
  CHECK(DecodeBase64("YQ==YQ==") == std::nullopt);
  CHECK(DecodeBase64("YW-j") == std::nullopt);
  CHECK(DecodeBase64("A") == std::nullopt);
  CHECK(DecodeBase64("====") == "");
}
