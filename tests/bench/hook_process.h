// SPDX-License-Identifier: Apache-2.0
// A hook in a process of its own, as hooks are: the benchmark's program, started once more. It has
// one action for every recipient, by HookService and HookStreamService.
#pragma once

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include <grpcpp/grpcpp.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/check.h"
#include "engine/base/strings.h"
#include "tests/support/stream_hook.h"

#include "penstock/v1/hook.grpc.pb.h"

extern char** environ;

namespace penstock::bench {

inline constexpr char kServeAsHook[] = "--serve-as-hook";

class HookProcess {
 public:
  // It answers after `delay`.
  explicit HookProcess(std::chrono::seconds delay = std::chrono::seconds(0),
                       v1::Action::Type action = v1::Action::DROP) {
    int ends[2];
    PENSTOCK_CHECK(pipe(ends) == 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    std::string program = std::filesystem::read_symlink("/proc/self/exe");
    std::string mark = kServeAsHook;
    std::string seconds = Cat(delay.count());
    std::string type = Cat(static_cast<int>(action));
    char* const arguments[] = {program.data(), mark.data(), seconds.data(), type.data(), nullptr};
    PENSTOCK_CHECK(posix_spawn(&process_, program.c_str(), &actions, nullptr, arguments, environ) ==
                   0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    int port = 0;
    PENSTOCK_CHECK(read(ends[0], &port, sizeof port) == sizeof port);
    close(ends[0]);
    target_ = Cat("127.0.0.1:", port);
  }

  HookProcess(const HookProcess&) = delete;
  HookProcess& operator=(const HookProcess&) = delete;

  ~HookProcess() {
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
  }

  [[nodiscard]] const std::string& target() const { return target_; }

 private:
  pid_t process_ = 0;
  std::string target_;
};

// The hook's side.
class SameForAll final : public v1::HookService::CallbackService {
 public:
  SameForAll(std::chrono::seconds delay, v1::Action::Type action)
      : delay_(delay), action_(action) {}

  void Fill(v1::InvokeResponse& response) const {
    v1::ActionEntry* entry = response.add_actions();
    entry->mutable_action()->set_type(action_);
    entry->set_all_recipients(true);
  }

  void FillOnStream(const v1::ExchangeRequest& request, tests::HookStreamSide& side) const {
    v1::ExchangeResponse response;
    response.set_call(request.call());
    Fill(*response.mutable_answer());
    side.Send(std::move(response));
  }

 private:
  grpc::ServerUnaryReactor* Invoke(grpc::CallbackServerContext* context,
                                   const v1::InvokeRequest* /*request*/,
                                   v1::InvokeResponse* response) override {
    Fill(*response);
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    if (delay_.count() == 0) {
      reactor->Finish(grpc::Status::OK);
    } else {
      std::thread([reactor, delay = delay_] {
        std::this_thread::sleep_for(delay);
        reactor->Finish(grpc::Status::OK);
      }).detach();
    }
    return reactor;
  }

  const std::chrono::seconds delay_;
  const v1::Action::Type action_;
};

// To be called first in main: serves for good if this process was started as a hook.
inline void MaybeServeAsHook(int argc, char** argv) {
  if (argc != 4 || std::strcmp(argv[1], kServeAsHook) != 0) return;
  SameForAll service(std::chrono::seconds(std::atoi(argv[2])),
                     static_cast<v1::Action::Type>(std::atoi(argv[3])));
  tests::StreamHook stream_service(
      [&service](const v1::ExchangeRequest& request, tests::HookStreamSide& side) {
        service.FillOnStream(request, side);
      });
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  builder.RegisterService(&stream_service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  PENSTOCK_CHECK(server != nullptr && port != 0);
  PENSTOCK_CHECK(write(STDOUT_FILENO, &port, sizeof port) == sizeof port);
  server->Wait();
}

}  // namespace penstock::bench
