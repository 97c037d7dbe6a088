// SPDX-License-Identifier: Apache-2.0
// storm_brake: a recipient that got too much mail within a window gets no more until there is less.
#include <chrono>
#include <deque>
#include <set>
#include <unordered_map>

#include "engine/base/limits.h"
#include "engine/base/mutex.h"
#include "engine/base/strings.h"
#include "engine/mail/mailbox.h"
#include "engine/wire/proto_time.h"
#include "hooks/builtin/kinds.h"
#include "hooks/builtin/verdict.h"

namespace penstock::builtin {
namespace {

constexpr std::chrono::milliseconds kWindowMin{1000};

// Stands for all recipients that a truncated event leaves out, as one mailbox; no address' key.
constexpr std::string_view kLeftOut = "\n";

// Which recipients got too much within the window: exact, as each call is remembered, not a rate
// that is guessed. Bounded by calls and by recipients; beyond that the oldest call is forgotten,
// which lets mail through, never more of it stops.
class Tally {
 public:
  Tally(int messages_max, Milliseconds window)
      : messages_max_(messages_max),
        window_(window),
        memory_(std::max<Milliseconds>(window, limits::kRepeatRemembered)) {}

  // Counts a call at `now` for `recipients`, keys without repetition, and returns those that have
  // too much. A call that was counted gets what it got.
  std::set<std::string> Count(const std::string& id, std::set<std::string> recipients,
                              Milliseconds now) {
    ForgetOld(now);
    if (const auto known = by_id_.find(id); known != by_id_.end()) return known->second->braked;
    while (calls_.size() >= limits::kStormCallsMax || remembered_ > limits::kStormRecipientsMax)
      ForgetOldest();
    Call call{id, now, {}, {}};
    for (const std::string& recipient : recipients)
      if (++counts_[recipient] > messages_max_) call.braked.insert(recipient);
    remembered_ += recipients.size();
    call.recipients = std::move(recipients);
    calls_.push_back(std::move(call));
    by_id_.emplace(id, &calls_.back());  // a deque's elements stay where they are
    ++in_window_;
    return calls_.back().braked;
  }

 private:
  struct Call {
    std::string id;
    Milliseconds at;
    std::set<std::string> recipients;
    std::set<std::string> braked;
  };

  void ForgetOld(Milliseconds now) {
    while (in_window_ > 0 && calls_[calls_.size() - in_window_].at + window_ <= now)
      LeaveWindow();
    while (!calls_.empty() && calls_.front().at + memory_ <= now)
      ForgetOldest();
  }

  void ForgetOldest() {
    if (in_window_ == calls_.size()) LeaveWindow();
    remembered_ -= calls_.front().recipients.size();
    by_id_.erase(calls_.front().id);
    calls_.pop_front();
  }

  void LeaveWindow() {
    for (const std::string& recipient : calls_[calls_.size() - in_window_].recipients) {
      const auto count = counts_.find(recipient);
      if (--count->second == 0) counts_.erase(count);
    }
    --in_window_;
  }

  const int messages_max_;
  const Milliseconds window_;
  const Milliseconds memory_;
  std::deque<Call> calls_;      // the oldest first
  std::size_t in_window_ = 0;   // of them, the youngest
  std::size_t remembered_ = 0;  // recipients of all
  std::unordered_map<std::string, const Call*> by_id_;
  std::unordered_map<std::string, int> counts_;  // of those in the window, by recipient
};

class StormBrakeHook final : public MailHook {
 public:
  StormBrakeHook(AddressPatterns watched, v1::Action action, int messages_max, Milliseconds window)
      : watched_(std::move(watched)), action_(std::move(action)), tally_(messages_max, window) {}

  StatusOr<Decision> Decide(const Mail& mail) override {
    std::set<std::string> recipients;
    for (const auto& recipient : mail.event().envelope().recipients())
      if (watched_.Match(recipient.address())) {
        recipients.insert(mail::AddressKey(recipient.address()));
      }
    if (mail.event().truncated()) recipients.emplace(kLeftOut);
    Decision decision;
    if (recipients.empty()) return decision;
    const MutexLock lock(mutex_);
    const std::set<std::string> braked = tally_.Count(mail.id(), std::move(recipients), mail.now);
    // A crowd of recipients may not hide one behind the end of the list (E5).
    if (mail.event().truncated() && braked.contains(std::string(kLeftOut))) {
      decision.everyone = action_;
      decision.Note("the event is truncated: whom it leaves out may get too much");
      return decision;
    }
    for (const auto& recipient : mail.event().envelope().recipients()) {
      if (braked.contains(mail::AddressKey(recipient.address()))) {
        decision.some.emplace_back(recipient.address(), action_);
      }
    }
    return decision;
  }

 private:
  const AddressPatterns watched_;
  const v1::Action action_;
  Mutex mutex_;
  Tally tally_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

MailHookPtr MakeStormBrake(const v1::StormBrakeHook& settings, Faults faults) {
  AddressPatterns watched =
      ReadPatterns(settings.protected_recipients(), "protected_recipients", faults);
  if (settings.protected_recipients().empty()) watched.Add(rules::Pattern());  // "*"
  const int messages_max =
      settings.messages_max() == 0 ? limits::kStormMessagesDefault : settings.messages_max();
  if (messages_max < 1 || messages_max > limits::kStormMessagesMax) {
    faults.Add("messages_max",
               Cat(messages_max, " is out of range; expected 1 to ", limits::kStormMessagesMax));
  }
  const auto window =
      settings.has_window()
          ? std::chrono::duration_cast<Milliseconds>(wire::FromProto(settings.window()))
          : Milliseconds(limits::kStormWindowDefault);
  if (window < kWindowMin || window > limits::kStormWindowMax) {
    faults.Add("window", Cat("is out of range; expected 1s to ",
                             wire::DurationText(limits::kStormWindowMax)));
  }
  const auto type =
      settings.action() == v1::Action::UNSPECIFIED ? v1::Action::BOUNCE : settings.action();
  if (type == v1::Action::DEFAULT || type == v1::Action::BYPASS_SPAM_CHECK) {
    faults.Add("action", Cat(v1::Action::Type_Name(type),
                             " stops no mail; expected bounce, drop or move_to_junk"));
  }
  CheckBounceMessage(settings.bounce_message(), faults);
  return std::make_unique<StormBrakeHook>(
      std::move(watched), ActionOf(type, settings.bounce_message()), messages_max, window);
}

}  // namespace penstock::builtin
