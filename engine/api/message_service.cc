// SPDX-License-Identifier: Apache-2.0
#include "engine/api/message_service.h"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/api/message_view.h"
#include "engine/api/paging.h"
#include "engine/api/unary_call.h"
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

 private:
  async::Task<v1::Message> Get(const v1::GetMessageRequest& request) {
    PENSTOCK_CO_ASSIGN_OR_RETURN(const MessageId id, wire::ParseMessageName(request.name()));
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
    do {
      const std::size_t some = std::min(bounds.rows_left(), limits::kMessagesReadMax);
      auto page = co_await admin_.store.ListMessages(filter, some, response.next_page_token());
      if (page.status().code() == StatusCode::kInvalidArgument) {
        co_return Annotate(page.status(), "page_token");
      }
      PENSTOCK_CO_RETURN_IF_ERROR(page.status());
      for (const flow::MessageState& state : page->messages) {
        *response.add_messages() = ViewInList(state);
        bounds.Count(response.messages().rbegin()->ByteSizeLong());
      }
      response.set_next_page_token(page->next_page_token);
    } while (!response.next_page_token().empty() && !bounds.full());
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
