// SPDX-License-Identifier: Apache-2.0
// Calls of a real hook, each by itself and on a stream: what the engine makes of the same behaviour
// is the same both ways (H2, H3).
#include "hooks/client/grpc_hook_caller.h"

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/server_builder.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_future.hpp>
#include <catch2/catch.hpp>

#include "engine/async/pool.h"
#include "engine/base/strings.h"
#include "engine/runtime/system_clock.h"
#include "tests/support/await.h"
#include "tests/support/stream_hook.h"

using namespace penstock;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;

namespace {

namespace asio = async::asio;
using tests::HookStreamSide;

v1::InvokeResponse Drop(std::string recipient) {
  v1::InvokeResponse response;
  v1::ActionEntry& entry = *response.add_actions();
  entry.mutable_action()->set_type(v1::Action::DROP);
  entry.add_recipients(std::move(recipient));
  return response;
}

// Behaves as the event's subject says, and answers with the invocation's id as recipient.
class Server final : public v1::HookService::CallbackService {
 public:
  explicit Server(bool offers_stream, int port = 0) : port_(port) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(Cat("127.0.0.1:", port), grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(this);
    if (offers_stream) builder.RegisterService(&stream_);
    server_ = builder.BuildAndStart();
    REQUIRE(server_ != nullptr);
  }

  ~Server() override { server_->Shutdown(std::chrono::system_clock::now()); }

  [[nodiscard]] int port() const { return port_; }

  // What it says of its health, if it was made with the health service enabled.
  void SetServing(bool serving) { server_->GetHealthCheckService()->SetServingStatus(serving); }

  std::atomic<int> unary = 0;
  std::atomic<int> streamed = 0;
  std::atomic<int> cancelled = 0;

 private:
  class Reactor final : public grpc::ServerUnaryReactor {
   public:
    explicit Reactor(Server& server) : server_(server) {}

    void OnCancel() override {
      ++server_.cancelled;
      Finish(grpc::Status::CANCELLED);
    }

    void OnDone() override { delete this; }

   private:
    Server& server_;
  };

