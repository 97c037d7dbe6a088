// SPDX-License-Identifier: Apache-2.0
// Embedding programs that do what they should not, or do it at the wrong time: odd envelopes and
// contents, an engine that goes while calls run, a fork, two engines in one process.
#include <array>
#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/integration/embed/embedder.h"

namespace penstock::tests {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr DecideOptions kOnce{milliseconds(0)};

// Says what it is told to, and counts.
class Told final : public Content {
 public:
  Told(std::uint64_t octets, std::function<std::int64_t(std::uint64_t, char*, std::size_t)> read)
      : octets_(octets), read_(std::move(read)) {}

  [[nodiscard]] std::uint64_t octets() const override { return octets_; }

  std::int64_t Read(std::uint64_t offset, char* buffer, std::size_t size) const override {
    return read_(offset, buffer, size);
  }

 private:
  const std::uint64_t octets_;
  const std::function<std::int64_t(std::uint64_t, char*, std::size_t)> read_;
};

Json DropAll(int times) {
  Json steps = Json::array();
  for (int i = 0; i < times; ++i)
    steps.push_back(Json::parse(
        R"({"answer": {"actions": [{"action": {"type": "DROP"}, "allRecipients": true}]}})"));
  return steps;
}

std::size_t CountOf(const std::string& text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++count;
  return count;
}

}  // namespace

TEST_CASE("Odd callers: envelopes", "[embed]") {
  ScriptedHooks hooks;
  Embedder embedder(hooks.address());
  for (const Vector& vector : LoadVectors("embed/envelopes.json")) {
    CAPTURE(vector.name);
    const Json& input = vector.input;
    Mail mail = Embedder::MailFor(input.value("forward_paths", std::vector<std::string>{}),
                                  "From: quiet@sender.example\r\n\r\nhello\r\n");
    mail.reverse_path = input.value("reverse_path", "quiet@sender.example");
    mail.smtputf8 = input.value("smtputf8", false);
    mail.direction = static_cast<Direction>(input.value("direction", 0));
    mail.organization = input.value("organization", "default");
    mail.mail_parameters = input.value("mail_parameters", "");
    mail.rcpt_parameters = input.value("rcpt_parameters", std::vector<std::string>{});
    mail.client.login = input.value("login", "");
    mail.client.trusted = input.value("trusted", false);
    mail.client.helo = input.value("helo", "");
    mail.client.address = input.value("address", "");
    const Decision decision = embedder.engine().Decide(std::move(mail), kOnce);
    CAPTURE(decision.error.text);
    const Json& want = vector.want;
    if (want.contains("fault")) {
      CHECK(decision.error.code == ErrorCode::kInvalidArgument);
      CHECK(decision.error.text.find(want["fault"].get<std::string>()) != std::string::npos);
      continue;
    }
    CHECK(decision.error.ok());
    CHECK(decision.final);
    Json outcomes = Json::array();
    for (const Outcome& one : decision.outcomes)
      outcomes.push_back(Cat(one.recipient, " ", Name(one.action), one.tell_sender ? " tell" : ""));
    CHECK(outcomes.dump() == want["outcomes"].dump());
    for (const DecidedMessage& message : decision.messages) {
      CHECK(message.organization == want.value("organization", "default"));
      // One field: each line but the first begins with a tab.
      CHECK(CountOf(message.trace_field, "\r\n") == CountOf(message.trace_field, "\r\n\t") + 1);
      CHECK(CountOf(message.trace_field, "\n") == CountOf(message.trace_field, "\r\n"));
      if (want.contains("direction"))
        CHECK(message.trace_field.find(want["direction"].get<std::string>()) != std::string::npos);
    }
  }
  embedder.Close();
}

