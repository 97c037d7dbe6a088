// SPDX-License-Identifier: Apache-2.0
#include "hooks/sdk/server.h"

#include <atomic>
#include <csignal>
#include <latch>
#include <mutex>
#include <stdexcept>
#include <thread>

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <pthread.h>

#include <catch2/catch.hpp>

#include "tests/support/temporary_folder.h"

#include "penstock/v1/hook.grpc.pb.h"

namespace penstock::sdk {
namespace {

using namespace std::chrono_literals;

// Content of one message, in pieces of 5 octets; takes what is put in its place.
class FakeContent final : public v1::MessageFlowService::Service {
 public:
  grpc::Status GetRawMessageContent(
      grpc::ServerContext*, const v1::GetRawMessageContentRequest* request,
      grpc::ServerWriter<v1::GetRawMessageContentResponse>* writer) override {
    if (request->capability() != "may") return {grpc::StatusCode::PERMISSION_DENIED, "who asks?"};
    v1::GetRawMessageContentResponse response;
    response.set_content_octets(static_cast<std::int64_t>(content.size()));
    auto at = static_cast<std::size_t>(request->read_offset());
    do {
      response.set_data(content.substr(at, 5));
      at += 5;
      writer->Write(response);
      response.clear_content_octets();
    } while (at < content.size());
    return grpc::Status::OK;
  }

  grpc::Status PutRawMessageContent(grpc::ServerContext* context,
                                    grpc::ServerReader<v1::PutRawMessageContentRequest>* reader,
                                    v1::PutRawMessageContentResponse* response) override {
    v1::PutRawMessageContentRequest request;
    std::string taken;
    bool started = false;
    while (reader->Read(&request)) {
      if (request.has_start()) {
        started = request.start().message_id() == "m-1" && request.start().capability() == "may";
        continue;
      }
      if (request.data().size() > 1U << 20U) return {grpc::StatusCode::INVALID_ARGUMENT, "a piece"};
      taken += request.data();
      if (taken.starts_with("refuse")) {
        return {grpc::StatusCode::INVALID_ARGUMENT, "line 1: no header field"};
      }
    }
    if (context->IsCancelled()) return grpc::Status::CANCELLED;
    if (!started) return {grpc::StatusCode::PERMISSION_DENIED, "who puts?"};
    content = taken;
    response->set_effect(v1::PutRawMessageContentResponse::STAGED);
    response->set_content_octets(static_cast<std::int64_t>(content.size()));
    return grpc::Status::OK;
  }

  std::string content = "Subject: hello\r\n\r\nhello\r\n";
};

struct Called {
  grpc::Status status;
  v1::InvokeResponse response;
};

Called Call(const std::string& address, const v1::InvokeRequest& request,
            std::chrono::milliseconds timeout = 10s) {
  const auto channel = grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + timeout);
  Called called;
  called.status = v1::HookService::NewStub(channel)->Invoke(&context, request, &called.response);
  return called;
}

Called Call(const Server& server, const v1::InvokeRequest& request,
            std::chrono::milliseconds timeout = 10s) {
  return Call(server.address(), request, timeout);
}

std::unique_ptr<Server> Started(Decide decide, std::string listen = "127.0.0.1:0") {
  auto server = Server::Start(std::move(decide), {.listen = std::move(listen)});
  REQUIRE(server.ok());
  return *std::move(server);
}

v1::InvokeRequest RequestWithContent(const std::string& target) {
  v1::InvokeRequest request;
  request.set_hook("banner");
  request.set_organization("default");
  request.mutable_event()->set_message_id("m-1");
  request.mutable_content()->set_target(target);
  request.mutable_content()->set_capability("may");
  request.mutable_content()->set_may_read(true);
  request.mutable_content()->set_may_replace(true);
  return request;
}

}  // namespace

