// SPDX-License-Identifier: Apache-2.0
// Each message of tests/support/odd_messages.py goes in by the embedder's door, also what SMTP's
// DATA cannot carry (NUL, CR or LF alone, no line end at the end), and lies in a Maildir octet for
// octet as it came (M7). Where a hook adds one header field, that field alone differs.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <catch2/catch.hpp>

#include "engine/base/status_macros.h"
#include "engine/embed/assembly.h"
#include "engine/mail/header_section.h"
#include "hooks/sdk/header_edit.h"
#include "hooks/sdk/server.h"
#include "tests/support/await.h"
#include "tests/support/temporary_folder.h"

namespace penstock::embed {
namespace {

const std::string kField = "X-Edited: yes\r\n";

const std::map<std::string, std::string>& OddMessages() {
  static const auto kMessages = [] {
    std::map<std::string, std::string> messages;
    for (const auto& entry : std::filesystem::directory_iterator(PENSTOCK_ODD_MESSAGES)) {
      std::ifstream file(entry.path(), std::ios::binary);
      messages[entry.path().stem()] = {std::istreambuf_iterator<char>(file), {}};
    }
    return messages;
  }();
  return kMessages;
}

// As a hook's author would: the header section alone is edited, the rest streams past.
StatusOr<sdk::Answer> AddField(sdk::Invocation& invocation) {
  sdk::Answer deliver;
  deliver.ForAll(sdk::Deliver());
  auto header = invocation.Read(v1::GetRawMessageContentRequest::HEADER_SECTION);
  PENSTOCK_RETURN_IF_ERROR(header.status());
  PENSTOCK_ASSIGN_OR_RETURN(const std::string section, header->All(1U << 20U));
  PENSTOCK_ASSIGN_OR_RETURN(const sdk::Edit edit, sdk::AddField(section, "X-Edited", "yes"));
  PENSTOCK_ASSIGN_OR_RETURN(sdk::ContentReader rest,
                            invocation.Read(v1::GetRawMessageContentRequest::ALL,
                                            static_cast<std::int64_t>(section.size())));
  PENSTOCK_ASSIGN_OR_RETURN(sdk::ContentWriter writer, invocation.Replace());
  writer.Write(sdk::Apply(edit, section));
  for (;;) {
    PENSTOCK_ASSIGN_OR_RETURN(const std::string piece, rest.Next());
    if (piece.empty()) break;
    writer.Write(piece);
  }
  PENSTOCK_RETURN_IF_ERROR(writer.Finish().status());
  return deliver;
}

// The engine as an embedder has it. Mail to "asked@example.com" is shown to the hook first.
class Engine {
 public:
  Engine() {
    sdk::ServeOptions serve;
    serve.listen = "127.0.0.1:0";
    hook_ = sdk::Server::Start(&AddField, serve).value();
    AssemblyOptions options;
    options.data_folder = folder_.path() + "/data";
    options.hostname = "mx.example";
    options.settings.flow.inbound_next_hop = "mailbox";
    options.settings.next_hops = {
        {"mailbox", MaildirNextHop{folder_.path() + "/mail/{local_part}"}}};
    options.content.emplace();
    options.content->listen = "127.0.0.1:0";
    auto opened = Assembly::Open(std::move(options));
    REQUIRE(opened.status() == OkStatus());
    assembly_ = *std::move(opened);
    SetUp();
    REQUIRE(assembly_->Start().ok());
  }

  ~Engine() {
    CHECK(assembly_->Stop(std::chrono::seconds(10)));
    hook_->Stop();
  }

  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Hands it in; returns the reply.
  std::string Send(const std::string& sender, const std::string& recipient,
                   const std::string& content) {
    return tests::Await(assembly_->context().executor, SendOne(this, sender, recipient, content))
        .ToString();
  }

