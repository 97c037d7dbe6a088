// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "engine/base/limits.h"
#include "tests/integration/api/content_fixture.h"
#include "tests/support/vectors.h"

namespace penstock::api {
namespace {

using Attempt = runtime::ContentDesk::Attempt;
using Piece = v1::PutRawMessageContentRequest;

const std::string kOther =
    "From: a@example.com\r\nDate: Sat, 21 Nov 2026 19:48:00 +0000\r\nSubject: two\r\n\r\nHi.\r\n";

bool Contains(const tests::Json& list, const std::string& word) {
  for (const tests::Json& one : list) {
    if (one == word) return true;
  }
  return false;
}

// The world that a row of content_calls.json speaks of.
struct Scene {
  explicit Scene(const tests::Json& input) {
    flow::Capability capability = fixture.CapabilityFor();
    const auto word = [&input](const char* key) { return input.value(key, std::string()); };
    if (word("mode") == "ASYNC") capability.mode = rules::InvocationMode::kAsync;
    if (input.contains("organization")) capability.organization = word("organization");
    if (word("direction") == "OUTBOUND") capability.direction = rules::FlowDirection::kOutbound;
    if (input.contains("may")) {
      capability.may_read = Contains(input.at("may"), "read");
      capability.may_replace = Contains(input.at("may"), "replace");
    }
    token = fixture.Token(capability);
    if (input.value("earlier_run", false)) {
      flow::Capability earlier = capability;
      ++earlier.run;
      token = fixture.Token(earlier);
    }
    if (word("token") == "none") token.clear();
    if (word("token") == "changed") token[40] = static_cast<char>(token[40] ^ 1);
    if (word("token") == "cut") token.pop_back();
    if (word("token") == "foreign") token = ContentFixture().Token(capability);
    asked = fixture.message();
    if (word("asked") == "the other message") asked.back() = '1';
    if (word("asked") == "nowhere") asked = "nowhere";
    if (input.value("expired", false)) fixture.clock().Set(capability.expire_time);
    BeginAttempt(word("attempt"), capability);
    if (input.value("next_attempt", false)) next.emplace(fixture.Begin(2));
    if (word("grant") == "none") fixture.Grant(false, false);
    if (word("grant") == "read") fixture.Grant(true, false);
    if (word("grant") == "uncallable") fixture.Grant(true, true, false);
    if (word("grant") == "hook removed") fixture.SetHook(true);
    if (word("content") == "gone") fixture.Close();
  }

  void BeginAttempt(const std::string& what, const flow::Capability& its) {
    if (what.empty() || what == "never") return;
    attempt.emplace(fixture.Begin());
    if (what == "answered") attempt->TakeStaged();
    if (what == "failed") attempt.reset();
    if (what == "frozen") fixture.desk().Freeze(its.invocation);
    if (what == "has put") fixture.Put(fixture.message(), fixture.Token(its), kOther);
  }

