// SPDX-License-Identifier: Apache-2.0
#include "engine/api/message_service.h"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/api/message_view.h"
#include "engine/api/paging.h"
#include "engine/api/unary_call.h"
#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/wire/resource_name.h"

#include "penstock/v1/messages.grpc.pb.h"

namespace penstock::api {
namespace {

StatusOr<ports::MessageFilter> FilterOf(const v1::ListMessagesRequest& request) {
  ports::MessageFilter filter;
  filter.organization = request.organization();
  switch (request.state()) {
    case v1::Message::UNSPECIFIED:
      return filter;
    case v1::Message::ACTIVE:
      filter.phase = flow::MessagePhase::kActive;
      return filter;
    case v1::Message::WAITING:
      filter.phase = flow::MessagePhase::kWaiting;
      return filter;
    case v1::Message::DELIVERING:
      filter.phase = flow::MessagePhase::kDelivering;
      return filter;
    case v1::Message::CLOSED:
      filter.phase = flow::MessagePhase::kClosed;
      return filter;
    default:
      return InvalidArgument(Cat("state: ", static_cast<int>(request.state()),
                                 " is none; expected ACTIVE, WAITING, DELIVERING or CLOSED"));
  }
}

// Whether the SYNC hook decides or has decided about any of its recipients.
bool Asks(const flow::MessageState& state, const std::string& hook) {
  return std::any_of(state.invocations.begin(), state.invocations.end(),
                     [&hook](const auto& invocation) { return invocation.hook == hook; });
}

StatusOr<flow::Intervention> ToCancel(const v1::CancelMessageRequest& request, std::string who) {
  flow::Intervention what;
  what.kind = flow::Intervention::Kind::kCancel;
  what.who = std::move(who);
  what.verdict.bounce_message = request.bounce_message();
  switch (request.action()) {
    case v1::Verdict::DROP:
      what.verdict.action = rules::Action::kDrop;
      break;
    case v1::Verdict::BOUNCE:
      what.verdict.action = rules::Action::kBounce;
      return what;
    case v1::Verdict::DEFAULT:
      what.verdict.action = rules::Action::kDefault;
      break;
    default:
      return InvalidArgument(Cat("action: expected DROP, BOUNCE or DEFAULT"));
  }
  if (!request.bounce_message().empty()) {
    return InvalidArgument("bounce_message: only BOUNCE tells the sender anything");
  }
  return what;
}

class Service final : public v1::MessageService::CallbackService {
 public:
  explicit Service(AdminContext& admin) : admin_(admin) {}

  grpc::ServerUnaryReactor* GetMessage(grpc::CallbackServerContext* context,
                                       const v1::GetMessageRequest* request,
                                       v1::Message* response) override {
    return RunUnary(admin_, context, response, Get(*request));
  }

  grpc::ServerUnaryReactor* ListMessages(grpc::CallbackServerContext* context,
                                         const v1::ListMessagesRequest* request,
                                         v1::ListMessagesResponse* response) override {
    return RunUnary(admin_, context, response, List(*request));
  }

  grpc::ServerUnaryReactor* RetryMessage(grpc::CallbackServerContext* context,
                                         const v1::RetryMessageRequest* request,
                                         v1::Message* response) override {
    flow::Intervention retry;
    retry.who = CallerOf(*context);
    return RunUnary(admin_, context, response, Intervene(request->name(), std::move(retry)));
  }

  grpc::ServerUnaryReactor* CancelMessage(grpc::CallbackServerContext* context,
                                          const v1::CancelMessageRequest* request,
                                          v1::Message* response) override {
    return RunUnary(admin_, context, response,
                    Intervene(request->name(), ToCancel(*request, CallerOf(*context))));
  }

 private:
  async::Task<v1::Message> Intervene(std::string name, StatusOr<flow::Intervention> what) {
    PENSTOCK_CO_ASSIGN_OR_RETURN(const MessageId id, wire::ParseMessageName(name));
    PENSTOCK_CO_RETURN_IF_ERROR(what.status());
    if (admin_.schedule == nullptr) co_return FailedPrecondition("no messages are worked on here");
    const Status done = co_await admin_.schedule->Intervene(id, *std::move(what));
    if (done.code() == StatusCode::kFailedPrecondition) {
      co_return Annotate(done, Cat("message ", id.text()));
    }
    if (done.ok() || done.code() == StatusCode::kNotFound) co_return co_await Load(id);
    co_return done;
  }

  async::Task<v1::Message> Get(const v1::GetMessageRequest& request) {
    PENSTOCK_CO_ASSIGN_OR_RETURN(const MessageId id, wire::ParseMessageName(request.name()));
    co_return co_await Load(id);
  }

  async::Task<v1::Message> Load(MessageId id) {
    auto message = co_await admin_.store.LoadMessageWithHistory(id);
    if (message.status().code() == StatusCode::kNotFound) {
      co_return NotFound(Cat("there is no message \"", id.text(),
                             "\", or it is no longer on record; see them: penstock message list"));
    }
    PENSTOCK_CO_RETURN_IF_ERROR(message.status());
    co_return ViewWhole(*message);
  }

  async::Task<v1::ListMessagesResponse> List(const v1::ListMessagesRequest& request) {
    PENSTOCK_CO_ASSIGN_OR_RETURN(const std::size_t rows, RowsOf(request.page_size()));
    PENSTOCK_CO_ASSIGN_OR_RETURN(ports::MessageFilter filter, FilterOf(request));
    v1::ListMessagesResponse response;
    response.set_next_page_token(request.page_token());
    PageBounds bounds(rows);
    std::size_t looked_at = 0;
    do {
      const std::size_t some = std::min(bounds.rows_left(), limits::kMessagesReadMax);
      auto page = co_await admin_.store.ListMessages(filter, some, response.next_page_token());
      if (page.status().code() == StatusCode::kInvalidArgument) {
        co_return Annotate(page.status(), "page_token");
      }
      PENSTOCK_CO_RETURN_IF_ERROR(page.status());
      for (const flow::MessageState& state : page->messages) {
        looked_at += 1;
        if (!request.hook().empty() && !Asks(state, request.hook())) continue;
        *response.add_messages() = ViewInList(state);
        bounds.Count(response.messages().rbegin()->ByteSizeLong());
      }
      response.set_next_page_token(page->next_page_token);
    } while (!response.next_page_token().empty() && !bounds.full() &&
             looked_at < limits::kMessagesLookedAtMax);
    // One that was deleted may still have messages on record.
    if (response.messages().empty() && !request.organization().empty() &&
        admin_.directory.Current()->FindOrganization(request.organization()) == nullptr) {
      co_return NotFound(Cat("there is no organization \"", Printable(request.organization()),
                             "\"; see them: penstock org list"));
    }
    co_return response;
  }

  AdminContext& admin_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeMessageService(AdminContext& admin) {
  return std::make_unique<Service>(admin);
}

}  // namespace penstock::api
