// SPDX-License-Identifier: Apache-2.0
// penstock-hooks: ready-made hooks in one process. Reads its arguments, starts, waits for signals.
//
//   SIGTERM, SIGINT  stop: calls that run come to their end
//   SIGHUP           read the configuration again
//
// Exit codes: 0 stopped; 1 the configuration or something it names is wrong; 2 usage.
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <pthread.h>

#include "engine/base/limits.h"
#include "engine/base/log.h"
#include "engine/base/metrics.h"
#include "engine/base/strings.h"
#include "hooks/builtin/hook_process.h"

#include "tools/telemetry/log_lines.h"
#include "tools/telemetry/metrics_server.h"

namespace penstock::builtin {
namespace {

constexpr std::string_view kUsage =
    "usage: penstock-hooks --config FILE [--check-config]\n"
    "\n"
    "Serves ready-made hooks: disclaimer, external_banner, restricted_recipients, storm_brake,\n"
    "header_filter, attachment_policy, saved_copy, archive, counter, steps.\n"
    "SIGHUP reads the configuration again, SIGTERM stops.\n"
    "\n"
    "  --config FILE   the configuration (YAML); hooks/builtin/README.md has one for each kind\n"
    "  --check-config  read and check the configuration, say what is wrong, and exit\n"
    "  --version       print the version\n"
    "  --help          print this\n"
    "\n"
    "Example: penstock-hooks --config /etc/penstock/hooks.yaml\n";

int Usage(const std::string& fault) {
  std::fprintf(stderr, "penstock-hooks: %s\n%.*s", fault.c_str(), static_cast<int>(kUsage.size()),
               kUsage.data());
  return 2;
}

int Refuse(const Status& status) {
  std::fprintf(stderr, "penstock-hooks: %s\n", std::string(Message(status)).c_str());
  return 1;
}

// Blocked before any thread starts, so that only sigtimedwait sees them.
sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP})
    sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return signals;
}

void Reload(HookProcess& process, const std::string& path) {
  StatusOr<LoadedConfig> loaded = LoadConfig(path, &process.loaded());
  const Status status = loaded.ok() ? process.Reload(*std::move(loaded)) : loaded.status();
  if (status.ok()) {
    Log(LogLevel::kInfo, "reloaded", {{"config", path}});
  } else {
    Log(LogLevel::kError, "reload_refused",
        {{"config", path}, {"error", std::string(Message(status))}});
  }
}

// On a thread of its own: no signal waits for a walk through a large folder.
void KeepHouse(const std::stop_token& stop, HookProcess& process) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  while (!stop.stop_requested()) {
    process.Housekeep(stop);
    stopped.wait_for(lock, stop, limits::kSavedSweepInterval, [] { return false; });
  }
}

int Run(LoadedConfig loaded, const std::string& path) {
  const sigset_t signals = BlockSignals();
  setenv("GRPC_VERBOSITY", "NONE", 0);  // gRPC's own lines are in no form of ours
  telemetry::StartLog(loaded.config.log().format(), loaded.config.log().level());
  telemetry::PrometheusMetrics metrics;
  SetMetricSink(&metrics);
  auto process = HookProcess::Start(std::move(loaded), metrics);
  if (!process.ok()) return Refuse(process.status());
  Log(LogLevel::kInfo, "started", {{"version", PENSTOCK_VERSION}, {"config", path}});
  std::jthread housekeeping(KeepHouse, std::ref(**process));
  constexpr timespec kLook{1, 0};
  for (;;) {
    const int signal = sigtimedwait(&signals, nullptr, &kLook);
    if (signal == SIGTERM || signal == SIGINT) break;
    if (signal == SIGHUP) Reload(**process, path);
    (*process)->TellHealth();
  }
  Log(LogLevel::kInfo, "stopping");
  housekeeping.request_stop();
  (*process)->Stop();
  housekeeping.join();
  Log(LogLevel::kInfo, "stopped");
  process->reset();
  SetMetricSink(nullptr);
  return 0;
}

int Main(int argc, char** argv) {
  std::string path;
  bool check = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--help" || argument == "-h") {
      std::fwrite(kUsage.data(), 1, kUsage.size(), stdout);
      return 0;
    }
    if (argument == "--version") {
      std::puts("penstock-hooks " PENSTOCK_VERSION);
      return 0;
    }
    if (argument == "--check-config") {
      check = true;
    } else if (argument == "--config" && i + 1 < argc) {
      path = argv[++i];
    } else if (argument.starts_with("--config=")) {
      path = argument.substr(9);
    } else {
      return Usage(Cat("unknown argument ", argument));
    }
  }
  if (path.empty()) return Usage("--config FILE is missing");
  StatusOr<LoadedConfig> loaded = LoadConfig(path);
  if (!loaded.ok()) return Refuse(loaded.status());
  if (!check) return Run(*std::move(loaded), path);
  std::printf("%s: ok\n", path.c_str());
  return 0;
}

}  // namespace
}  // namespace penstock::builtin

int main(int argc, char** argv) {
  return penstock::builtin::Main(argc, argv);
}
