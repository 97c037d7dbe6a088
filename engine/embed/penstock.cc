// SPDX-License-Identifier: Apache-2.0
#include "engine/embed/penstock.h"

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/strings.h"
#include "engine/embed/engine.h"

using penstock::Content;
using penstock::Decision;
using penstock::Error;
using penstock::ErrorCode;

struct penstock_engine {
  std::unique_ptr<penstock::Engine> engine;
};

struct penstock_decision {
  Decision decision;
  std::vector<penstock_outcome> outcomes;  // point into `decision`
};

struct penstock_delivery {
  penstock::Delivery delivery;
  penstock::DeliveryDone done;
};

namespace {

using std::chrono::milliseconds;

static_assert(static_cast<int>(ErrorCode::kInternal) == PENSTOCK_INTERNAL);
static_assert(static_cast<int>(penstock::Action::kBypassSpamCheck) == PENSTOCK_BYPASS_SPAM_CHECK);
static_assert(static_cast<int>(penstock::Direction::kAuto) == PENSTOCK_AUTO);
static_assert(static_cast<int>(penstock::Marking::kBypassSpamCheck) ==
              PENSTOCK_MARK_BYPASS_SPAM_CHECK);
static_assert(static_cast<int>(penstock::StartTls::kVerify) == PENSTOCK_TLS_VERIFY);

std::string Text(const char* text) {
  return text == nullptr ? std::string() : std::string(text);
}

penstock_code CodeOf(const Error& error) {
  return static_cast<penstock_code>(error.code);
}

penstock_code Tell(const Error& error, char** text) {
  if (text != nullptr) *text = error.ok() ? nullptr : strdup(error.text.c_str());
  return CodeOf(error);
}

Error WrongSize(const char* what) {
  return {ErrorCode::kInvalidArgument,
          penstock::Cat(what, ": its size is not set; begin with its initializer")};
}

// A content that a C function reads.
class ReadContent final : public Content {
 public:
  explicit ReadContent(const penstock_mail& mail)
      : octets_(mail.content_octets),
        read_(mail.read),
        data_(mail.read_data),
        release_(mail.release) {}

  ReadContent(const ReadContent&) = delete;
  ReadContent& operator=(const ReadContent&) = delete;

  ~ReadContent() override {
    if (release_ != nullptr) release_(data_);
  }

  [[nodiscard]] std::uint64_t octets() const override { return octets_; }

  std::int64_t Read(std::uint64_t offset, char* buffer, std::size_t size) const override {
    return read_(data_, offset, buffer, size);
  }

