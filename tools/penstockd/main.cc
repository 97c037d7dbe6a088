// SPDX-License-Identifier: Apache-2.0
// penstockd: a gate in the mail flow. Reads its arguments, starts the daemon, waits for signals.
//
//   SIGTERM, SIGINT  stop: what runs comes to its end, the rest goes on at the next start; the
//                    second one ends at once what still runs: it is repeated at the next start
//   SIGHUP           read the configuration again
//
// Exit codes: 0 stopped; 1 the configuration or something it names is wrong; 2 usage.
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <malloc.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/resource.h>

#include "absl/synchronization/mutex.h"

#include "engine/async/endpoint.h"
#include "engine/async/grpc_tls_log.h"
#include "engine/base/limits.h"
#include "engine/base/log.h"
#include "engine/base/strings.h"

#include "tools/penstockd/config.h"
#include "tools/penstockd/daemon.h"
#include "tools/penstockd/privileges.h"
#include "tools/telemetry/log_lines.h"
#include "tools/telemetry/metrics_server.h"

namespace penstock::daemon {
namespace {

constexpr std::string_view kUsage =
    "usage: penstockd --config FILE [--check-config] [--user NAME]\n"
    "\n"
    "Takes mail, asks hooks, hands it on.\n"
    "SIGHUP reads the configuration again, SIGTERM stops cleanly, a second SIGTERM at once.\n"
    "\n"
    "  --config FILE    the configuration (YAML); proto/penstock/v1/config.proto lists its fields\n"
    "  --check-config   read and check the configuration, say what is wrong, and exit\n"
    "  --user NAME      the user to become if started as root; default: `user` of the "
    "configuration\n"
    "  --allow-root     stay root if no user is named (also: PENSTOCK_ALLOW_ROOT=1)\n"
    "  --allow-core-dumps  let the system keep the memory of a daemon that failed, mail and all\n"
    "  --version        print the version\n"
    "  --help           print this\n"
    "\n"
    "Example: penstockd --config /etc/penstock/penstock.yaml\n";

struct Arguments {
  std::string config;
  std::string user;
  bool check_config = false;
  bool allow_root = false;
  bool allow_core_dumps = false;
};

int Usage(const std::string& fault) {
  std::fprintf(stderr, "penstockd: %s\n%.*s", fault.c_str(), static_cast<int>(kUsage.size()),
               kUsage.data());
  return 2;
}

int Refuse(const Status& status) {
  std::fprintf(stderr, "penstockd: %s\n", std::string(Message(status)).c_str());
  return 1;
}

// Blocked here, before any thread starts, so that only sigwait sees them.
sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP})
    sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return signals;
}

// Each connection, each delivery takes a descriptor; of the 1,024 that a shell allows, idle clients
// alone would use all. What the system lets us have is bounded by connections_max.
void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// Each message takes a few buffers of 64 KiB and gives them back: glibc, left to itself, hands them
// to the system each time, and meets a page fault for every page of the next ones. What the start
// took to read the messages that wait is given back.
void KeepFreedMemory() {
  malloc_trim(0);
  mallopt(M_TRIM_THRESHOLD, limits::kFreedMemoryKeptOctets);
  mallopt(M_MMAP_THRESHOLD, limits::kFreedMemoryKeptOctets);  // no longer its own to move then
}

void LogWarnings(const v1::Config& config) {
  for (const std::string& warning : Warnings(config))
    Log(LogLevel::kWarning, "config_warning", {{"warning", warning}});
}

void Reload(Daemon& daemon, const std::string& path) {
  StatusOr<v1::Config> config = LoadConfig(path);
  if (config.ok()) LogWarnings(*config);
  const Status status = config.ok() ? daemon.Reload(*std::move(config)) : config.status();
  if (status.ok()) {
    Log(LogLevel::kInfo, "reloaded", {{"config", path}});
  } else {
    Log(LogLevel::kError, "reload_refused",
        {{"config", path}, {"error", std::string(Message(status))}});
  }
}

// While the daemon stops: ends the process at the next SIGTERM or SIGINT. Nothing is lost by that:
// all that was accepted is on disk.
class ImpatienceWatch {
 public:
  explicit ImpatienceWatch(const sigset_t& signals)
      : thread_([this, signals] { Watch(signals); }) {}

  ImpatienceWatch(const ImpatienceWatch&) = delete;
  ImpatienceWatch& operator=(const ImpatienceWatch&) = delete;

  ~ImpatienceWatch() { Stop(); }

  void Stop() {
    stopped_ = true;
    if (thread_.joinable()) thread_.join();
  }

 private:
  void Watch(const sigset_t& signals) const {
    constexpr timespec kLook{0, std::chrono::nanoseconds(limits::kImpatienceLook).count()};
    while (!stopped_) {
      const int signal = sigtimedwait(&signals, nullptr, &kLook);
      if (signal != SIGTERM && signal != SIGINT) continue;
      Log(LogLevel::kWarning, "stopped", {{"drained", "no"}, {"reason", "second signal"}});
      std::_Exit(0);
    }
  }

