// SPDX-License-Identifier: Apache-2.0
#include "tools/telemetry/metrics_server.h"

#include <utility>
#include <vector>

#include <CivetServer.h>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "engine/base/strings.h"

namespace penstock::telemetry {
namespace {

// Seconds: from a local call to the longest ASYNC deadline.
const prometheus::Histogram::BucketBoundaries kSecondsBuckets = {
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 60, 300};

prometheus::Labels ToLabels(std::initializer_list<MetricLabel> labels) {
  prometheus::Labels map;
  for (const MetricLabel& label : labels)
    map.emplace(label.name, label.value);
  return map;
}

template <class Build, class Families>
auto& FamilyOf(const Metric& metric, Families& families, prometheus::Registry& registry,
               Build build) {
  auto& family = families[metric.name];
  if (family == nullptr) family = &build().Name(metric.name).Help(metric.help).Register(registry);
  return *family;
}

void Reply(mg_connection* connection, int code, std::string_view type, const std::string& body) {
  const std::string head = Cat("HTTP/1.1 ", code, code == 200 ? " OK" : " Service Unavailable",
                               "\r\nContent-Type: ", type, "\r\nContent-Length: ", body.size(),
                               "\r\nConnection: close\r\n\r\n");
  mg_write(connection, head.data(), head.size());
  mg_write(connection, body.data(), body.size());
}

class Page final : public CivetHandler {
 public:
  explicit Page(std::function<void(mg_connection*)> answer) : answer_(std::move(answer)) {}

  bool handleGet(CivetServer* /*server*/, mg_connection* connection) override {
    answer_(connection);
    return true;
  }

 private:
  std::function<void(mg_connection*)> answer_;
};

}  // namespace

PrometheusMetrics::PrometheusMetrics() : registry_(std::make_shared<prometheus::Registry>()) {}

PrometheusMetrics::~PrometheusMetrics() = default;

void PrometheusMetrics::Record(const Metric& metric, std::initializer_list<MetricLabel> labels,
                               double value) {
  const MutexLock lock(mutex_);
  switch (metric.kind) {
    case MetricKind::kCounter:
      FamilyOf(metric, counters_, *registry_, prometheus::BuildCounter)
          .Add(ToLabels(labels))
          .Increment(value);
      break;
    case MetricKind::kGauge:
      FamilyOf(metric, gauges_, *registry_, prometheus::BuildGauge)
          .Add(ToLabels(labels))
          .Set(value);
      break;
    case MetricKind::kHistogram:
      FamilyOf(metric, histograms_, *registry_, prometheus::BuildHistogram)
          .Add(ToLabels(labels), kSecondsBuckets)
          .Observe(value);
      break;
  }
}

std::string PrometheusMetrics::Page() const {
  return prometheus::TextSerializer().Serialize(registry_->Collect());
}

class MetricsServer::Pages {
 public:
  Pages(const PrometheusMetrics& metrics, Sources sources)
      : metrics_page([&metrics, refresh = sources.refresh](mg_connection* connection) {
          refresh();
          Reply(connection, 200, "text/plain; version=0.0.4; charset=utf-8", metrics.Page());
        }),
        health_page([health = sources.health](mg_connection* connection) {
          const Status status = health();
          Reply(connection, status.ok() ? 200 : 503, "text/plain; charset=utf-8",
                status.ok() ? "ok\n" : Cat(Message(status), "\n"));
        }) {}

  telemetry::Page metrics_page;
  telemetry::Page health_page;
};

MetricsServer::MetricsServer() = default;

MetricsServer::~MetricsServer() = default;

StatusOr<std::unique_ptr<MetricsServer>> MetricsServer::Open(const async::Endpoint& endpoint,
                                                             const PrometheusMetrics& metrics,
                                                             Sources sources) {
  auto server = std::unique_ptr<MetricsServer>(new MetricsServer);
  server->endpoint_ = endpoint;
  server->pages_ = std::make_unique<Pages>(metrics, std::move(sources));
  const std::vector<std::string> options = {
      "listening_ports", endpoint.ToString(), "num_threads", "2", "request_timeout_ms", "5000"};
  try {
    server->server_ = std::make_unique<CivetServer>(options);
  } catch (const CivetException&) {
    return Unavailable(
        Cat("metrics.listen: cannot listen on ", endpoint.ToString(), "; is the port in use?"));
  }
  server->server_->addHandler("/metrics$", server->pages_->metrics_page);
  server->server_->addHandler("/healthz$", server->pages_->health_page);
  const std::vector<int> ports = server->server_->getListeningPorts();
  if (!ports.empty()) server->endpoint_.port = static_cast<std::uint16_t>(ports.front());
  return server;
}

}  // namespace penstock::telemetry
