// SPDX-License-Identifier: Apache-2.0
#include "tools/penstockd/config.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <utility>

#include <unistd.h>

#include "engine/async/endpoint.h"
#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/ingress/network_set.h"
#include "engine/mail/content_facts.h"
#include "engine/mail/marking.h"
#include "engine/wire/proto_time.h"
#include "engine/wire/yaml.h"

#include "google/protobuf/util/message_differencer.h"
#include "tools/penstockd/next_hop_config.h"
#include "tools/penstockd/privileges.h"
#include "tools/penstockd/tls_config.h"

namespace penstock::daemon {
namespace {

namespace fs = std::filesystem;
using google::protobuf::Duration;

std::string MachineName() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return name.data();
}

// Sets a default where the file says nothing.
template <class Rep, class Period>
void DefaultDuration(Duration* field, std::chrono::duration<Rep, Period> value) {
  if (field->seconds() == 0 && field->nanos() == 0) {
    *field = wire::ToProto(std::chrono::duration_cast<std::chrono::nanoseconds>(value));
  }
}

void DefaultMarking(v1::HeaderMarking* marking, std::string_view header) {
  if (!marking->header().empty() || !marking->value().empty()) return;
  marking->set_header(std::string(header));
  marking->set_value("yes");
}

void DefaultMilter(v1::Listener& listener) {
  DefaultDuration(listener.mutable_hold(), limits::kMilterHold);
  if (!listener.mta_networks().empty()) return;
  listener.add_mta_networks("127.0.0.0/8");
  listener.add_mta_networks("::1/128");
}

void FillDefaults(v1::Listener& listener) {
  if (listener.protocol() == v1::Listener::PROTOCOL_UNSPECIFIED) {
    listener.set_protocol(v1::Listener::SMTP);
  }
  if (listener.connections_max() == 0) {
    listener.set_connections_max(static_cast<int>(limits::kConnectionsMax));
  }
  if (listener.connections_per_client_max() == 0) {
    listener.set_connections_per_client_max(static_cast<int>(limits::kConnectionsPerClientMax));
  }
  if (listener.protocol() == v1::Listener::MILTER) DefaultMilter(listener);
  if (listener.protocol() == v1::Listener::LMTP && !listener.has_hold())
    *listener.mutable_hold() = wire::ToProto(std::chrono::nanoseconds(limits::kLmtpHold));
  if (listener.starttls() == v1::Listener::START_TLS_UNSPECIFIED) {
    listener.set_starttls(listener.has_tls() ? v1::Listener::MAY : v1::Listener::NONE);
  }
  if (listener.organization().empty() && listener.direction() != v1::Listener::OUTBOUND) {
    listener.set_organization("default");
  }
}

void FillDefaults(const fs::path& folder, v1::Config& config) {
  const auto absolute = [&folder](const std::string& path) {
    return path.empty() ? path : (folder / path).lexically_normal().string();
  };
  if (config.hostname().empty()) config.set_hostname(MachineName());
  config.set_data_folder(absolute(config.data_folder()));
  auto* admin = config.mutable_admin();
  admin->set_socket(admin->socket().empty() ? absolute(config.data_folder() + "/admin.sock")
                                            : absolute(admin->socket()));
  auto* content = config.mutable_content_api();
  if (content->listen().empty()) content->set_listen("127.0.0.1:0");
  MakeTlsPathsAbsolute(folder, config);
  for (auto& listener : *config.mutable_listeners())
    FillDefaults(listener);
  for (auto& next_hop : *config.mutable_next_hops())
    FillNextHop(folder, next_hop);
  auto* routes = config.mutable_routes();
  if (routes->bounces().empty()) {
    routes->set_bounces(routes->outbound().empty() ? routes->inbound() : routes->outbound());
  }
  DefaultMarking(config.mutable_marking()->mutable_junk(), "X-Penstock-Junk");
  DefaultMarking(config.mutable_marking()->mutable_bypass_spam_check(),
                 "X-Penstock-Bypass-Spam-Check");
  auto* bounds = config.mutable_limits();
  if (bounds->message_octets_max() == 0) bounds->set_message_octets_max(limits::kMessageOctetsMax);
  if (bounds->inbound_recipients_max() == 0) {
    bounds->set_inbound_recipients_max(static_cast<int>(limits::kInboundRecipientsMax));
  }
  if (bounds->open_messages_max() == 0) {
    bounds->set_open_messages_max(static_cast<std::int64_t>(limits::kOpenMessagesMax));
  }
  if (bounds->incoming_octets_max() == 0) {
    bounds->set_incoming_octets_max(std::max(static_cast<std::int64_t>(limits::kIncomingOctetsMax),
                                             bounds->message_octets_max()));
  }
  DefaultDuration(bounds->mutable_history_retention(), limits::kHistoryRetention);
  DefaultDuration(bounds->mutable_content_retention(), limits::kContentRetention);
  if (bounds->immutable_fields().empty()) {
    for (const std::string& name : mail::ContentRules().immutable_fields)
      bounds->add_immutable_fields(name);
  }
  DefaultDuration(bounds->mutable_drain_deadline(), limits::kDrainDeadline);
  auto* delivery = config.mutable_delivery();
  DefaultDuration(delivery->mutable_backoff_first(), limits::kDeliveryBackoffFirst);
  DefaultDuration(delivery->mutable_backoff_max(), limits::kDeliveryBackoffMax);
  DefaultDuration(delivery->mutable_expiry(), limits::kDeliveryExpiry);
  DefaultDuration(config.mutable_retry()->mutable_backoff_first(), limits::kRetryBackoffFirst);
  DefaultDuration(config.mutable_retry()->mutable_backoff_max(), limits::kRetryBackoffMax);
}

// Judges the values; collects one line for each fault, with its place in the file.
class Checker {
 public:
  explicit Checker(const wire::YamlPlaces& places) : places_(places) {}

