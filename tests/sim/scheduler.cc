// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/scheduler.h"

#include <deque>

namespace penstock::sim {

namespace asio = async::asio;

namespace {

class Handler {
 public:
  virtual ~Handler() = default;
  virtual void Run() = 0;
};

template <class Function>
class FunctionHandler final : public Handler {
 public:
  explicit FunctionHandler(Function function) : function_(std::move(function)) {}

  void Run() override { std::move(function_)(); }

 private:
  Function function_;
};

}  // namespace

// One life of the process: its handlers, and the services of Asio (strands, channels) in it.
class Scheduler::Process final : public asio::execution_context {
 public:
  void Kill() {
    alive = false;
    // What a handler owns may post again while it is destroyed.
    while (!handlers.empty()) {
      const auto dying = std::exchange(handlers, {});
    }
    shutdown();
  }

  bool alive = true;
  std::deque<std::unique_ptr<Handler>> handlers;
};

class Scheduler::ProcessExecutor {
 public:
  explicit ProcessExecutor(Process* process) : process_(process) {}

  asio::execution_context& query(asio::execution::context_t /*property*/) const noexcept {
    return *process_;
  }

  static constexpr asio::execution::blocking_t::never_t query(
      asio::execution::blocking_t /*property*/) noexcept {
    return {};
  }

  template <class Function>
  void execute(Function function) const {
    auto handler = std::make_unique<FunctionHandler<Function>>(std::move(function));
    if (process_->alive) process_->handlers.push_back(std::move(handler));
  }

  friend bool operator==(const ProcessExecutor&, const ProcessExecutor&) = default;

 private:
  Process* process_;
};

Scheduler::Scheduler(Dice dice, Order order)
    : dice_(dice), order_(order), process_(std::make_unique<Process>()) {
  async::VirtualTime::Use(this);
}

Scheduler::~Scheduler() {
  Kill();
  process_.reset();
  async::VirtualTime::Use(nullptr);
}

async::Executor Scheduler::executor() {
  return ProcessExecutor(process_.get());
}

bool Scheduler::Step() {
  auto& handlers = process_->handlers;
  if (handlers.empty()) return false;
  std::unique_ptr<Handler> handler;
  if (order_ == Order::kOldest) {
    handler = std::move(handlers.front());
    handlers.pop_front();
  } else {
    const bool newest = order_ == Order::kNewest && !dice_.Chance(0.1);
    if (!newest) std::swap(handlers[dice_.Below(handlers.size())], handlers.back());
    handler = std::move(handlers.back());
    handlers.pop_back();
  }
  handler->Run();
  return true;
}

SteadyClock::time_point Scheduler::Earliest() const {
  return waits_.empty() ? time_point::max() : waits_.begin()->first.first;
}

std::size_t Scheduler::ready() const {
  return process_->handlers.size();
}

void Scheduler::Advance(SteadyClock::time_point limit) {
  now_ = std::max(now_, std::min(limit, Earliest()));
  while (!waits_.empty() && waits_.begin()->first.first <= now_) {
    auto due = waits_.extract(waits_.begin());
    expiries_.erase(due.key().second);
    due.mapped()->End({});
  }
}

std::uint64_t Scheduler::Begin(time_point expiry, std::unique_ptr<Wait> wait) {
  const std::uint64_t id = ++last_wait_;
  if (!process_->alive) return id;
  waits_.emplace(std::pair(expiry, id), std::move(wait));
  expiries_.emplace(id, expiry);
  return id;
}

void Scheduler::Cancel(std::uint64_t wait) {
  const auto expiry = expiries_.find(wait);
  if (expiry == expiries_.end()) return;
  auto ended = waits_.extract({expiry->second, wait});
  expiries_.erase(expiry);
  ended.mapped()->End(asio::error::operation_aborted);
}

void Scheduler::Kill() {
  process_->alive = false;
  expiries_.clear();
  while (!waits_.empty()) {
    const auto dying = std::exchange(waits_, {});
  }
  process_->Kill();
}

void Scheduler::Renew() {
  process_ = std::make_unique<Process>();
}

}  // namespace penstock::sim
