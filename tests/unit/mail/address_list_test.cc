// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/address_list.h"

#include <string>

#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "engine/mail/address_literal.h"
#include "tests/support/vectors.h"
#include "tests/unit/mail/octets.h"

using namespace penstock;        // NOLINT(google-build-using-namespace)
using namespace penstock::mail;  // NOLINT(google-build-using-namespace)
using penstock::tests::LoadVectors;
using penstock::tests::Octets;

namespace {

std::string Dump(const std::vector<Mailbox>& mailboxes) {
  std::string out;
  for (const Mailbox& mailbox : mailboxes)
    Append(out, mailbox.local_part, " AT ", mailbox.domain, "\n");
  return out;
}

}  // namespace

TEST_CASE("ParseAddressList: vectors", "[mail][address_list]") {
  for (const auto& v : LoadVectors("mail/address_list.json")) {
    DYNAMIC_SECTION(v.name) {
      std::string want;
      for (const auto& mailbox : v.want)
        Append(want, Octets(mailbox.at(0)), " AT ", Octets(mailbox.at(1)), "\n");
      const std::vector<Mailbox> mailboxes = ParseAddressList(Octets(v.input));
      CHECK(Dump(mailboxes) == want);
      for (std::size_t i = 0; i < mailboxes.size() && i < v.want.size(); ++i) {
        if (v.want[i].size() > 2) CHECK(mailboxes[i].Key() == Octets(v.want[i].at(2)));
      }
      for (const Mailbox& mailbox : mailboxes) {
        CHECK((NormalizeDomain(mailbox.domain).ok() || IsAddressLiteral(mailbox.domain)));
      }
    }
  }
}

// A comment makes GMime read what is read without it otherwise.
TEST_CASE("ParseAddressList: the short way for plain addresses agrees with GMime",
          "[mail][address_list]") {
  for (const char* plain : {"a@b.example",
                            " a.b+c@B.Example ",
                            "Anna <a@b.example>",
                            "<a@b.example>",
                            "\"Smith, Anna\" <a@b.example>",
                            "\"a \\\" b\" x. <a@b.example>",
                            "A. B. C <a@b.example>",
                            "=?utf-8?q?J=C3=BC?= <j@b.example>",
                            "\"x@y.example\" <a@b.example>",
                            "a!#$%@b.example",
                            "a@b",
                            "a@192.0.2.1",
                            "'a'@b.example",
                            "a@b.example.",
                            "a@.b",
                            "@b.example",
                            "a@",
                            "Anna <a@b.example",
                            "Anna a@b.example>",
                            "a b@c.example",
                            "\"a <b@c.example>",
                            "Anna Smith",
                            "\"x\" \"y\" <a@b.example>",
                            "\"x\"<a@b.example>",
                            "x<a@b.example>"}) {
    CAPTURE(plain);
    CHECK(Dump(ParseAddressList(plain)) == Dump(ParseAddressList(Cat("(c)", plain))));
  }
}

TEST_CASE("ParseAddressList: every cut of every vector is read without fault",
          "[mail][address_list]") {
  std::size_t mailboxes = 0;
  for (const auto& v : LoadVectors("mail/address_list.json")) {
    const std::string body = Octets(v.input);
    if (body.size() > 1000) continue;
    for (std::size_t cut = 0; cut <= body.size(); ++cut) {
      for (const Mailbox& mailbox : ParseAddressList(std::string_view(body).substr(0, cut))) {
        REQUIRE(IsValidUtf8(mailbox.ToString()));
        ++mailboxes;
      }
    }
  }
  CHECK(mailboxes > 100);
}