  // What lies in the mailbox once something does, behind our trace field.
  std::string Mail(const std::string& local_part) const {
    const std::filesystem::path folder = folder_.path() + "/mail/" + local_part + "/new";
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (std::chrono::steady_clock::now() < end) {
      if (std::filesystem::is_directory(folder)) {
        for (const auto& entry : std::filesystem::directory_iterator(folder))
          return WithoutTraceField(entry.path());
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return "no mail came";
  }

 private:
  static std::string WithoutTraceField(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    const std::string octets{std::istreambuf_iterator<char>(file), {}};
    if (!octets.starts_with("Received: ")) return octets;
    std::size_t end = octets.find("\r\n") + 2;
    while (octets[end] == '\t')  // ours is folded by tabs
      end = octets.find("\r\n", end) + 2;
    return octets.substr(end);
  }

  static async::asio::awaitable<mail::SmtpReply> SendOne(Engine* engine, std::string sender,
                                                         std::string recipient,
                                                         std::string content) {
    auto writer = co_await engine->assembly_->intake().NewContent();
    if (!writer.ok() || !(*writer)->Write(content).ok()) {
      co_return mail::SmtpReply{451, {}, "no content"};
    }
    runtime::Submission submission;
    submission.policy = &engine->policy_;
    submission.envelope.reverse_path = std::move(sender);
    submission.envelope.forward_paths = {std::move(recipient)};
    submission.content = *std::move(writer);
    mail::HeaderCollector collector;
    collector.Feed(content);
    submission.header_section = std::string(mail::HeaderSection::Scan(collector.octets()).octets());
    submission.received = engine->assembly_->clock().Now();
    co_return co_await engine->assembly_->intake().Accept(std::move(submission));
  }

  void SetUp() {
    flow::Hook hook;
    hook.name = "edit";
    hook.target = hook_->address();
    hook.permissions.resize(1);
    hook.permissions[0].statement_id = "all";
    hook.permissions[0].organization = "default";
    hook.permissions[0].read = hook.permissions[0].replace = true;
    rules::FlowRule rule;
    rule.organization = "default";
    rule.name = "ask";
    rule.sender_patterns = rule.recipient_patterns = {"*"};
    rule.run_hook.emplace();
    rule.run_hook->hook = hook.name;
    rules::FlowRule direct = rule;
    direct.name = "direct";
    direct.run_hook.reset();
    direct.recipient_patterns = {"plain.example.com"};
    ports::Transaction transaction;
    const Time now = assembly_->clock().Now();
    transaction.resources.push_back(
        {rules::Organization{"default", {"example.com", "plain.example.com"}}, false, "test", now});
    transaction.resources.push_back({std::move(hook), false, "test", now});
    transaction.resources.push_back({std::move(rule), false, "test", now});
    transaction.resources.push_back({std::move(direct), false, "test", now});
    runtime::Context& context = assembly_->context();
    REQUIRE(tests::Await(context.executor, context.store.Commit(std::move(transaction))).ok());
    REQUIRE(tests::Await(context.executor, context.directory.Load()).ok());
  }

  const tests::TemporaryFolder folder_;
  const runtime::ListenerPolicy policy_{.name = "embedder"};
  std::unique_ptr<sdk::Server> hook_;
  std::unique_ptr<Assembly> assembly_;
};

// Whether `edited` is the message and one field. A header section whose last line has no end, or
// that no blank line ends, has got one, right before or behind the field.
bool HasOnlyFieldMore(const std::string& edited, const std::string& message) {
  const auto at = edited.find(kField);
  if (at == std::string::npos) return false;
  const std::string before = edited.substr(0, at);
  const std::string behind = edited.substr(at + kField.size());
  if (before + behind == message) return true;
  const bool ended = before.ends_with("\r\n") && before.substr(0, at - 2) + behind == message;
  return ended || (behind.starts_with("\r\n") && before + behind.substr(2) == message);
}

}  // namespace

TEST_CASE("Embedding: each odd message leaves as it came, and edited but for one field (M7)",
          "[embed][odd_messages]") {
  REQUIRE(OddMessages().size() >= 300);
  Engine engine;
  for (const auto& [name, message] : OddMessages()) {
    CAPTURE(name);
    CHECK(engine.Send("a@elsewhere.example", name + "@plain.example.com", message)
              .starts_with("250"));
    CHECK(engine.Send("a@elsewhere.example", "e-" + name + "@example.com", message)
              .starts_with("250"));
  }
  for (const auto& [name, message] : OddMessages()) {
    CAPTURE(name);
    CHECK((engine.Mail(name) == message));  // whole messages are not worth printing
    CHECK(HasOnlyFieldMore(engine.Mail("e-" + name), message));
  }
}

}  // namespace penstock::embed
