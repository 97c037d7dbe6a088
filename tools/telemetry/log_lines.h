// SPDX-License-Identifier: Apache-2.0
// The log of a process that serves: one line an event on standard error, as text or as JSON,
// through spdlog.
//
//   2026-11-21T19:48:00.123Z info outcome message=0b1e… action=BOUNCE
//   {"time":"2026-11-21T19:48:00.123Z","level":"info","event":"outcome","message":"0b1e…",…}
#pragma once

#include "engine/base/log.h"

#include "penstock/v1/config.pb.h"

namespace penstock::telemetry {

// Makes every Log go there. Called once, before threads start.
void StartLog(v1::LogConfig::Format format, v1::LogConfig::Level level);

// Lines below `level` are left out from now on. Threads: safe from any.
void SetLogLevel(v1::LogConfig::Level level);

}  // namespace penstock::telemetry
