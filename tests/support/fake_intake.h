// SPDX-License-Identifier: Apache-2.0
// An intake that keeps what it accepts in memory, and refuses or fails as it is told.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/async/deadline.h"
#include "engine/base/strings.h"
#include "engine/runtime/intake.h"
#include "tests/support/memory_content.h"

namespace penstock::tests {

struct AcceptedMail {
  runtime::ListenerPolicy policy;
  mail::ClientInfo client;
  mail::Envelope envelope;
  std::string header_section;
  std::string content;
};

// Threads: safe from any; the settings are set before the first connection.
class FakeIntake final : public runtime::Intake {
 public:
  // Domain of recipients that strangers may send to (O3).
  std::string own_domain = "own.example";
  std::size_t recipients_max = 1000;
  std::optional<mail::SmtpReply> mail_refusal;           // of RefuseMail
  Status new_content;                                    // of NewContent
  std::uint64_t room = UINT64_MAX;                       // octets of a content
  mail::SmtpReply reply = {250, {2, 0, 0}, "accepted"};  // of Accept
  std::chrono::steady_clock::duration accept_takes = std::chrono::milliseconds(0);

  [[nodiscard]] std::optional<mail::SmtpReply> RefuseMail() const override { return mail_refusal; }

  [[nodiscard]] std::optional<mail::SmtpReply> RefuseRecipient(
      const runtime::ListenerPolicy& /*policy*/, const mail::ClientInfo& client,
      std::string_view /*reverse_path*/, std::string_view forward_path,
      std::size_t accepted) const override {
    if (!forward_path.ends_with("@" + own_domain) && !client.trusted) {
      return mail::SmtpReply{550, {5, 7, 1}, "relaying denied"};
    }
    if (accepted >= recipients_max) return mail::SmtpReply{452, {4, 5, 3}, "too many recipients"};
    return std::nullopt;
  }

  async::Task<std::unique_ptr<ports::ContentWriter>> NewContent() override {
    if (!new_content.ok()) co_return new_content;
    co_return std::unique_ptr<ports::ContentWriter>(std::make_unique<Writer>(*this));
  }

  async::asio::awaitable<mail::SmtpReply> Accept(runtime::Submission submission) override {
    if (accept_takes > std::chrono::milliseconds(0)) {
      const Status slept = co_await async::Sleep(accept_takes);
      if (!slept.ok()) co_return mail::SmtpReply{451, {4, 3, 0}, "cancelled"};
    }
    if (!reply.is_positive()) co_return reply;
    const std::lock_guard lock(mutex_);
    accepted_.push_back({*submission.policy, submission.client, submission.envelope,
                         submission.header_section,
                         static_cast<Writer&>(*submission.content).text()});
    co_return reply;
  }

  [[nodiscard]] std::vector<AcceptedMail> accepted() const {
    const std::lock_guard lock(mutex_);
    return accepted_;
  }

  // Contents begun and not yet gone: none, once all connections are closed.
  [[nodiscard]] int open_contents() const { return open_contents_; }

  [[nodiscard]] std::size_t largest_write() const { return largest_write_; }

 private:
  class Writer final : public ports::ContentWriter {
   public:
    explicit Writer(FakeIntake& intake) : intake_(intake), id_("content") {
      ++intake_.open_contents_;
    }

    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    ~Writer() override { --intake_.open_contents_; }

    [[nodiscard]] const ContentId& id() const override { return id_; }

    [[nodiscard]] std::uint64_t octets() const override { return text_.size(); }

    Status Write(std::string_view octets) override {
      if (octets.size() > intake_.largest_write_) intake_.largest_write_ = octets.size();
      if (text_.size() + octets.size() > intake_.room) return Unavailable("no space left");
      text_ += octets;
      return OkStatus();
    }

    [[nodiscard]] StatusOr<std::shared_ptr<ports::ContentReader>> Open() const override {
      return std::make_shared<MemoryContent>(text_);
    }

    [[nodiscard]] const std::string& text() const { return text_; }

   private:
    FakeIntake& intake_;
    ContentId id_;
    std::string text_;
  };

  mutable std::mutex mutex_;
  std::vector<AcceptedMail> accepted_;
  std::atomic<int> open_contents_{0};
  std::atomic<std::size_t> largest_write_{0};
};

}  // namespace penstock::tests
