// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/housekeeping.h"

#include <boost/asio/post.hpp>

#include "engine/async/strand.h"
#include "engine/base/limits.h"
#include "engine/base/log.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"

namespace penstock::runtime {

namespace asio = async::asio;

Housekeeping::Housekeeping(Context& context, Milliseconds history_retention)
    : context_(context),
      retention_(history_retention),
      timer_(async::MakeStrand(context.executor)) {}

void Housekeeping::Start() {
  asio::post(timer_.get_executor(), [this] { Arm(); });
}

void Housekeeping::Stop() {
  asio::post(timer_.get_executor(), [this] { timer_.cancel(); });
}

void Housekeeping::Arm() {
  if (context_.stopping) return;
  timer_.expires_after(limits::kPurgeInterval);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error || context_.stopping) return;
    context_.tasks.Spawn(timer_.get_executor(), Purge(this), "purge");
  });
}

asio::awaitable<void> Housekeeping::Purge(Housekeeping* housekeeping) {
  const Status released = co_await housekeeping->ReleaseContent();
  if (!released.ok()) {
    Log(LogLevel::kError, "release_failed", {{"error", std::string(Message(released))}});
  }
  const Status purged = co_await housekeeping->PurgeMessages();
  if (!purged.ok()) {
    Log(LogLevel::kError, "purge_failed", {{"error", std::string(Message(purged))}});
  }
  housekeeping->Arm();
}

async::Task<void> Housekeeping::PurgeMessages() {
  std::size_t purged = 0;
  do {
    const Time before = context_.clock.Now() - retention_.load();
    const auto result = co_await context_.store.PurgeMessages(before, limits::kPurgeBatch);
    PENSTOCK_CO_RETURN_IF_ERROR(result.status());
    purged = *result;
  } while (purged == limits::kPurgeBatch && !context_.stopping);
  co_return OkStatus();
}

async::Task<void> Housekeeping::ReleaseContent() {
  std::size_t released = 0;
  do {
    const auto result =
        co_await context_.store.ReleaseRetained(context_.clock.Now(), limits::kExpiredBatch);
    PENSTOCK_CO_RETURN_IF_ERROR(result.status());
    released = *result;
  } while (released == limits::kExpiredBatch && !context_.stopping);
  co_return OkStatus();
}

}  // namespace penstock::runtime
