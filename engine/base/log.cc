// SPDX-License-Identifier: Apache-2.0
#include "engine/base/log.h"

#include <utility>

namespace penstock {
namespace {

LogSink& Sink() {
  static LogSink sink;
  return sink;
}

}  // namespace

void SetLogSink(LogSink sink) {
  Sink() = std::move(sink);
}

void Log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  if (Sink()) Sink()(level, event, std::span(fields.begin(), fields.size()));
}

}  // namespace penstock