  grpc::ServerUnaryReactor* Invoke(grpc::CallbackServerContext* context,
                                   const v1::InvokeRequest* request,
                                   v1::InvokeResponse* response) override {
    ++unary;
    const std::string& subject = request->event().subject();
    if (subject == "hang") return new Reactor(*this);
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    if (subject == "fail") {
      reactor->Finish(grpc::Status(grpc::StatusCode::UNAVAILABLE, "not yet"));
      return reactor;
    }
    if (subject == "empty") {
      reactor->Finish(grpc::Status::OK);
      return reactor;
    }
    *response =
        Drop(subject == "long" ? std::string(300'000, 'a') : request->event().invocation_id());
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  void Take(const v1::ExchangeRequest& request, HookStreamSide& side) {
    v1::ExchangeResponse response;
    response.set_call(request.call());
    if (request.has_cancel()) {
      ++cancelled;
      *response.mutable_answer() = Drop("late");
      side.Send(response);  // in spite of it
      return;
    }
    ++streamed;
    const v1::Event& event = request.invoke().event();
    if (event.subject() == "hang") return;
    if (event.subject() == "break")
      return side.End(grpc::Status(grpc::StatusCode::INTERNAL, "oops"));
    if (event.subject() == "end") return side.End(grpc::Status::OK);
    if (event.subject() == "fail") {
      response.mutable_failure()->set_code(14);
      response.mutable_failure()->set_message("not yet");
    } else if (event.subject() == "no code") {
      response.mutable_failure()->set_code(0);
    } else if (event.subject() == "long") {
      *response.mutable_answer() = Drop(std::string(300'000, 'a'));
    } else if (event.subject() != "empty") {
      *response.mutable_answer() = Drop(event.invocation_id());
    }
    if (event.subject() == "strange") {
      v1::ExchangeResponse strange = response;
      strange.set_call(request.call() + 1000);
      *strange.mutable_answer() = Drop("stranger");
      side.Send(strange);
    }
    side.Send(response);
    if (event.subject() == "twice") {
      *response.mutable_answer() = Drop("second");
      side.Send(response);
    }
  }

  tests::StreamHook stream_{
      [this](const v1::ExchangeRequest& request, HookStreamSide& side) { Take(request, side); }};
  std::unique_ptr<grpc::Server> server_;
  int port_;
};

class Caller {
 public:
  Caller(bool stream, int port) : Caller(stream, Cat("127.0.0.1:", port)) {}

  Caller(bool stream, std::string target) {
    flow::Hook hook;
    hook.name = "decide";
    hook.target = std::move(target);
    hook.stream = stream;
    hook_ = std::make_shared<const flow::Hook>(hook);
  }

  async::Task<flow::Answer> Call(std::string subject, Milliseconds timeout = 10s) {
    ports::HookCall call;
    call.hook = hook_;
    call.timeout = timeout;
    call.event.subject = std::move(subject);
    call.event.invocation_id = InvocationId(Cat("id-", ++last_));
    return caller_.Call(std::move(call));
  }

  StatusOr<flow::Answer> Get(const std::string& subject, Milliseconds timeout = 10s) {
    return tests::Await(pool_.executor(), Call(subject, timeout));
  }

  std::future<StatusOr<flow::Answer>> Begin(const std::string& subject,
                                            asio::cancellation_slot slot = {}) {
    return asio::co_spawn(asio::make_strand(pool_.executor()), Call(subject),
                          asio::bind_cancellation_slot(slot, asio::use_future));
  }

  ports::HookState State() { return caller_.StateOf(*hook_); }

  // Registers it anew.
  void MoveTo(std::string target) {
    flow::Hook hook = *hook_;
    hook.target = std::move(target);
    hook_ = std::make_shared<const flow::Hook>(hook);
  }

  ~Caller() { pool_.Join(); }

 private:
  runtime::SystemClock clock_;
  hook_client::GrpcHookCaller caller_{clock_};
  std::shared_ptr<const flow::Hook> hook_;
  std::atomic<int> last_ = 0;
  async::Pool pool_{2};
};

std::string RecipientOf(const StatusOr<flow::Answer>& answer) {
  REQUIRE(answer.ok());
  REQUIRE(answer->actions.size() == 1);
  return answer->actions[0].recipients.at(0);
}

template <class Condition>
void WaitUntil(Condition condition) {
  for (int i = 0; i < 2000 && !condition(); ++i)
    std::this_thread::sleep_for(5ms);
  REQUIRE(condition());
}

}  // namespace

TEST_CASE("a hook call: each way") {
  const bool stream = GENERATE(false, true);
  CAPTURE(stream);
  Server server(true);
  Caller caller(stream, server.port());

  SECTION("an answer comes back, and by that way") {
    CHECK(RecipientOf(caller.Get("plain")) == "id-1");
    CHECK(RecipientOf(caller.Get("plain")) == "id-2");
    CHECK(server.streamed == (stream ? 2 : 0));
    CHECK(server.unary == (stream ? 0 : 2));
  }
  SECTION("an empty answer is an answer") {
    const auto answer = caller.Get("empty");
    REQUIRE(answer.ok());
    CHECK(answer->actions.empty());
  }
  SECTION("what the hook says when it fails is the failure") {
    const auto answer = caller.Get("fail");
    CHECK(answer.status().code() == StatusCode::kUnavailable);
    CHECK(Message(answer.status()) == "not yet");
  }
  SECTION("no answer in time fails the call, is cancelled, and spoils no other (H2)") {
    const auto answer = caller.Get("hang", 100ms);
    CHECK(answer.status().code() == StatusCode::kDeadlineExceeded);
    CHECK(Message(answer.status()) == "no complete answer within 100ms");
    WaitUntil([&] { return server.cancelled == 1; });
    CHECK(RecipientOf(caller.Get("plain")) == "id-2");
  }
  SECTION("an answer that is too long is invalid (H2)") {
    CHECK(caller.Get("long").status().code() == StatusCode::kInvalidArgument);
    CHECK(RecipientOf(caller.Get("plain")) == "id-2");
  }
  SECTION("a cancelled coroutine cancels its call") {
    asio::cancellation_signal signal;
    auto answer = caller.Begin("hang", signal.slot());
    WaitUntil([&] { return server.streamed + server.unary == 1; });
    signal.emit(asio::cancellation_type::all);
    answer.wait();
    WaitUntil([&] { return server.cancelled == 1; });
  }
  SECTION("many at a time get each its own") {
    std::vector<std::future<StatusOr<flow::Answer>>> answers;
    for (int i = 0; i < 300; ++i)
      answers.push_back(caller.Begin("plain"));
    for (int i = 0; i < 300; ++i)
      CHECK(RecipientOf(answers[static_cast<std::size_t>(i)].get()) == Cat("id-", i + 1));
  }
}

TEST_CASE("a hook call: nobody there, then somebody") {
  const bool stream = GENERATE(false, true);
  CAPTURE(stream);
  int port = 0;
  {
    const Server gone(true);
    port = gone.port();
  }
  Caller caller(stream, port);
  CHECK(caller.Get("plain").status().code() == StatusCode::kUnavailable);
  const Server server(true, port);
  WaitUntil([&] { return caller.Get("plain").ok(); });
}

TEST_CASE("a hook's state is that of the connection that its calls go by (H13)") {
  using ports::HookState;
  auto server = std::make_unique<Server>(true);
  const int port = server->port();
  Caller caller(false, port);
  CHECK(caller.State() == HookState::kUncalled);
  CHECK(caller.Get("plain").ok());
  CHECK(caller.State() == HookState::kUp);
  CHECK_FALSE(caller.Get("fail").ok());
  CHECK(caller.State() == HookState::kUp);  // it was reached
  server.reset();
  WaitUntil([&] {
    CHECK_FALSE(caller.Get("plain").ok());
    return caller.State() == HookState::kDown;
  });
  server = std::make_unique<Server>(true, port);
  WaitUntil([&] { return caller.Get("plain").ok(); });
  CHECK(caller.State() == HookState::kUp);
  caller.MoveTo("127.0.0.1:1");
  CHECK(caller.State() == HookState::kUncalled);
}

TEST_CASE("a hook's state: an endpoint that is unwell is as good as none (H13)") {
  grpc::EnableDefaultHealthCheckService(true);
  Server unwell(true);
  grpc::EnableDefaultHealthCheckService(false);
  unwell.SetServing(false);
  Caller caller(false, unwell.port());
  CHECK_FALSE(caller.Get("plain", 2s).ok());
  WaitUntil([&] { return caller.State() == ports::HookState::kDown; });
  unwell.SetServing(true);
  WaitUntil([&] { return caller.State() == ports::HookState::kUp; });
}

TEST_CASE("a hook call: endpoints that are well are called in turn (H13)") {
  const Server one(true);
  const Server other(true);
  Caller caller(false, Cat("ipv4:127.0.0.1:", one.port(), ",127.0.0.1:", other.port()));
  const auto calls = [](const Server& server) { return server.unary + server.streamed; };
  WaitUntil([&] { return caller.Get("plain").ok() && calls(one) > 0 && calls(other) > 0; });
  const int first = calls(one);
  const int second = calls(other);
  for (int i = 0; i < 10; ++i)
    CHECK(caller.Get("plain").ok());
  CHECK(calls(one) == first + 5);
  CHECK(calls(other) == second + 5);
}

TEST_CASE("a hook call: endpoints by a name (H13)") {
  const Server server(true);
  for (const char* form : {"localhost:", "dns:localhost:", "dns:///localhost:"}) {
    CAPTURE(form);
    Caller caller(false, Cat(form, server.port()));
    CHECK(caller.Get("plain").ok());
  }
}

TEST_CASE("a hook call: endpoints that are down or unwell get none (H13)") {
  const bool stream = GENERATE(false, true);
  CAPTURE(stream);
  grpc::EnableDefaultHealthCheckService(true);
  auto one = std::make_unique<Server>(true);
  auto other = std::make_unique<Server>(true);
  Server unwell(true);
  grpc::EnableDefaultHealthCheckService(false);
  unwell.SetServing(false);
  Caller caller(stream, Cat("ipv4:127.0.0.1:", one->port(), ",127.0.0.1:", other->port(),
                            ",127.0.0.1:", unwell.port()));
  const auto calls = [](const Server& server) { return server.unary + server.streamed; };
  WaitUntil([&] { return caller.Get("plain").ok(); });
  auto& called = calls(*one) > 0 ? one : other;
  const auto& left = &called == &one ? other : one;
  called.reset();
  WaitUntil([&] { return caller.Get("plain").ok(); });
  const int before = calls(*left);
  int answers = 0;
  WaitUntil([&] {
    answers += caller.Get("plain").ok() ? 1 : 0;
    return answers >= 20;
  });
  CHECK(calls(*left) == before + answers);
  CHECK(calls(unwell) == 0);
}

TEST_CASE("a hook stream: a hook that has none is called without") {
  Server server(false);
  Caller caller(true, server.port());
  CHECK(RecipientOf(caller.Get("plain")) == "id-1");
  CHECK(RecipientOf(caller.Get("plain")) == "id-2");
  CHECK(server.unary == 2);
}

TEST_CASE("a hook stream: one that breaks fails what waits on it, and the next call has another") {
  const std::string way = GENERATE(as<std::string>(), "break", "end");
  Server server(true);
  Caller caller(true, server.port());
  auto waiting = caller.Begin("hang");
  WaitUntil([&] { return server.streamed == 1; });
  CHECK(caller.Get(way).status().code() == StatusCode::kUnavailable);
  CHECK(waiting.get().status().code() == StatusCode::kUnavailable);
  CHECK(RecipientOf(caller.Get("plain")) == "id-3");
  CHECK(server.unary == 0);
}

TEST_CASE("a hook stream: answers that nobody waits for are nobody's") {
  Server server(true);
  Caller caller(true, server.port());
  CHECK(RecipientOf(caller.Get("strange")) == "id-1");
  CHECK(RecipientOf(caller.Get("twice")) == "id-2");
  CHECK(RecipientOf(caller.Get("plain")) == "id-3");
}

TEST_CASE("a hook stream: a failure without a code of failure is one") {
  Server server(true);
  Caller caller(true, server.port());
  CHECK(caller.Get("no code").status().code() == StatusCode::kUnknown);
}
