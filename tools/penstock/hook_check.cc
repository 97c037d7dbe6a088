// SPDX-License-Identifier: Apache-2.0
#include "tools/penstock/hook_check.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <limits>
#include <optional>
#include <set>
#include <thread>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/base/utf8.h"
#include "engine/wire/convert_hook_call.h"
#include "engine/wire/proto_time.h"
#include "hooks/client/hook_probe.h"

#include "tools/penstock/hook_check_events.h"
#include "tools/penstock/system_clock.h"

namespace penstock::cli {
namespace {

using hook_client::HookProbe;
using std::chrono::steady_clock;
using v1::HookCheck;

constexpr const char* kReach = "reach";
constexpr const char* kService = "penstock.v1.HookService";

constexpr const char* kSyncFails =
    "the attempt fails; it is repeated after 1 s, 2 s, 4 s … until the rule timeout, then every "
    "recipient of the invocation gets the rule's fallback";
constexpr const char* kAsyncFails =
    "the mail is delivered all the same; the event is sent again after 60 s and 120 s, then it "
    "becomes a dead letter";
constexpr const char* kUncovered = "whom the answer does not reach gets the rule's fallback";
constexpr const char* kNotAsWritten = "the answer counts, but not all of it is done as written";
// It takes a message in a store, and the service that penstockd has beside it.
constexpr const char* kContentNotTried =
    "not tried: these calls offer no content; send a mail through penstockd, and see what came of "
    "it: penstock message show";

Milliseconds Since(steady_clock::time_point start) {
  return std::chrono::duration_cast<Milliseconds>(steady_clock::now() - start);
}

struct Finding {
  HookCheck::Result result = HookCheck::PASSED;
  std::string found;
  std::string effect;
  bool hung = false;  // no answer in time
};

Finding Passed(std::string found = {}) {
  return {HookCheck::PASSED, std::move(found), {}};
}

Finding Warned(std::string found, std::string effect) {
  return {HookCheck::WARNED, std::move(found), std::move(effect)};
}

Finding Failed(std::string found, std::string effect) {
  return {HookCheck::FAILED, std::move(found), std::move(effect)};
}

Finding FailedBy(const Status& status, std::string_view effect) {
  Finding finding =
      Failed(Cat(CodeName(status.code()), ": ", Message(status)), std::string(effect));
  finding.hung = status.code() == StatusCode::kDeadlineExceeded;
  return finding;
}

// What one call came to.
struct Judged {
  Finding finding;
  std::optional<flow::Resolution> resolution;  // of a valid SYNC answer
  flow::Answer answer;
};

class Checker {
 public:
  Checker(const HookCheckSettings& settings, HookProbe probe)
      : settings_(settings), probe_(std::move(probe)) {}

  struct Check {
    std::string name;
    std::string summary;
    std::function<Finding()> make;
  };

  // All that there are, in order; they are made of this object.
  std::vector<Check> Checks();

  v1::HookCheckReport Run();

 private:
  void Report(const Check& check, const Finding& finding, Milliseconds took);

  v1::InvokeRequest RequestOf(const CheckEvent& event) const;
  StatusOr<v1::InvokeResponse> Call(const v1::InvokeRequest& request, rules::InvocationMode mode);
  Judged Judge(const CheckEvent& event, const StatusOr<v1::InvokeResponse>& response) const;
  Judged CallAndJudge(const CheckEvent& event);

  Finding Reach();
  Finding Service();
  Finding Health();
  Finding Reflection();
  Finding Repeat();
  Finding UnknownFields();
  Finding Stream();
  Finding Together();
  Finding Cancelled();
  Finding Slowness() const;

  [[nodiscard]] std::string Bob() const { return Cat("bob@", settings_.domain); }