  Status Check(const v1::Config& config) {
    if (config.data_folder().empty())
      Fault("data_folder", "missing; expected a folder for state and content");
    CheckNextHops(config);
    CheckRoutes(config);
    CheckListeners(config);
    CheckMetrics(config);
    CheckContentApi(config.content_api());
    const auto identity = FindIdentity(config.user(), config.group());
    if (!identity.ok()) FaultOfField("", identity.status());
    for (const Finding& fault : CheckTls(config).faults)
      Fault(fault.field, fault.text);
    CheckMarkings(config.marking());
    CheckNumbers(config);
    return faults_.empty() ? OkStatus() : InvalidArgument(Join(faults_, "\n"));
  }

 private:
  void Fault(std::string_view path, std::string_view text) {
    faults_.push_back(Cat(places_.Where(path), ": ", text));
  }

  // For a text that begins with its field, below `above`.
  void FaultOfField(std::string_view above, const Status& status) {
    const std::string_view text = Message(status);
    const std::size_t colon = text.find(": ");
    Fault(Cat(above, text.substr(0, colon)), text.substr(colon + 2));
  }

  void CheckContentApi(const v1::ContentApiConfig& content) {
    const Status status = api::Validate(ToContentServerOptions(content));
    if (!status.ok()) FaultOfField("content_api.", status);
  }

  void CheckNextHops(const v1::Config& config) {
    if (config.next_hops().empty()) Fault("next_hops", "missing; expected at least one next hop");
    for (int i = 0; i < config.next_hops_size(); ++i) {
      const v1::NextHop& next_hop = config.next_hops(i);
      const std::string path = Cat("next_hops[", i, "]");
      const Status name = rules::CheckName("next hop", next_hop.name());
      if (!name.ok()) Fault(path + ".name", Message(name));
      if (!next_hops_.insert(next_hop.name()).second) {
        Fault(path + ".name", Cat("\"", next_hop.name(), "\" stands twice"));
      }
      for (const Finding& fault : CheckNextHop(path, next_hop))
        Fault(fault.field, fault.text);
    }
  }

  void CheckRoute(std::string_view path, const std::string& name) {
    if (name.empty() || next_hops_.contains(name)) return;
    Fault(path, Cat("\"", name, "\" is no next hop; expected one of: ",
                    Join({next_hops_.begin(), next_hops_.end()}, ", ")));
  }

