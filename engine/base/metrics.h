// SPDX-License-Identifier: Apache-2.0
// The thin door to metrics: every metric of the house on one line, and a sink that the daemon
// fills with a library. Until SetMetricSink is called, samples go nowhere.
// Threads: Count, Observe and Gauge are safe from any; SetMetricSink is called before they start.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace penstock {

enum class MetricKind { kCounter, kGauge, kHistogram };

struct Metric {
  MetricKind kind;
  const char* name;
  const char* help;
};

struct MetricLabel {
  std::string_view name;
  std::string_view value;
};

class MetricSink {
 public:
  virtual ~MetricSink() = default;
  virtual void Record(const Metric& metric, std::initializer_list<MetricLabel> labels,
                      double value) = 0;
};

// `sink` outlives every later call of the functions below; null takes it away.
void SetMetricSink(MetricSink* sink);

void Count(const Metric& metric, std::initializer_list<MetricLabel> labels, double by = 1);
void Observe(const Metric& metric, std::initializer_list<MetricLabel> labels, double value);
void Gauge(const Metric& metric, std::initializer_list<MetricLabel> labels, double value);

namespace metrics {

// clang-format off
inline constexpr Metric kMessagesAccepted{MetricKind::kCounter, "penstock_messages_accepted_total", "Messages answered 250; labels organization, direction"};
inline constexpr Metric kMessagesRefused{MetricKind::kCounter, "penstock_messages_refused_total", "Transactions refused after DATA; label code"};
inline constexpr Metric kOutcomes{MetricKind::kCounter, "penstock_outcomes_total", "Recipients decided; labels organization, direction, action"};
inline constexpr Metric kHookAttempts{MetricKind::kCounter, "penstock_hook_attempts_total", "Calls of hooks that ended; labels hook, mode, code"};
inline constexpr Metric kHookSeconds{MetricKind::kHistogram, "penstock_hook_call_seconds", "Duration of a call of a hook; labels hook, mode"};
inline constexpr Metric kFallbacks{MetricKind::kCounter, "penstock_fallbacks_total", "Invocations decided by the fallback action for all; label hook"};
inline constexpr Metric kDeliveries{MetricKind::kCounter, "penstock_deliveries_total", "Recipients at a next hop; labels next_hop, result (delivered, deferred, failed)"};
inline constexpr Metric kDeadLetters{MetricKind::kCounter, "penstock_dead_letters_total", "Async events given up; label hook"};
inline constexpr Metric kDeadLettersDropped{MetricKind::kCounter, "penstock_dead_letters_dropped_total", "Dead letters that the list's bound pushed out (H12); label hook"};
inline constexpr Metric kRecordsParked{MetricKind::kCounter, "penstock_records_parked_total", "Records of the store that were damaged and put aside; label kind"};
inline constexpr Metric kMessagesOpen{MetricKind::kGauge, "penstock_messages_open", "Accepted messages whose outcomes are not all final"};
inline constexpr Metric kConnections{MetricKind::kGauge, "penstock_connections", "Open connections; label listener"};
inline constexpr Metric kCommitSeconds{MetricKind::kHistogram, "penstock_commit_seconds", "Duration of a group commit"};
// clang-format on

}  // namespace metrics

}  // namespace penstock
