// SPDX-License-Identifier: Apache-2.0
#include "tools/telemetry/log_lines.h"

#include <memory>
#include <string>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "engine/base/strings.h"
#include "engine/flow/json_text.h"

namespace penstock::telemetry {
namespace {

std::string Quoted(std::string_view text) {
  std::string out(flow::JsonStringOctets(text), '\0');
  flow::WriteJsonString(out.data(), text);
  return out;
}

bool NeedsQuotes(std::string_view text) {
  return text.empty() || text.find_first_of(" \"\\=\t\r\n") != std::string_view::npos;
}

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

spdlog::level::level_enum ToSpdlog(v1::LogConfig::Level level) {
  switch (level) {
    case v1::LogConfig::DEBUG:
      return spdlog::level::debug;
    case v1::LogConfig::WARNING:
      return spdlog::level::warn;
    case v1::LogConfig::ERROR:
      return spdlog::level::err;
    default:
      return spdlog::level::info;
  }
}

// Fields without a value say nothing and are left out.
std::string TextLine(std::string_view event, std::span<const LogField> fields) {
  std::string line(event);
  for (const LogField& field : fields) {
    if (field.value.empty()) continue;
    Append(line, " ", field.name, "=",
           NeedsQuotes(field.value) ? Quoted(field.value) : field.value);
  }
  return line;
}

std::string JsonLine(std::string_view event, std::span<const LogField> fields) {
  std::string line = Cat("\"event\":", Quoted(event));
  for (const LogField& field : fields) {
    if (!field.value.empty()) Append(line, ",", Quoted(field.name), ":", Quoted(field.value));
  }
  return line;
}

}  // namespace

void StartLog(v1::LogConfig::Format format, v1::LogConfig::Level level) {
  const bool json = format == v1::LogConfig::JSON;
  auto logger = spdlog::stderr_logger_mt("penstock");
  logger->set_pattern(
      json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})" : "%Y-%m-%dT%H:%M:%S.%eZ %l %v",
      spdlog::pattern_time_type::utc);
  logger->flush_on(spdlog::level::debug);
  spdlog::set_default_logger(logger);
  SetLogLevel(level);
  SetLogSink([json, logger](LogLevel line_level, std::string_view event,
                            std::span<const LogField> fields) {
    const auto spd = ToSpdlog(line_level);
    if (!logger->should_log(spd)) return;
    const std::string line = json ? JsonLine(event, fields) : TextLine(event, fields);
    logger->log(spd, spdlog::string_view_t(line.data(), line.size()));
  });
}

void SetLogLevel(v1::LogConfig::Level level) {
  spdlog::set_level(ToSpdlog(level));
}

}  // namespace penstock::telemetry
