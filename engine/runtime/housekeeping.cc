// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/housekeeping.h"

#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include "engine/base/log.h"
#include "engine/base/strings.h"

namespace penstock::runtime {

namespace asio = async::asio;

Housekeeping::Housekeeping(Context& context, Milliseconds history_retention)
    : context_(context),
      retention_(history_retention),
      timer_(async::Executor(asio::make_strand(context.executor))) {}

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
  Context& context = housekeeping->context_;
  std::size_t purged = 0;
  do {
    const Time before = context.clock.Now() - housekeeping->retention_.load();
    const auto result = co_await context.store.PurgeMessages(before, limits::kPurgeBatch);
    if (!result.ok()) {
      Log(LogLevel::kError, "purge_failed", {{"error", std::string(Message(result.status()))}});
      break;
    }
    purged = *result;
  } while (purged == limits::kPurgeBatch && !context.stopping);
  housekeeping->Arm();
}

}  // namespace penstock::runtime
