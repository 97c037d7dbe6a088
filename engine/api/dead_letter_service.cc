// SPDX-License-Identifier: Apache-2.0
#include "engine/api/dead_letter_service.h"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/api/paging.h"
#include "engine/api/unary_call.h"
#include "engine/async/limiter.h"
#include "engine/base/limits.h"
#include "engine/base/log.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/base/utf8.h"
#include "engine/wire/convert_hook_call.h"
#include "engine/wire/proto_time.h"
#include "engine/wire/resource_name.h"

#include "penstock/v1/dead_letters.grpc.pb.h"

namespace penstock::api {
namespace {

using ports::AsyncEvent;

v1::DeadLetter ViewInList(const AsyncEvent& event) {
  v1::DeadLetter view;
  view.set_name(wire::DeadLetterName(event.id));
  view.set_hook(event.hook);
  view.set_organization(event.organization);
  view.set_flow_rule(wire::FlowRuleName(event.organization, event.event.direction, event.rule));
  view.set_message(wire::MessageName(event.event.message_id));
  view.set_invocation_id(event.event.invocation_id.text());
  view.set_attempt_count(static_cast<std::int32_t>(event.attempts_ended));
  view.set_last_error(ToValidUtf8(event.last_error));
  *view.mutable_dead_time() = wire::ToProto(event.next_attempt);
  return view;
}

// How many events each hook's queue still takes.
class Room {
 public:
  Room(const std::vector<ports::AsyncQueueCounts>& counts, const flow::Directory& directory)
      : directory_(directory) {
    for (const ports::AsyncQueueCounts& count : counts)
      queued_[count.hook] = count.queued;
  }

  bool Take(const std::string& name) {
    const auto hook = directory_.FindHook(name);
    std::uint64_t& queued = queued_[name];
    if (queued >= (hook == nullptr ? limits::kAsyncQueueMax : hook->async_queue_max)) return false;
    ++queued;
    return true;
  }

 private:
  const flow::Directory& directory_;
  std::map<std::string, std::uint64_t> queued_;
};

class Service final : public v1::DeadLetterService::CallbackService {
 public:
  explicit Service(AdminContext& admin) : admin_(admin), turn_(1) {}

  grpc::ServerUnaryReactor* GetDeadLetter(grpc::CallbackServerContext* context,
                                          const v1::GetDeadLetterRequest* request,
                                          v1::DeadLetter* response) override {
    return RunUnary(admin_, context, response, Get(*request));
  }

  grpc::ServerUnaryReactor* ListDeadLetters(grpc::CallbackServerContext* context,
                                            const v1::ListDeadLettersRequest* request,
                                            v1::ListDeadLettersResponse* response) override {
    return RunUnary(admin_, context, response, List(*request));
  }

  grpc::ServerUnaryReactor* RedriveDeadLetters(grpc::CallbackServerContext* context,
                                               const v1::RedriveDeadLettersRequest* request,
                                               v1::RedriveDeadLettersResponse* response) override {
    return RunUnary(admin_, context, response, Redrive(*request, CallerOf(*context)));
  }

 private:
  async::Task<v1::DeadLetter> Get(const v1::GetDeadLetterRequest& request) {
    PENSTOCK_CO_ASSIGN_OR_RETURN(const std::int64_t number,
                                 wire::ParseDeadLetterName(request.name()));
    const auto event = co_await admin_.store.LoadDeadLetter(number);
    if (event.status().code() == StatusCode::kNotFound) {
      co_return NotFound(Cat("there is no dead letter ", number,
                             ", or it was redriven or dropped; see them: penstock dead-letter "
                             "list"));
    }
    PENSTOCK_CO_RETURN_IF_ERROR(event.status());
    v1::DeadLetter view = ViewInList(*event);
    *view.mutable_event() = wire::ToProto(event->event);
    co_return view;
  }

  async::Task<v1::ListDeadLettersResponse> List(const v1::ListDeadLettersRequest& request) {
    PENSTOCK_CO_ASSIGN_OR_RETURN(const std::size_t rows, RowsOf(request.page_size()));
    const Status hook_known = co_await CheckHook(request.hook());
    PENSTOCK_CO_RETURN_IF_ERROR(hook_known);
    ports::DeadLetterFilter filter{request.hook(), request.organization()};
    v1::ListDeadLettersResponse response;
    response.set_next_page_token(request.page_token());
    PageBounds bounds(rows);
    do {
      const std::size_t some = std::min(bounds.rows_left(), limits::kMessagesReadMax);
      auto page = co_await admin_.store.ListDeadLetters(filter, some, response.next_page_token());
      if (page.status().code() == StatusCode::kInvalidArgument) {
        co_return Annotate(page.status(), "page_token");
      }
      PENSTOCK_CO_RETURN_IF_ERROR(page.status());
      for (const AsyncEvent& event : page->events) {
        *response.add_dead_letters() = ViewInList(event);
        bounds.Count(response.dead_letters().rbegin()->ByteSizeLong());
      }
      response.set_next_page_token(page->next_page_token);
      if (page->events.empty()) break;  // much was looked at for nothing: the caller may go on
    } while (!response.next_page_token().empty() && !bounds.full());
    co_return response;
  }

