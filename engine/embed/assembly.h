// SPDX-License-Identifier: Apache-2.0
// The engine put together: store, delivery, hook client, directory and runtime, and the thread pool
// they work on. A front door hands messages to intake(); the admin services look at the rest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/api/content_server.h"
#include "engine/async/endpoint.h"
#include "engine/async/tls_files.h"
#include "engine/base/limits.h"
#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/delivery/outgoing_content.h"
#include "engine/delivery/smtp_client.h"
#include "engine/flow/message_machine.h"
#include "engine/mail/content_facts.h"
#include "engine/ports/delivery.h"
#include "engine/runtime/async_worker.h"
#include "engine/runtime/context.h"
#include "engine/runtime/message_intake.h"
#include "engine/runtime/message_schedule.h"

namespace penstock::embed {

struct SmtpNextHop {
  bool lmtp = false;      // RFC 2033 instead of RFC 5321
  std::string unix_path;  // absolute; instead of host and port
  std::string host;
  std::uint16_t port = 25;
  delivery::StartTls starttls = delivery::StartTls::kMay;
  async::TlsFiles tls{};
  std::string tls_name;  // that the server's certificate must carry; empty: the host
  std::vector<async::Endpoint> fallbacks{};
  delivery::SmtpLogin login{};
};

struct MaildirNextHop {
  std::string path;  // absolute; {domain} and {local_part} stand for those of the recipient
  bool return_path = false;
};

struct NextHop {
  std::string name;
  std::variant<SmtpNextHop, MaildirNextHop, std::shared_ptr<ports::Delivery>> means;
  std::size_t deliveries_at_once = limits::kDeliveriesAtOnceMax;
};

// What a reload may change.
struct Settings {
  flow::FlowSettings flow;
  std::vector<NextHop> next_hops;
  delivery::MarkingFields marking;
  Milliseconds history_retention = limits::kHistoryRetention;
  std::size_t open_messages_max = limits::kOpenMessagesMax;
  Milliseconds content_retention = limits::kContentRetention;
  std::uint64_t content_octets_max = limits::kMessageOctetsMax;  // of what a hook puts
  mail::ContentRules content_rules;
};

struct AssemblyOptions {
  std::string data_folder;
  std::string hostname;
  std::size_t threads = 0;  // of the pool; 0: one for each processor
  std::size_t inbound_recipients_max = limits::kInboundRecipientsMax;
  Settings settings;
  std::optional<api::ContentServerOptions> content;  // unset: hooks get no content (M)
};

// Threads: Open, Start and Stop from one thread that is none of the pool's; the rest from any.
class Assembly {
 public:
  // Opens the store, reads what is set up, and listens for content calls. Errors: the store's;
  // those of api::ContentServer::Start; kInvalidArgument for a next hop.
  static StatusOr<std::unique_ptr<Assembly>> Open(AssemblyOptions options);

  Assembly(const Assembly&) = delete;
  Assembly& operator=(const Assembly&) = delete;
  // After a Stop that returned true.
  ~Assembly();

  // Takes up what an earlier run left: messages and async events that are due.
  Status Start();

  // Errors: kInvalidArgument for a next hop; nothing has changed then.
  Status Replace(Settings settings);

  // Starts nothing any more; returns at once. What is accepted from now on waits for the next
  // start.
  void BeginStop();

  // BeginStop, then waits for what runs, at most `drain`; ASYNC calls, which come again, have less
  // time (limits::kAsyncStopGrace). False: something still runs,
  // and the process should end without destroying the Assembly; nothing is lost by that.
  bool Stop(Milliseconds drain);

  [[nodiscard]] runtime::MessageIntake& intake();
  [[nodiscard]] runtime::Context& context();
  [[nodiscard]] runtime::MessageSchedule& schedule();
  [[nodiscard]] runtime::AsyncWorkers& async_workers();
  [[nodiscard]] const ports::Clock& clock() const;
  // Null: there is none.
  [[nodiscard]] const api::ContentServer* content_server() const;
  [[nodiscard]] bool HasNextHop(std::string_view name) const;

 private:
  struct Parts;
  explicit Assembly(std::unique_ptr<Parts> parts);
  Status OpenContent();

  std::unique_ptr<Parts> parts_;
};

}  // namespace penstock::embed
