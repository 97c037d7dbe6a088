// SPDX-License-Identifier: Apache-2.0
// The world outside of the process: hooks and next hops, each in its mood.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "engine/ports/delivery.h"
#include "engine/ports/hook_caller.h"
#include "engine/runtime/content_desk.h"
#include "engine/runtime/directory_keeper.h"
#include "tests/sim/ledger.h"

namespace penstock::sim {

// What both need. `is_cut_off`: asked when an answer is on its way to the process; true: the
// process ends before it hears it.
struct Outside {
  Ledger& ledger;
  Trace& trace;
  std::function<bool()> is_cut_off;
};

class SimHooks final : public ports::HookCaller {
 public:
  // `outside`, `moods` and `directory` outlive it.
  SimHooks(Outside& outside, const std::map<std::string, HookMood>& moods, Dice dice)
      : outside_(outside), moods_(moods), dice_(dice) {}

  // The process that lives now reads the one, and takes content at the other.
  void SetProcess(const runtime::DirectoryKeeper* directory, runtime::ContentDesk* desk) {
    directory_ = directory;
    desk_ = desk;
    putting_ = 0;
  }

  // Puts that run.
  [[nodiscard]] std::size_t putting() const { return putting_; }

  async::Task<flow::Answer> Call(ports::HookCall call) override;

 private:
  struct Reply {
    StatusOr<flow::Answer> answer;
    Milliseconds after;
  };

  Reply MakeReply(const ports::HookCall& call);
  flow::Answer MakeAnswer(const ports::HookCall& call);
  flow::Answer MakeNonsense(const ports::HookCall& call);
  flow::AnswerEntry MakeEntry(const ports::HookCall& call);
  // Replaces the content while the hook thinks, or after it has answered.
  void PutSometimes(const ports::HookCall& call, Milliseconds answers_after,
                    const async::Executor& executor);
  static async::asio::awaitable<void> Put(SimHooks* hooks, runtime::ContentClaim claim,
                                          Milliseconds after, std::string octets);

  Outside& outside_;
  const std::map<std::string, HookMood>& moods_;
  Dice dice_;
  const runtime::DirectoryKeeper* directory_ = nullptr;
  runtime::ContentDesk* desk_ = nullptr;
  std::size_t putting_ = 0;
  std::size_t puts_ = 0;
};

class SimNextHops final : public ports::Delivery {
 public:
  // `outside` and `moods` outlive it.
  SimNextHops(Outside& outside, const std::map<std::string, NextHopMood>& moods, Dice dice)
      : outside_(outside), moods_(moods), dice_(dice) {}

  async::asio::awaitable<std::vector<mail::SmtpReply>> Deliver(
      ports::DeliveryRequest request) override;

 private:
  std::vector<mail::SmtpReply> MakeReplies(const ports::DeliveryRequest& request);

  Outside& outside_;
  const std::map<std::string, NextHopMood>& moods_;
  Dice dice_;
};

}  // namespace penstock::sim
