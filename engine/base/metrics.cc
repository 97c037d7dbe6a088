// SPDX-License-Identifier: Apache-2.0
#include "engine/base/metrics.h"

#include <atomic>

namespace penstock {
namespace {

std::atomic<MetricSink*>& Sink() {
  static std::atomic<MetricSink*> sink{nullptr};
  return sink;
}

void Record(const Metric& metric, std::initializer_list<MetricLabel> labels, double value) {
  if (MetricSink* sink = Sink().load(std::memory_order_acquire))
    sink->Record(metric, labels, value);
}

}  // namespace

void SetMetricSink(MetricSink* sink) {
  Sink().store(sink, std::memory_order_release);
}

void Count(const Metric& metric, std::initializer_list<MetricLabel> labels, double by) {
  Record(metric, labels, by);
}

void Observe(const Metric& metric, std::initializer_list<MetricLabel> labels, double value) {
  Record(metric, labels, value);
}

void Gauge(const Metric& metric, std::initializer_list<MetricLabel> labels, double value) {
  Record(metric, labels, value);
}

}  // namespace penstock