  std::atomic<bool> stopped_{false};
  std::thread thread_;
};

bool IsLowPort(const std::string& address) {
  const auto endpoint = async::Endpoint::Parse(address);
  return endpoint.ok() && endpoint->unix_path.empty() && endpoint->port > 0 &&
         endpoint->port < IPPORT_RESERVED;
}

PrivilegeOptions PrivilegesOf(const v1::Config& config, const Arguments& arguments) {
  PrivilegeOptions options;
  const char* allowed = std::getenv("PENSTOCK_ALLOW_ROOT");
  options.allow_root =
      arguments.allow_root || (allowed != nullptr && std::string_view(allowed) == "1");
  options.allow_core_dumps = arguments.allow_core_dumps;
  options.low_ports = IsLowPort(config.admin().listen()) || IsLowPort(config.metrics().listen()) ||
                      IsLowPort(config.content_api().listen());
  for (const v1::Listener& listener : config.listeners())
    options.low_ports = options.low_ports || IsLowPort(listener.listen());
  options.folders = {config.data_folder(),
                     config.admin().socket().substr(0, config.admin().socket().rfind('/'))};
  return options;
}

int Run(v1::Config config, const Arguments& arguments) {
  const std::string& path = arguments.config;
  PrivilegeOptions privileges = PrivilegesOf(config, arguments);
  auto identity = FindIdentity(config.user(), config.group());
  if (!identity.ok()) return Refuse(identity.status());
  privileges.identity = *std::move(identity);
  const Status entered = EnterLeastPrivilege(privileges);
  if (!entered.ok()) return Refuse(entered);
  const Status data = CheckDataFolder(config.data_folder());
  if (!data.ok()) return Refuse(data);
  const sigset_t signals = BlockSignals();
  RaiseDescriptorLimit();
  // gRPC's mutexes are Abseil's, which look for deadlocks at each lock as Debian builds them.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  telemetry::StartLog(config.log().format(), config.log().level());
  // gRPC's own lines are in no form of ours; whoever wants them sets the variable.
  if (std::getenv("GRPC_VERBOSITY") == nullptr) async::LogRefusedHandshakes();
  telemetry::PrometheusMetrics metrics;
  SetMetricSink(&metrics);
  LogWarnings(config);
  auto daemon = Daemon::Start(std::move(config), metrics);
  if (!daemon.ok()) return Refuse(daemon.status());
  KeepFreedMemory();
  GiveUpRoot(privileges);
  NotifyServiceManager("READY=1");
  Log(LogLevel::kInfo, "started", {{"version", PENSTOCK_VERSION}, {"config", path}});
  for (;;) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) continue;
    if (signal != SIGHUP) break;
    Reload(**daemon, path);
  }
  Log(LogLevel::kInfo, "stopping");
  NotifyServiceManager("STOPPING=1");
  ImpatienceWatch impatience(signals);
  const bool drained = (*daemon)->Stop();
  impatience.Stop();
  Log(LogLevel::kInfo, "stopped", {{"drained", drained ? "yes" : "no"}});
  if (!drained) std::_Exit(0);  // what still runs may not meet a Daemon that is gone
  daemon->reset();
  SetMetricSink(nullptr);
  return 0;
}

int Main(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--help" || argument == "-h") {
      std::fwrite(kUsage.data(), 1, kUsage.size(), stdout);
      return 0;
    }
    if (argument == "--version") {
      std::puts("penstockd " PENSTOCK_VERSION);
      return 0;
    }
    if (argument == "--check-config") {
      arguments.check_config = true;
    } else if (argument == "--config" && i + 1 < argc) {
      arguments.config = argv[++i];
    } else if (argument.starts_with("--config=")) {
      arguments.config = argument.substr(9);
    } else if (argument == "--user" && i + 1 < argc) {
      arguments.user = argv[++i];
    } else if (argument == "--allow-root") {
      arguments.allow_root = true;
    } else if (argument == "--allow-core-dumps") {
      arguments.allow_core_dumps = true;
    } else {
      return Usage(Cat("unknown argument ", argument));
    }
  }
  if (arguments.config.empty()) return Usage("--config FILE is missing");
  StatusOr<v1::Config> config = LoadConfig(arguments.config);
  if (!config.ok()) return Refuse(config.status());
  if (!arguments.user.empty()) {
    config->set_user(arguments.user);
    config->clear_group();
  }
  if (arguments.check_config) {
    for (const std::string& warning : Warnings(*config)) {
      std::fprintf(stderr, "penstockd: %s: warning: %s\n", arguments.config.c_str(),
                   warning.c_str());
    }
    std::printf("%s: ok\n", arguments.config.c_str());
    return 0;
  }
  return Run(*std::move(config), arguments);
}

}  // namespace
}  // namespace penstock::daemon

int main(int argc, char** argv) {
  return penstock::daemon::Main(argc, argv);
}
