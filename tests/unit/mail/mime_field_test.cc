// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/mime_field.h"

#include <catch2/catch.hpp>

#include "tests/support/vectors.h"
#include "tests/unit/mail/octets.h"

using namespace penstock::mail;  // NOLINT(google-build-using-namespace)
using penstock::tests::Json;
using penstock::tests::LoadVectors;
using penstock::tests::Octets;

TEST_CASE("ReadMimeField: vectors", "[mail][mime_field]") {
  for (const auto& v : LoadVectors("mail/mime_field.json")) {
    DYNAMIC_SECTION(v.name) {
      const MimeField field = ReadMimeField(Octets(v.input));
      CHECK(field.value == v.want.at("value").get<std::string>());
      for (const auto& [name, want] : v.want.at("parameters").items()) {
        const MimeParameter parameter = FindParameter(field, name);
        CHECK(parameter.octets == Octets(want.at(0)));
        CHECK(parameter.charset == want.at(1).get<std::string>());
      }
    }
  }
}

TEST_CASE("ReadTransferEncoding: names without regard to case, comments and rest",
          "[mail][mime_field]") {
  CHECK(ReadTransferEncoding("") == TransferEncoding::k7bit);
  CHECK(ReadTransferEncoding(" 7BIT ") == TransferEncoding::k7bit);
  CHECK(ReadTransferEncoding(" 8bit;") == TransferEncoding::k8bit);
  CHECK(ReadTransferEncoding("Binary") == TransferEncoding::kBinary);
  CHECK(ReadTransferEncoding(" (as\r\n it is) Quoted-Printable") ==
        TransferEncoding::kQuotedPrintable);
  CHECK(ReadTransferEncoding("base64 (rfc)") == TransferEncoding::kBase64);
  CHECK(ReadTransferEncoding("7-bit") == TransferEncoding::kUnknown);
  CHECK(ReadTransferEncoding("x-uuencode") == TransferEncoding::kUnknown);
}
