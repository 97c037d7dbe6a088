// SPDX-License-Identifier: Apache-2.0
// The content API over a store in memory, on loopback, with one message, and a client of it.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <boost/asio/thread_pool.hpp>

#include "engine/api/content_server.h"
#include "engine/async/grpc_call.h"
#include "engine/base/strings.h"
#include "engine/flow/capability.h"
#include "engine/runtime/capability_keeper.h"
#include "engine/runtime/system_clock.h"
#include "engine/store/memory_store.h"
#include "tests/support/await.h"
#include "tests/support/store_samples.h"

#include "penstock/v1/error.pb.h"
#include "penstock/v1/message_flow.grpc.pb.h"

namespace penstock::api {

inline const std::string kMessage =
    "From: a@example.com\r\nDate: Sat, 21 Nov 2026 19:48:00 +0000\r\nSubject: "
    "one\r\n\r\nHello.\r\n";

class FixedClock final : public ports::Clock {
 public:
  [[nodiscard]] Time Now() const override { return now_; }

  void Set(Time now) { now_ = now; }

 private:
  std::atomic<Time> now_ = tests::At(1);
};

// What a call came to.
struct Outcome {
  Status status;
  std::string data;  // of a Get
  std::vector<std::size_t> pieces;
  std::int64_t content_octets = 0;
  v1::PutRawMessageContentResponse response;  // of a Put
  v1::ErrorInfo info;
};

class ContentFixture {
 public:
  using Stub = v1::MessageFlowService::Stub;

  explicit ContentFixture(const std::string& content = kMessage) {
    Require(tests::Await(executor(), directory_.Load()));
    Require(tests::Await(executor(), keeper_.Load()));
    keeper_.SetTarget("unused");
    hook_.name = "screener";
    hook_.target = "127.0.0.1:1";
    hook_.permissions.resize(1);
    hook_.permissions[0].statement_id = "s";
    hook_.permissions[0].organization = "default";
    hook_.permissions[0].outbound = false;
    Grant(true, true);
    auto writer = store_.NewContent();
    Require(writer.status());
    Require((*writer)->Write(content));
    content_ = (*writer)->id();
    state_ = tests::ActiveMessage("7a3c0f6e-3b1d-4a52-9c07-5f6d1e2b8a90", content_);
    ports::Transaction transaction;
    transaction.contents.push_back(*std::move(writer));
    transaction.messages.push_back({state_, {}});
    Commit(std::move(transaction));
    auto server =
        ContentServer::Start({"127.0.0.1:0", "", std::nullopt}, directory_, keeper_, desk_, clock_);
    Require(server.status());
    server_ = *std::move(server);
    stub_ = v1::MessageFlowService::NewStub(
        grpc::CreateChannel(server_->target(), grpc::InsecureChannelCredentials()));
  }

  static void Require(const Status& status) {
    if (!status.ok()) throw std::runtime_error(std::string(Message(status)));
  }

  void Commit(ports::Transaction transaction) {
    Require(tests::Await(executor(), store_.Commit(std::move(transaction))));
  }

  // What the hook's permission grants from now on.
  void Grant(bool read, bool replace, bool invoke = true) {
    hook_.permissions[0].read = read;
    hook_.permissions[0].replace = replace;
    hook_.permissions[0].invoke = invoke;
    SetHook(false);
  }

  void SetHook(bool removed) {
    ports::Transaction transaction;
    transaction.resources.push_back({hook_, removed, "test", clock_.Now()});
    Commit(std::move(transaction));
    Require(tests::Await(executor(), directory_.Load()));
  }

  // The message has left, and nobody may read it later.
  void Close() {
    ports::Transaction transaction;
    transaction.messages.push_back({tests::Closed(state_), {}});
    Commit(std::move(transaction));
  }

  // What the hook is given for attempt `attempt`.
  [[nodiscard]] flow::Capability CapabilityFor(std::uint32_t attempt = 1) const {
    flow::Capability capability;
    capability.message = state_.id;
    capability.invocation = state_.invocations[0].id;
    capability.attempt = attempt;
    capability.hook = hook_.name;
    capability.organization = "default";
    capability.may_read = capability.may_replace = true;
    capability.expire_time = tests::At(86'400);
    return capability;
  }

  std::string Token(const flow::Capability& capability) {
    return tests::Await(executor(), keeper_.Grant(capability)).value().capability;
  }

  runtime::ContentDesk::Attempt Begin(std::uint32_t attempt = 1) {
    return desk_.Begin({state_.id, state_.invocations[0].id, attempt}, content_);
  }

  [[nodiscard]] v1::GetRawMessageContentRequest GetRequest(const std::string& token) const {
    v1::GetRawMessageContentRequest request;
    request.set_message_id(state_.id.text());
    request.set_capability(token);
    return request;
  }

  Outcome Get(const v1::GetRawMessageContentRequest& request) {
    grpc::ClientContext context;
    SetDeadline(context);
    const auto stream = stub_->GetRawMessageContent(&context, request);
    Outcome outcome;
    v1::GetRawMessageContentResponse piece;
    while (stream->Read(&piece)) {
      outcome.data += piece.data();
      outcome.pieces.push_back(piece.data().size());
      outcome.content_octets += piece.content_octets();
    }
    Finish(stream->Finish(), context, outcome);
    return outcome;
  }

  Outcome Put(const std::string& message, const std::string& token, const std::string& content) {
    v1::PutRawMessageContentRequest start;
    start.mutable_start()->set_message_id(message);
    start.mutable_start()->set_capability(token);
    v1::PutRawMessageContentRequest data;
    data.set_data(content);
    return Put({start, data});
  }

  Outcome Put(const std::vector<v1::PutRawMessageContentRequest>& pieces) {
    grpc::ClientContext context;
    SetDeadline(context);
    Outcome outcome;
    const auto stream = stub_->PutRawMessageContent(&context, &outcome.response);
    for (const auto& piece : pieces) {
      if (!stream->Write(piece)) break;
    }
    stream->WritesDone();
    Finish(stream->Finish(), context, outcome);
    return outcome;
  }

  static void SetDeadline(grpc::ClientContext& context) {
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  }

  [[nodiscard]] async::Executor executor() { return pool_.get_executor(); }

  [[nodiscard]] const std::string& message() const { return state_.id.text(); }

  [[nodiscard]] FixedClock& clock() { return clock_; }

  [[nodiscard]] runtime::ContentDesk& desk() { return desk_; }

  [[nodiscard]] Stub& stub() { return *stub_; }

  [[nodiscard]] ContentServer& server() { return *server_; }

 private:
  static void Finish(const grpc::Status& status, const grpc::ClientContext& context,
                     Outcome& outcome) {
    outcome.status = async::FromGrpc(status);
    const auto& trailers = context.GetServerTrailingMetadata();
    const auto found = trailers.find("penstock-error-info-bin");
    if (found == trailers.end()) return;
    outcome.info.ParseFromArray(found->second.data(), static_cast<int>(found->second.size()));
  }

  boost::asio::thread_pool pool_{2};
  store::MemoryStore store_;
  FixedClock clock_;
  runtime::SystemRandom random_;
  runtime::DirectoryKeeper directory_{store_, clock_};
  runtime::CapabilityKeeper keeper_{store_, clock_, random_};
  runtime::ContentDesk desk_{store_};
  flow::Hook hook_;
  ContentId content_;
  flow::MessageState state_;
  std::unique_ptr<ContentServer> server_;
  std::unique_ptr<Stub> stub_;
};

}  // namespace penstock::api