 private:
  const std::uint64_t octets_;
  const penstock_read read_;
  void* const data_;
  void (*const release_)(void*);
};

penstock::Result<std::shared_ptr<const Content>> ToContent(const penstock_mail& mail) {
  penstock::Result<std::shared_ptr<const Content>> result;
  if (mail.content != nullptr) {
    result.value =
        Content::FromText(std::string(static_cast<const char*>(mail.content), mail.content_octets));
  } else if (mail.content_file != nullptr) {
    return Content::FromFile(mail.content_file);
  } else if (mail.read != nullptr) {
    result.value = std::make_shared<ReadContent>(mail);
  }
  return result;
}

penstock::Result<penstock::Mail> ToMail(const penstock_mail* given) {
  penstock::Result<penstock::Mail> result;
  if (given == nullptr || given->size < sizeof(penstock_mail)) {
    result.error = WrongSize("penstock_mail");
    return result;
  }
  penstock::Mail& mail = result.value;
  mail.direction = static_cast<penstock::Direction>(given->direction);
  mail.organization = Text(given->organization);
  mail.client.address = Text(given->client_address);
  mail.client.helo = Text(given->client_helo);
  mail.client.with = Text(given->client_with);
  mail.client.login = Text(given->client_login);
  mail.client.trusted = given->client_trusted != 0;
  mail.reverse_path = Text(given->reverse_path);
  for (std::size_t i = 0; i < given->forward_path_count; ++i)
    mail.forward_paths.push_back(Text(given->forward_paths[i]));
  mail.smtputf8 = given->smtputf8 != 0;
  mail.body_8bit = given->body_8bit != 0;
  auto content = ToContent(*given);
  result.error = std::move(content.error);
  mail.content = std::move(content.value);
  return result;
}

penstock::DecideOptions ToOptions(const penstock_decide_options* given) {
  penstock::DecideOptions options;
  if (given == nullptr) return options;
  options.patience = milliseconds(given->patience);
  options.only_plan = given->only_plan != 0;
  return options;
}

penstock_decision* ToDecision(Decision decision) {
  auto given = std::make_unique<penstock_decision>();
  given->decision = std::move(decision);
  for (const penstock::Outcome& one : given->decision.outcomes) {
    const penstock::DecidedMessage& message = given->decision.messages[one.message];
    penstock_outcome outcome = {};
    outcome.recipient = one.recipient.c_str();
    outcome.added = one.added ? 1 : 0;
    outcome.decided = one.decided ? 1 : 0;
    outcome.action = static_cast<penstock_action>(one.action);
    outcome.bounce_message = one.bounce_message.c_str();
    outcome.tell_sender = one.tell_sender ? 1 : 0;
    outcome.gateway = one.gateway.c_str();
    outcome.content = one.content;
    outcome.rule = one.rule.c_str();
    outcome.why = one.why.c_str();
    outcome.decided_by = one.decided_by.c_str();
    outcome.message_id = message.id.c_str();
    outcome.organization = message.organization.c_str();
    outcome.trace_field = message.trace_field.c_str();
    given->outcomes.push_back(outcome);
  }
  return given.release();
}

Decision Failed(Error error) {
  Decision decision;
  decision.error = std::move(error);
  return decision;
}

std::string ToToken(const void* token, std::size_t octets) {
  return octets == 0 ? std::string() : std::string(static_cast<const char*>(token), octets);
}

penstock::Deliver ToDeliver(const penstock_next_hop& next_hop) {
  return [deliver = next_hop.deliver, data = next_hop.deliver_data](penstock::Delivery delivery,
                                                                    penstock::DeliveryDone done) {
    deliver(data, new penstock_delivery{std::move(delivery), std::move(done)});
  };
}

penstock::NextHop ToNextHop(const penstock_next_hop& given) {
  penstock::NextHop next_hop;
  next_hop.name = Text(given.name);
  if (given.maildir != nullptr) {
    next_hop.means = penstock::MaildirNextHop{given.maildir};
  } else if (given.deliver != nullptr) {
    next_hop.means = ToDeliver(given);
  } else {
    penstock::SmtpNextHop smtp;
    smtp.lmtp = given.lmtp != 0;
    smtp.unix_path = Text(given.unix_path);
    smtp.host = Text(given.smtp_host);
    smtp.port = given.smtp_port;
    smtp.starttls = static_cast<penstock::StartTls>(given.starttls);
    smtp.ca_file = Text(given.ca_file);
    smtp.server_name = Text(given.server_name);
    smtp.certificate_file = Text(given.certificate_file);
    smtp.key_file = Text(given.key_file);
    next_hop.means = std::move(smtp);
  }
  return next_hop;
}

penstock::Result<penstock::EngineOptions> ToEngineOptions(const penstock_options* given) {
  penstock::Result<penstock::EngineOptions> result;
  if (given == nullptr || given->size < sizeof(penstock_options)) {
    result.error = WrongSize("penstock_options");
    return result;
  }
  penstock::EngineOptions& options = result.value;
  options.data_folder = Text(given->data_folder);
  options.hostname = Text(given->hostname);
  options.manifest = Text(given->manifest);
  options.threads = given->threads;
  options.content_listen = Text(given->content_listen);
  options.content_target = Text(given->content_target);
  options.token_key = ToToken(given->token_key, given->token_key_octets);
  options.strict = given->strict != 0;
  for (std::size_t i = 0; i < given->next_hop_count; ++i) {
    const penstock_next_hop* next_hop = given->next_hops[i];
    if (next_hop == nullptr || next_hop->size < sizeof(penstock_next_hop)) {
      result.error = WrongSize("penstock_next_hop");
      return result;
    }
    options.next_hops.push_back(ToNextHop(*next_hop));
  }
  options.routes = {Text(given->route_inbound), Text(given->route_outbound),
                    Text(given->route_bounces), Text(given->route_junk),
                    Text(given->route_bypass_spam_check)};
  options.delivery_expiry = milliseconds(given->delivery_expiry);
  if (given->log != nullptr) {
    options.log = [log = given->log, data = given->log_data](
                      int severity, std::string_view event,
                      const penstock::EngineOptions::LogFields& fields) {
      std::string line(event);
      for (const auto& [name, value] : fields) {
        if (!value.empty()) penstock::Append(line, " ", name, "=", value);
      }
      log(data, severity, line.c_str());
    };
  }
  return result;
}

const penstock::ReplacedContent* ContentOf(const penstock_decision* decision, std::size_t content) {
  const auto& contents = decision->decision.contents;
  return content < contents.size() ? &contents[content] : nullptr;
}

}  // namespace