TEST_CASE("Server: a callable answers, over TCP and over a unix socket", "[hook_sdk][server]") {
  const tests::TemporaryFolder folder;
  for (const std::string& listen :
       {std::string("127.0.0.1:0"), "unix:" + folder.path() + "/hook"}) {
    const auto server = Started(
        [](Invocation& invocation) -> StatusOr<Answer> {
          CHECK(invocation.id() == "i-1");
          CHECK(invocation.inbound());
          CHECK_FALSE(invocation.cancelled());
          CHECK(invocation.time_left() > 1s);
          CHECK(invocation.time_left() <= 11s);  // gRPC rounds it up
          return Answer().ForAll(Deliver()).For({"a@x.example"}, Bounce("no")).For({}, Drop());
        },
        listen);
    v1::InvokeRequest request;
    request.mutable_event()->set_invocation_id("i-1");
    request.mutable_event()->set_flow_direction(v1::Event::INBOUND);
    const Called called = Call(*server, request);
    REQUIRE(called.status.ok());
    REQUIRE(called.response.actions_size() == 2);
    CHECK(called.response.actions(0).all_recipients());
    CHECK(called.response.actions(0).action().type() == v1::Action::DEFAULT);
    CHECK(called.response.actions(1).recipients(0) == "a@x.example");
    CHECK(called.response.actions(1).action().parameters().bounce_message() == "no");
  }
}

