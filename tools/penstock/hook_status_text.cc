// SPDX-License-Identifier: Apache-2.0
#include "tools/penstock/hook_status_text.h"

#include <chrono>
#include <cmath>

#include "engine/base/strings.h"
#include "engine/base/time.h"
#include "engine/wire/proto_time.h"

namespace penstock::cli {

std::string StateText(const v1::HookStatus& status) {
  if (status.state() == v1::HookStatus::UNSPECIFIED) return "not called";
  return AsciiLower(v1::HookStatus::State_Name(status.state()));
}

std::string RateText(const v1::HookStatus& status) {
  const double seconds =
      std::chrono::duration<double>(wire::FromProto(status.recent_duration())).count();
  if (status.recent_call_count() == 0 || seconds <= 0) return "0";
  const double rate = static_cast<double>(status.recent_call_count()) / seconds;
  if (rate >= 10) return Cat(std::llround(rate));
  const auto hundredths = std::max<long long>(std::llround(rate * 100), 1);
  std::string fraction = Cat(hundredths % 100 + 100).substr(1);
  fraction.erase(fraction.find_last_not_of('0') + 1);
  return fraction.empty() ? Cat(hundredths / 100) : Cat(hundredths / 100, ".", fraction);
}

std::string QuantileText(bool has, const google::protobuf::Duration& quantile) {
  if (!has) return "-";
  const auto duration = wire::FromProto(quantile);
  return duration.count() == 0 ? "<1ms" : wire::DurationText(duration);
}

std::string LastErrorText(const std::string& error, const google::protobuf::Timestamp& time) {
  if (error.empty()) return "";
  return Cat(FormatRfc3339(wire::FromProto(time)), " ", error);
}

}  // namespace penstock::cli
