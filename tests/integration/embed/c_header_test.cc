// SPDX-License-Identifier: Apache-2.0
// penstock.h: the same as engine.h, and no call that brings the process down.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <future>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "engine/embed/penstock.h"
#include "engine/embed/penstock_given.h"
#include "tests/integration/embed/embedder.h"

namespace penstock::tests {
namespace {

std::string Taken(char* error) {
  std::string text = error == nullptr ? "" : error;
  penstock_free(error);
  return text;
}

int64_t ReadOriginal(void* data, uint64_t offset, char* buffer, size_t octets) {
  const auto& text = *static_cast<const std::string*>(data);
  if (offset >= text.size()) return 0;
  return static_cast<int64_t>(text.copy(buffer, octets, offset));
}

// An engine in C's hands.
class Opened {
 public:
  explicit Opened(const std::string& manifest, penstock_options options = PENSTOCK_OPTIONS) {
    const std::string data = folder_.path() + "/data";
    options.data_folder = data.c_str();
    options.hostname = "mx.example";
    options.manifest = manifest.c_str();
    char* error = nullptr;
    const penstock_code code = penstock_open(&options, &engine_, &error);
    CAPTURE(Taken(error));
    REQUIRE(code == PENSTOCK_OK);
  }

  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;

  ~Opened() { penstock_close(engine_); }

  penstock_engine* operator*() { return engine_; }