TEST_CASE("Odd callers: content that is too large, changes, waits or lies", "[embed]") {
  ScriptedHooks hooks;
  Embedder embedder(hooks.address());
  embedder.options().message_octets_max = 1000;
  Engine& engine = embedder.engine();
  const auto decide = [&](std::shared_ptr<const Content> content) {
    Mail mail = Embedder::MailFor({"dropped@example.com"});
    mail.content = std::move(content);
    return engine.Decide(std::move(mail), kOnce);
  };
  CHECK(decide(Content::FromText(kOriginal + std::string(1000 - kOriginal.size(), 'x'))).final);
  const Decision large =
      decide(Content::FromText(kOriginal + std::string(1001 - kOriginal.size(), 'x')));
  CHECK(large.error.code == ErrorCode::kInvalidArgument);
  CHECK(large.error.text.find("1001") != std::string::npos);
  const auto huge = std::make_shared<Told>(~std::uint64_t{0}, [](auto, auto, auto) { return 1; });
  CHECK(decide(huge).error.code == ErrorCode::kInvalidArgument);
  // More than it was asked for, or less than it has said.
  CHECK(decide(std::make_shared<Told>(100, [](auto, auto, auto size) {
          return static_cast<std::int64_t>(size) + 1;
        })).error.code == ErrorCode::kDataLoss);
  CHECK(decide(std::make_shared<Told>(100, [](auto, auto, auto) { return 0; })).error.code ==
        ErrorCode::kDataLoss);
  CHECK(decide(Content::FromText("")).error.ok());
  // An engine that waits for itself would never end.
  ErrorCode inner = ErrorCode::kOk;
  decide(std::make_shared<Told>(3, [&](auto, char* buffer, std::size_t size) {
    inner = engine.Decide(Embedder::MailFor({"dropped@example.com"})).error.code;
    std::fill_n(buffer, size, 'x');
    return static_cast<std::int64_t>(size);
  }));
  CHECK(inner == ErrorCode::kFailedPrecondition);
  const std::string fifo = embedder.folder() + "/fifo";
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  CHECK(Content::FromFile(fifo).error.code == ErrorCode::kInvalidArgument);
  embedder.Close();
}

TEST_CASE("Odd callers: options", "[embed]") {
  TemporaryFolder folder;
  const auto refused = [&](std::string_view fault, const std::function<void(EngineOptions&)>& set) {
    EngineOptions options;
    options.data_folder = folder.path() + "/data";
    options.hostname = "mx.example";
    set(options);
    const auto opened = Engine::Open(std::move(options));
    CAPTURE(fault, opened.error.text);
    CHECK(opened.error.code == ErrorCode::kInvalidArgument);
    CHECK(opened.error.text.find(fault) != std::string::npos);
  };
  refused("hostname", [](EngineOptions& it) { it.hostname = "mx.example\r\nDATA"; });
  refused("threads", [](EngineOptions& it) { it.threads = 1'000'000; });
  refused("delivery_expiry", [](EngineOptions& it) { it.delivery_expiry = milliseconds::max(); });
  refused("delivery_expiry", [](EngineOptions& it) { it.delivery_expiry = milliseconds(0); });
  refused("stands twice", [](EngineOptions& it) {
    it.next_hops = {{"a", MaildirNextHop{"/a"}}, {"a", MaildirNextHop{"/a"}}};
  });
  refused("function", [](EngineOptions& it) { it.next_hops = {{"a", Deliver()}}; });
  const auto smtp = [&](std::string_view fault, const std::function<void(SmtpNextHop&)>& set) {
    SmtpNextHop next_hop;
    next_hop.host = "mx.example";
    set(next_hop);
    refused(fault, [&](EngineOptions& it) { it.next_hops = {{"a", next_hop}}; });
  };
  smtp("starttls", [](SmtpNextHop& it) { it.starttls = static_cast<StartTls>(9); });
  smtp("port", [](SmtpNextHop& it) { it.port = 0; });
  smtp("fallbacks", [](SmtpNextHop& it) { it.fallbacks.assign(17, "mx.example:25"); });
  smtp("fallbacks", [](SmtpNextHop& it) { it.fallbacks = {"mx.example:0"}; });
  smtp("user", [](SmtpNextHop& it) { it.password_file = "/none"; });
  const std::string password = folder.path() + "/password";
  std::ofstream(password) << "secret\n";
  chmod(password.c_str(), 0644);
  smtp("password_file", [&](SmtpNextHop& it) { it.user = "u", it.password_file = password; });
  chmod(password.c_str(), 0600);
  smtp("TLS", [&](SmtpNextHop& it) { it.user = "u", it.password_file = password; });
  CHECK_FALSE(std::filesystem::exists(folder.path() + "/data"));
}

