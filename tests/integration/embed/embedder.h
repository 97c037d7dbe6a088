// SPDX-License-Identifier: Apache-2.0
// An embedding program for tests: an engine in a folder of its own, and hooks that do what a script
// says.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "engine/base/mutex.h"
#include "engine/base/strings.h"
#include "engine/embed/engine.h"
#include "hooks/sdk/server.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/vectors.h"

namespace penstock::tests {

inline const std::string kOriginal =
    "From: Sender <someone@sender.example>\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n"
    "Subject: hello\r\n\r\nas it came\r\n";

// What is put in its place.
inline std::string Edited(const std::string& content) {
  return content + "and a line more\r\n";
}

// One process with the hooks first, second and watcher. A hook does the next step of its script at
// each call; when that is over it fails.
class ScriptedHooks {
 public:
  struct Call {
    std::string invocation;
    int attempt = 0;
    std::string read;  // the content, where it may be read
  };

  ScriptedHooks() {
    sdk::ServeOptions options;
    options.listen = "127.0.0.1:0";
    server_ = sdk::Server::Start([this](sdk::Invocation& one) { return Do(one); }, options).value();
  }

  ~ScriptedHooks() { server_->Stop(); }

  ScriptedHooks(const ScriptedHooks&) = delete;
  ScriptedHooks& operator=(const ScriptedHooks&) = delete;

  [[nodiscard]] const std::string& address() const { return server_->address(); }

  void Script(const Json& hooks) {
    const MutexLock lock(mutex_);
    calls_.clear();
    script_.clear();
    for (const auto& [hook, steps] : hooks.items())
      script_[hook] = {steps.begin(), steps.end()};
  }

  std::vector<Call> CallsOf(const std::string& hook) const {
    const MutexLock lock(mutex_);
    const auto found = calls_.find(hook);
    return found == calls_.end() ? std::vector<Call>() : found->second;
  }

  // Waits for an ASYNC call.
  std::vector<Call> AwaitCall(const std::string& hook) const {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (CallsOf(hook).empty() && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return CallsOf(hook);
  }

 private:
  StatusOr<sdk::Answer> Do(sdk::Invocation& invocation) {
    Call call{invocation.id(), invocation.request().attempt(), {}};
    if (invocation.may_read()) {
      auto reader = invocation.Read();
      if (!reader.ok()) return reader.status();
      auto all = reader->All(1U << 20U);
      if (!all.ok()) return all.status();
      call.read = *all;
    }
    const Json step = Next(invocation.request().hook(), call);
    if (step.contains("hang")) {
      while (!invocation.cancelled())
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      return Unavailable("cancelled");
    }
    if (step.contains("put")) {
      auto writer = invocation.Replace();
      if (!writer.ok()) return writer.status();
      writer->Write(Edited(call.read));
      if (const auto done = writer->Finish(); !done.ok()) return done.status();
    }
    if (step.contains("fail")) return Unavailable(step["fail"].get<std::string>());
    return sdk::Answer::FromJson(step["answer"].dump());
  }

  Json Next(const std::string& hook, const Call& call) {
    const MutexLock lock(mutex_);
    calls_[hook].push_back(call);
    std::deque<Json>& steps = script_[hook];
    if (steps.empty()) return Json::parse(R"({"fail": "the script is over"})");
    const Json step = steps.front();
    steps.pop_front();
    return step;
  }

  mutable Mutex mutex_;
  std::map<std::string, std::deque<Json>> script_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::vector<Call>> calls_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<sdk::Server> server_;
};

inline std::string ManifestFor(const std::string& target) {
  std::string manifest =
      "organizations:\n"
      "  - {name: default, domains: [example.com]}\n"
      "  - {name: other, domains: [second.example]}\n"
      "hooks:\n";
  for (const char* const hook : {"first", "second", "watcher"}) {
    Append(
        manifest, "  - name: ", hook, "\n    target: ", target,
        "\n    permissions:\n      - {statement_id: own, organization: default, grants: [INVOKE, "
        "READ, REPLACE]}\n      - {statement_id: other, organization: other}\n");
  }
  Append(manifest, "rules:\n");
  const auto ask = [&manifest](std::string_view name, std::string_view organization,
                               std::string_view direction, std::string_view sender,
                               std::string_view hook, std::string_view timeout) {
    Append(manifest, "  - name: ", name, "\n    organization: ", organization,
           "\n    direction: ", direction, "\n    sender_patterns: [\"", sender,
           "\"]\n    recipient_patterns: [\"*\"]\n    run_hook: {hook: ", hook,
           ", mode: sync, fallback: {action: ", direction == "inbound" ? "move_to_junk" : "default",
           "}, rule_timeout: ", timeout, "}\n");
  };
  ask("ask", "default", "inbound", "someone@sender.example", "first", "4h");
  ask("ask-other", "other", "inbound", "someone@sender.example", "second", "4h");
  ask("ask-once", "default", "inbound", "once@sender.example", "first", "0s");
  ask("ask-out", "default", "outbound", "*", "first", "4h");
  const auto decide = [&manifest](std::string_view name, std::string_view direction,
                                  std::string_view sender, std::string_view recipient,
                                  std::string_view action) {
    Append(manifest, "  - name: ", name, "\n    direction: ", direction, "\n    sender_patterns: [",
           sender, "]\n    recipient_patterns: [", recipient, "]\n    ", action, "\n");
  };
  const std::string senders = "someone@sender.example, quiet@sender.example";
  decide("drop", "inbound", senders, "dropped@example.com", "verdict: {action: drop}");
  decide("junk", "inbound", senders, "junk@example.com", "verdict: {action: move_to_junk}");
  decide("refuse", "inbound", senders, "refused@example.com",
         "verdict: {action: bounce, bounce_message: nobody home}");
  decide("partner", "outbound", "\"*\"", "partner.example",
         "verdict: {action: route_to_gateway, gateway: partner-relay}");
  decide("watch", "inbound", senders, "watched@example.com",
         "run_hook: {hook: watcher, mode: async}");
  return manifest;
}

// An engine that can be stopped and opened again on the same folder.
class Embedder {
 public:
  explicit Embedder(const std::string& hooks) {
    options_.data_folder = folder_.path() + "/data";
    options_.hostname = "mx.example";
    options_.manifest = ManifestFor(hooks);
  }

  // What Open is called with.
  EngineOptions& options() { return options_; }

  Engine& engine() {
    if (engine_ == nullptr) {
      auto opened = Engine::Open(options_);
      INFO(opened.error.text);
      REQUIRE(opened.ok());
      engine_ = std::move(opened.value);
    }
    return *engine_;
  }

  void Close() {
    if (engine_ == nullptr) return;
    CHECK(engine_->Stop(std::chrono::seconds(10)));
    engine_.reset();
  }

  // Destroys it as it is.
  void Drop() { engine_.reset(); }

  [[nodiscard]] std::string folder() const { return folder_.path(); }

  static Mail MailFor(std::vector<std::string> recipients, const std::string& content = kOriginal) {
    Mail mail;
    mail.reverse_path = "someone@sender.example";
    mail.forward_paths = std::move(recipients);
    mail.content = Content::FromText(content);
    return mail;
  }

 private:
  TemporaryFolder folder_;
  EngineOptions options_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace penstock::tests
