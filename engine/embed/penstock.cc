// SPDX-License-Identifier: Apache-2.0
#include "engine/embed/penstock.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/limits.h"
#include "engine/embed/engine.h"
#include "engine/embed/penstock_given.h"

using penstock::Accepted;
using penstock::DecideOptions;
using penstock::Decision;
using penstock::Engine;
using penstock::Error;
using penstock::ErrorCode;
using penstock::Mail;
using penstock::embed::TextOf;

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
static_assert(static_cast<int>(penstock::Marking::kBypassSpamCheck) ==
              PENSTOCK_MARK_BYPASS_SPAM_CHECK);

penstock_code CodeOf(const Error& error) {
  return static_cast<penstock_code>(error.code);
}

penstock_code Tell(const Error& error, char** text) {
  if (text != nullptr) *text = error.ok() ? nullptr : strdup(error.text.c_str());
  return CodeOf(error);
}

// What engine.h has and the functions below do not tell does not compile: each binding names all.
penstock_decision* ToDecision(Decision decision) {
  auto given = std::make_unique<penstock_decision>();
  given->decision = std::move(decision);
  [[maybe_unused]] const auto& [error, final, outcomes, contents, messages, retry_at, token,
                                history] = given->decision;
  for (const penstock::Outcome& one : outcomes) {
    const auto& [recipient, added, decided, action, bounce_message, tell_sender, gateway, content,
                 rule, why, decided_by, message] = one;
    const auto& [message_id, organization, trace_field] = messages[message];
    given->outcomes.push_back({.recipient = recipient.c_str(),
                               .added = added ? 1 : 0,
                               .decided = decided ? 1 : 0,
                               .action = static_cast<penstock_action>(action),
                               .bounce_message = bounce_message.c_str(),
                               .tell_sender = tell_sender ? 1 : 0,
                               .gateway = gateway.c_str(),
                               .content = content,
                               .rule = rule.c_str(),
                               .why = why.c_str(),
                               .decided_by = decided_by.c_str(),
                               .message_id = message_id.c_str(),
                               .organization = organization.c_str(),
                               .trace_field = trace_field.c_str()});
  }
  return given.release();
}

Decision Failed(Error error) {
  Decision decision;
  decision.error = std::move(error);
  return decision;
}

// Of a null engine.
Error NoEngine() {
  return {ErrorCode::kInvalidArgument, "engine: null"};
}

penstock::Result<std::string> ToToken(const void* token, std::size_t octets) {
  penstock::Result<std::string> result;
  if (octets > penstock::limits::kResumeTokenOctetsMax) {
    result.error = {ErrorCode::kInvalidArgument, "token: too long for one"};
  } else if (token != nullptr) {
    result.value.assign(static_cast<const char*>(token), octets);
  }
  return result;
}

penstock::Deliver ToDeliver(penstock_deliver deliver, void* data) {
  return [deliver, data](penstock::Delivery delivery, penstock::DeliveryDone done) {
    [[maybe_unused]] const auto& [next_hop, message_id, reverse_path, forward_paths, smtputf8,
                                  body_8bit, mail_parameters, rcpt_parameters, marking, trace_field,
                                  content] = delivery;
    deliver(data, new penstock_delivery{std::move(delivery), std::move(done)});
  };
}

// Calls `decide` with what was given, or says to `done` why not.
template <class Given, class Decide>
void DecideFor(penstock_engine* engine, penstock::Result<Given> given,
               const penstock_decide_options* options, penstock_decided done, void* data,
               const Decide& decide) {
  const auto tell = [done, data](Decision decision) {
    if (done != nullptr) done(data, ToDecision(std::move(decision)));
  };
  auto how = penstock::embed::GivenOptions(options);
  if (engine == nullptr) return tell(Failed(NoEngine()));
  if (!given.ok()) return tell(Failed(std::move(given.error)));
  if (!how.ok()) return tell(Failed(std::move(how.error)));
  decide(*engine->engine, std::move(given.value), how.value, tell);
}

template <class Given, class Decide>
penstock_decision* DecideNow(penstock_engine* engine, penstock::Result<Given> given,
                             const penstock_decide_options* options, const Decide& decide) {
  auto how = penstock::embed::GivenOptions(options);
  if (engine == nullptr) return ToDecision(Failed(NoEngine()));
  if (!given.ok()) return ToDecision(Failed(std::move(given.error)));
  if (!how.ok()) return ToDecision(Failed(std::move(how.error)));
  return ToDecision(decide(*engine->engine, std::move(given.value), how.value));
}

