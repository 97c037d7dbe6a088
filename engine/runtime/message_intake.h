// SPDX-License-Identifier: Apache-2.0
// The intake: steps 2 to 4 of the way of a message. Pins the directory, selects a rule for each
// recipient, plans, and commits everything at once.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/limits.h"
#include "engine/flow/plan.h"
#include "engine/mail/header_section.h"
#include "engine/mail/summary.h"
#include "engine/runtime/async_worker.h"
#include "engine/runtime/context.h"
#include "engine/runtime/held_message.h"
#include "engine/runtime/intake.h"
#include "engine/runtime/message_schedule.h"

namespace penstock::runtime {

// What a transaction becomes before anything has happened to it.
struct PlannedMail {
  mail::SmtpReply refusal;         // with a code: nothing of it may be taken
  std::vector<std::string> asked;  // the forward-paths, repeated ones too, <Postmaster> whole
  std::vector<flow::Plan> plans;   // one message each (O1)
  ports::Transaction transaction;  // what is retained and the async events; no content
};

class MessageIntake final : public Intake {
 public:
  // All outlive it. `inbound_recipients_max`: RCPTs of a transaction.
  MessageIntake(Context& context, MessageSchedule& schedule, AsyncWorkers& async_workers,
                std::size_t inbound_recipients_max);

  // From now on at most so many messages are open.
  void SetOpenMessagesMax(std::size_t open_messages_max) { open_messages_max_ = open_messages_max; }

  [[nodiscard]] std::optional<mail::SmtpReply> RefuseMail() const override;

  [[nodiscard]] std::optional<mail::SmtpReply> RefuseRecipient(const ListenerPolicy& policy,
                                                               const mail::ClientInfo& client,
                                                               std::string_view reverse_path,
                                                               std::string_view forward_path,
                                                               std::size_t accepted) const override;
  async::Task<std::unique_ptr<ports::ContentWriter>> NewContent() override;
  async::asio::awaitable<mail::SmtpReply> Accept(Submission submission) override;
  async::asio::awaitable<HeldReply> Decide(Submission submission, Hold hold) override;

  // Steps 2 and 3 alone. Makes a mailbox of <Postmaster>, and each forward-path of `submission`
  // stand once; does not read its content, which has, or will have, so many octets.
  PlannedMail Plan(Submission& submission, const flow::Directory& directory,
                   std::uint64_t octets) const;

 private:
  // One message of a transaction: an organization and its recipients (O1).
  struct Part {
    std::string organization;
    rules::FlowDirection direction = rules::FlowDirection::kInbound;
    std::vector<std::string> recipients;
    std::vector<std::string> foreign;
  };

  static std::vector<Part> Split(const Submission& submission, const mail::Summary& summary,
                                 const flow::Directory& directory);
  [[nodiscard]] flow::MessageState Describe(const Submission& submission,
                                            const mail::Summary& summary, const Part& part,
                                            std::uint64_t octets) const;
  [[nodiscard]] mail::SmtpReply RefusePart(const Part& part,
                                           const mail::HeaderSection& header) const;
  // What a part becomes before anything has happened to it; what goes with it into its commit.
  flow::Plan MakePlan(flow::MessageState state, const mail::Summary& summary, const Part& part,
                      const flow::Directory& directory, ports::Transaction& transaction) const;
  async::Task<void> Commit(Submission submission, std::vector<HeldMessage>& messages,
                           ports::Transaction transaction, std::string& ids);

  Context& context_;
  MessageSchedule& schedule_;
  AsyncWorkers& async_workers_;
  const std::size_t inbound_recipients_max_;
  std::atomic<std::size_t> held_{0};  // messages whose replies are held
  std::atomic<std::size_t> open_messages_max_{limits::kOpenMessagesMax};
};

}  // namespace penstock::runtime
