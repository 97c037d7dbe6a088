// SPDX-License-Identifier: Apache-2.0
// Every kind of ready-made hook by its table: a file, calls, and what each of them answers. What a
// hook is given and what it says is written as a person would:
//
//   input   internal_domains, hook (its kind and settings; "this" is its name), others (by name),
//           calls: at (milliseconds), id, from, sender, to, truncated, direction, message, content
//           (denied, too large, cut), refusal (of the changed mail), times (of calls with
//           numbers behind id and rule); what a call does not say is said beside `calls`
//   want    calls: answer ("BOUNCE a@x.example: text", "DEFAULT rest b@x.example"), message (where
//           it changed), notes, error, files, healthy, counted
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include <catch2/catch.hpp>

#include "engine/base/metrics.h"
#include "engine/base/strings.h"
#include "engine/mail/header_section.h"
#include "hooks/builtin/config.h"
#include "hooks/builtin/verdict.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/vectors.h"
#include "tests/unit/mail/octets.h"

using namespace penstock;           // NOLINT(google-build-using-namespace)
using namespace penstock::builtin;  // NOLINT(google-build-using-namespace)
using penstock::tests::Json;
using penstock::tests::LoadVectors;
using penstock::tests::Octets;
using penstock::tests::TemporaryFolder;

namespace {

class MemoryContent final : public ContentSource {
 public:
  MemoryContent(std::string octets, std::string trouble)
      : octets_(std::move(octets)), trouble_(std::move(trouble)) {}

  StatusOr<std::string> HeaderSection() override {
    if (trouble_ == "denied") return PermissionDenied("not granted");
    return octets_.substr(0, mail::HeaderSection::Scan(octets_).body_offset());
  }

  StatusOr<std::string> Rest(std::size_t offset) override {
    if (trouble_ == "denied") return PermissionDenied("not granted");
    if (trouble_ == "too large") return FailedPrecondition("the mail is too large");
    return octets_.substr(offset);
  }

  Status Stream(const std::function<Status(std::uint64_t octets)>& size,
                const OctetSink& sink) override {
    if (trouble_ == "denied") return PermissionDenied("not granted");
    if (const Status told = size(octets_.size()); !told.ok()) return told;
    for (std::size_t at = 0; at < octets_.size(); at += 5) {
      if (trouble_ == "cut" && at > 0) return Unavailable("the line broke");
      const Status taken = sink(octets_.substr(at, 5));
      if (!taken.ok()) return taken;
    }
    return OkStatus();
  }

 private:
  const std::string octets_;
  const std::string trouble_;
};

// What is counted while it lives.
class Counted final : public MetricSink {
 public:
  Counted() { SetMetricSink(this); }

  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

  ~Counted() override { SetMetricSink(nullptr); }

  void Record(const Metric& metric, std::initializer_list<MetricLabel> labels,
              double value) override {
    std::string line = metric.name;
    for (const MetricLabel& label : labels)
      Append(line, " ", label.value);
    sums[line] += static_cast<int>(value);
  }