const Decision& Of(const penstock_decision* decision) {
  static const auto* const kNone =
      new Decision(Failed({ErrorCode::kInvalidArgument, "decision: null"}));
  return decision == nullptr ? *kNone : decision->decision;
}

const penstock::Delivery& Of(const penstock_delivery* delivery) {
  static const auto* const kNone = new penstock::Delivery();
  return delivery == nullptr ? *kNone : delivery->delivery;
}

const char* TextAt(const std::vector<std::string>& texts, std::size_t i) {
  return i < texts.size() ? texts[i].c_str() : nullptr;
}

milliseconds MillisOf(std::uint64_t given) {
  constexpr auto kMost = static_cast<std::uint64_t>(milliseconds::max().count());
  return milliseconds(std::min(given, kMost));
}

penstock_reply ReplyOf(const penstock::Reply& reply) {
  return {reply.code, reply.status.c_str(), reply.text.c_str()};
}

const penstock::ReplacedContent* ContentOf(const penstock_decision* decision, std::size_t content) {
  const auto& contents = Of(decision).contents;
  return content < contents.size() ? &contents[content] : nullptr;
}

}  // namespace

extern "C" {

penstock_code penstock_open(const penstock_options* options, penstock_engine** engine,
                            char** error) {
  if (engine == nullptr) return Tell(NoEngine(), error);
  *engine = nullptr;
  auto given = penstock::embed::GivenEngineOptions(options, ToDeliver);
  if (!given.ok()) return Tell(given.error, error);
  auto opened = penstock::Engine::Open(std::move(given.value));
  if (opened.ok()) *engine = new penstock_engine{std::move(opened.value)};
  return Tell(opened.error, error);
}

int penstock_stop(penstock_engine* engine, uint64_t limit) {
  return engine == nullptr || engine->engine->Stop(MillisOf(limit)) ? 1 : 0;
}

void penstock_close(penstock_engine* engine) {
  delete engine;
}

penstock_code penstock_apply(penstock_engine* engine, const char* manifest, const char* who,
                             char** error) {
  if (engine == nullptr) return Tell(NoEngine(), error);
  return Tell(engine->engine->Apply(TextOf(manifest), TextOf(who)), error);
}

void penstock_free(char* text) {
  std::free(text);
}

penstock_decision* penstock_decide(penstock_engine* engine, const penstock_mail* mail,
                                   const penstock_decide_options* options) {
  const auto decide = [](Engine& by, Mail given, const DecideOptions& how) {
    return by.Decide(std::move(given), how);
  };
  return DecideNow(engine, penstock::embed::GivenMail(mail), options, decide);
}

penstock_decision* penstock_resume(penstock_engine* engine, const void* token, size_t octets,
                                   const penstock_decide_options* options) {
  const auto resume = [](Engine& by, std::string given, const DecideOptions& how) {
    return by.Resume(std::move(given), how);
  };
  return DecideNow(engine, ToToken(token, octets), options, resume);
}

void penstock_decide_async(penstock_engine* engine, const penstock_mail* mail,
                           const penstock_decide_options* options, penstock_decided done,
                           void* data) {
  const auto decide = [](Engine& by, Mail given, const DecideOptions& how, const auto& tell) {
    by.Decide(std::move(given), how, tell);
  };
  DecideFor(engine, penstock::embed::GivenMail(mail), options, done, data, decide);
}

void penstock_resume_async(penstock_engine* engine, const void* token, size_t octets,
                           const penstock_decide_options* options, penstock_decided done,
                           void* data) {
  const auto resume = [](Engine& by, std::string given, const DecideOptions& how,
                         const auto& tell) { by.Resume(std::move(given), how, tell); };
  DecideFor(engine, ToToken(token, octets), options, done, data, resume);
}

void penstock_decision_free(penstock_decision* decision) {
  delete decision;
}

penstock_code penstock_decision_code(const penstock_decision* decision) {
  return CodeOf(Of(decision).error);
}

const char* penstock_decision_error(const penstock_decision* decision) {
  return Of(decision).error.text.c_str();
}

int penstock_decision_final(const penstock_decision* decision) {
  return Of(decision).final ? 1 : 0;
}

size_t penstock_decision_outcome_count(const penstock_decision* decision) {
  return decision == nullptr ? 0 : decision->outcomes.size();
}

const penstock_outcome* penstock_decision_outcome(const penstock_decision* decision, size_t i) {
  return i < penstock_decision_outcome_count(decision) ? &decision->outcomes[i] : nullptr;
}

int64_t penstock_decision_retry_at(const penstock_decision* decision) {
  const auto since = Of(decision).retry_at.time_since_epoch();
  return std::chrono::ceil<milliseconds>(since).count();  // nobody shall be early
}

const void* penstock_decision_token(const penstock_decision* decision, size_t* octets) {
  if (octets != nullptr) *octets = Of(decision).token.size();
  return Of(decision).token.data();
}

size_t penstock_decision_history_count(const penstock_decision* decision) {
  return Of(decision).history.size();
}

const char* penstock_decision_history(const penstock_decision* decision, size_t i) {
  return TextAt(Of(decision).history, i);
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
  thread_local Accepted accepted;
  accepted = {};
  auto given = penstock::embed::GivenMail(mail);
  if (engine == nullptr) {
    accepted.error = NoEngine();
  } else if (!given.ok()) {
    accepted.error = std::move(given.error);
  } else {
    accepted = engine->engine->Accept(std::move(given.value), MillisOf(hold));
  }
  if (reply != nullptr) *reply = ReplyOf(accepted.reply);
  return Tell(accepted.error, error);
}

void penstock_accept_async(penstock_engine* engine, const penstock_mail* mail, uint64_t hold,
                           penstock_accepted done, void* data) {
  const auto tell = [done, data](const Accepted& accepted) {
    const penstock_reply reply = ReplyOf(accepted.reply);
    if (done != nullptr) done(data, CodeOf(accepted.error), &reply, accepted.error.text.c_str());
  };
  auto given = penstock::embed::GivenMail(mail);
  if (engine == nullptr) return tell({NoEngine(), {}});
  if (!given.ok()) return tell({std::move(given.error), {}});
  engine->engine->Accept(std::move(given.value), MillisOf(hold), tell);
}

const char* penstock_delivery_next_hop(const penstock_delivery* delivery) {
  return Of(delivery).next_hop.c_str();
}

const char* penstock_delivery_message_id(const penstock_delivery* delivery) {
  return Of(delivery).message_id.c_str();
}

const char* penstock_delivery_reverse_path(const penstock_delivery* delivery) {
  return Of(delivery).reverse_path.c_str();
}

size_t penstock_delivery_forward_path_count(const penstock_delivery* delivery) {
  return Of(delivery).forward_paths.size();
}

const char* penstock_delivery_forward_path(const penstock_delivery* delivery, size_t i) {
  return TextAt(Of(delivery).forward_paths, i);
}

int penstock_delivery_smtputf8(const penstock_delivery* delivery) {
  return Of(delivery).smtputf8 ? 1 : 0;
}

int penstock_delivery_8bit(const penstock_delivery* delivery) {
  return Of(delivery).body_8bit ? 1 : 0;
}

const char* penstock_delivery_mail_parameters(const penstock_delivery* delivery) {
  return Of(delivery).mail_parameters.c_str();
}

const char* penstock_delivery_rcpt_parameters(const penstock_delivery* delivery, size_t i) {
  return TextAt(Of(delivery).rcpt_parameters, i);
}

penstock_marking penstock_delivery_marking(const penstock_delivery* delivery) {
  return static_cast<penstock_marking>(Of(delivery).marking);
}

const char* penstock_delivery_trace_field(const penstock_delivery* delivery) {
  return Of(delivery).trace_field.c_str();
}

uint64_t penstock_delivery_octets(const penstock_delivery* delivery) {
  const auto& content = Of(delivery).content;
  return content == nullptr ? 0 : content->octets();
}

int64_t penstock_delivery_read(const penstock_delivery* delivery, uint64_t offset, char* buffer,
                               size_t octets) {
  const auto& content = Of(delivery).content;
  return content == nullptr ? -1 : content->Read(offset, buffer, octets);
}

void penstock_delivery_finish(penstock_delivery* delivery, const penstock_reply* replies,
                              size_t count) {
  if (delivery == nullptr) return;
  const std::unique_ptr<penstock_delivery> ended(delivery);
  std::vector<penstock::Reply> told;
  for (std::size_t i = 0; replies != nullptr && i < count; ++i)
    told.push_back({replies[i].code, TextOf(replies[i].status), TextOf(replies[i].text)});
  ended->done(std::move(told));
}

}  // extern "C"
