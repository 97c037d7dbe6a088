// SPDX-License-Identifier: Apache-2.0
#include "engine/wire/proto_time.h"

#include <chrono>

#include <catch2/catch.hpp>

namespace penstock::wire {

using namespace std::chrono_literals;

TEST_CASE("ParseDuration: number and unit, one or more times", "[wire][time]") {
  CHECK(ParseDuration("15s") == 15s);
  CHECK(ParseDuration("30m") == 30min);
  CHECK(ParseDuration("4h") == 4h);
  CHECK(ParseDuration("5d") == 120h);
  CHECK(ParseDuration("500ms") == 500ms);
  CHECK(ParseDuration("1h30m") == 90min);
  CHECK(ParseDuration("1.5s") == 1500ms);
  CHECK(ParseDuration("0.000000001s") == 1ns);
  CHECK(ParseDuration("0s") == 0s);
}

TEST_CASE("ParseDuration: anything else is refused", "[wire][time]") {
  for (const char* text :
       {"", "15", "s", "-1s", "+1s", "1 s", "1s ", "1.s", ".5s", "1w", "1S", "1h30", "0x1s", "1e3s",
        "99999999999999999999s", "36526d", "100000000h", "36525d1ms", "1.0000000001s"}) {
    CAPTURE(text);
    CHECK(ParseDuration(text) == std::nullopt);
  }
}

TEST_CASE("DurationText: reads back to the same", "[wire][time]") {
  CHECK(DurationText(0s) == "0s");
  CHECK(DurationText(15s) == "15s");
  CHECK(DurationText(90min) == "90m");
  CHECK(DurationText(720h) == "720h");
  CHECK(DurationText(1500ms) == "1500ms");
  CHECK(DurationText(1500001us) == "1.500001s");
  for (const auto duration : {std::chrono::nanoseconds(1), std::chrono::nanoseconds(3'600'000'001),
                              std::chrono::nanoseconds(24h), std::chrono::nanoseconds(61s)}) {
    CHECK(ParseDuration(DurationText(duration)) == duration);
  }
}

TEST_CASE("Time: goes through protobuf unchanged, before 1970 as well", "[wire][time]") {
  for (const std::int64_t millis : {0LL, 1LL, -1LL, 1'795'290'480'123LL, -62'135'596'800'000LL}) {
    const Time time = FromUnixMillis(millis);
    const auto proto = ToProto(time);
    CHECK(proto.nanos() >= 0);
    CHECK(FromProto(proto) == time);
  }
  CHECK(FromProto(ToProto(std::chrono::nanoseconds(1500ms))) == 1500ms);
}

TEST_CASE("Time: a hostile message overflows nothing", "[wire][time]") {
  google::protobuf::Timestamp timestamp;
  timestamp.set_seconds(std::numeric_limits<std::int64_t>::max());
  CHECK(FromProto(timestamp) == FromUnixMillis(253'402'300'799'000));
  google::protobuf::Duration duration;
  duration.set_seconds(std::numeric_limits<std::int64_t>::min());
  CHECK(FromProto(duration) == -9'000'000'000s);
}

}  // namespace penstock::wire
