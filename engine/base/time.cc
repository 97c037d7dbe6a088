// SPDX-License-Identifier: Apache-2.0
#include "engine/base/time.h"

#include <array>
#include <cstdio>

#include "engine/base/strings.h"

namespace penstock {
namespace {

struct Fields {
  int year, month, day, weekday, hour, minute, second, milli;
};

Fields Split(Time time) {
  const auto days = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(days);
  const auto in_day = (time - days).count();
  return {static_cast<int>(date.year()),
          static_cast<int>(static_cast<unsigned>(date.month())),
          static_cast<int>(static_cast<unsigned>(date.day())),
          static_cast<int>(std::chrono::weekday(days).c_encoding()),
          static_cast<int>(in_day / 3'600'000),
          static_cast<int>(in_day / 60'000 % 60),
          static_cast<int>(in_day / 1000 % 60),
          static_cast<int>(in_day % 1000)};
}

}  // namespace

std::string FormatRfc3339(Time time) {
  const Fields f = Split(time);
  std::array<char, 64> out{};
  std::snprintf(out.data(), out.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", f.year, f.month,
                f.day, f.hour, f.minute, f.second, f.milli);
  return out.data();
}

std::string FormatRfc5322(Time time) {
  constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const Fields f = Split(time);
  std::array<char, 64> out{};
  std::snprintf(out.data(), out.size(), "%s, %02d %s %04d %02d:%02d:%02d +0000",
                kDays[static_cast<std::size_t>(f.weekday)], f.day,
                kMonths[static_cast<std::size_t>(f.month - 1)], f.year, f.hour, f.minute, f.second);
  return out.data();
}

std::string FormatDuration(Milliseconds duration) {
  const auto millis = duration.count();
  if (millis < 1000) return Cat(millis, "ms");
  if (millis % 60'000 == 0) return Cat(millis / 60'000, "m");
  if (millis % 1000 == 0) return Cat(millis / 1000, "s");
  std::array<char, 32> out{};
  std::snprintf(out.data(), out.size(), "%.1fs", static_cast<double>(millis) / 1000.0);
  return out.data();
}

}  // namespace penstock
