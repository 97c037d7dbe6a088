// SPDX-License-Identifier: Apache-2.0
// The thin door to the log: one line an event, a fixed word for what happened, then fields.
//
//   Log(LogLevel::kInfo, "outcome", {{"message", id.text()}, {"action", "BOUNCE"}});
//
// Never message content, never a secret; an address is no content. Until SetLogSink is called,
// lines go nowhere. Threads: Log is safe from any; SetLogSink is called once, before threads start.
#pragma once

#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace penstock {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

struct LogField {
  std::string_view name;
  std::string value;
};

using LogSink = std::function<void(LogLevel, std::string_view event, std::span<const LogField>)>;

void SetLogSink(LogSink sink);
void Log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});

}  // namespace penstock
