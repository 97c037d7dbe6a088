// SPDX-License-Identifier: Apache-2.0
// Times and durations: ours, protobuf's, and the text of a configuration ("15s", "4h").
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include "engine/base/time.h"

namespace penstock::wire {

google::protobuf::Timestamp ToProto(Time time);
google::protobuf::Duration ToProto(std::chrono::nanoseconds duration);

// What is finer than a millisecond is dropped; what no Time holds becomes the nearest that does.
Time FromProto(const google::protobuf::Timestamp& timestamp);
std::chrono::nanoseconds FromProto(const google::protobuf::Duration& duration);

// Reads one or more of number and unit ("ms", "s", "m", "h", "d"), without spaces: "15s", "1.5h",
// "1h30m". Nullopt for anything else, a bare or negative number too, or over 100 years.
std::optional<std::chrono::nanoseconds> ParseDuration(std::string_view text);

// Writes what ParseDuration reads: a whole number of the largest unit up to hours that fits, "90m";
// or seconds with a fraction.
std::string DurationText(std::chrono::nanoseconds duration);

}  // namespace penstock::wire
