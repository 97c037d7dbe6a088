// SPDX-License-Identifier: Apache-2.0
// Checks a hook from outside, without a daemon: calls it with what mail brings, judges its answers
// as the engine does, and says what would become of mail.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/base/time.h"
#include "engine/flow/hook.h"
#include "engine/flow/trial.h"

#include "penstock/v1/hook_check.pb.h"

namespace penstock::cli {

struct HookCheckSettings {
  flow::Hook hook;           // how it is called
  Milliseconds deadline{0};  // of a SYNC call
  std::string organization;  // that the hook is told
  std::string domain;        // of inbound recipients
  flow::OwnsDomain owns_domain;
  bool strict = false;            // H10
  int attempts = 1;               // made while a call fails with UNAVAILABLE, "not yet"
  std::vector<std::string> only;  // names; empty: everything
};

// Names and summaries of all checks, in the order they are made.
std::vector<std::pair<std::string, std::string>> HookChecks();

// Makes the checks, those of `only` and the first, which finds out whether the hook is there.
// Blocks: a hook that hangs costs a few deadlines, for then the rest is left out.
//   Errors: kInvalidArgument for TLS files. What the hook does wrong is in the report.
StatusOr<v1::HookCheckReport> CheckHook(const HookCheckSettings& settings);

// Whether the hook was reached; if not, nothing else was tried.
bool WasReached(const v1::HookCheckReport& report);

// For people: a table, and below it each fault with what it does to mail.
std::string HookCheckText(const v1::HookCheckReport& report);

// As JUnit XML, one test case a check; warnings are in system-out.
std::string HookCheckJunit(const v1::HookCheckReport& report);

}  // namespace penstock::cli
