// SPDX-License-Identifier: Apache-2.0
#include "engine/wire/proto_time.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "engine/base/strings.h"

namespace penstock::wire {
namespace {

using std::chrono::nanoseconds;

constexpr std::int64_t kNanosPerSecond = 1'000'000'000;
constexpr std::int64_t kDurationNanosMax = 36'525LL * 86'400 * kNanosPerSecond;  // 100 years
constexpr std::size_t kDigitsMax = 18;  // of a number: 10^18 fits into 64 bits

struct Unit {
  std::string_view name;
  std::int64_t nanos;
};

// "ms" stands before "m": the first that fits is taken.
constexpr std::array<Unit, 5> kUnits = {{{"ms", 1'000'000},
                                         {"s", kNanosPerSecond},
                                         {"m", 60 * kNanosPerSecond},
                                         {"h", 3600 * kNanosPerSecond},
                                         {"d", 86'400 * kNanosPerSecond}}};

// Takes digits from the front of `text`.
std::string_view TakeDigits(std::string_view& text) {
  std::size_t count = 0;
  while (count < text.size() && IsAsciiDigit(text[count]))
    ++count;
  const std::string_view digits = text.substr(0, count);
  text.remove_prefix(count);
  return digits;
}

// Takes one number with its unit from the front of `text`, in nanoseconds.
std::optional<std::int64_t> TakePart(std::string_view& text) {
  const std::string_view whole = TakeDigits(text);
  std::string_view fraction;
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    fraction = TakeDigits(text);
    if (fraction.empty()) return std::nullopt;
  }
  if (whole.empty() || whole.size() > kDigitsMax || fraction.size() > 9) return std::nullopt;
  const auto unit = std::find_if(kUnits.begin(), kUnits.end(),
                                 [&](const Unit& u) { return text.starts_with(u.name); });
  if (unit == kUnits.end()) return std::nullopt;
  text.remove_prefix(unit->name.size());
  const auto count = ParseInt<std::int64_t>(whole);
  if (!count || *count > kDurationNanosMax / unit->nanos) return std::nullopt;
  std::int64_t nanos = *count * unit->nanos;
  std::int64_t share = unit->nanos;
  for (const char digit : fraction) {
    share /= 10;
    nanos += (digit - '0') * share;
  }
  return nanos;
}

}  // namespace

google::protobuf::Timestamp ToProto(Time time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  google::protobuf::Timestamp timestamp;
  timestamp.set_seconds(seconds.time_since_epoch().count());
  timestamp.set_nanos(static_cast<std::int32_t>(nanoseconds(time - seconds).count()));
  return timestamp;
}

google::protobuf::Duration ToProto(nanoseconds duration) {
  google::protobuf::Duration out;
  out.set_seconds(duration.count() / kNanosPerSecond);
  out.set_nanos(static_cast<std::int32_t>(duration.count() % kNanosPerSecond));
  return out;
}

Time FromProto(const google::protobuf::Timestamp& timestamp) {
  constexpr std::int64_t kSecondsMax = 253'402'300'799;  // 9999-12-31T23:59:59Z
  const std::int64_t seconds =
      std::clamp<std::int64_t>(timestamp.seconds(), -kSecondsMax, kSecondsMax);
  return FromUnixMillis(seconds * 1000 + timestamp.nanos() / 1'000'000);
}

nanoseconds FromProto(const google::protobuf::Duration& duration) {
  constexpr std::int64_t kSecondsMax = 9'000'000'000;  // what 64 bits of nanoseconds hold
  const std::int64_t seconds =
      std::clamp<std::int64_t>(duration.seconds(), -kSecondsMax, kSecondsMax);
  return nanoseconds(seconds * kNanosPerSecond + duration.nanos());
}

std::optional<nanoseconds> ParseDuration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  std::int64_t total = 0;
  while (!text.empty()) {
    const auto part = TakePart(text);
    if (!part || *part > kDurationNanosMax - total) return std::nullopt;
    total += *part;
  }
  return nanoseconds(total);
}

std::string DurationText(nanoseconds duration) {
  const std::int64_t nanos = duration.count();
  if (nanos == 0) return "0s";
  constexpr std::array<std::size_t, 4> kLargestFirst = {3, 2, 1, 0};
  for (const std::size_t index : kLargestFirst) {
    const Unit& unit = kUnits[index];
    if (nanos % unit.nanos == 0) return Cat(nanos / unit.nanos, unit.name);
  }
  std::string fraction = std::to_string(nanos % kNanosPerSecond + kNanosPerSecond).substr(1);
  fraction.erase(fraction.find_last_not_of('0') + 1);
  return Cat(nanos / kNanosPerSecond, ".", fraction, "s");
}

}  // namespace penstock::wire
