// SPDX-License-Identifier: Apache-2.0
#include "engine/delivery/smtp_client.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

using penstock::delivery::ParseExtensions;
using penstock::delivery::ServerExtensions;

TEST_CASE("ParseExtensions: keywords in any case, with arguments, behind the server's name",
          "[delivery][smtp]") {
  const ServerExtensions all = ParseExtensions(
      "mx.example greets you\nsize 1000\nPipelining\n8BITMIME\nSMTPUTF8\nDsn\nAUTH PLAIN LOGIN\n"
      "XFORWARD NAME  ADDR");
  CHECK(all.size);
  CHECK(all.pipelining);
  CHECK(all.eight_bit_mime);
  CHECK(all.smtputf8);
  CHECK(all.dsn);
  CHECK(all.auth == std::vector<std::string>{"PLAIN", "LOGIN"});
  CHECK(all.xforward == std::vector<std::string>{"NAME", "ADDR"});
  const ServerExtensions none = ParseExtensions("PIPELINING\nSIZES\nX8BITMIME\nSMTPUTF8=1");
  CHECK_FALSE(none.pipelining);  // a server may be called so
  CHECK_FALSE(none.size);
  CHECK_FALSE(none.eight_bit_mime);
  CHECK(none.smtputf8);  // as some servers write their arguments
  CHECK_FALSE(ParseExtensions("").size);
  CHECK(ParseExtensions("mx\nAUTH=LOGIN").auth == std::vector<std::string>{"LOGIN"});
  CHECK(ParseExtensions("mx\nAUTH\nXFORWARD").xforward.empty());
}