  void CheckRoutes(const v1::Config& config) {
    const v1::RoutesConfig& routes = config.routes();
    bool inbound = false;
    bool outbound = false;
    for (const v1::Listener& listener : config.listeners()) {
      if (listener.protocol() == v1::Listener::MILTER) continue;  // its MTA delivers
      inbound = inbound || listener.direction() != v1::Listener::OUTBOUND;
      outbound = outbound || listener.direction() == v1::Listener::OUTBOUND ||
                 listener.direction() == v1::Listener::AUTO;
    }
    if (inbound && routes.inbound().empty()) {
      Fault("routes.inbound",
            "missing; expected the name of a next hop, because a listener takes inbound mail");
    }
    if (outbound && routes.outbound().empty()) {
      Fault("routes.outbound",
            "missing; expected the name of a next hop, because a listener takes outbound mail");
    }
    if (routes.bounces().empty()) {
      Fault("routes.bounces",
            "missing; expected the name of a next hop, because bounces have to leave");
    }
    CheckRoute("routes.inbound", routes.inbound());
    CheckRoute("routes.outbound", routes.outbound());
    CheckRoute("routes.bounces", routes.bounces());
    CheckRoute("routes.junk", routes.junk());
    CheckRoute("routes.bypass_spam_check", routes.bypass_spam_check());
  }

  void CheckListeners(const v1::Config& config) {
    if (config.listeners().empty()) Fault("listeners", "missing; expected at least one listener");
    std::set<std::string> names;
    for (int i = 0; i < config.listeners_size(); ++i) {
      const v1::Listener& listener = config.listeners(i);
      const std::string path = Cat("listeners[", i, "]");
      const Status name = rules::CheckName("listener", listener.name());
      if (!name.ok()) Fault(path + ".name", Message(name));
      if (!names.insert(listener.name()).second) {
        Fault(path + ".name", Cat("\"", listener.name(), "\" stands twice"));
      }
      const auto endpoint = async::Endpoint::Parse(listener.listen());
      if (!endpoint.ok()) Fault(path + ".listen", Message(endpoint.status()));
      constexpr int kSmtpPort = 25;  // RFC 2033 §5
      if (listener.protocol() == v1::Listener::LMTP && endpoint.ok() && endpoint->port == kSmtpPort)
        Fault(path + ".listen", "port 25 is for SMTP; expected another port for LMTP");
      if (listener.direction() == v1::Listener::DIRECTION_UNSPECIFIED) {
        Fault(path + ".direction", "missing; expected inbound, outbound or auto");
      }
      if (listener.direction() == v1::Listener::OUTBOUND) {
        if (listener.organization().empty()) {
          Fault(path + ".organization",
                "missing; expected the organization of senders whose domain nobody owns");
        }
        if (listener.trusted_networks().empty() && listener.tls().client_ca_file().empty()) {
          Fault(path + ".trusted_networks",
                "missing; an outbound listener that trusts nobody refuses all mail; expected "
                "networks such as 127.0.0.0/8, or tls.client_ca_file");
        }
      }
      CheckNetworks(path + ".trusted_networks", listener.trusted_networks());
      CheckNetworks(path + ".mta_networks", listener.mta_networks());
      if (!listener.mta_networks().empty() && listener.protocol() != v1::Listener::MILTER)
        Fault(path + ".mta_networks", "is for the protocol MILTER alone");
      if (listener.has_tls() && listener.protocol() == v1::Listener::MILTER)
        Fault(path + ".tls", "is not for MILTER, which has no TLS; a unix socket needs none");
      const Milliseconds hold = ToMilliseconds(listener.hold());
      if (hold < Milliseconds(0) || hold > limits::kHoldMax) {
        Fault(path + ".hold", Cat("out of range; expected 0s to ", limits::kHoldMax.count(), "s"));
      }
      CheckRange(path + ".connections_max", listener.connections_max(), 1, 1'000'000);
      CheckRange(path + ".connections_per_client_max", listener.connections_per_client_max(), 1,
                 1'000'000);
    }
  }

  template <class Networks>
  void CheckNetworks(const std::string& path, const Networks& networks) {
    for (int i = 0; i < networks.size(); ++i) {
      const auto network = ingress::NetworkSet::Parse({networks.Get(i)});
      if (!network.ok()) Fault(Cat(path, "[", i, "]"), Message(network.status()));
    }
  }

  void CheckMetrics(const v1::Config& config) {
    const std::string& listen = config.metrics().listen();
    if (listen.empty()) return;
    const auto endpoint = async::Endpoint::Parse(listen);
    if (!endpoint.ok()) {
      Fault("metrics.listen", Message(endpoint.status()));
    } else if (!ingress::NetworkSet::Parse({"127.0.0.0/8", "::1"})->Contains(endpoint->host)) {
      Fault("metrics.listen",
            Cat("\"", listen, "\" is not on loopback; expected 127.0.0.1:PORT or [::1]:PORT"));
    }
  }

