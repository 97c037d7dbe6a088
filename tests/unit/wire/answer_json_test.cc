// SPDX-License-Identifier: Apache-2.0
#include "engine/wire/answer_json.h"

#include <chrono>
#include <string>

#include <catch2/catch.hpp>

#include "engine/base/limits.h"
#include "engine/flow/resolve.h"
#include "tests/support/resolve_vector.h"
#include "tests/support/vectors.h"

using namespace penstock;        // NOLINT(google-build-using-namespace)
using namespace penstock::wire;  // NOLINT(google-build-using-namespace)
using tests::Json;
using tests::LoadVectors;
using tests::Vector;

namespace {

// One object for each entry, with what is there.
Json AnswerJson(const flow::Answer& answer) {
  Json entries = Json::array();
  for (const flow::AnswerEntry& entry : answer.actions) {
    Json json = Json::object();
    if (!entry.type.empty()) json["type"] = entry.type;
    if (entry.bounce_message) json["message"] = *entry.bounce_message;
    if (entry.has_recipients) json["recipients"] = entry.recipients;
    if (entry.all_recipients) json["all"] = true;
    entries.push_back(std::move(json));
  }
  return entries;
}

std::string Repeat(std::size_t times, std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i)
    out.append(text);
  return out;
}

std::string Refusal(const StatusOr<flow::Answer>& answer) {
  REQUIRE_FALSE(answer.ok());
  CHECK(answer.status().code() == StatusCode::kInvalidArgument);
  return std::string(Message(answer.status()));
}

}  // namespace

TEST_CASE("AnswerJson: vectors", "[wire][answer_json]") {
  for (const Vector& v : LoadVectors("wire/answer_json.json")) {
    DYNAMIC_SECTION(v.name) {
      const auto answer = ParseAnswerJson(v.input.get<std::string>());
      CAPTURE(v.clauses, v.basis, Message(answer.status()));
      if (v.want.is_string()) {
        CHECK_THAT(Refusal(answer), Catch::StartsWith(v.want.get<std::string>()));
      } else {
        REQUIRE(answer.ok());
        CHECK(AnswerJson(*answer) == v.want);
        CHECK_FALSE(answer->typed);
      }
    }
  }
}

TEST_CASE("AnswerJson: from the text that a function returned to what becomes of everyone",
          "[wire][answer_json]") {
  for (const Vector& v : LoadVectors("wire/answer_outcome.json")) {
    DYNAMIC_SECTION(v.name) {
      Json input = v.input;
      const std::string text = input.at("answer").is_string() ? input["answer"].get<std::string>()
                                                              : input["answer"].dump();
      const tests::ResolveCase at(input);
      const auto answer = ParseAnswerJson(text);
      const StatusOr<flow::Resolution> resolution =
          answer.ok() ? flow::Resolve(at.input, *answer) : answer.status();
      const Json got = tests::ResolutionJson(at.recipients, resolution);
      CAPTURE(v.clauses, v.basis, text, got.dump(1), v.want.dump(1));
      CHECK(tests::IsWanted(got, v.want));
    }
  }
}

TEST_CASE("AnswerJson: 262,144 octets are read, one more is refused", "[wire][answer_json]") {
  const std::string begin = R"({"actions":[{"action":{"type":"DROP"},"allRecipients":true}],"x":")";
  const std::string end = R"("})";
  const std::size_t room = limits::kAnswerOctetsMax - begin.size() - end.size();
  CHECK(ParseAnswerJson(begin + Repeat(room, "x") + end).ok());
  CHECK(Refusal(ParseAnswerJson(begin + Repeat(room + 1, "x") + end)) ==
        "answer: 262145 octets, over the 262144 that are allowed");
}

TEST_CASE("AnswerJson: 64 levels are read, one more is refused, a hundred thousand do no harm",
          "[wire][answer_json]") {
  const auto nested = [](std::size_t levels) {
    return R"({"x":)" + Repeat(levels - 1, "[") + Repeat(levels - 1, "]") +
           R"(,"actions":[{"action":{"type":"DROP"},"allRecipients":true}]})";
  };
  CHECK(ParseAnswerJson(nested(limits::kAnswerDepthMax)).ok());
  const std::string want = "answer: nested deeper than 64 arrays and objects";
  CHECK(Refusal(ParseAnswerJson(nested(limits::kAnswerDepthMax + 1))) == want);
  CHECK(Refusal(ParseAnswerJson(R"({"x":)" + Repeat(100'000, "["))) == want);
  CHECK(Refusal(ParseAnswerJson(R"({"actions":[{"action":)" + Repeat(40'000, R"({"x":)"))) == want);
  CHECK(Refusal(ParseAnswerJson(Repeat(100'000, "["))) ==
        "answer: expected an object, got an array");
}

TEST_CASE("AnswerJson: the largest hostile answers are read in linear time",
          "[wire][answer_json]") {
  const auto seconds = [](const std::string& text) {
    const auto start = std::chrono::steady_clock::now();
    const auto answer = ParseAnswerJson(text);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    CHECK(answer.ok());
    return taken.count();
  };
  const std::string many_names = R"({"actions":[{"action":{"type":"DROP"},"recipients":[)" +
                                 Repeat(65'000, R"("a",)") + R"("a"]}]})";
  const std::string repeated_key = R"({"actions":[{"action":{"type":"DROP"},)" +
                                   Repeat(15'000, R"("recipients":[],)") +
                                   R"("allRecipients":true}]})";
  const std::string many_entries = R"({"actions":[)" +
                                   Repeat(5'000, R"({"action":{"type":"DROP"},"recipients":[]},)") +
                                   R"({"action":{"type":"DROP"},"recipients":[]}]})";
  // Far from what each takes; quadratic work would be far beyond it.
  CHECK(seconds(many_names) < 2);
  CHECK(seconds(repeated_key) < 2);
  CHECK(seconds(many_entries) < 2);
}
