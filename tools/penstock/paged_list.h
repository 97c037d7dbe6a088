// SPDX-License-Identifier: Apache-2.0
// Lists that come page by page: as many rows as the command line asks for, over several calls if it
// takes them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"

#include "tools/penstock/command.h"
#include "tools/penstock/session.h"

namespace penstock::cli {

inline constexpr std::int64_t kAllRows = std::numeric_limits<std::int64_t>::max();

// Adds to `all` what `method` of `Service` answers to `request`, from its page token on, until
// `rows` of it counts `limit` or the list ends. If rows are left, `all` has the token of the next.
//   Errors: those of Client::Call.
template <class Service, class Request, class Response>
Status ListPages(Session& session,
                 grpc::Status (Service::Stub::*method)(grpc::ClientContext*, const Request&,
                                                       Response*),
                 Request request, int (Response::*rows)() const, std::int64_t limit,
                 Response* all) {
  constexpr auto kPageMax = static_cast<std::int64_t>(limits::kListPageMax);
  while ((all->*rows)() < limit) {
    request.set_page_size(static_cast<std::int32_t>(std::min(limit - (all->*rows)(), kPageMax)));
    Response page;
    PENSTOCK_RETURN_IF_ERROR(session.client().Call<Service>(method, request, &page));
    request.set_page_token(page.next_page_token());
    all->clear_next_page_token();
    all->MergeFrom(page);
    if (page.next_page_token().empty()) break;
  }
  return OkStatus();
}

inline Parameter LimitParameter() {
  return {.name = "--limit",
          .value = "N",
          .help = "at most so many",
          .kind = Parameter::Kind::kCount,
          .preset = Cat(limits::kListPageDefault)};
}

inline Parameter PageTokenParameter() {
  return {.name = "--page-token",
          .value = "TOKEN",
          .help = "go on where a list has ended",
          .field = "page_token"};
}

}  // namespace penstock::cli