  async::Task<v1::RedriveDeadLettersResponse> Redrive(const v1::RedriveDeadLettersRequest& request,
                                                      std::string who) {
    if (request.names().empty() == request.hook().empty()) {
      co_return InvalidArgument("names: expected either `names` or `hook`");
    }
    if (static_cast<std::size_t>(request.names_size()) > limits::kRedriveBatch) {
      co_return InvalidArgument(Cat("names: ", request.names_size(), " are too many; expected ",
                                    limits::kRedriveBatch, " at most"));
    }
    const Status hook_known = co_await CheckHook(request.hook());
    PENSTOCK_CO_RETURN_IF_ERROR(hook_known);
    // One at a time: nobody else takes a letter off the list between its reading and its commit,
    // but for the list's bound.
    const auto turn = co_await turn_.Acquire();
    PENSTOCK_CO_RETURN_IF_ERROR(turn.status());
    for (int tries = 1;; ++tries) {
      auto response = co_await RedriveOnce(request, who);
      const bool again = response.status().code() == StatusCode::kNotFound;
      if (!again || tries == limits::kRedriveTriesMax) co_return response;
    }
  }

  async::Task<v1::RedriveDeadLettersResponse> RedriveOnce(
      const v1::RedriveDeadLettersRequest& request, const std::string& who) {
    v1::RedriveDeadLettersResponse response;
    auto events = co_await Load(request, response);
    PENSTOCK_CO_RETURN_IF_ERROR(events.status());
    const auto counts = co_await admin_.store.CountAsyncEvents();
    PENSTOCK_CO_RETURN_IF_ERROR(counts.status());
    const flow::DirectorySnapshot directory = admin_.directory.Current();
    Room room(*counts, *directory);
    const Time now = admin_.clock.Now();
    ports::Transaction transaction;
    std::set<std::string> hooks;
    for (AsyncEvent& event : *events) {
      const std::string name = wire::DeadLetterName(event.id);
      if (!room.Take(event.hook)) {
        response.add_left_names(name);
        continue;
      }
      response.add_redriven_names(name);
      hooks.insert(event.hook);
      flow::HistoryEntry entry{.time = now, .kind = flow::HistoryKind::kAsyncRedriven};
      entry.rule = event.rule;
      entry.hook = event.hook;
      entry.detail = Cat("by ", who);
      transaction.history.push_back({event.event.message_id, {std::move(entry)}});
      event.dead = false;
      event.attempts_ended = 0;
      event.next_attempt = now;
      event.last_error.clear();
      transaction.changed_async_events.push_back(std::move(event));
    }
    if (!hooks.empty()) {
      const Status committed = co_await admin_.store.Commit(std::move(transaction));
      PENSTOCK_CO_RETURN_IF_ERROR(committed);
    }
    for (const std::string& hook : hooks) {
      Log(LogLevel::kInfo, "dead_letters_redriven", {{"hook", hook}, {"by", who}});
      if (admin_.async_workers != nullptr) admin_.async_workers->Notify(hook);
    }
    const auto left = co_await CountDead(request.hook());
    PENSTOCK_CO_RETURN_IF_ERROR(left.status());
    response.set_dead_letter_count(*left);
    co_return response;
  }

  // The letters that `request` names, or the next ones of its hook.
  async::Task<std::vector<AsyncEvent>> Load(const v1::RedriveDeadLettersRequest& request,
                                            v1::RedriveDeadLettersResponse& response) {
    if (!request.hook().empty()) {
      ports::DeadLetterFilter filter{request.hook(), ""};
      std::string token = request.page_token();
      auto page = co_await admin_.store.ListDeadLetters(std::move(filter), limits::kRedriveBatch,
                                                        std::move(token));
      if (page.status().code() == StatusCode::kInvalidArgument) {
        co_return Annotate(page.status(), "page_token");
      }
      PENSTOCK_CO_RETURN_IF_ERROR(page.status());
      response.set_next_page_token(page->next_page_token);
      co_return std::move(page->events);
    }
    std::set<std::int64_t> numbers;  // each once
    for (int i = 0; i < request.names_size(); ++i) {
      auto number = wire::ParseDeadLetterName(request.names(i));
      if (!number.ok()) {
        co_return InvalidArgument(Cat("names[", i, "]: \"", Printable(request.names(i)),
                                      "\": expected \"deadLetters/{number}\""));
      }
      numbers.insert(*number);
    }
    std::vector<AsyncEvent> events;
    for (const std::int64_t number : numbers) {
      auto event = co_await admin_.store.LoadDeadLetter(number);
      if (event.status().code() == StatusCode::kNotFound) {
        response.add_missing_names(wire::DeadLetterName(number));
        continue;
      }
      PENSTOCK_CO_RETURN_IF_ERROR(event.status());
      events.push_back(*std::move(event));
    }
    co_return events;
  }

  async::Task<std::int64_t> CountDead(std::string hook) {
    const auto counts = co_await admin_.store.CountAsyncEvents();
    PENSTOCK_CO_RETURN_IF_ERROR(counts.status());
    for (const ports::AsyncQueueCounts& count : *counts) {
      if (count.hook == hook) co_return static_cast<std::int64_t>(count.dead);
    }
    co_return 0;
  }

  // A hook that is gone may have left dead letters.
  async::Task<void> CheckHook(std::string hook) {
    if (hook.empty() || admin_.directory.Current()->FindHook(hook) != nullptr) {
      co_return OkStatus();
    }
    const auto dead = co_await CountDead(hook);
    PENSTOCK_CO_RETURN_IF_ERROR(dead.status());
    if (*dead > 0) co_return OkStatus();
    co_return NotFound(
        Cat("there is no hook \"", Printable(hook), "\"; see them: penstock hook list"));
  }

  AdminContext& admin_;
  async::Limiter turn_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeDeadLetterService(AdminContext& admin) {
  return std::make_unique<Service>(admin);
}

}  // namespace penstock::api