extern "C" {

penstock_code penstock_open(const penstock_options* options, penstock_engine** engine,
                            char** error) {
  *engine = nullptr;
  auto given = ToEngineOptions(options);
  if (!given.ok()) return Tell(given.error, error);
  auto opened = penstock::Engine::Open(std::move(given.value));
  if (opened.ok()) *engine = new penstock_engine{std::move(opened.value)};
  return Tell(opened.error, error);
}

int penstock_stop(penstock_engine* engine, uint64_t limit) {
  return engine->engine->Stop(milliseconds(limit)) ? 1 : 0;
}

void penstock_close(penstock_engine* engine) {
  delete engine;
}

penstock_code penstock_apply(penstock_engine* engine, const char* manifest, const char* who,
                             char** error) {
  return Tell(engine->engine->Apply(Text(manifest), Text(who)), error);
}

void penstock_free(char* text) {
  std::free(text);
}

penstock_decision* penstock_decide(penstock_engine* engine, const penstock_mail* mail,
                                   const penstock_decide_options* options) {
  auto given = ToMail(mail);
  if (!given.ok()) return ToDecision(Failed(std::move(given.error)));
  return ToDecision(engine->engine->Decide(std::move(given.value), ToOptions(options)));
}

penstock_decision* penstock_resume(penstock_engine* engine, const void* token, size_t octets,
                                   const penstock_decide_options* options) {
  return ToDecision(engine->engine->Resume(ToToken(token, octets), ToOptions(options)));
}

void penstock_decide_async(penstock_engine* engine, const penstock_mail* mail,
                           const penstock_decide_options* options, penstock_decided done,
                           void* data) {
  auto given = ToMail(mail);
  if (!given.ok()) return done(data, ToDecision(Failed(std::move(given.error))));
  engine->engine->Decide(
      std::move(given.value), ToOptions(options),
      [done, data](Decision decision) { done(data, ToDecision(std::move(decision))); });
}

void penstock_resume_async(penstock_engine* engine, const void* token, size_t octets,
                           const penstock_decide_options* options, penstock_decided done,
                           void* data) {
  engine->engine->Resume(
      ToToken(token, octets), ToOptions(options),
      [done, data](Decision decision) { done(data, ToDecision(std::move(decision))); });
}

void penstock_decision_free(penstock_decision* decision) {
  delete decision;
}

penstock_code penstock_decision_code(const penstock_decision* decision) {
  return CodeOf(decision->decision.error);
}

const char* penstock_decision_error(const penstock_decision* decision) {
  return decision->decision.error.text.c_str();
}

int penstock_decision_final(const penstock_decision* decision) {
  return decision->decision.final ? 1 : 0;
}

size_t penstock_decision_outcome_count(const penstock_decision* decision) {
  return decision->outcomes.size();
}

const penstock_outcome* penstock_decision_outcome(const penstock_decision* decision, size_t i) {
  return i < decision->outcomes.size() ? &decision->outcomes[i] : nullptr;
}

int64_t penstock_decision_retry_at(const penstock_decision* decision) {
  const auto since = decision->decision.retry_at.time_since_epoch();
  return std::chrono::duration_cast<milliseconds>(since).count();
}

const void* penstock_decision_token(const penstock_decision* decision, size_t* octets) {
  *octets = decision->decision.token.size();
  return decision->decision.token.data();
}

size_t penstock_decision_history_count(const penstock_decision* decision) {
  return decision->decision.history.size();
}

const char* penstock_decision_history(const penstock_decision* decision, size_t i) {
  return i < decision->decision.history.size() ? decision->decision.history[i].c_str() : nullptr;
}

uint64_t penstock_decision_content_octets(const penstock_decision* decision, size_t content) {
  const auto* one = ContentOf(decision, content);
  return one == nullptr ? 0 : one->content->octets();
}

int penstock_decision_content_smtputf8(const penstock_decision* decision, size_t content) {
  const auto* one = ContentOf(decision, content);
  return one != nullptr && one->smtputf8 ? 1 : 0;
}

int penstock_decision_content_8bit(const penstock_decision* decision, size_t content) {
  const auto* one = ContentOf(decision, content);
  return one != nullptr && one->body_8bit ? 1 : 0;
}

int64_t penstock_decision_content_read(const penstock_decision* decision, size_t content,
                                       uint64_t offset, char* buffer, size_t octets) {
  const auto* one = ContentOf(decision, content);
  return one == nullptr ? -1 : one->content->Read(offset, buffer, octets);
}

const char* penstock_action_name(penstock_action action) {
  return penstock::Name(static_cast<penstock::Action>(action)).data();  // a literal
}

penstock_code penstock_accept(penstock_engine* engine, const penstock_mail* mail, uint64_t hold,
                              penstock_reply* reply, char** error) {
  thread_local penstock::Accepted accepted;
  auto given = ToMail(mail);
  if (!given.ok()) return Tell(given.error, error);
  accepted = engine->engine->Accept(std::move(given.value), milliseconds(hold));
  if (reply != nullptr)
    *reply = {accepted.reply.code, accepted.reply.status.c_str(), accepted.reply.text.c_str()};
  return Tell(accepted.error, error);
}

void penstock_accept_async(penstock_engine* engine, const penstock_mail* mail, uint64_t hold,
                           penstock_accepted done, void* data) {
  const auto tell = [done, data](const penstock::Accepted& accepted) {
    const penstock_reply reply = {accepted.reply.code, accepted.reply.status.c_str(),
                                  accepted.reply.text.c_str()};
    done(data, CodeOf(accepted.error), &reply, accepted.error.text.c_str());
  };
  auto given = ToMail(mail);
  if (!given.ok()) return tell({std::move(given.error), {}});
  engine->engine->Accept(std::move(given.value), milliseconds(hold), tell);
}

const char* penstock_delivery_next_hop(const penstock_delivery* delivery) {
  return delivery->delivery.next_hop.c_str();
}

const char* penstock_delivery_message_id(const penstock_delivery* delivery) {
  return delivery->delivery.message_id.c_str();
}

const char* penstock_delivery_reverse_path(const penstock_delivery* delivery) {
  return delivery->delivery.reverse_path.c_str();
}

size_t penstock_delivery_forward_path_count(const penstock_delivery* delivery) {
  return delivery->delivery.forward_paths.size();
}

const char* penstock_delivery_forward_path(const penstock_delivery* delivery, size_t i) {
  const auto& paths = delivery->delivery.forward_paths;
  return i < paths.size() ? paths[i].c_str() : nullptr;
}

int penstock_delivery_smtputf8(const penstock_delivery* delivery) {
  return delivery->delivery.smtputf8 ? 1 : 0;
}

int penstock_delivery_8bit(const penstock_delivery* delivery) {
  return delivery->delivery.body_8bit ? 1 : 0;
}

penstock_marking penstock_delivery_marking(const penstock_delivery* delivery) {
  return static_cast<penstock_marking>(delivery->delivery.marking);
}

const char* penstock_delivery_trace_field(const penstock_delivery* delivery) {
  return delivery->delivery.trace_field.c_str();
}

uint64_t penstock_delivery_octets(const penstock_delivery* delivery) {
  return delivery->delivery.content->octets();
}

int64_t penstock_delivery_read(const penstock_delivery* delivery, uint64_t offset, char* buffer,
                               size_t octets) {
  return delivery->delivery.content->Read(offset, buffer, octets);
}

void penstock_delivery_finish(penstock_delivery* delivery, const penstock_reply* replies,
                              size_t count) {
  const std::unique_ptr<penstock_delivery> ended(delivery);
  std::vector<penstock::Reply> told;
  for (std::size_t i = 0; i < count; ++i)
    told.push_back({replies[i].code, Text(replies[i].status), Text(replies[i].text)});
  ended->done(std::move(told));
}

}  // extern "C"