  void CheckMarkings(const v1::MarkingConfig& marking) {
    CheckMarking("marking.junk", marking.junk());
    CheckMarking("marking.bypass_spam_check", marking.bypass_spam_check());
    const std::string& detail = marking.bypass_spam_check().subaddress();
    if (!detail.empty() && EqualsIgnoreAsciiCase(detail, marking.junk().subaddress())) {
      Fault("marking.bypass_spam_check.subaddress",
            Cat("\"", Printable(detail), "\" is that of junk as well; expected another"));
    }
  }

  void CheckMarking(const std::string& path, const v1::HeaderMarking& marking) {
    if (!mail::IsFieldName(marking.header())) {
      Fault(path + ".header", Cat("\"", Printable(marking.header()), "\" is no field name"));
    }
    for (const char c : marking.value()) {
      if (c == '\r' || c == '\n' || c == '\0') {
        Fault(path + ".value", "holds a line end; expected one line");
        break;
      }
    }
    const std::string& detail = marking.subaddress();
    const bool plain = std::all_of(detail.begin(), detail.end(), [](char c) {
      return IsAsciiAlpha(c) || IsAsciiDigit(c) || c == '-' || c == '_' || c == '.';
    });
    if (!plain || detail.size() > limits::kResourceNameOctetsMax) {
      Fault(path + ".subaddress",
            Cat("\"", Printable(detail), "\": expected letters, digits, '-', '_', '.'; at most ",
                limits::kResourceNameOctetsMax));
    }
  }

