// SPDX-License-Identifier: Apache-2.0
#include "engine/embed/log_subscription.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

#include "engine/base/log.h"
#include "engine/base/mutex.h"
#include "engine/embed/own_delivery.h"

namespace penstock::embed {

struct LogSubscription::Subscriber {
  explicit Subscriber(Function log_in) : log(std::move(log_in)) {}

  const Function log;
  Mutex mutex;
  std::condition_variable_any idle;
  int running ABSL_GUARDED_BY(mutex) = 0;
  bool ended ABSL_GUARDED_BY(mutex) = false;
};

namespace {

// Those of all engines, in the order in which they came; never destroyed, since threads may log to
// the end of the process.
template <class Subscriber>
struct Subscribers {
  Mutex mutex;
  std::deque<std::shared_ptr<Subscriber>> all ABSL_GUARDED_BY(mutex);

  static Subscribers& Get() {
    static auto* const kAll = new Subscribers();
    return *kAll;
  }

  std::shared_ptr<Subscriber> First() {
    const MutexLock lock(mutex);
    return all.empty() ? nullptr : all.front();
  }
};

}  // namespace

LogSubscription::LogSubscription(Function log) {
  Install();
  if (!log) return;
  subscriber_ = std::make_shared<Subscriber>(std::move(log));
  auto& subscribers = Subscribers<Subscriber>::Get();
  const MutexLock lock(subscribers.mutex);
  subscribers.all.push_back(subscriber_);
}

LogSubscription::~LogSubscription() {
  if (subscriber_ == nullptr) return;
  {
    auto& subscribers = Subscribers<Subscriber>::Get();
    const MutexLock lock(subscribers.mutex);
    std::erase(subscribers.all, subscriber_);
  }
  const MutexLock lock(subscriber_->mutex);
  subscriber_->ended = true;
  while (subscriber_->running > 0)
    subscriber_->idle.wait(subscriber_->mutex);
}

// Once, before any thread of ours logs: the sink itself may not change under them.
void LogSubscription::Install() {
  static std::once_flag once;
  std::call_once(once, [] {
    SetLogSink([](LogLevel level, std::string_view event, std::span<const LogField> fields) {
      const auto first = Subscribers<Subscriber>::Get().First();
      if (first == nullptr) return;
      EngineOptions::LogFields given;
      for (const LogField& field : fields)
        given.emplace_back(field.name, field.value);
      Tell(first, static_cast<int>(level), event, given);
    });
  });
}

void LogSubscription::Tell(const std::shared_ptr<Subscriber>& subscriber, int severity,
                           std::string_view event, const EngineOptions::LogFields& fields) {
  {
    const MutexLock lock(subscriber->mutex);
    if (subscriber->ended) return;
    ++subscriber->running;
  }
  CallOut([&] { subscriber->log(severity, event, fields); });
  const MutexLock lock(subscriber->mutex);
  if (--subscriber->running == 0) subscriber->idle.notify_all();
}

}  // namespace penstock::embed
