// SPDX-License-Identifier: Apache-2.0
// counter: messages and recipients, for Prometheus.
#include <algorithm>
#include <deque>
#include <set>

#include "engine/base/limits.h"
#include "engine/base/metrics.h"
#include "engine/base/mutex.h"
#include "engine/base/strings.h"
#include "hooks/builtin/kinds.h"

namespace penstock::builtin {
namespace {

// clang-format off
constexpr Metric kMessages{MetricKind::kCounter, "penstock_hook_messages_total", "Messages that a counter saw, each once; labels hook, organization, direction, rule, sender (internal, external), recipients (internal, external, mixed)"};
constexpr Metric kRecipients{MetricKind::kCounter, "penstock_hook_recipients_total", "Recipients of these messages; the same labels"};

// clang-format on

class CounterHook final : public MailHook {
 public:
  CounterHook(std::string name, const AddressPatterns& inside)
      : name_(std::move(name)), inside_(inside) {}

  StatusOr<Decision> Decide(const Mail& mail) override {
    const v1::Event& event = mail.event();
    std::string organization = mail.request.organization();
    std::string rule = mail.request.rule();
    const std::string_view direction = mail.inbound() ? "inbound" : "outbound";
    const std::string_view sender = inside_.MatchSender(event) ? "internal" : "external";
    {
      const MutexLock lock(mutex_);
      if (!Remember(mail.id(), mail.now)) return Decision();
      // Whoever may call may name rules: their number and length is theirs, that of series is ours.
      const bool names = organization.size() <= limits::kResourceNameOctetsMax &&
                         rule.size() <= limits::kResourceNameOctetsMax;
      if (names &&
          (series_.contains({organization, rule}) || series_.size() < limits::kCounterSeriesMax)) {
        series_.emplace(organization, rule);
      } else {
        organization = rule = "other";
      }
    }
    const auto labels = {
        MetricLabel{"hook", name_},          MetricLabel{"organization", organization},
        MetricLabel{"direction", direction}, MetricLabel{"rule", rule},
        MetricLabel{"sender", sender},       MetricLabel{"recipients", WordOf(event)}};
    Count(kMessages, labels);
    Count(kRecipients, labels, event.envelope().recipients_size());
    return Decision();
  }

 private:
  struct Call {
    std::string id;
    Milliseconds at;
  };

  // False if the call was counted before.
  bool Remember(const std::string& id, Milliseconds now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    while (!calls_.empty() && calls_.front().at + limits::kRepeatRemembered <= now)
      ForgetOldest();
    if (!ids_.insert(id).second) return false;
    if (calls_.size() >= limits::kCounterCallsMax) ForgetOldest();
    calls_.push_back({id, now});
    return true;
  }

  void ForgetOldest() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    ids_.erase(calls_.front().id);
    calls_.pop_front();
  }

  [[nodiscard]] std::string_view WordOf(const v1::Event& event) const {
    const auto& recipients = event.envelope().recipients();
    const auto count =
        std::count_if(recipients.begin(), recipients.end(),
                      [this](const auto& recipient) { return inside_.Match(recipient.address()); });
    if (count == 0) return "external";
    return count == recipients.size() ? "internal" : "mixed";
  }

  const std::string name_;
  const AddressPatterns inside_;
  Mutex mutex_;
  std::deque<Call> calls_ ABSL_GUARDED_BY(mutex_);  // the oldest first
  std::set<std::string> ids_ ABSL_GUARDED_BY(mutex_);
  std::set<std::pair<std::string, std::string>> series_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

MailHookPtr MakeCounter(const Surroundings& around) {
  return std::make_unique<CounterHook>(around.name, around.inside);
}

}  // namespace penstock::builtin
