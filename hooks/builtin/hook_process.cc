// SPDX-License-Identifier: Apache-2.0
#include "hooks/builtin/hook_process.h"

#include <chrono>
#include <utility>
#include <vector>

#include <google/protobuf/util/message_differencer.h>

#include "engine/base/log.h"
#include "engine/base/metrics.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/wire/proto_time.h"
#include "hooks/builtin/verdict.h"

#include "tools/telemetry/log_lines.h"

namespace penstock::builtin {
namespace {

using google::protobuf::util::MessageDifferencer;
using std::chrono::steady_clock;

// clang-format off
constexpr Metric kCalls{MetricKind::kCounter, "penstock_hook_calls_total", "Calls of ready-made hooks; labels hook, code"};
constexpr Metric kSeconds{MetricKind::kHistogram, "penstock_hook_seconds", "Duration of such a call; label hook"};
constexpr Metric kEdits{MetricKind::kCounter, "penstock_hook_edits_total", "Mail that a ready-made hook changed; labels hook, result (put, refused)"};

// clang-format on

Milliseconds Now() {
  return std::chrono::duration_cast<Milliseconds>(steady_clock::now().time_since_epoch());
}

sdk::ServeOptions ToServeOptions(const v1::BuiltinHooksConfig& config) {
  sdk::ServeOptions options;
  options.listen = config.listen();
  options.tls_certificate_file = config.tls().certificate_file();
  options.tls_key_file = config.tls().key_file();
  options.tls_ca_file = config.tls().client_ca_file();
  options.content_ca_file = config.content_tls().ca_file();
  options.content_certificate_file = config.content_tls().certificate_file();
  options.content_key_file = config.content_tls().key_file();
  options.stop_deadline =
      std::chrono::duration_cast<Milliseconds>(wire::FromProto(config.drain_deadline()));
  return options;
}

// "BOUNCE 2, DEFAULT rest".
std::string WordsOf(const v1::InvokeResponse& response) {
  std::vector<std::string> words;
  for (const v1::ActionEntry& entry : response.actions()) {
    std::string word = v1::Action::Type_Name(entry.action().type());
    if (entry.recipients_size() > 0) Append(word, " ", entry.recipients_size());
    if (entry.all_recipients()) word += entry.recipients_size() > 0 ? " and rest" : " rest";
    words.push_back(std::move(word));
  }
  return Join(words, ", ");
}

// Fields of a changed file that count after a restart.
std::vector<std::string> NeedRestart(const v1::BuiltinHooksConfig& before,
                                     const v1::BuiltinHooksConfig& after) {
  std::vector<std::string> fields;
  if (before.listen() != after.listen()) fields.emplace_back("listen");
  if (!MessageDifferencer::Equals(before.tls(), after.tls())) fields.emplace_back("tls");
  if (!MessageDifferencer::Equals(before.content_tls(), after.content_tls()))
    fields.emplace_back("content_tls");
  if (!MessageDifferencer::Equals(before.metrics(), after.metrics()))
    fields.emplace_back("metrics");
  if (!MessageDifferencer::Equals(before.drain_deadline(), after.drain_deadline()))
    fields.emplace_back("drain_deadline");
  if (before.log().format() != after.log().format()) fields.emplace_back("log.format");
  return fields;
}

Status StartAll(const HookMap& hooks, const HookMap& running) {
  for (const auto& [name, hook] : hooks) {
    const auto found = running.find(name);
    if (found != running.end() && found->second == hook) continue;
    const Status started = hook->Start();
    if (!started.ok()) return Annotate(started, Cat("hook \"", name, "\""));
  }
  return OkStatus();
}

}  // namespace

StatusOr<std::unique_ptr<HookProcess>> HookProcess::Start(
    LoadedConfig loaded, const telemetry::PrometheusMetrics& metrics) {
  auto process = std::unique_ptr<HookProcess>(new HookProcess(std::move(loaded)));
  PENSTOCK_RETURN_IF_ERROR(StartAll(process->loaded_.hooks, {}));
  {
    const MutexLock lock(process->mutex_);
    process->hooks_ = std::make_shared<const HookMap>(process->loaded_.hooks);
  }
  PENSTOCK_RETURN_IF_ERROR(process->OpenMetrics(metrics));
  const auto answer = [self = process.get()](sdk::Invocation& invocation) {
    return self->Answer(invocation);
  };
  PENSTOCK_ASSIGN_OR_RETURN(process->server_,
                            sdk::Server::Start(answer, ToServeOptions(process->loaded_.config)));
  process->TellHealth();
  Log(LogLevel::kInfo, "listening", {{"address", process->server_->address()}});
  return process;
}

HookProcess::~HookProcess() {
  Stop();
}

Status HookProcess::OpenMetrics(const telemetry::PrometheusMetrics& metrics) {
  const std::string& listen = loaded_.config.metrics().listen();
  if (listen.empty()) return OkStatus();
  PENSTOCK_ASSIGN_OR_RETURN(const auto endpoint, async::Endpoint::Parse(listen));
  telemetry::MetricsServer::Sources sources;
  sources.refresh = [] {};
  sources.health = [this] { return Health(); };
  PENSTOCK_ASSIGN_OR_RETURN(metrics_server_,
                            telemetry::MetricsServer::Open(endpoint, metrics, sources));
  Log(LogLevel::kInfo, "metrics_listening", {{"address", metrics_server_->endpoint().ToString()}});
  return OkStatus();
}

std::shared_ptr<const HookMap> HookProcess::hooks() const {
  const MutexLock lock(mutex_);
  return hooks_;
}

// Asked by the metrics server's threads, while a reload may put others in the hooks' place.
Status HookProcess::Health() const {
  const std::shared_ptr<const HookMap> hooks = this->hooks();
  for (const auto& [name, hook] : *hooks)
    PENSTOCK_RETURN_IF_ERROR(Annotate(hook->Health(), Cat("hook \"", name, "\"")));
  return OkStatus();
}

void HookProcess::TellHealth() {
  const std::shared_ptr<const HookMap> hooks = this->hooks();
  std::map<std::string, bool> now;
  for (const auto& [name, hook] : *hooks)
    now[name] = hook->Health().ok();
  for (const auto& [name, well] : told_)
    if (well && !now.contains(name)) server_->SetServing(name, false);
  for (const auto& [name, well] : now) {
    const auto before = told_.find(name);
    if (before == told_.end() || before->second != well) server_->SetServing(name, well);
  }
  told_ = std::move(now);
}

void HookProcess::Housekeep(const std::stop_token& stop) {
  const std::shared_ptr<const HookMap> hooks = this->hooks();
  for (const auto& [name, hook] : *hooks)
    hook->Housekeep(stop);
}

Status HookProcess::Reload(LoadedConfig loaded) {
  PENSTOCK_RETURN_IF_ERROR(StartAll(loaded.hooks, loaded_.hooks));
  const std::vector<std::string> waiting = NeedRestart(loaded_.config, loaded.config);
  if (!waiting.empty()) {
    Log(LogLevel::kWarning, "restart_needed", {{"fields", Join(waiting, ", ")}});
  }
  telemetry::SetLogLevel(loaded.config.log().level());
  loaded_ = std::move(loaded);
  const MutexLock lock(mutex_);
  hooks_ = std::make_shared<const HookMap>(loaded_.hooks);
  return OkStatus();
}

void HookProcess::Stop() {
  if (server_ != nullptr) server_->Stop();
  server_.reset();
  metrics_server_.reset();
}

StatusOr<sdk::Answer> HookProcess::Answer(sdk::Invocation& invocation) {
  const std::shared_ptr<const HookMap> hooks = this->hooks();
  const v1::InvokeRequest& request = invocation.request();
  const auto found = hooks->find(request.hook());
  if (found == hooks->end()) {
    std::vector<std::string> names;
    for (const auto& [name, hook] : *hooks)
      names.push_back(name);
    return NotFound(Cat("no hook \"", Printable(request.hook()),
                        "\" in penstock-hooks' file; register one of: ", Join(names, ", ")));
  }
  const auto begun = steady_clock::now();
  StatusOr<sdk::Answer> answer = Decide(*found->second, invocation);
  const std::chrono::duration<double> seconds = steady_clock::now() - begun;
  Count(kCalls, {{"hook", found->first}, {"code", CodeName(answer.status().code())}});
  Observe(kSeconds, {{"hook", found->first}}, seconds.count());
  if (!answer.ok()) {
    Log(LogLevel::kWarning, "attempt_failed",
        {{"hook", found->first},
         {"invocation", Printable(invocation.id())},
         {"attempt", Cat(request.attempt())},
         {"error", Printable(answer.status().ToString(), 500)}});
  }
  return answer;
}

StatusOr<sdk::Answer> HookProcess::Decide(MailHook& hook, sdk::Invocation& invocation) {
  const v1::InvokeRequest& request = invocation.request();
  RemoteContent source(invocation, memory_);
  MailContent content(source);
  PENSTOCK_ASSIGN_OR_RETURN(Decision decision, hook.Decide({request, content, Now()}));
  bool put = false;
  if (content.changed() && request.mode() == v1::InvokeRequest::ASYNC) {
    decision.Note("the rule is ASYNC: the mail has left as it came (M2)");
  } else if (content.changed()) {
    const Status status = source.Put(content);
    put = status.ok();
    Count(kEdits, {{"hook", request.hook()}, {"result", put ? "put" : "refused"}});
    if (status.code() == StatusCode::kInvalidArgument ||
        status.code() == StatusCode::kFailedPrecondition) {
      // The next attempt would be refused the same.
      RefuseEdits(Message(status), decision);
    } else {
      PENSTOCK_RETURN_IF_ERROR(status);
    }
  }
  sdk::Answer answer = ToAnswer(invocation.event(), decision);
  Log(LogLevel::kInfo, "decided",
      {{"hook", request.hook()},
       {"invocation", Printable(invocation.id())},
       {"message", Printable(invocation.event().message_id())},
       {"attempt", Cat(request.attempt())},
       {"actions", WordsOf(answer.response())},
       {"changed", put ? "yes" : "no"},
       {"notes", Printable(Join(decision.notes, "; "), 500)}});
  return answer;
}

}  // namespace penstock::builtin