TEST_CASE("Server: what fails an attempt", "[hook_sdk][server]") {
  const auto server = Started([](Invocation& invocation) -> StatusOr<Answer> {
    if (invocation.id() == "not yet") return Unavailable("ask later");
    if (invocation.id() == "throws") throw std::runtime_error("out of luck");
    if (invocation.id() == "json") return Answer::FromJson(R"({"actions": []})");
    if (invocation.id() == "long") {
      return Answer().For(std::vector<std::string>(10'000, std::string(40, 'x')), Drop());
    }
    return Answer();
  });
  const auto call = [&](const std::string& id) {
    v1::InvokeRequest request;
    request.mutable_event()->set_invocation_id(id);
    return Call(*server, request);
  };
  CHECK(call("not yet").status.error_code() == grpc::StatusCode::UNAVAILABLE);
  CHECK(call("not yet").status.error_message() == "ask later");
  CHECK(call("throws").status.error_message() == "the hook threw: out of luck");
  CHECK(call("nothing").status.error_message() == "the hook's answer has no actions");
  CHECK(call("long").status.error_code() == grpc::StatusCode::INTERNAL);
  CHECK(call("json").response.json() == R"({"actions": []})");
}

TEST_CASE("Server: content is read and replaced in pieces", "[hook_sdk][server]") {
  FakeContent content;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&content);
  const auto content_server = builder.BuildAndStart();
  const std::string target = "127.0.0.1:" + std::to_string(port);

  SECTION("read and replace") {
    const auto server = Started([](Invocation& invocation) -> StatusOr<Answer> {
      auto reader = invocation.Read();
      REQUIRE(reader.ok());
      const auto first = reader->Next();
      REQUIRE(first.ok());
      CHECK(*first == "Subje");
      CHECK(reader->content_octets() == 25);
      const auto rest = reader->All(20);
      REQUIRE(rest.ok());
      CHECK(*rest == "ct: hello\r\n\r\nhello\r\n");
      CHECK(reader->Next()->empty());
      auto late = invocation.Read(v1::GetRawMessageContentRequest::ALL, 18);
      CHECK(late->All(100).value() == "hello\r\n");
      CHECK(invocation.Read()->All(24).status().code() == StatusCode::kResourceExhausted);

      auto writer = invocation.Replace();
      REQUIRE(writer.ok());
      CHECK(writer->Write(std::string(3'000'000, 'a')));
      CHECK(writer->Write("b"));
      const auto put = writer->Finish();
      REQUIRE(put.ok());
      CHECK(put->content_octets() == 3'000'001);
      CHECK_FALSE(writer->Finish().ok());
      return Answer().ForAll(Deliver());
    });
    CHECK(Call(*server, RequestWithContent(target)).status.ok());
    CHECK(content.content.size() == 3'000'001);
  }
  SECTION("refused, given up, not granted") {
    const auto server = Started([](Invocation& invocation) -> StatusOr<Answer> {
      if (!invocation.may_read()) return invocation.Read().status();
      auto writer = invocation.Replace();
      writer->Write("refuse this");
      const auto put = writer->Finish();
      CHECK(put.status().code() == StatusCode::kInvalidArgument);
      CHECK(Message(put.status()) == "line 1: no header field");
      invocation.Replace()->Write("half a mess");  // never finished: nothing is put
      CHECK(invocation.Read()->Next().ok());
      return Answer().ForAll(Deliver());
    });
    CHECK(Call(*server, RequestWithContent(target)).status.ok());
    CHECK(content.content.starts_with("Subject"));
    v1::InvokeRequest request = RequestWithContent(target);
    request.mutable_content()->set_capability("forged");
    request.clear_content();
    const Called denied = Call(*server, request);
    CHECK(denied.status.error_code() == grpc::StatusCode::PERMISSION_DENIED);
    CHECK(denied.status.error_message().find("penstock hook add-permission banner") !=
          std::string::npos);
  }
  content_server->Shutdown();
}

TEST_CASE("Server: a call that is given up is told, one that runs is waited for",
          "[hook_sdk][server]") {
  std::latch given_up(1);
  std::latch running(1);
  const auto server = Started([&](Invocation& invocation) -> StatusOr<Answer> {
    if (invocation.id() == "long") {
      while (!invocation.cancelled())
        std::this_thread::sleep_for(5ms);
      given_up.count_down();
      return Cancelled("nobody waits");
    }
    running.count_down();
    std::this_thread::sleep_for(200ms);
    return Answer().ForAll(Deliver());
  });
  v1::InvokeRequest request;
  request.mutable_event()->set_invocation_id("long");
  CHECK(Call(*server, request, 200ms).status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED);
  given_up.wait();

  Called called;
  std::jthread caller([&] { called = Call(*server, {}); });
  running.wait();
  server->Stop();
  caller.join();
  CHECK(called.status.ok());
  CHECK(called.response.actions_size() == 1);
}

TEST_CASE("Server: what it cannot start with", "[hook_sdk][server]") {
  const Decide decide = [](Invocation&) -> StatusOr<Answer> { return Answer(); };
  const auto code = [&](ServeOptions options) {
    return Server::Start(decide, std::move(options)).status().code();
  };
  CHECK(
      code({.listen = "127.0.0.1:0", .tls_certificate_file = "/nowhere", .tls_key_file = "/no"}) ==
      StatusCode::kInvalidArgument);
  CHECK(code({.listen = "127.0.0.1:0", .tls_key_file = "/nowhere"}) ==
        StatusCode::kInvalidArgument);
  CHECK(code({.listen = "127.0.0.1:0", .content_ca_file = "/nowhere"}) ==
        StatusCode::kInvalidArgument);
  CHECK(code({.listen = "unix:/nowhere/hook"}) == StatusCode::kUnavailable);
  const auto server = Started(decide);
  CHECK(code({.listen = server->address() + "x"}) == StatusCode::kUnavailable);
}

TEST_CASE("Server: a second one on the same address is refused", "[hook_sdk][server]") {
  const Decide decide = [](Invocation&) -> StatusOr<Answer> { return Answer().ForAll(Deliver()); };
  const auto server = Started(decide);
  const auto second = Server::Start(decide, {.listen = server->address()}).status();
  CHECK(second.code() == StatusCode::kUnavailable);
  CHECK(Message(second) ==
        server->address() +
            ": cannot be listened on; is the address in use, or not of this machine?");
  CHECK(Call(*server, {}).status.ok());
  server->Stop();
  CHECK(Server::Start(decide, {.listen = server->address()}).ok());  // it is free again at once
}

TEST_CASE("Serve: a hook that is derived, until a signal", "[hook_sdk][server]") {
  class AllJunk final : public Hook {
   public:
    StatusOr<Answer> Decide(Invocation& invocation) override {
      seen = invocation.id();
      return Answer().ForAll(Junk());
    }

    std::string seen;
  };

  AllJunk hook;
  Called called;
  std::jthread caller;
  const auto listening = [&, serving = pthread_self()](const std::string& address) {
    caller = std::jthread([&called, address, serving] {
      v1::InvokeRequest request;
      request.mutable_event()->set_invocation_id("i-1");
      called = Call(address, request);
      pthread_kill(serving, SIGTERM);  // to this thread alone: others of the test do not block it
    });
  };
  CHECK(Serve(hook, {.listen = "127.0.0.1:0", .listening = listening}).ok());
  caller.join();
  REQUIRE(called.status.ok());
  CHECK(called.response.actions(0).action().type() == v1::Action::MOVE_TO_JUNK);
  CHECK(hook.seen == "i-1");
}

}  // namespace penstock::sdk
