// SPDX-License-Identifier: Apache-2.0
// Trials through the admin services, with a hook that does what it is told.
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <boost/asio/thread_pool.hpp>
#include <catch2/catch.hpp>

#include "engine/api/admin_server.h"
#include "engine/api/hook_service.h"
#include "engine/async/deadline.h"
#include "engine/async/grpc_call.h"
#include "engine/base/limits.h"
#include "engine/base/mutex.h"
#include "engine/base/strings.h"
#include "engine/runtime/system_clock.h"
#include "engine/store/memory_store.h"
#include "engine/wire/unix_target.h"
#include "tests/support/await.h"
#include "tests/support/temporary_folder.h"

#include "penstock/v1/hooks.grpc.pb.h"

namespace penstock::api {
namespace {

// Answers what it is told to; a call that hangs ends when it is cancelled.
class ScriptedHook final : public ports::HookCaller {
 public:
  async::Task<flow::Answer> Call(ports::HookCall call) override {
    {
      const MutexLock lock(mutex_);
      last_ = std::move(call);
      ++calls_;
    }
    if (!hangs) co_return answer();
    const Status slept = co_await async::Sleep(std::chrono::minutes(10));
    ++ended;
    co_return slept;
  }

  ports::HookCall last() {
    const MutexLock lock(mutex_);
    return last_;
  }

  std::size_t calls() {
    const MutexLock lock(mutex_);
    return calls_;
  }

  void Answers(flow::Answer answer) {
    const MutexLock lock(mutex_);
    answer_ = std::move(answer);
  }

  flow::Answer answer() {
    const MutexLock lock(mutex_);
    return answer_;
  }

  std::atomic<bool> hangs{false};
  std::atomic<int> ended{0};

 private:
  Mutex mutex_;
  flow::Answer answer_ ABSL_GUARDED_BY(mutex_);
  ports::HookCall last_ ABSL_GUARDED_BY(mutex_);
  std::size_t calls_ ABSL_GUARDED_BY(mutex_) = 0;
};

// The hook service over a store in memory, on a socket. The default organization may call the hook
// "decide"; nobody may call "closed".
class Fixture {
 public:
  Fixture() : directory_(store_, clock_) {
    Require(tests::Await(pool_.get_executor(), directory_.Load()));
    std::vector<std::unique_ptr<grpc::Service>> services;
    services.push_back(MakeHookService(admin_));
    const std::string socket = folder_.path() + "/s";
    auto server = AdminServer::Start(socket, std::move(services));
    Require(server.status());
    server_ = *std::move(server);
    stub_ = Stub::NewStub(
        grpc::CreateChannel(wire::UnixTarget(socket), grpc::InsecureChannelCredentials()));
    Register("closed");
    Register("decide");
    v1::AddPermissionRequest grant;
    grant.set_name("hooks/decide");
    grant.mutable_permission()->set_statement_id("all");
    grant.mutable_permission()->set_organization("default");
    v1::Hook hook;
    grpc::ClientContext context;
    Require(async::FromGrpc(stub_->AddPermission(&context, grant, &hook)));
  }

  ~Fixture() {
    server_.reset();
    tasks_.WaitIdle(std::chrono::seconds(10));
    pool_.stop();
    pool_.join();
  }

  // `deadline`: of the client.
  StatusOr<v1::HookTrial> Invoke(
      const v1::InvokeHookRequest& request,
      std::chrono::milliseconds deadline = std::chrono::milliseconds(30'000)) {
    v1::InvokeHookResponse response;
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + deadline);
    const grpc::Status status = stub_->InvokeHook(&context, request, &response);
    if (!status.ok()) return async::FromGrpc(status);
    return response.trial();
  }

  // Waits until no coroutine of a call runs.
  [[nodiscard]] bool WaitIdle() { return tasks_.WaitIdle(std::chrono::seconds(10)); }

  [[nodiscard]] ScriptedHook& hook() { return hook_; }

  [[nodiscard]] AdminServer& server() { return *server_; }

  [[nodiscard]] runtime::HookGate& gate() { return gate_; }

  [[nodiscard]] runtime::SettingsKeeper& settings() { return settings_; }

 private:
  using Stub = v1::HookRegistryService;

  static void Require(const Status& status) {
    if (!status.ok()) throw std::runtime_error(std::string(Message(status)));
  }

  void Register(const std::string& id) {
    v1::CreateHookRequest request;
    request.set_hook_id(id);
    request.mutable_hook()->set_target("127.0.0.1:1");
    v1::Hook hook;
    grpc::ClientContext context;
    Require(async::FromGrpc(stub_->CreateHook(&context, request, &hook)));
  }

