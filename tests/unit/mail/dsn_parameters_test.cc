// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/dsn_parameters.h"

#include <optional>
#include <string>

#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "tests/support/vectors.h"
#include "tests/unit/mail/octets.h"

using namespace penstock;        // NOLINT(google-build-using-namespace)
using namespace penstock::mail;  // NOLINT(google-build-using-namespace)
using penstock::tests::LoadVectors;
using penstock::tests::Octets;

namespace {

struct Parameter {
  std::string keyword;
  std::optional<std::string> value;
};

Parameter Split(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos) return {text, std::nullopt};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

}  // namespace

// input: a parameter; want: how it goes on to a server without and with SMTPUTF8, or null where it
// is refused.
TEST_CASE("DSN parameters: vectors", "[mail][dsn_parameters]") {
  for (const auto& v : LoadVectors("mail/dsn_parameters.json")) {
    DYNAMIC_SECTION(v.name) {
      const Parameter parameter = Split(Octets(v.input));
      MessageDsn of_mail;
      RecipientDsn of_rcpt;
      std::string fault;
      const bool mail = ReadMailDsn(parameter.keyword, parameter.value, of_mail, fault);
      const bool rcpt = ReadRcptDsn(parameter.keyword, parameter.value, of_rcpt, fault);
      REQUIRE(mail != rcpt);
      CHECK(fault.empty() == !v.want.is_null());
      if (v.want.is_null()) continue;
      const auto text = [&](bool utf8) {
        return mail ? MailParameters(of_mail) : RcptParameters(of_rcpt, utf8);
      };
      CHECK(text(false) == Cat(" ", Octets(v.want.is_array() ? v.want.at(0) : v.want)));
      CHECK(text(true) == Cat(" ", Octets(v.want.is_array() ? v.want.at(1) : v.want)));
    }
  }
}

TEST_CASE("DSN parameters: nothing said is nothing passed on, and failure is told",
          "[mail][dsn_parameters]") {
  CHECK(MailParameters({}).empty());
  CHECK(RcptParameters({}, true).empty());
  CHECK(RecipientDsn().wants_failure());
  RecipientDsn dsn;
  std::string fault;
  CHECK(ReadRcptDsn("NOTIFY", "NEVER", dsn, fault));
  CHECK_FALSE(dsn.wants_failure());
  CHECK_FALSE(ReadRcptDsn("SIZE", "1", dsn, fault));
}