  const HookCheckSettings& settings_;
  HookProbe probe_;
  const SystemClock clock_;
  v1::HookCheckReport report_;
  std::vector<Milliseconds> times_;  // of calls that were answered
};

v1::InvokeRequest Checker::RequestOf(const CheckEvent& event) const {
  v1::InvokeRequest request;
  wire::FillInvokeRequest(event.event, settings_.hook.json, &request);
  request.set_mode(event.mode == rules::InvocationMode::kSync ? v1::InvokeRequest::SYNC
                                                              : v1::InvokeRequest::ASYNC);
  request.set_attempt(static_cast<std::int32_t>(event.attempt));
  request.set_hook(settings_.hook.name);
  request.set_rule("hook-check");
  request.set_organization(settings_.organization);
  return request;
}

// Repeats a call that fails with UNAVAILABLE as mail would, but with the least pause.
StatusOr<v1::InvokeResponse> Checker::Call(const v1::InvokeRequest& request,
                                           rules::InvocationMode mode) {
  const Milliseconds deadline =
      mode == rules::InvocationMode::kSync ? settings_.deadline : settings_.hook.async_deadline;
  v1::InvokeRequest attempt = request;
  for (int made = 1;; ++made) {
    *attempt.mutable_deadline() = wire::ToProto(clock_.Now() + deadline);
    const auto start = steady_clock::now();
    StatusOr<v1::InvokeResponse> response = probe_.Invoke(attempt, deadline);
    if (response.ok()) times_.push_back(Since(start));
    const bool not_yet = response.status().code() == StatusCode::kUnavailable;
    if (!not_yet || made >= settings_.attempts) return response;
    std::this_thread::sleep_for(limits::kRetryBackoffFirst);
    attempt.set_attempt(attempt.attempt() + 1);
  }
}

Judged Checker::Judge(const CheckEvent& event, const StatusOr<v1::InvokeResponse>& response) const {
  const bool sync = event.mode == rules::InvocationMode::kSync;
  if (!response.ok()) return {FailedBy(response.status(), sync ? kSyncFails : kAsyncFails), {}, {}};
  if (!sync) return {};
  const std::size_t octets = response->ByteSizeLong();
  if (octets > limits::kAnswerOctetsMax) {
    return {Failed(Cat("an answer of ", octets, " octets; at most ", limits::kAnswerOctetsMax,
                       " are taken"),
                   kSyncFails),
            {},
            {}};
  }
  StatusOr<flow::Answer> answer = wire::ToAnswer(*response);
  if (!answer.ok()) {
    return {Failed(Cat("an invalid answer: ", Message(answer.status())), kSyncFails), {}, {}};
  }
  flow::Trial trial;
  trial.event = event.event;
  trial.recipients = event.recipients;
  StatusOr<flow::Resolution> resolution =
      flow::ResolveTrial(trial, settings_.owns_domain, settings_.strict, *answer);
  if (!resolution.ok()) {
    return {Failed(Cat("an invalid answer: ", Message(resolution.status())), kSyncFails), {}, {}};
  }
  Judged judged;
  const auto uncovered = std::count_if(
      resolution->recipients.begin(), resolution->recipients.end(), [](const auto& one) {
        return one.basis == flow::Basis::kFallback || one.basis == flow::Basis::kSurplus;
      });
  if (!resolution->warnings.empty()) {
    const flow::Warning& first = resolution->warnings.front();
    const std::size_t more = resolution->warnings.size() - 1 + resolution->warnings_left_out;
    judged.finding = Warned(Cat(first.where, ": ", first.text,
                                more == 0 ? "" : Cat(", and ", more, " further warnings")),
                            kNotAsWritten);
  } else if (uncovered > 0) {
    judged.finding = Warned(
        Cat("the answer reaches ", event.recipients.size() - static_cast<std::size_t>(uncovered),
            " of ", event.recipients.size(), " recipients"),
        kUncovered);
  }
  judged.resolution = std::move(*resolution);
  judged.answer = std::move(*answer);
  return judged;
}

Judged Checker::CallAndJudge(const CheckEvent& event) {
  return Judge(event, Call(RequestOf(event), event.mode));
}

Finding Checker::Reach() {
  const auto start = steady_clock::now();
  const Status connected = probe_.Connect(Milliseconds(limits::kHookProbeDeadline));
  if (!connected.ok()) {
    return Failed(Cat(settings_.hook.target, ": ", Message(connected)),
                  Cat("it is no hook that mail can reach: ", kSyncFails));
  }
  return Passed(Cat(settings_.hook.tls ? "over TLS" : "plain text", ", connected in ",
                    FormatDuration(Since(start))));
}

Finding Checker::Service() {
  const auto response = probe_.Invoke(RequestOf(PlainEvent(Bob())), settings_.deadline);
  if (response.status().code() != StatusCode::kUnimplemented) return Passed(kService);
  return Failed(Cat("it does not offer ", kService, ": ", Message(response.status())), kSyncFails);
}

Finding Checker::Health() {
  const auto health = probe_.Health(Milliseconds(limits::kHookProbeDeadline));
  if (health.status().code() == StatusCode::kUnimplemented) {
    return Passed("no health service: it counts as healthy while it is reachable");
  }
  const std::string effect =
      Cat("it gets no calls until it says SERVING; if no other endpoint does, ", kSyncFails);
  if (!health.ok()) return FailedBy(health.status(), effect);
  if (*health != "SERVING") return Failed(Cat("grpc.health.v1 says ", *health), effect);
  return Passed("SERVING");
}

Finding Checker::Reflection() {
  const auto services = probe_.Services(Milliseconds(limits::kHookProbeDeadline));
  if (services.status().code() == StatusCode::kUnimplemented) {
    return Passed("not offered: grpcurl and its like need the .proto files");
  }
  if (!services.ok()) return Passed(Cat("it does not work: ", Message(services.status())));
  if (std::find(services->begin(), services->end(), kService) == services->end()) {
    return Warned(Cat("it does not list ", kService),
                  "none to mail; tools do not find the service");
  }
  return Passed(Cat("lists ", services->size(), " services"));
}

// H4: the same attempt may come twice, and every attempt has the same event.
Finding Checker::Repeat() {
  CheckEvent event = PlainEvent(Bob());
  const Judged first = CallAndJudge(event);
  if (first.finding.result == HookCheck::FAILED) return first.finding;
  for (const std::uint32_t attempt : {1U, 2U}) {
    event.attempt = attempt;
    const Judged again = CallAndJudge(event);
    if (again.finding.result == HookCheck::FAILED) return again.finding;
    if (again.resolution == first.resolution) continue;
    std::string answers;
    flow::AppendJson(answers, first.answer);
    answers += ", then ";
    flow::AppendJson(answers, again.answer);
    return Failed(Cat("the same invocation id got two answers: ", answers),
                  "after a crash or a lost answer the invocation comes again, and mail gets the "
                  "answer that happened to arrive; what the hook does elsewhere it does twice");
  }
  return Passed();
}

Finding Checker::UnknownFields() {
  constexpr int kNoFieldOfOurs = 9999;
  const CheckEvent event = PlainEvent(Bob());
  v1::InvokeRequest request = RequestOf(event);
  v1::Event* inner = request.mutable_event();
  request.GetReflection()->MutableUnknownFields(&request)->AddVarint(kNoFieldOfOurs, 1);
  inner->GetReflection()->MutableUnknownFields(inner)->AddLengthDelimited(kNoFieldOfOurs, "new");
  return Judge(event, Call(request, event.mode)).finding;
}

Finding Checker::Stream() {
  if (!settings_.hook.stream) return {HookCheck::SKIPPED, "--stream is not given", {}};
  std::vector<CheckEvent> events;
  std::vector<v1::InvokeRequest> requests;
  for (int i = 0; i < limits::kHookChecksTogether; ++i) {
    events.push_back(PlainEvent(Cat("stream", i, "@", settings_.domain)));
    requests.push_back(RequestOf(events.back()));
  }
  const auto answers = probe_.Exchange(requests, settings_.deadline);
  if (answers.status().code() == StatusCode::kUnimplemented) {
    return Warned("it does not offer penstock.v1.HookStreamService",
                  "it is called by HookService, at twice the cost");
  }
  if (!answers.ok()) return FailedBy(answers.status(), kSyncFails);
  for (std::size_t i = 0; i < events.size(); ++i) {
    const Judged streamed = Judge(events[i], (*answers)[i]);
    if (streamed.finding.result == HookCheck::FAILED) return streamed.finding;
    const Judged called = CallAndJudge(events[i]);
    if (called.resolution != streamed.resolution) {
      return Failed("an answer on the stream differs from that of HookService",
                    "mail gets one or the other, as the engine happens to call");
    }
  }
  return Passed();
}

// Different mails at the same time: answers must not mix.
Finding Checker::Together() {
  std::vector<CheckEvent> events;
  std::set<std::string> theirs;
  for (int i = 0; i < limits::kHookChecksTogether; ++i) {
    events.push_back(PlainEvent(Cat("together", i, "@", settings_.domain)));
    theirs.insert(events.back().recipients.front());
  }
  std::vector<StatusOr<v1::InvokeResponse>> responses(events.size(), Unavailable("not called"));
  {
    std::vector<std::jthread> calls;
    for (std::size_t i = 0; i < events.size(); ++i) {
      calls.emplace_back([this, &response = responses[i], request = RequestOf(events[i])] {
        response = probe_.Invoke(request, settings_.deadline);
      });
    }
  }
  for (std::size_t i = 0; i < events.size(); ++i) {
    const Judged judged = Judge(events[i], responses[i]);
    for (const flow::AnswerEntry& entry : judged.answer.actions) {
      for (const std::string& address : entry.recipients) {
        if (address == events[i].recipients.front() || !theirs.contains(address)) continue;
        return Failed(Cat("the answer about ", events[i].recipients.front(), " names ", address,
                          ", the recipient of another call at that time"),
                      "calls share state: mail of one message is decided by another, and goes to "
                      "recipients it was not meant for");
      }
    }
    if (judged.finding.result == HookCheck::FAILED) {
      Finding finding = judged.finding;
      finding.found =
          Cat("with ", limits::kHookChecksTogether, " calls at a time: ", finding.found);
      return finding;
    }
  }
  return Passed(Cat(limits::kHookChecksTogether, " calls at a time"));
}

// A call whose deadline has come is cancelled; the hook is to be well behind it.
Finding Checker::Cancelled() {
  {
    std::vector<std::jthread> calls;
    for (int i = 0; i < limits::kHookChecksTogether; ++i) {
      calls.emplace_back([this, request = RequestOf(PlainEvent(Bob()))] {
        probe_.InvokeAndCancel(request, limits::kHookCheckCancelAfter);
      });
    }
  }
  Finding finding = CallAndJudge(PlainEvent(Bob())).finding;
  if (finding.result != HookCheck::FAILED) {
    return Passed(Cat("well after ", limits::kHookChecksTogether, " cancelled calls"));
  }
  finding.found =
      Cat("after ", limits::kHookChecksTogether, " cancelled calls the next: ", finding.found);
  finding.effect = Cat("a few slow calls, and no mail is decided any more: ", finding.effect);
  return finding;
}

Finding Checker::Slowness() const {
  if (times_.empty()) return {HookCheck::SKIPPED, "no call was answered", {}};
  const Milliseconds longest = *std::max_element(times_.begin(), times_.end());
  const std::string found =
      Cat("the slowest of ", times_.size(), " answers took ", FormatDuration(longest), " of ",
          FormatDuration(settings_.deadline));
  if (longest * limits::kHookCheckSlowPart <= settings_.deadline) return Passed(found);
  return Warned(found,
                "mail waits that long for each answer, and with a little more the attempts "
                "fail");
}

std::vector<Checker::Check> Checker::Checks() {
  std::vector<Check> checks = {
      {kReach, "a connection to the target", [this] { return Reach(); }},
      {"service", Cat("whether it offers ", kService), [this] { return Service(); }},
      {"health", "what its health service says of the whole server", [this] { return Health(); }},
      {"reflection", "whether it says what it offers", [this] { return Reflection(); }}};
  for (CheckEvent& event : CheckEvents(settings_.domain)) {
    std::string name = event.name;
    std::string summary = event.summary;
    checks.push_back({std::move(name), std::move(summary),
                      [this, event = std::move(event)] { return CallAndJudge(event).finding; }});
  }
  const std::vector<Check> last = {
      {"unknown-fields", "a request of a later version, with fields that are new",
       [this] { return UnknownFields(); }},
      {"repeat", "the same invocation three times", [this] { return Repeat(); }},
      {"stream", "calls on a stream, answered as by themselves", [this] { return Stream(); }},
      {"together", "calls at the same time", [this] { return Together(); }},
      {"cancelled", "a call behind cancelled ones", [this] { return Cancelled(); }},
      {"content", "reading and replacing a mail",
       [] {
         return Finding{HookCheck::SKIPPED, kContentNotTried, {}};
       }},
      {"slowness", "how long answers take", [this] { return Slowness(); }}};
  checks.insert(checks.end(), last.begin(), last.end());
  return checks;
}

void Checker::Report(const Check& check, const Finding& finding, Milliseconds took) {
  HookCheck& reported = *report_.add_checks();
  reported.set_name(check.name);
  reported.set_summary(check.summary);
  reported.set_result(finding.result);
  std::string found = ToValidUtf8(finding.found);
  if (found.size() > limits::kHookCheckFoundOctetsMax) {
    found = Cat(ToValidUtf8(found.substr(0, limits::kHookCheckFoundOctetsMax)), "…");
  }
  reported.set_found(std::move(found));
  reported.set_effect(finding.effect);
  *reported.mutable_duration() = wire::ToProto(std::chrono::nanoseconds(took));
}

v1::HookCheckReport Checker::Run() {
  report_.set_target(settings_.hook.target);
  std::string why_not;  // the rest is left out
  int hung = 0;         // in a row
  for (const Check& check : Checks()) {
    const auto& only = settings_.only;
    const bool wanted =
        only.empty() || std::find(only.begin(), only.end(), check.name) != only.end();
    if (!wanted && check.name != kReach) continue;
    if (!why_not.empty()) {
      Report(check, {HookCheck::SKIPPED, why_not, {}}, Milliseconds(0));
      continue;
    }
    const auto start = steady_clock::now();
    const Finding finding = check.make();
    Report(check, finding, Since(start));
    hung = finding.hung ? hung + 1 : 0;
    const bool failed = finding.result == HookCheck::FAILED;
    if (failed && check.name == kReach) why_not = "the hook is not reachable";
    if (failed && check.name == "service") why_not = "there is no such service to call";
    if (hung >= limits::kHookCheckHungMax) {
      why_not = Cat("left out: ", hung, " checks in a row had no answer in time");
    }
  }
  report_.set_answer_count(static_cast<std::int64_t>(times_.size()));
  if (!times_.empty()) {
    std::sort(times_.begin(), times_.end());
    const auto of = [](Milliseconds time) { return wire::ToProto(std::chrono::nanoseconds(time)); };
    *report_.mutable_median_duration() = of(times_[times_.size() / 2]);
    *report_.mutable_max_duration() = of(times_.back());
  }
  return std::move(report_);
}

}  // namespace

std::vector<std::pair<std::string, std::string>> HookChecks() {
  HookCheckSettings settings;
  settings.domain = "example.com";
  std::vector<std::pair<std::string, std::string>> named;
  auto probe = HookProbe::Open(settings.hook);  // connects to nothing
  if (!probe.ok()) return named;
  for (const auto& check : Checker(settings, std::move(*probe)).Checks())
    named.emplace_back(check.name, check.summary);
  return named;
}

StatusOr<v1::HookCheckReport> CheckHook(const HookCheckSettings& settings) {
  PENSTOCK_ASSIGN_OR_RETURN(HookProbe probe, HookProbe::Open(settings.hook));
  return Checker(settings, std::move(probe)).Run();
}

bool WasReached(const v1::HookCheckReport& report) {
  return report.checks_size() > 0 && report.checks(0).result() != HookCheck::FAILED;
}

}  // namespace penstock::cli