TEST_CASE("Odd callers: an engine that goes while calls run tells each of them once", "[embed]") {
  ScriptedHooks hooks;
  Embedder embedder(hooks.address());
  embedder.options().next_hops = {{"mailboxes", MaildirNextHop{embedder.folder() + "/mail"}}};
  embedder.options().routes.inbound = "mailboxes";
  constexpr int kMails = 60;
  Json steps = Json::array();
  for (int i = 0; i < 2 * kMails; ++i)
    steps.push_back(Json::parse(R"({"hang": true})"));
  hooks.Script({{"first", steps}, {"second", steps}});
  Engine& engine = embedder.engine();
  std::array<std::atomic<int>, kMails> told{};
  std::atomic<int> to_resume{0};
  std::atomic<int> taken{0};
  for (int i = 0; i < kMails; ++i) {
    if (i % 3 == 0) {  // its hook may not read content, so that its reply is held
      engine.Accept(Embedder::MailFor({"b@second.example"}), seconds(240),
                    [&, i](Accepted accepted) {
                      if (accepted.error.ok() && accepted.reply.code == 250) ++taken;
                      ++told[i];
                    });
    } else {
      engine.Decide(Embedder::MailFor({"a@example.com"}), {seconds(3600)},
                    [&, i](Decision decision) {
                      if (decision.error.ok() && !decision.final && !decision.token.empty())
                        ++to_resume;
                      ++told[i];
                    });
    }
  }
  engine.Decide(Embedder::MailFor({"dropped@example.com"}), kOnce, nullptr);
  REQUIRE(hooks.AwaitCall("first").size() >= 1);
  REQUIRE(hooks.AwaitCall("second").size() >= 1);
  embedder.Drop();
  CHECK(std::all_of(told.begin(), told.end(), [](const auto& times) { return times == 1; }));
  CHECK(to_resume == kMails - kMails / 3);
  CHECK(taken == kMails / 3);
}

TEST_CASE("Odd callers: what was told outlives its engine", "[embed]") {
  ScriptedHooks hooks;
  Embedder embedder(hooks.address());
  const std::string large = kOriginal + std::string(300'000, 'x') + "\r\n";
  hooks.Script(Json::parse(R"({"first": [{"put": true, "answer": {"actions": [
      {"action": {"type": "DEFAULT"}, "allRecipients": true}]}}]})"));
  const Decision decision = embedder.engine().Decide(Embedder::MailFor({"a@example.com"}), kOnce);
  REQUIRE(decision.contents.size() == 1);
  embedder.Drop();
  CHECK(decision.contents[0].content->ReadAll().value == Edited(kOriginal));
}

TEST_CASE("Odd callers: a forked child is refused, and ends without its parent's engine",
          "[embed]") {
  ScriptedHooks hooks;
  Embedder embedder(hooks.address());
  Engine& engine = embedder.engine();
  const pid_t child = fork();
  if (child == 0) {
    const bool refused = engine.Decide(Embedder::MailFor({"dropped@example.com"})).error.code ==
                             ErrorCode::kFailedPrecondition &&
                         engine.Resume("x").error.code == ErrorCode::kFailedPrecondition &&
                         engine.Accept(Embedder::MailFor({"a@example.com"})).error.code ==
                             ErrorCode::kFailedPrecondition &&
                         engine.Apply("", "child").code == ErrorCode::kFailedPrecondition &&
                         !engine.Stop(seconds(1));
    embedder.Drop();
    _exit(refused ? 0 : 1);
  }
  REQUIRE(child > 0);
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(engine.Decide(Embedder::MailFor({"dropped@example.com"}), kOnce).final);
  embedder.Close();
}

TEST_CASE("Odd callers: two engines in one process", "[embed]") {
  ScriptedHooks hooks;
  Embedder one(hooks.address());
  Embedder other(hooks.address());
  const auto counted = [](std::atomic<int>& lines) {
    return [&lines](int, std::string_view, const EngineOptions::LogFields&) { ++lines; };
  };
  std::atomic<int> first{0};
  std::atomic<int> second{0};
  one.options().log = counted(first);
  other.options().log = counted(second);
  const auto work = [](Embedder& with) {
    CHECK(with.engine().Decide(Embedder::MailFor({"dropped@example.com"}), kOnce).final);
  };
  work(one);
  CHECK(Engine::Open(one.options()).error.code == ErrorCode::kFailedPrecondition);
  work(other);
  CHECK(first > 0);
  CHECK(second == 0);
  one.Close();
  const int before = first;
  work(other);
  CHECK(first == before);  // its log may be gone
  CHECK(second > 0);
  other.Close();
}

