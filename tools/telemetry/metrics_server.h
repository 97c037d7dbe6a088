// SPDX-License-Identifier: Apache-2.0
// Metrics in Prometheus's text format at /metrics, and health at /healthz: 200 "ok", or 503 with
// what is wrong. prometheus-cpp keeps the numbers, CivetWeb serves them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "engine/async/endpoint.h"
#include "engine/base/metrics.h"
#include "engine/base/mutex.h"
#include "engine/base/status.h"

class CivetServer;

namespace prometheus {
class Registry;
class Counter;
class Gauge;
class Histogram;
template <class T>
class Family;
}  // namespace prometheus

namespace penstock::telemetry {

// Threads: Record from any.
class PrometheusMetrics final : public MetricSink {
 public:
  PrometheusMetrics();
  ~PrometheusMetrics() override;

  void Record(const Metric& metric, std::initializer_list<MetricLabel> labels,
              double value) override;

  // The whole page, in the text format of Prometheus.
  [[nodiscard]] std::string Page() const;

 private:
  std::shared_ptr<prometheus::Registry> registry_;
  Mutex mutex_;
  std::map<std::string_view, prometheus::Family<prometheus::Counter>*> counters_
      ABSL_GUARDED_BY(mutex_);
  std::map<std::string_view, prometheus::Family<prometheus::Gauge>*> gauges_
      ABSL_GUARDED_BY(mutex_);
  std::map<std::string_view, prometheus::Family<prometheus::Histogram>*> histograms_
      ABSL_GUARDED_BY(mutex_);
};

class MetricsServer {
 public:
  // Calls `refresh` before each page, for gauges that are looked up; `health` gives what is wrong.
  struct Sources {
    std::function<void()> refresh;
    std::function<Status()> health;
  };

  // Serves `metrics`, which outlives it. Errors: kUnavailable, naming the endpoint.
  static StatusOr<std::unique_ptr<MetricsServer>> Open(const async::Endpoint& endpoint,
                                                       const PrometheusMetrics& metrics,
                                                       Sources sources);
  ~MetricsServer();

  // With the port that was taken for port 0.
  [[nodiscard]] const async::Endpoint& endpoint() const { return endpoint_; }

 private:
  class Pages;
  MetricsServer();

  async::Endpoint endpoint_;
  std::unique_ptr<Pages> pages_;
  std::unique_ptr<CivetServer> server_;  // stops before what it serves goes
};

}  // namespace penstock::telemetry
