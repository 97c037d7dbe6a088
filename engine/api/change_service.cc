// SPDX-License-Identifier: Apache-2.0
#include "engine/api/change_service.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "engine/api/change_view.h"
#include "engine/api/paging.h"
#include "engine/api/unary_call.h"
#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/wire/resource_name.h"

#include "penstock/v1/changes.grpc.pb.h"

namespace penstock::api {
namespace {

// A page's token is the number of its last row.
StatusOr<std::int64_t> NumberOf(std::string_view page_token) {
  if (page_token.empty()) return std::numeric_limits<std::int64_t>::max();
  PENSTOCK_ASSIGN_OR_RETURN(const std::string key, ParsePageToken(page_token));
  const auto number = ParseInt<std::int64_t>(key);
  if (number && *number > 0) return *number;
  return InvalidArgument(Cat("page_token: \"", Printable(page_token),
                             "\" is not the next_page_token of an earlier page"));
}

class Service final : public v1::ChangeService::CallbackService {
 public:
  explicit Service(AdminContext& admin) : admin_(admin) {}

  grpc::ServerUnaryReactor* GetChange(grpc::CallbackServerContext* context,
                                      const v1::GetChangeRequest* request,
                                      v1::Change* response) override {
    return RunUnary(admin_, context, response, Get(*request));
  }

  grpc::ServerUnaryReactor* ListChanges(grpc::CallbackServerContext* context,
                                        const v1::ListChangesRequest* request,
                                        v1::ListChangesResponse* response) override {
    return RunUnary(admin_, context, response, List(*request));
  }

 private:
  async::Task<v1::Change> Get(const v1::GetChangeRequest& request) {
    PENSTOCK_CO_ASSIGN_OR_RETURN(const std::int64_t number, wire::ParseChangeName(request.name()));
    // The one below the next number is this one, if it is there.
    if (number < std::numeric_limits<std::int64_t>::max()) {
      const auto changes = co_await admin_.store.ListChanges(number + 1, 1);
      PENSTOCK_CO_RETURN_IF_ERROR(changes.status());
      if (!changes->empty() && changes->front().number == number) {
        co_return ViewChange(changes->front());
      }
    }
    co_return NotFound(Cat("there is no change \"", number, "\"; see them: penstock change list"));
  }

  async::Task<v1::ListChangesResponse> List(const v1::ListChangesRequest& request) {
    PENSTOCK_CO_ASSIGN_OR_RETURN(const std::size_t rows, RowsOf(request.page_size()));
    PENSTOCK_CO_ASSIGN_OR_RETURN(std::int64_t before, NumberOf(request.page_token()));
    v1::ListChangesResponse response;
    PageBounds bounds(rows);
    bool more = true;
    while (more && !bounds.full()) {
      const std::size_t some = std::min(bounds.rows_left(), limits::kChangesReadMax);
      const auto changes = co_await admin_.store.ListChanges(before, some);
      PENSTOCK_CO_RETURN_IF_ERROR(changes.status());
      for (const ports::RecordedChange& change : *changes) {
        *response.add_changes() = ViewChange(change);
        bounds.Count(response.changes().rbegin()->ByteSizeLong());
        before = change.number;
      }
      more = changes->size() == some && before > 1;
    }
    if (more) response.set_next_page_token(MakePageToken(Cat(before)));
    co_return response;
  }

  AdminContext& admin_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeChangeService(AdminContext& admin) {
  return std::make_unique<Service>(admin);
}

}  // namespace penstock::api