  ContentFixture fixture;
  std::optional<Attempt> attempt;
  std::optional<Attempt> next;
  std::string token;
  std::string asked;
};

}  // namespace

TEST_CASE("Content calls: who may do what, and when", "[api][content][P1][P2][M3]") {
  for (const tests::Vector& v : tests::LoadVectors("api/content_calls.json")) {
    DYNAMIC_SECTION(v.name) {
      Scene scene(v.input);
      v1::GetRawMessageContentRequest request = scene.fixture.GetRequest(scene.token);
      request.set_message_id(scene.asked);
      const Outcome got = scene.fixture.Get(request);
      const Outcome put = scene.fixture.Put(scene.asked, scene.token, kOther);
      CHECK(CodeName(got.status.code()) == v.want.at("get"));
      CHECK(got.data == (got.status.ok() ? kMessage : ""));
      const std::string want = v.want.at("put");
      if (put.status.ok()) {
        CHECK(v1::PutRawMessageContentResponse::Effect_Name(put.response.effect()) == want);
        CHECK(put.response.content_octets() == static_cast<std::int64_t>(kOther.size()));
        if (got.status.ok()) CHECK(scene.fixture.Get(request).data == kOther);  // M2
        return;
      }
      CHECK(CodeName(put.status.code()) == want);
      CHECK(put.info.reason() == (want == "FAILED_PRECONDITION" ? "MessageFrozen" : want));
      // Whatever is wrong with a capability, the words are the same.
      if (want == "PERMISSION_DENIED") {
        const Outcome nothing = scene.fixture.Put("", "", "");
        CHECK(nothing.status == put.status);
        CHECK(nothing.info.SerializeAsString() == put.info.SerializeAsString());
      }
    }
  }
}

TEST_CASE("Content API: where it may listen", "[api][content][P3]") {
  for (const tests::Vector& v : tests::LoadVectors("api/content_listen.json")) {
    DYNAMIC_SECTION(v.name) {
      ContentServerOptions options;
      options.listen = v.input.at("listen");
      options.target = v.input.value("target", std::string());
      if (v.input.contains("tls")) options.tls.emplace();
      const Status status = Validate(options);
      const std::string want = v.want;
      CHECK(status.ok() == want.empty());
      CHECK(Message(status).starts_with(want));
    }
  }
}

TEST_CASE("Content Get: from an offset, and the header section alone", "[api][content][M1]") {
  std::string content = kMessage;
  while (content.size() < 200'000)
    content += "0123456789abcdef0123456789abcdef0123456789abcdef0123456789\r\n";
  ContentFixture fixture(content);
  const std::string token = fixture.Token(fixture.CapabilityFor());
  auto request = fixture.GetRequest(token);
  for (const std::size_t offset : std::vector<std::size_t>{
           0, 1, 65'535, 65'536, 65'537, content.size() - 1, content.size(), content.size() + 1}) {
    CAPTURE(offset);
    request.set_read_offset(static_cast<std::int64_t>(offset));
    const Outcome got = fixture.Get(request);
    CHECK(got.status.ok());
    CHECK(got.data == content.substr(std::min(offset, content.size())));
    CHECK(got.content_octets == static_cast<std::int64_t>(content.size()));
    CHECK(got.pieces.size() == std::max<std::size_t>(1, (got.data.size() + 65'535) / 65'536));
  }
  request.set_part(v1::GetRawMessageContentRequest::HEADER_SECTION);
  const std::size_t header_octets = kMessage.find("\r\n\r\n") + 4;
  for (const std::size_t offset : std::vector<std::size_t>{0, 5, header_octets, 100'000}) {
    request.set_read_offset(static_cast<std::int64_t>(offset));
    const Outcome got = fixture.Get(request);
    CHECK(got.data == content.substr(0, header_octets).substr(std::min(offset, header_octets)));
    CHECK(got.content_octets == static_cast<std::int64_t>(content.size()));
    CHECK(got.pieces.size() == 1);
  }
  request.set_read_offset(-1);
  CHECK(fixture.Get(request).status.code() == StatusCode::kInvalidArgument);
  CHECK(fixture.Get(request).info.field() == "read_offset");
  request.set_read_offset(0);
  request.set_part(static_cast<v1::GetRawMessageContentRequest::Part>(9));
  CHECK(fixture.Get(request).info.field() == "part");
}

TEST_CASE("Content Get: of nothing, and of a header section that does not end",
          "[api][content][M1]") {
  for (const std::string& content : {std::string(), std::string("Subject: a\r\n")}) {
    ContentFixture fixture(content);
    auto request = fixture.GetRequest(fixture.Token(fixture.CapabilityFor()));
    for (const auto part :
         {v1::GetRawMessageContentRequest::ALL, v1::GetRawMessageContentRequest::HEADER_SECTION}) {
      request.set_part(part);
      const Outcome got = fixture.Get(request);
      CHECK(got.status.ok());
      CHECK(got.data == content);
      CHECK(got.pieces.size() == 1);
    }
  }
}

TEST_CASE("Content Get: a permission that is removed ends it at once", "[api][content][P1]") {
  ContentFixture fixture(kMessage + std::string(32U << 20U, 'x'));
  grpc::ClientContext context;
  ContentFixture::SetDeadline(context);
  const auto stream = fixture.stub().GetRawMessageContent(
      &context, fixture.GetRequest(fixture.Token(fixture.CapabilityFor())));
  v1::GetRawMessageContentResponse piece;
  REQUIRE(stream->Read(&piece));
  fixture.Grant(false, false);
  while (stream->Read(&piece)) {
  }
  CHECK(stream->Finish().error_code() == grpc::StatusCode::PERMISSION_DENIED);
}

TEST_CASE("Content Put: what does not end by half-closing has put nothing", "[api][content][M2]") {
  ContentFixture fixture;
  auto attempt = fixture.Begin();
  const std::string token = fixture.Token(fixture.CapabilityFor());
  Piece start;
  start.mutable_start()->set_message_id(fixture.message());
  start.mutable_start()->set_capability(token);
  Piece data;
  data.set_data(kOther);
  for (int round = 0; round < 100; ++round) {
    grpc::ClientContext context;
    ContentFixture::SetDeadline(context);
    v1::PutRawMessageContentResponse response;
    const auto stream = fixture.stub().PutRawMessageContent(&context, &response);
    REQUIRE(stream->Write(start));
    REQUIRE(stream->Write(data));
    if (round % 2 == 0) std::this_thread::yield();
    context.TryCancel();
    CHECK(stream->Finish().error_code() == grpc::StatusCode::CANCELLED);
  }
  CHECK(fixture.Get(fixture.GetRequest(token)).data == kMessage);
  fixture.server().Stop();  // the last of them has ended
  CHECK(attempt.TakeStaged().content == nullptr);
}

TEST_CASE("Content Put: the last whole one counts", "[api][content][M2]") {
  ContentFixture fixture;
  auto attempt = fixture.Begin();
  const std::string token = fixture.Token(fixture.CapabilityFor());
  for (const std::string& content : {kMessage, kOther}) {
    const Outcome put = fixture.Put(fixture.message(), token, content);
    CHECK(put.status.ok());
    CHECK(fixture.Get(fixture.GetRequest(token)).data == content);
  }
  CHECK(attempt.TakeStaged().content->octets() == kOther.size());
}

TEST_CASE("Content Put: an attempt that ends while octets come freezes it", "[api][content][M3]") {
  ContentFixture fixture;
  std::optional<Attempt> attempt(fixture.Begin());
  grpc::ClientContext context;
  ContentFixture::SetDeadline(context);
  v1::PutRawMessageContentResponse response;
  const auto stream = fixture.stub().PutRawMessageContent(&context, &response);
  Piece piece;
  piece.mutable_start()->set_message_id(fixture.message());
  piece.mutable_start()->set_capability(fixture.Token(fixture.CapabilityFor()));
  REQUIRE(stream->Write(piece));
  attempt.reset();
  piece.set_data(kOther);
  stream->Write(piece);
  stream->WritesDone();
  const grpc::Status status = stream->Finish();
  CHECK(status.error_code() == grpc::StatusCode::FAILED_PRECONDITION);
  CHECK(status.error_message().starts_with("MessageFrozen: "));
}

TEST_CASE("Content Put: pieces in the wrong order, too large, too many", "[api][content][M3]") {
  ContentFixture fixture;
  const auto attempt = fixture.Begin();
  Piece start;
  start.mutable_start()->set_message_id(fixture.message());
  start.mutable_start()->set_capability(fixture.Token(fixture.CapabilityFor()));
  Piece data;
  data.set_data(kOther);
  CHECK(fixture.Put({}).status.code() == StatusCode::kPermissionDenied);
  CHECK(fixture.Put({data}).status.code() == StatusCode::kPermissionDenied);
  const Outcome twice = fixture.Put({start, start});
  CHECK(twice.status.code() == StatusCode::kInvalidArgument);
  CHECK(twice.info.field() == "piece");
  CHECK(fixture.Put({start, Piece()}).status.code() == StatusCode::kInvalidArgument);
  std::string large = kOther;
  while (large.size() < limits::kContentPutPieceOctetsMax)
    large += std::string(62, 'x') + "\r\n";
  data.set_data(large.substr(0, limits::kContentPutPieceOctetsMax + 1));
  CHECK(fixture.Put({start, data}).info.field() == "data");
  data.set_data(std::string(2 * limits::kContentPutPieceOctetsMax, 'x'));
  CHECK(fixture.Put({start, data}).status.code() == StatusCode::kResourceExhausted);
  data.set_data(large.substr(0, limits::kContentPutPieceOctetsMax));
  CHECK(fixture.Put({start, data}).status.ok());
  fixture.desk().SetContentOctetsMax(kOther.size());
  CHECK(fixture.Put({start, data}).status.code() == StatusCode::kResourceExhausted);
  data.set_data(kOther);
  CHECK(fixture.Put({start, data}).status.ok());
}

TEST_CASE("Content API: a stop waits for no client", "[api][content]") {
  ContentFixture fixture(kMessage + std::string(32U << 20U, 'x'));
  const auto attempt = fixture.Begin();
  const std::string token = fixture.Token(fixture.CapabilityFor());
  grpc::ClientContext get_context;
  const auto get = fixture.stub().GetRawMessageContent(&get_context, fixture.GetRequest(token));
  v1::GetRawMessageContentResponse piece;
  REQUIRE(get->Read(&piece));
  grpc::ClientContext put_context;
  v1::PutRawMessageContentResponse response;
  const auto put = fixture.stub().PutRawMessageContent(&put_context, &response);
  Piece start;
  start.mutable_start()->set_message_id(fixture.message());
  start.mutable_start()->set_capability(token);
  REQUIRE(put->Write(start));
  fixture.server().Stop();  // neither reads nor sends any more
  while (get->Read(&piece)) {
  }
  CHECK(!get->Finish().ok());
  CHECK(!put->Finish().ok());
}

}  // namespace penstock::api
