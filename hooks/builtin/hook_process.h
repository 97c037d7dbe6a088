// SPDX-License-Identifier: Apache-2.0
// The ready-made hooks of one file behind one gRPC server: a call goes to the hook that it names.
#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "engine/base/mutex.h"
#include "engine/base/status.h"
#include "hooks/builtin/config.h"
#include "hooks/builtin/remote_content.h"
#include "hooks/sdk/server.h"

#include "tools/telemetry/metrics_server.h"

namespace penstock::builtin {

class HookProcess {
 public:
  // Starts the hooks, then to listen. `metrics` outlives it.
  //   Errors: what is not there: a port that is taken, a folder.
  static StatusOr<std::unique_ptr<HookProcess>> Start(LoadedConfig loaded,
                                                      const telemetry::PrometheusMetrics& metrics);
  ~HookProcess();

  // The file that counts; for LoadConfig's `before`. To be called by who calls Reload.
  [[nodiscard]] const LoadedConfig& loaded() const { return loaded_; }

  // Calls meet the hooks of before or these, never a mix. Logs which fields wait for a restart.
  //   Errors: a new hook that cannot start; all stays as it was.
  Status Reload(LoadedConfig loaded);

  // Tells the health service how each hook is. To be called once a second or so.
  void TellHealth();

  // May run beside all others; ends early if `stop` says so.
  void Housekeep(const std::stop_token& stop);

  // Lets calls that run finish, for `drain_deadline`.
  void Stop();

 private:
  explicit HookProcess(LoadedConfig loaded) : loaded_(std::move(loaded)) {}

  Status OpenMetrics(const telemetry::PrometheusMetrics& metrics);
  [[nodiscard]] std::shared_ptr<const HookMap> hooks() const;
  [[nodiscard]] Status Health() const;
  StatusOr<sdk::Answer> Answer(sdk::Invocation& invocation);
  StatusOr<sdk::Answer> Decide(MailHook& hook, sdk::Invocation& invocation);

  LoadedConfig loaded_;
  mutable Mutex mutex_;
  std::shared_ptr<const HookMap> hooks_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, bool> told_;  // health, by hook
  EditingMemory memory_;
  std::unique_ptr<telemetry::MetricsServer> metrics_server_;
  std::unique_ptr<sdk::Server> server_;  // goes first: its calls use the rest
};

}  // namespace penstock::builtin
