// SPDX-License-Identifier: Apache-2.0
// An intake with all that it needs, on a store in memory. For messages that are dropped at once:
// nobody calls a hook or delivers.
#pragma once

#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/thread_pool.hpp>

#include "engine/runtime/message_intake.h"
#include "engine/runtime/system_clock.h"
#include "engine/store/memory_store.h"
#include "tests/support/await.h"

namespace penstock::runtime {

class NoDelivery final : public ports::Delivery {
 public:
  async::asio::awaitable<std::vector<mail::SmtpReply>> Deliver(ports::DeliveryRequest) override {
    std::abort();
  }
};

class NoCaller final : public ports::HookCaller {
 public:
  async::Task<flow::Answer> Call(ports::HookCall) override { std::abort(); }
};

class IntakeWorld {
 public:
  // `random` outlives it.
  IntakeWorld(std::size_t threads, ports::Random& random) : random_(random), pool_(threads) {
    const Status loaded = tests::Await(executor(), directory_.Load());
    if (!loaded.ok()) throw std::runtime_error(std::string(Message(loaded)));
  }

  ~IntakeWorld() {
    schedule_.Stop();
    async_workers_.Stop();
    tasks_.WaitIdle(std::chrono::seconds(10));
  }

  Status Apply(DirectoryKeeper::MakeChange make) {
    return tests::Await(executor(), directory_.Apply(std::move(make), "test"));
  }

  // `policy` outlives the call.
  mail::SmtpReply Accept(const ListenerPolicy& policy, mail::ClientInfo client,
                         mail::Envelope envelope, std::string header_section) {
    Submission submission;
    submission.policy = &policy;
    submission.client = std::move(client);
    submission.envelope = std::move(envelope);
    submission.header_section = std::move(header_section);
    auto content = tests::Await(executor(), intake_.NewContent());
    if (!content.ok() || !(*content)->Write(submission.header_section).ok()) return {};
    submission.content = *std::move(content);
    submission.received = clock_.Now();
    return tests::Await(executor(), intake_.Accept(std::move(submission)));
  }

  StatusOr<flow::MessageState> Load(MessageId id) {
    return tests::Await(executor(), store_.LoadMessage(std::move(id)));
  }

  [[nodiscard]] const MessageIntake& intake() const { return intake_; }

 private:
  [[nodiscard]] async::Executor executor() { return pool_.get_executor(); }

  SystemClock clock_;
  ports::Random& random_;
  NoDelivery delivery_;
  NoCaller caller_;
  store::MemoryStore store_;
  DirectoryKeeper directory_{store_, clock_};
  HookGate hooks_{caller_, directory_, clock_};
  SettingsKeeper settings_{flow::FlowSettings{}};
  async::TaskGroup tasks_;
  async::asio::thread_pool pool_;
  Context context_{store_,    delivery_,    clock_,
                   random_,   directory_,   hooks_,
                   settings_, "mx.example", pool_.get_executor(),
                   tasks_};
  MessageSchedule schedule_{context_};
  AsyncWorkers async_workers_{context_};
  MessageIntake intake_{context_, schedule_, async_workers_, limits::kInboundRecipientsMax};
};

}  // namespace penstock::runtime