TEST_CASE("Odd callers: a token of another data folder reads nobody else's mail", "[embed]") {
  ScriptedHooks hooks;
  Embedder one(hooks.address());
  Embedder other(hooks.address());
  one.options().token_key = other.options().token_key = std::string(32, 'k');
  const std::string put = R"({"put": true, "answer": {"actions": [
      {"action": {"type": "DEFAULT"}, "allRecipients": true}]}})";
  const auto begin = [&](Embedder& at, const std::string& content) {
    hooks.Script(Json::parse(R"({"first": [)" + put + "]}"));
    return at.engine().Decide(Embedder::MailFor({"a@example.com", "b@second.example"}, content),
                              kOnce);
  };
  const Decision own = begin(one, kOriginal);
  const Decision foreign = begin(other, kOriginal + "of somebody else\r\n");
  REQUIRE(own.contents.size() == 1);
  REQUIRE(foreign.contents.size() == 1);
  // What a hook has put would be another mail's.
  hooks.Script(Json::object());
  CHECK(other.engine().Resume(own.token, kOnce).error.code == ErrorCode::kDataLoss);
  CHECK(one.engine().Resume(own.token, kOnce).contents.size() == 1);
  // So would what a hook reads: it is called, and finds nothing.
  const Decision planned = one.engine().Decide(Embedder::MailFor({"a@example.com"}), {{}, true});
  hooks.Script({{"first", DropAll(1)}});
  CHECK_FALSE(other.engine().Resume(planned.token, kOnce).final);
  CHECK(hooks.CallsOf("first").empty());
  CHECK(one.engine().Resume(planned.token, kOnce).final);
  one.Close();
  other.Close();
}

TEST_CASE("Odd callers: the history of all calls is the record of the message (A6)", "[embed]") {
  ScriptedHooks hooks;
  Embedder embedder(hooks.address());
  hooks.Script(Json::parse(R"({"first": [{"fail": "not\nyet"}, {"answer": {"actions": [
      {"action": {"type": "BOUNCE"}, "allRecipients": true}]}}]})"));
  Decision decision =
      embedder.engine().Decide(Embedder::MailFor({"a@example.com", "dropped@example.com"}), kOnce);
  std::string record = Join(decision.history, "\n");
  std::this_thread::sleep_until(decision.retry_at);
  decision = embedder.engine().Resume(decision.token, kOnce);
  REQUIRE(decision.final);
  Append(record, "\n", Join(decision.history, "\n"));
  CAPTURE(record);
  const std::string id = "message=" + decision.messages.at(0).id;
  CHECK(CountOf(record, id) == CountOf(record, "\n") + 1);
  const std::string octets = Cat(kOriginal.size(), " octets from");
  for (const std::string_view part : std::initializer_list<std::string_view>{
           octets, "rule=ask hook=first", "attempt=1", "not\\x0ayet", "attempt=2",
           "recipients=a@example.com", "action=BOUNCE", "recipients=dropped@example.com",
           "action=DROP"}) {
    CAPTURE(part);
    CHECK(record.find(part) != std::string::npos);
  }
  embedder.Close();
}

TEST_CASE("Odd callers: what the sender asked for goes with what is given away (RFC 3461)",
          "[embed]") {
  ScriptedHooks hooks;
  Embedder embedder(hooks.address());
  std::mutex mutex;
  std::condition_variable come;
  std::vector<Delivery> deliveries;
  const Deliver deliver = [&](Delivery delivery, const DeliveryDone& done) {
    done(std::vector<Reply>(delivery.forward_paths.size(), {250, "2.0.0", "taken"}));
    const std::lock_guard lock(mutex);
    deliveries.push_back(std::move(delivery));
    come.notify_all();
  };
  embedder.options().next_hops = {{"own", deliver}};
  embedder.options().routes.inbound = "own";
  Mail mail = Embedder::MailFor({"refused@example.com", "plain@elsewhere.example"});
  mail.mail_parameters = " ret=hdrs ENVID=QQ314159 ";
  mail.rcpt_parameters = {"NOTIFY=NEVER", "NOTIFY=DELAY,FAILURE ORCPT=rfc822;x@example.com"};
  CHECK(embedder.engine().Accept(mail).reply.code == 250);
  std::unique_lock lock(mutex);
  REQUIRE(come.wait_for(lock, seconds(30), [&] { return !deliveries.empty(); }));
  lock.unlock();
  embedder.Close();
  REQUIRE(deliveries.size() == 1);  // and no report of what was refused
  CHECK(deliveries[0].forward_paths == std::vector<std::string>{"plain@elsewhere.example"});
  CHECK(deliveries[0].mail_parameters == "RET=HDRS ENVID=QQ314159");
  CHECK(deliveries[0].rcpt_parameters ==
        std::vector<std::string>{"NOTIFY=FAILURE,DELAY ORCPT=rfc822;x@example.com"});
}

}  // namespace penstock::tests