  void CheckNumbers(const v1::Config& config) {
    CheckRange("limits.message_octets_max", config.limits().message_octets_max(), 1024, 1LL << 40U);
    CheckRange("limits.inbound_recipients_max", config.limits().inbound_recipients_max(), 1,
               100'000);
    CheckRange("limits.open_messages_max", config.limits().open_messages_max(), 1, 100'000'000);
    // One message of the largest size must have room.
    CheckRange("limits.incoming_octets_max", config.limits().incoming_octets_max(),
               config.limits().message_octets_max(), 1LL << 50U);
    CheckPositive("limits.history_retention", config.limits().history_retention());
    CheckPositive("limits.content_retention", config.limits().content_retention());
    for (int i = 0; i < config.limits().immutable_fields_size(); ++i) {
      const std::string& name = config.limits().immutable_fields(i);
      if (!mail::IsFieldName(name)) {
        Fault(Cat("limits.immutable_fields[", i, "]"),
              Cat("\"", Printable(name), "\" is no field name"));
      }
    }
    CheckPositive("limits.drain_deadline", config.limits().drain_deadline());
    CheckPositive("delivery.backoff_first", config.delivery().backoff_first());
    CheckPositive("delivery.backoff_max", config.delivery().backoff_max());
    CheckPositive("delivery.expiry", config.delivery().expiry());
    CheckPositive("retry.backoff_first", config.retry().backoff_first());
    CheckPositive("retry.backoff_max", config.retry().backoff_max());
  }

  void CheckRange(std::string_view path, std::int64_t value, std::int64_t min, std::int64_t max) {
    if (value < min || value > max)
      Fault(path, Cat(value, " is out of range; expected ", min, " to ", max));
  }

  void CheckPositive(std::string_view path, const Duration& value) {
    if (value.seconds() < 0 || value.nanos() < 0)
      Fault(path, "is negative; expected a duration such as 30s");
  }

  const wire::YamlPlaces& places_;
  std::set<std::string> next_hops_;
  std::vector<std::string> faults_;
};

}  // namespace

StatusOr<v1::Config> LoadConfig(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return NotFound(Cat(path, ": cannot be read; give the file by --config FILE"));
  const std::string text(std::istreambuf_iterator<char>(file), {});
  return ParseConfig(text, path);
}

StatusOr<v1::Config> ParseConfig(std::string_view text, const std::string& file) {
  v1::Config config;
  wire::YamlPlaces places;
  PENSTOCK_RETURN_IF_ERROR(wire::ReadYaml(text, file, &config, &places));
  std::error_code error;
  FillDefaults(fs::absolute(fs::path(file), error).parent_path(), config);
  PENSTOCK_RETURN_IF_ERROR(Checker(places).Check(config));
  return config;
}

std::vector<rules::FlowDirection> OneWayDirections(const v1::Config& config,
                                                   const v1::Listener& listener) {
  std::vector<rules::FlowDirection> directions;
  if (listener.protocol() != v1::Listener::MILTER) return directions;
  if (listener.direction() != v1::Listener::OUTBOUND && config.routes().inbound().empty())
    directions.push_back(rules::FlowDirection::kInbound);
  if (listener.direction() != v1::Listener::INBOUND && config.routes().outbound().empty())
    directions.push_back(rules::FlowDirection::kOutbound);
  return directions;
}

namespace {

void WarnOfMilters(const v1::Config& config, std::vector<std::string>& warnings) {
  for (int i = 0; i < config.listeners_size(); ++i) {
    const v1::Listener& listener = config.listeners(i);
    std::vector<std::string> missing;
    for (const rules::FlowDirection direction : OneWayDirections(config, listener)) {
      missing.emplace_back(direction == rules::FlowDirection::kInbound ? "routes.inbound"
                                                                       : "routes.outbound");
    }
    if (missing.empty()) continue;
    warnings.push_back(Cat(
        "listeners[", i, "]: no route brings mail back to the MTA of milter \"", listener.name(),
        "\": what hooks have not decided after ", ToMilliseconds(listener.hold()).count(),
        " ms gets its rule's fallback, and mail whose recipients are to be marked differently "
        "is not marked; set ",
        Join(missing, " and "), " to a next hop whose port has no milter"));
  }
}

}  // namespace

std::vector<std::string> Warnings(const v1::Config& config) {
  std::vector<std::string> warnings;
  WarnOfMilters(config, warnings);
  std::vector<Finding> findings = CheckTls(config).warnings;
  for (int i = 0; i < config.next_hops_size(); ++i) {
    for (Finding& warning : WarningsOfNextHop(Cat("next_hops[", i, "]"), config.next_hops(i)))
      findings.push_back(std::move(warning));
  }
  for (const Finding& warning : findings)
    warnings.push_back(Cat(warning.field, ": ", warning.text));
  return warnings;
}

api::ContentServerOptions ToContentServerOptions(const v1::ContentApiConfig& content) {
  api::ContentServerOptions options;
  options.listen = content.listen();
  options.target = content.target();
  if (content.has_tls()) options.tls = ToTlsFiles(content.tls());
  return options;
}

Milliseconds ToMilliseconds(const Duration& duration) {
  return Milliseconds(duration.seconds() * 1000 + duration.nanos() / 1'000'000);
}

rules::DirectionMode ToMode(v1::Listener::Direction direction) {
  switch (direction) {
    case v1::Listener::OUTBOUND:
      return rules::DirectionMode::kOutbound;
    case v1::Listener::AUTO:
      return rules::DirectionMode::kAuto;
    default:
      return rules::DirectionMode::kInbound;
  }
}

flow::FlowSettings ToFlowSettings(const v1::Config& config) {
  flow::FlowSettings settings;
  settings.inbound_next_hop = config.routes().inbound();
  settings.outbound_next_hop =
      config.routes().outbound().empty() ? config.routes().inbound() : config.routes().outbound();
  settings.bounce_next_hop = config.routes().bounces();
  settings.junk_next_hop = config.routes().junk();
  settings.bypass_next_hop = config.routes().bypass_spam_check();
  settings.hook_retry.first = ToMilliseconds(config.retry().backoff_first());
  settings.hook_retry.max = ToMilliseconds(config.retry().backoff_max());
  settings.delivery_retry.first = ToMilliseconds(config.delivery().backoff_first());
  settings.delivery_retry.max = ToMilliseconds(config.delivery().backoff_max());
  settings.delivery_expiry = ToMilliseconds(config.delivery().expiry());
  settings.strict = config.strict();
  return settings;
}

std::vector<std::string> NeedRestart(const v1::Config& before, const v1::Config& after) {
  using google::protobuf::util::MessageDifferencer;
  std::vector<std::string> fields;
  if (before.hostname() != after.hostname()) fields.emplace_back("hostname");
  if (before.data_folder() != after.data_folder()) fields.emplace_back("data_folder");
  if (!MessageDifferencer::Equals(before.admin(), after.admin())) fields.emplace_back("admin");
  if (!MessageDifferencer::Equals(before.metrics(), after.metrics()))
    fields.emplace_back("metrics");
  if (!MessageDifferencer::Equals(before.content_api(), after.content_api()))
    fields.emplace_back("content_api");
  if (before.user() != after.user() || before.group() != after.group()) fields.emplace_back("user");
  if (before.log().format() != after.log().format()) fields.emplace_back("log.format");
  return fields;
}

}  // namespace penstock::daemon
