// SPDX-License-Identifier: Apache-2.0
// One connection of an MTA that asks us about its mail: moves octets between its stream, its
// session and the intake.
//
// Threads: one strand, the stream's; RequestStop and Abort as well.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/async/stream.h"
#include "engine/async/task.h"
#include "engine/async/timer.h"
#include "engine/base/limits.h"
#include "engine/base/time.h"
#include "engine/ingress/incoming_octets.h"
#include "engine/ingress/milter_session.h"
#include "engine/ingress/network_set.h"
#include "engine/mail/header_section.h"
#include "engine/mail/milter_frame.h"
#include "engine/ports/clock.h"
#include "engine/runtime/intake.h"

namespace penstock::ingress {

struct MilterConnectionSettings {
  MilterSessionSettings session;
  runtime::ListenerPolicy policy;
  NetworkSet trusted_networks;  // of the MTA's clients (O3)
  std::shared_ptr<IncomingOctets> incoming = std::make_shared<IncomingOctets>();
  Milliseconds hold = limits::kMilterHold;          // A7
  Milliseconds progress = limits::kMilterProgress;  // between signs of life while it lasts
  Milliseconds event_timeout = limits::kMilterEventTimeout;
};

class MilterConnection {
 public:
  // `settings`, `intake` and `clock` outlive the object.
  MilterConnection(std::unique_ptr<async::Stream> stream, const MilterConnectionSettings& settings,
                   runtime::Intake& intake, const ports::Clock& clock);
  MilterConnection(const MilterConnection&) = delete;
  MilterConnection& operator=(const MilterConnection&) = delete;

  // Speaks until the connection is closed. Once.
  async::asio::awaitable<void> Run();

  // Closes as soon as no message is being decided: an MTA answers its client 451 then, by its
  // default action. Never by the protocol's own word for it: see engine/mail/milter_reply.h.
  void RequestStop();

  // Closes at once.
  void Abort() { stream_->Close(); }

  [[nodiscard]] async::Executor executor() const { return stream_->executor(); }

 private:
  async::asio::awaitable<void> Talk();
  async::asio::awaitable<MilterSession::Step> Keep(MilterSession::Step step);
  async::Task<std::string> Decide();
  async::Task<void> Flush(std::string& out);
  void ArmProgress(const std::shared_ptr<bool>& decided);
  void Forget();
  [[nodiscard]] mail::SmtpReply NoRoom(const Status& status) const;
  void LogRefusal(std::string_view event, const mail::SmtpReply& reply,
                  std::string_view recipient = {}) const;

  std::unique_ptr<async::Stream> stream_;
  const MilterConnectionSettings& settings_;
  runtime::Intake& intake_;
  const ports::Clock& clock_;
  MilterSession session_;
  mail::MilterFrameReader reader_;
  // Of the message that comes in.
  std::unique_ptr<ports::ContentWriter> writer_;
  std::optional<mail::HeaderCollector> header_;
  std::optional<IncomingOctets::Share> share_;
  async::Timer progress_timer_;
  bool deciding_ = false;
  bool stopping_ = false;
};

}  // namespace penstock::ingress
