// SPDX-License-Identifier: Apache-2.0
#include "tools/penstock/hook_reach.h"

#include <chrono>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/base/time.h"
#include "hooks/client/hook_probe.h"

namespace penstock::cli {
namespace {

using std::chrono::steady_clock;

std::string Since(steady_clock::time_point start) {
  return FormatDuration(std::chrono::ceil<Milliseconds>(steady_clock::now() - start));
}

// A question that a server does not know is answered as well.
template <class Answer>
std::string AnswerText(const StatusOr<Answer>& answer, const std::string& text) {
  if (answer.ok()) return text;
  const bool none = answer.status().code() == StatusCode::kUnimplemented;
  return none ? "none" : std::string(CodeName(answer.status().code()));
}

}  // namespace

StatusOr<std::string> ReachText(const flow::Hook& hook) {
  constexpr Milliseconds kDeadline = limits::kHookProbeDeadline;
  PENSTOCK_ASSIGN_OR_RETURN(hook_client::HookProbe probe, hook_client::HookProbe::Open(hook));
  const auto start = steady_clock::now();
  PENSTOCK_RETURN_IF_ERROR(probe.Connect(kDeadline));
  const std::string connected = Since(start);
  const auto services = probe.Services(kDeadline);
  const auto asked = steady_clock::now();
  const auto health = probe.Health(kDeadline);
  const std::string there_and_back = Since(asked);
  return Cat(hook.tls ? "TLS" : "plain text", ", connected in ", connected,
             "; health: ", AnswerText(health, health.ok() ? *health : ""), "; reflection: ",
             AnswerText(services, services.ok() ? Cat(services->size(), " services") : ""),
             "; there and back in ", there_and_back);
}

}  // namespace penstock::cli
