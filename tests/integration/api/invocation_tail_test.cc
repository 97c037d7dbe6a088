// SPDX-License-Identifier: Apache-2.0
// TailInvocations on a real socket: what watchers see, lose, and are told at the end.
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <grpcpp/support/sync_stream.h>

#include <catch2/catch.hpp>

#include "engine/base/limits.h"
#include "engine/runtime/hook_tail.h"
#include "tests/integration/api/services_fixture.h"

#include "penstock/v1/hooks.grpc.pb.h"

namespace penstock::api {
namespace {

using runtime::TailLine;
using Response = v1::TailInvocationsResponse;

constexpr const char* kBegun = "penstock-begun";

// One call, begun.
class Watcher {
 public:
  explicit Watcher(Fixture& fixture, const v1::TailInvocationsRequest& request = {})
      : stub_(v1::HookRegistryService::NewStub(fixture.channel())),
        reader_(stub_->TailInvocations(&context_, request)) {
    reader_->WaitForInitialMetadata();
    begun_ = context_.GetServerInitialMetadata().contains(kBegun);
  }

  [[nodiscard]] bool begun() const { return begun_; }

  // The next response; an empty one if the stream has ended.
  Response Next() {
    Response response;
    if (!reader_->Read(&response)) response.Clear();
    return response;
  }

  grpc::Status End() {
    Response response;
    while (reader_->Read(&response)) {
    }
    return reader_->Finish();
  }

  void Cancel() { context_.TryCancel(); }