 private:
  TemporaryFolder folder_;
  penstock_engine* engine_ = nullptr;
};

penstock_mail MailTo(const char* const* recipient, const std::string& content) {
  penstock_mail mail = PENSTOCK_MAIL;
  mail.reverse_path = "someone@sender.example";
  mail.forward_paths = recipient;
  mail.forward_path_count = 1;
  mail.content = content.data();
  mail.content_octets = content.size();
  return mail;
}

}  // namespace

TEST_CASE("C header: what its initializers leave is what engine.h leaves", "[embed]") {
  const auto no_delivery = [](penstock_deliver, void*) { return Deliver(); };
  penstock_next_hop smtp = PENSTOCK_NEXT_HOP;
  smtp.smtp_host = "mx.example";
  penstock_next_hop maildir = PENSTOCK_NEXT_HOP;
  maildir.maildir = "/mail";
  const std::vector<const penstock_next_hop*> hops = {&smtp, &maildir};
  penstock_options given = PENSTOCK_OPTIONS;
  given.next_hops = hops.data();
  given.next_hop_count = hops.size();
  const EngineOptions options = embed::GivenEngineOptions(&given, no_delivery).value;
  const EngineOptions defaults;
  CHECK(options.threads == defaults.threads);
  CHECK(options.content_listen == defaults.content_listen);
  CHECK(options.delivery_expiry == defaults.delivery_expiry);
  CHECK(options.strict == defaults.strict);
  CHECK(options.message_octets_max == defaults.message_octets_max);
  CHECK(options.token_key.empty());
  CHECK_FALSE(options.log);
  REQUIRE(options.next_hops.size() == 2);
  const auto& server = std::get<SmtpNextHop>(options.next_hops[0].means);
  CHECK(server.port == SmtpNextHop().port);
  CHECK(server.starttls == SmtpNextHop().starttls);
  CHECK(std::get<MaildirNextHop>(options.next_hops[1].means).return_path ==
        MaildirNextHop().return_path);
  const penstock_mail empty = PENSTOCK_MAIL;
  const Mail mail = embed::GivenMail(&empty).value;
  CHECK(mail.direction == Mail().direction);
  CHECK(mail.organization == Mail().organization);
}

TEST_CASE(
    "C header: an earlier version's structure counts, a later one's and one of no size do not",
    "[embed]") {
  const std::string content = kOriginal;
  const char* const recipient = "a@example.com";
  penstock_mail mail = MailTo(&recipient, content);
  mail.smtputf8 = 1;
  mail.size = offsetof(penstock_mail, smtputf8);
  CHECK_FALSE(embed::GivenMail(&mail).value.smtputf8);
  CHECK(embed::GivenMail(&mail).value.forward_paths.size() == 1);
  for (const std::size_t size : {std::size_t{0}, sizeof(mail) + 1, ~std::size_t{0}}) {
    mail.size = size;
    CHECK(embed::GivenMail(&mail).error.code == ErrorCode::kInvalidArgument);
  }
}

TEST_CASE("C header: null is refused, and of nothing nothing is told", "[embed]") {
  char* error = nullptr;
  penstock_engine* engine = nullptr;
  CHECK(penstock_open(nullptr, &engine, &error) == PENSTOCK_INVALID_ARGUMENT);
  CHECK_FALSE(Taken(error).empty());
  CHECK(penstock_open(nullptr, nullptr, nullptr) == PENSTOCK_INVALID_ARGUMENT);
  penstock_options options = PENSTOCK_OPTIONS;
  CHECK(penstock_open(&options, &engine, nullptr) == PENSTOCK_INVALID_ARGUMENT);
  options.data_folder = "/dev/null/none";
  options.next_hop_count = 1;
  CHECK(penstock_open(&options, &engine, nullptr) == PENSTOCK_INVALID_ARGUMENT);
  CHECK(engine == nullptr);
  CHECK(penstock_stop(nullptr, 0) == 1);
  penstock_close(nullptr);
  CHECK(penstock_apply(nullptr, nullptr, nullptr, nullptr) == PENSTOCK_INVALID_ARGUMENT);
  penstock_reply reply = {1, nullptr, nullptr};
  CHECK(penstock_accept(nullptr, nullptr, 0, &reply, nullptr) == PENSTOCK_INVALID_ARGUMENT);
  CHECK(reply.code == 0);
  CHECK(std::string(reply.text).empty());
  penstock_decision* decision = penstock_decide(nullptr, nullptr, nullptr);
  CHECK(penstock_decision_code(decision) == PENSTOCK_INVALID_ARGUMENT);
  CHECK(penstock_decision_outcome(decision, 0) == nullptr);
  CHECK(penstock_decision_token(decision, nullptr) != nullptr);
  penstock_decision_free(decision);
  penstock_decision_free(nullptr);
  CHECK(penstock_decision_code(nullptr) == PENSTOCK_INVALID_ARGUMENT);
  CHECK(std::string(penstock_decision_error(nullptr)) == "decision: null");
  CHECK(penstock_decision_final(nullptr) == 0);
  CHECK(penstock_decision_outcome_count(nullptr) == 0);
  CHECK(penstock_decision_history(nullptr, 0) == nullptr);
  CHECK(penstock_decision_content_octets(nullptr, 0) == 0);
  CHECK(penstock_decision_content_read(nullptr, 0, 0, nullptr, 0) == -1);
  CHECK(penstock_delivery_octets(nullptr) == 0);
  CHECK(penstock_delivery_read(nullptr, 0, nullptr, 0) == -1);
  CHECK(penstock_delivery_forward_path(nullptr, 0) == nullptr);
  penstock_delivery_finish(nullptr, nullptr, 3);
}

TEST_CASE("C header: odd mail is refused, and its content released once", "[embed]") {
  Opened opened("organizations: [{name: default, domains: [example.com]}]");
  std::string content = kOriginal;
  const char* recipient = "a@example.com";
  const auto code = [&](const penstock_mail& mail, const penstock_decide_options* how = nullptr) {
    penstock_decision* decision = penstock_decide(*opened, &mail, how);
    const penstock_code told = penstock_decision_code(decision);
    penstock_decision_free(decision);
    return told;
  };
  CHECK(code(MailTo(&recipient, content)) == PENSTOCK_OK);
  penstock_mail mail = MailTo(&recipient, content);
  mail.forward_paths = nullptr;
  CHECK(code(mail) == PENSTOCK_INVALID_ARGUMENT);
  const char* const none = nullptr;
  CHECK(code(MailTo(&none, content)) == PENSTOCK_INVALID_ARGUMENT);
  mail = MailTo(&recipient, content);
  mail.content = nullptr;
  CHECK(code(mail) == PENSTOCK_INVALID_ARGUMENT);
  mail = MailTo(&recipient, content);
  mail.content_octets = ~uint64_t{0};
  CHECK(code(mail) == PENSTOCK_INVALID_ARGUMENT);
  for (const int direction : {-1, 3, 256, 258}) {
    mail = MailTo(&recipient, content);
    std::memcpy(&mail.direction, &direction, sizeof(direction));
    CHECK(code(mail) == PENSTOCK_INVALID_ARGUMENT);
  }
  penstock_decide_options how = PENSTOCK_DECIDE_OPTIONS;
  how.patience = ~uint64_t{0};
  CHECK(code(MailTo(&recipient, content), &how) == PENSTOCK_INVALID_ARGUMENT);
  how.size = 0;
  CHECK(code(MailTo(&recipient, content), &how) == PENSTOCK_INVALID_ARGUMENT);

  std::pair<std::string*, int> data(&content, 0);
  mail = MailTo(&recipient, content);
  mail.content = nullptr;
  mail.read_data = &data;
  mail.read = [](void* given, uint64_t offset, char* buffer, size_t octets) {
    return ReadOriginal(static_cast<std::pair<std::string*, int>*>(given)->first, offset, buffer,
                        octets);
  };
  mail.release = [](void* given) { ++static_cast<std::pair<std::string*, int>*>(given)->second; };
  CHECK(code(mail) == PENSTOCK_OK);
  CHECK(data.second == 1);
  mail.forward_path_count = 0;
  CHECK(code(mail) == PENSTOCK_INVALID_ARGUMENT);
  CHECK(data.second == 2);
  mail.forward_path_count = 1;
  mail.content = content.data();  // is taken instead
  CHECK(code(mail) == PENSTOCK_OK);
  CHECK(data.second == 3);
  penstock_decision* decision = penstock_decide(nullptr, &mail, nullptr);
  penstock_decision_free(decision);
  CHECK(data.second == 4);
}

TEST_CASE("C header: a token comes back, and nothing else as one", "[embed]") {
  ScriptedHooks hooks;
  hooks.Script(Json::object());
  Opened opened(ManifestFor(hooks.address()));
  const std::string content = kOriginal;
  const char* const recipient = "a@example.com";
  const penstock_mail mail = MailTo(&recipient, content);
  penstock_decide_options plan = PENSTOCK_DECIDE_OPTIONS;
  plan.only_plan = 1;
  penstock_decision* planned = penstock_decide(*opened, &mail, &plan);
  REQUIRE(penstock_decision_code(planned) == PENSTOCK_OK);
  CHECK(penstock_decision_final(planned) == 0);
  // It has something to do at once.
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  CHECK(penstock_decision_retry_at(planned) <=
        std::chrono::duration_cast<std::chrono::milliseconds>(now).count() + 1);
  std::size_t octets = 0;
  const void* const token = penstock_decision_token(planned, &octets);
  const auto code = [&](const void* given, std::size_t size) {
    penstock_decision* decision = penstock_resume(*opened, given, size, &plan);
    const penstock_code told = penstock_decision_code(decision);
    penstock_decision_free(decision);
    return told;
  };
  CHECK(code(token, octets) == PENSTOCK_OK);
  CHECK(code(token, octets - 1) == PENSTOCK_INVALID_ARGUMENT);
  CHECK(code(nullptr, octets) == PENSTOCK_INVALID_ARGUMENT);
  CHECK(code(token, 0) == PENSTOCK_INVALID_ARGUMENT);
  CHECK(code(token, ~std::size_t{0}) == PENSTOCK_INVALID_ARGUMENT);
  penstock_decision_free(planned);
}

TEST_CASE("C header: a delivery is finished once, and its replies are told", "[embed]") {
  penstock_options options = PENSTOCK_OPTIONS;
  std::promise<std::string> come;
  penstock_next_hop own = PENSTOCK_NEXT_HOP;
  own.name = "own";
  own.deliver_data = &come;
  own.deliver = [](void* data, penstock_delivery* delivery) {
    std::string content(penstock_delivery_octets(delivery), '\0');
    CHECK(penstock_delivery_read(delivery, 0, content.data(), content.size()) ==
          static_cast<int64_t>(content.size()));
    std::string told =
        Cat(penstock_delivery_next_hop(delivery), " ", penstock_delivery_reverse_path(delivery),
            " ", penstock_delivery_forward_path(delivery, 0), " ",
            penstock_delivery_mail_parameters(delivery), " ",
            penstock_delivery_rcpt_parameters(delivery, 0), "\n", content);
    CHECK(penstock_delivery_forward_path(delivery, 1) == nullptr);
    CHECK(penstock_delivery_rcpt_parameters(delivery, 1) == nullptr);
    const penstock_reply reply = {250, nullptr, nullptr};
    penstock_delivery_finish(delivery, &reply, 1);
    static_cast<std::promise<std::string>*>(data)->set_value(std::move(told));
  };
  const penstock_next_hop* const hops[] = {&own};
  options.next_hops = hops;
  options.next_hop_count = 1;
  options.route_inbound = "own";
  Opened opened("organizations: [{name: default, domains: [example.com]}]", options);
  const std::string content = kOriginal;
  const char* const recipient = "a@example.com";
  const char* const parameters = "NOTIFY=NEVER";
  penstock_mail mail = MailTo(&recipient, content);
  mail.mail_parameters = "RET=FULL";
  mail.rcpt_parameters = &parameters;
  std::promise<int> replied;
  penstock_accept_async(
      *opened, &mail, 0,
      [](void* data, penstock_code code, const penstock_reply* reply, const char*) {
        static_cast<std::promise<int>*>(data)->set_value(code == PENSTOCK_OK ? reply->code : -1);
      },
      &replied);
  CHECK(replied.get_future().get() == 250);
  auto delivered = come.get_future();
  REQUIRE(delivered.wait_for(std::chrono::seconds(30)) == std::future_status::ready);
  CHECK(delivered.get() ==
        "own someone@sender.example a@example.com RET=FULL NOTIFY=NEVER\n" + content);
}

TEST_CASE("C header: a line of the log is one line", "[embed]") {
  const auto no_delivery = [](penstock_deliver, void*) { return Deliver(); };
  penstock_options given = PENSTOCK_OPTIONS;
  std::string line;
  given.log_data = &line;
  given.log = [](void* data, int, const char* text) { *static_cast<std::string*>(data) = text; };
  const EngineOptions options = embed::GivenEngineOptions(&given, no_delivery).value;
  options.log(1, "event", {{"empty", ""}, {"detail", "one\r\ntwo message=forged"}});
  CHECK(line == "event detail=one\\x0d\\x0atwo message=forged");
}

}  // namespace penstock::tests