  tests::TemporaryFolder folder_;
  boost::asio::thread_pool pool_{2};
  async::TaskGroup tasks_;
  store::MemoryStore store_;
  runtime::SystemClock clock_;
  runtime::SystemRandom random_;
  runtime::DirectoryKeeper directory_;
  ScriptedHook hook_;
  runtime::HookGate gate_{hook_, directory_, clock_};
  runtime::SettingsKeeper settings_{{}};
  AdminContext admin_{directory_,           store_, clock_, random_, gate_, settings_,
                      pool_.get_executor(), tasks_};
  std::unique_ptr<AdminServer> server_;
  std::unique_ptr<v1::HookRegistryService::Stub> stub_;
};

v1::InvokeHookRequest TrialRequest() {
  v1::InvokeHookRequest request;
  request.set_name("hooks/decide");
  request.set_organization("default");
  request.set_event_json(R"({"summaryVersion":"2018-10-10","messageId":"m-1",)"
                         R"("envelope":{"mailFrom":{"address":"a@x.test"},)"
                         R"("recipients":[{"address":"b@org.test"}]}})");
  return request;
}

}  // namespace

TEST_CASE("InvokeHook: the hook is called as an attempt is, and nothing counts it, R15",
          "[api][trial]") {
  Fixture fixture;
  fixture.hook().Answers({{{"DEFAULT", std::nullopt, {"new@else.test"}, true, true}}, false});
  v1::InvokeHookRequest request = TrialRequest();
  request.set_rule("ask");
  request.set_attempt(3);
  const auto trial = fixture.Invoke(request);
  REQUIRE(trial.ok());
  CHECK(trial->code() == "OK");
  const ports::HookCall call = fixture.hook().last();
  CHECK(call.hook->target == "127.0.0.1:1");
  CHECK(call.rule == "ask");
  CHECK(call.attempt == 3);
  CHECK(call.organization == "default");
  CHECK(call.timeout == limits::kSyncCallDeadline);
  CHECK(call.event.invocation_id.text().size() == 32);
  CHECK(trial->event().invocation_id() == call.event.invocation_id.text());
  // The organization owns no domain (H10); the settings say whether that is an error.
  CHECK(trial->resolution().additions_size() == 0);
  CHECK(trial->resolution().warnings(0).reason() == v1::Resolution::Warning::FOREIGN_ADDITION);
  flow::FlowSettings strict;
  strict.strict = true;
  fixture.settings().Replace(strict);
  CHECK(fixture.Invoke(request)->code() == "INVALID_ANSWER");
  CHECK(fixture.gate().figures().Of("decide").succeeded == 0);
}

TEST_CASE("InvokeHook: an unknown name is an error, a missing permission a failed attempt, P1",
          "[api][trial]") {
  Fixture fixture;
  v1::InvokeHookRequest request = TrialRequest();
  request.set_name("hooks/gone");
  CHECK(fixture.Invoke(request).status().code() == StatusCode::kNotFound);
  request = TrialRequest();
  request.set_organization("nobody");
  CHECK(fixture.Invoke(request).status().code() == StatusCode::kNotFound);
  request = TrialRequest();
  request.set_event_json("[]");
  CHECK(fixture.Invoke(request).status().code() == StatusCode::kInvalidArgument);
  request = TrialRequest();
  request.set_name("hooks/closed");
  const auto refused = fixture.Invoke(request);
  REQUIRE(refused.ok());
  CHECK(refused->code() == "PERMISSION_DENIED");
  CHECK(refused->error().find("penstock hook add-permission closed") != std::string::npos);
  CHECK(fixture.hook().calls() == 0);
}

TEST_CASE("InvokeHook: a call ends with its client", "[api][trial]") {
  Fixture fixture;
  fixture.hook().hangs = true;
  const auto given_up = fixture.Invoke(TrialRequest(), std::chrono::milliseconds(300));
  CHECK(given_up.status().code() == StatusCode::kDeadlineExceeded);
  CHECK(fixture.WaitIdle());
  CHECK(fixture.hook().ended == 1);
}

TEST_CASE("InvokeHook: a call ends with the server", "[api][trial]") {
  Fixture fixture;
  fixture.hook().hangs = true;
  auto call = std::async(std::launch::async, [&] { return fixture.Invoke(TrialRequest()); });
  while (fixture.hook().calls() == 0)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  fixture.server().Stop(std::chrono::milliseconds(100));
  CHECK_FALSE(call.get().ok());
  CHECK(fixture.hook().ended == 1);
}

}  // namespace penstock::api