  std::map<std::string, int> sums;
};

v1::InvokeRequest RequestOf(const Json& call) {
  v1::InvokeRequest request;
  request.set_hook("this");
  request.set_organization(call.value("organization", "default"));
  request.set_rule(call.value("rule", "ask"));
  v1::Event& event = *request.mutable_event();
  event.set_invocation_id(call.value("id", "0123456789abcdef0123456789abcdef"));
  event.set_flow_direction(call.value("direction", "inbound") == "inbound" ? v1::Event::INBOUND
                                                                           : v1::Event::OUTBOUND);
  event.mutable_envelope()->mutable_mail_from()->set_address(
      call.value("from", "sender@elsewhere.example"));
  event.set_truncated(call.value("truncated", false));
  if (call.contains("sender")) event.mutable_sender()->set_address(call.at("sender"));
  for (const Json& recipient : call.value("to", Json::array({"alice@example.com"})))
    event.mutable_envelope()->add_recipients()->set_address(recipient.get<std::string>());
  return request;
}

// "BOUNCE a@x.example: text", one line an entry.
Json WordsOf(const v1::InvokeResponse& response) {
  Json lines = Json::array();
  for (const v1::ActionEntry& entry : response.actions()) {
    std::string line = v1::Action::Type_Name(entry.action().type());
    if (entry.all_recipients()) line += " rest";
    for (const std::string& recipient : entry.recipients())
      Append(line, " ", recipient);
    const std::string& text = entry.action().parameters().bounce_message();
    if (!text.empty()) Append(line, ": ", text);
    lines.push_back(line);
  }
  return lines;
}

// The names and, of .eml, the octets of all files.
Json FilesOf(const std::string& folder) {
  std::map<std::string, std::string> files;
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder)) {
    if (!file.is_regular_file()) continue;
    CHECK((file.status().permissions() & std::filesystem::perms::all) ==
          (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
    std::ifstream in(file.path(), std::ios::binary);
    const std::string octets(std::istreambuf_iterator<char>(in), {});
    const std::string name = std::filesystem::relative(file.path(), folder);
    files[name] = name.ends_with(".eml") ? octets : octets.empty() ? "empty" : "full";
  }
  return files;
}

void Run(MailHook& hook, const Json& call, const Json& want, const std::string& folder) {
  const v1::InvokeRequest request = RequestOf(call);
  const std::string message =
      call.contains("message") ? Octets(call.at("message")) : "Subject: hello\r\n\r\nhello\r\n";
  MemoryContent source(message, call.value("content", ""));
  MailContent content(source);
  Counted counted;
  StatusOr<Decision> decision = hook.Decide({request, content, Milliseconds(call.value("at", 0))});
  if (want.contains("files")) CHECK(FilesOf(folder) == want.at("files"));
  if (want.contains("healthy")) CHECK(hook.Health().ok() == want.at("healthy").get<bool>());
  if (want.contains("error")) {
    REQUIRE(!decision.ok());
    std::string error = decision.status().ToString();
    if (const auto at = error.find(folder); at != std::string::npos) {
      error.replace(at, folder.size(), "FOLDER");
    }
    CHECK(error == want.at("error").get<std::string>());
    return;
  }
  INFO(decision.status());
  REQUIRE(decision.ok());
  if (call.contains("refusal")) RefuseEdits(call.at("refusal").get<std::string>(), *decision);
  CHECK(WordsOf(ToAnswer(request.event(), *decision).response()) == want.at("answer"));
  CHECK(Json(decision->notes) == want.value("notes", Json::array()));
  CHECK(content.changed() == want.contains("message"));
  if (want.contains("message")) {
    const std::string rest = content.whole() ? "" : message.substr(content.source_octets());
    CHECK(content.octets() + rest == Octets(want.at("message")));
  }
  if (want.contains("counted")) CHECK(Json(counted.sums) == want.at("counted"));
}

// The hook "this" of a vector, started.
std::shared_ptr<MailHook> Made(const Json& input, const std::string& folder) {
  Json file;
  file["internal_domains"] = input.value("internal_domains", Json::array());
  Json hook = input.at("hook");
  hook["name"] = "this";
  file["hooks"].push_back(hook);
  const Json others = input.value("others", Json::object());
  for (const auto& [name, other] : others.items()) {
    Json named = other;
    named["name"] = name;
    file["hooks"].push_back(named);
  }
  std::string text = file.dump();
  for (auto at = text.find("FOLDER"); at != std::string::npos; at = text.find("FOLDER"))
    text.replace(at, 6, folder);
  const StatusOr<LoadedConfig> loaded = ParseConfig(text, "hooks.yaml");
  if (!loaded.ok()) throw std::runtime_error(std::string(Message(loaded.status())));
  for (const auto& [name, made] : loaded->hooks)
    if (!made->Start().ok()) throw std::runtime_error("cannot start");
  return loaded->hooks.at("this");
}

void RunVectors(const std::string& file) {
  for (const auto& v : LoadVectors(file)) {
    DYNAMIC_SECTION(v.name) {
      const TemporaryFolder folder;
      const std::string copies = folder.path() + "/copies";
      const auto hook = Made(v.input, copies);
      Json beside = v.input;
      for (const char* key : {"internal_domains", "hook", "others", "calls"})
        beside.erase(key);
      if (!v.input.contains("calls")) {
        Run(*hook, beside, v.want, copies);
        continue;
      }
      REQUIRE(v.input.at("calls").size() == v.want.at("calls").size());
      for (std::size_t i = 0; i < v.input.at("calls").size(); ++i) {
        CAPTURE(i);
        Json call = beside;
        call.update(v.input.at("calls")[i]);
        const int times = call.value("times", 1);
        for (int number = 0; number < times; ++number) {
          Json numbered = call;
          if (times > 1) {
            numbered["id"] = Cat(call.at("id").get<std::string>(), number);
            numbered["rule"] = Cat(call.at("rule").get<std::string>(), number);
          }
          Run(*hook, numbered, v.want.at("calls")[i], copies);
        }
      }
    }
  }
}

}  // namespace

TEST_CASE("disclaimer: vectors", "[builtin]") {
  RunVectors("builtin/disclaimer.json");
}

TEST_CASE("external_banner: vectors", "[builtin]") {
  RunVectors("builtin/external_banner.json");
}

TEST_CASE("restricted_recipients: vectors", "[builtin]") {
  RunVectors("builtin/restricted_recipients.json");
}

TEST_CASE("storm_brake: vectors", "[builtin]") {
  RunVectors("builtin/storm_brake.json");
}

TEST_CASE("header_filter: vectors", "[builtin]") {
  RunVectors("builtin/header_filter.json");
}

TEST_CASE("attachment_policy: vectors", "[builtin]") {
  RunVectors("builtin/attachment_policy.json");
}

TEST_CASE("saved_copy: vectors", "[builtin]") {
  RunVectors("builtin/saved_copy.json");
}

TEST_CASE("archive: vectors", "[builtin]") {
  RunVectors("builtin/archive.json");
}

TEST_CASE("counter: vectors", "[builtin]") {
  RunVectors("builtin/counter.json");
}

TEST_CASE("steps: vectors", "[builtin]") {
  RunVectors("builtin/steps.json");
}