  // The field or reason that came with the status.
  v1::ErrorInfo info() {
    v1::ErrorInfo info;
    const auto& trailers = context_.GetServerTrailingMetadata();
    const auto found = trailers.find("penstock-error-info-bin");
    if (found != trailers.end()) {
      info.ParseFromArray(found->second.data(), static_cast<int>(found->second.size()));
    }
    return info;
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<v1::HookRegistryService::Stub> stub_;
  std::unique_ptr<grpc::ClientReader<Response>> reader_;
  bool begun_ = false;
};

TailLine Line(std::uint32_t attempt) {
  TailLine line;
  line.ended = FromUnixMillis(1'790'000'000'123);
  line.hook = "disclaimer";
  line.organization = "acme";
  line.direction = rules::FlowDirection::kOutbound;
  line.rule = "ask";
  line.message = MessageId("00000000-0000-4000-8000-000000000001");
  line.invocation = InvocationId("0123456789abcdef0123456789abcdef");
  line.attempt = attempt;
  line.duration = Milliseconds(1500);
  line.code = "OK";
  line.outcomes = {{"BOUNCE", {"bob@x.example"}, 4}};
  return line;
}

void WaitUntilNobodyWatches(Fixture& fixture) {
  for (int i = 0; i < 10'000 && fixture.admin().hooks.tail().watched(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  CHECK_FALSE(fixture.admin().hooks.tail().watched());
}

}  // namespace

TEST_CASE("TailInvocations: each watcher gets every line, whole", "[api][tail]") {
  Fixture fixture;
  Watcher first(fixture);
  Watcher second(fixture);
  REQUIRE(first.begun());
  REQUIRE(second.begun());
  TailLine retry = Line(2);
  retry.mode = rules::InvocationMode::kAsync;
  retry.code = "UNAVAILABLE";
  retry.detail = "nobody there";
  retry.result = TailLine::Result::kRetry;
  retry.next_attempt = FromUnixMillis(1'790'000'060'123);
  retry.outcomes.clear();
  fixture.admin().hooks.tail().Tell(Line(1));
  fixture.admin().hooks.tail().Tell(retry);
  for (Watcher* watcher : {&first, &second}) {
    const Response line = watcher->Next();
    CHECK(line.missed_count() == 0);
    CHECK(line.end_time().seconds() == 1'790'000'000);
    CHECK(line.hook() == "disclaimer");
    CHECK(line.organization() == "acme");
    CHECK(line.message() == "messages/00000000-0000-4000-8000-000000000001");
    CHECK(line.invocation_id() == "0123456789abcdef0123456789abcdef");
    CHECK(line.flow_rule() == "organizations/acme/directions/outbound/flowRules/ask");
    CHECK(line.mode() == v1::InvokeRequest::SYNC);
    CHECK(line.attempt() == 1);
    CHECK(line.duration().nanos() == 500'000'000);
    CHECK(line.code() == "OK");
    CHECK(line.result() == Response::ANSWERED);
    REQUIRE(line.outcomes_size() == 1);
    CHECK(line.outcomes(0).action() == "BOUNCE");
    CHECK(line.outcomes(0).recipients(0) == "bob@x.example");
    CHECK(line.outcomes(0).recipient_count() == 4);
    CHECK_FALSE(line.has_next_attempt_time());
    const Response next = watcher->Next();
    CHECK(next.mode() == v1::InvokeRequest::ASYNC);
    CHECK(next.result() == Response::RETRY);
    CHECK(next.detail() == "nobody there");
    CHECK(next.next_attempt_time().seconds() == 1'790'000'060);
  }
  first.Cancel();
  CHECK(first.End().error_code() == grpc::StatusCode::CANCELLED);
  second.Cancel();
  CHECK(second.End().error_code() == grpc::StatusCode::CANCELLED);
  WaitUntilNobodyWatches(fixture);
}

TEST_CASE("TailInvocations: a watcher that does not read loses lines, and is told how many",
          "[api][tail]") {
  Fixture fixture;
  Watcher slow(fixture);
  REQUIRE(slow.begun());
  constexpr std::uint32_t kTold = 20'000;
  for (std::uint32_t i = 1; i <= kTold; ++i)
    fixture.admin().hooks.tail().Tell(Line(i));
  std::int64_t seen = 0;
  std::int64_t missed = 0;
  while (seen + missed < kTold) {
    const Response response = slow.Next();
    missed += response.missed_count();
    if (response.missed_count() == 0) ++seen;
    // What is there is where it belongs.
    if (response.missed_count() == 0) REQUIRE(response.attempt() == seen + missed);
  }
  CHECK(missed > 0);
  CHECK(seen >= static_cast<std::int64_t>(limits::kTailLinesMax));
  slow.Cancel();
  slow.End();
}

TEST_CASE("TailInvocations: what is refused", "[api][tail]") {
  Fixture fixture;
  v1::TailInvocationsRequest request;
  request.set_name("hooks/nobody");
  Watcher unknown(fixture, request);
  CHECK_FALSE(unknown.begun());
  CHECK(unknown.End().error_code() == grpc::StatusCode::NOT_FOUND);
  CHECK(unknown.info().reason() == "NOT_FOUND");
  request.Clear();
  request.set_organization("nobody");
  Watcher stranger(fixture, request);
  CHECK(stranger.End().error_code() == grpc::StatusCode::NOT_FOUND);
  CHECK(stranger.info().hint() == "penstock org list");
  std::vector<std::unique_ptr<Watcher>> watchers;
  for (std::size_t i = 0; i < limits::kTailWatchersMax; ++i) {
    watchers.push_back(std::make_unique<Watcher>(fixture));
    REQUIRE(watchers.back()->begun());
  }
  Watcher surplus(fixture);
  CHECK(surplus.End().error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
  CHECK_FALSE(surplus.info().reason().empty());
  for (const auto& watcher : watchers) {
    watcher->Cancel();
    watcher->End();
  }
}

TEST_CASE("TailInvocations: a stop ends it, with what there is told first", "[api][tail][stop]") {
  Fixture fixture;
  Watcher watcher(fixture);
  REQUIRE(watcher.begun());
  fixture.admin().hooks.tail().Tell(Line(1));
  fixture.admin().hooks.tail().Close();
  CHECK(watcher.Next().attempt() == 1);
  const grpc::Status end = watcher.End();
  CHECK(end.error_code() == grpc::StatusCode::UNAVAILABLE);
  CHECK(end.error_message() == "the daemon is stopping");
  CHECK(watcher.info().reason() == "UNAVAILABLE");
  Watcher late(fixture);
  CHECK(late.End().error_code() == grpc::StatusCode::UNAVAILABLE);
}

TEST_CASE("TailInvocations: a server that ends without a word cancels it", "[api][tail][stop]") {
  Fixture fixture;
  Watcher watcher(fixture);
  REQUIRE(watcher.begun());
  fixture.server().Stop(Milliseconds(0));
  CHECK_FALSE(watcher.End().ok());
  WaitUntilNobodyWatches(fixture);
}

}  // namespace penstock::api
