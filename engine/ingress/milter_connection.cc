// SPDX-License-Identifier: Apache-2.0
#include "engine/ingress/milter_connection.h"

#include <span>
#include <tuple>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/log.h"
#include "engine/base/metrics.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/mail/milter_reply.h"

namespace penstock::ingress {
namespace {

namespace asio = async::asio;
using async::After;
using async::Task;
using mail::SmtpReply;
using Next = MilterSession::Next;

constexpr std::size_t kReadOctets = 65'536;

SmtpReply TooMuchComesIn() {
  return {452, {4, 3, 1}, "too much mail comes in at this time; try again later"};
}

}  // namespace

MilterConnection::MilterConnection(std::unique_ptr<async::Stream> stream,
                                   const MilterConnectionSettings& settings,
                                   runtime::Intake& intake, const ports::Clock& clock)
    : stream_(std::move(stream)),
      settings_(settings),
      intake_(intake),
      clock_(clock),
      session_(
          settings.session, settings.policy.name,
          [this](std::string_view address) {
            return !address.empty() && settings_.trusted_networks.Contains(address);
          },
          [this](std::optional<std::uint64_t> octets) {
            std::optional<SmtpReply> refusal = intake_.RefuseMail();
            if (!refusal && !settings_.incoming->HasRoom(octets.value_or(0)))
              refusal = TooMuchComesIn();
            if (refusal) LogRefusal("mail_refused", *refusal);
            return refusal;
          },
          [this](const mail::ClientInfo& client, const mail::Envelope& envelope,
                 std::string_view forward_path) {
            auto refusal = intake_.RefuseRecipient(settings_.policy, client, envelope.reverse_path,
                                                   forward_path, envelope.forward_paths.size());
            if (refusal) LogRefusal("recipient_refused", *refusal, forward_path);
            return refusal;
          }),
      progress_timer_(stream_->executor()) {}

void MilterConnection::LogRefusal(std::string_view event, const SmtpReply& reply,
                                  std::string_view recipient) const {
  Log(LogLevel::kInfo, event,
      {{"listener", settings_.policy.name},
       {"client", session_.client().address},
       {"daemon", Printable(session_.daemon_name())},
       {"queue_id", Printable(session_.queue_id())},
       {"sender", Printable(session_.envelope().reverse_path)},
       {"recipient", Printable(recipient)},
       {"reply", reply.ToString()}});
}

void MilterConnection::RequestStop() {
  stopping_ = true;
  if (!deciding_) stream_->Close();
}

asio::awaitable<void> MilterConnection::Run() {
  co_await Talk();
  Forget();
  stream_->Close();
}

asio::awaitable<void> MilterConnection::Talk() {
  const auto buffer = std::make_unique_for_overwrite<char[]>(kReadOctets);
  std::string out;
  while (!stopping_) {
    const std::span<char> room(buffer.get(), kReadOctets);
    const auto got = co_await stream_->Read(room, After(settings_.event_timeout));
    if (!got.ok() || *got == 0) co_return;
    std::string_view octets(buffer.get(), *got);
    while (!octets.empty()) {
      const auto taken = reader_.Feed(octets);
      Status fault = taken.status();
      MilterSession::Step step;
      if (taken.ok()) {
        octets.remove_prefix(*taken);
        if (!reader_.done()) continue;
        const auto event = mail::ParseMilterFrame(reader_.command(), reader_.data());
        reader_.Next();
        fault = event.status();
        if (event.ok()) {
          MilterSession::Step said = session_.OnEvent(*event);
          step = co_await Keep(std::move(said));
        }
      }
      if (fault.ok() && !step.fault.empty()) fault = InvalidArgument(step.fault);
      if (!fault.ok() || step.next == Next::kClose) {
        std::ignore = co_await Flush(out);  // what came before has its replies
      }
      if (!fault.ok()) {
        Log(LogLevel::kWarning, "milter_out_of_step",
            {{"listener", settings_.policy.name},
             {"peer", async::IpAddressOf(stream_->peer())},
             {"error", std::string(Message(fault))}});
        co_return;
      }
      if (step.next == Next::kClose) co_return;
      if (step.next == Next::kMessage) {
        const Status flushed = co_await Flush(out);  // ahead of signs of life
        if (!flushed.ok()) co_return;
        auto verdict = co_await Decide();
        if (!verdict.ok()) co_return;
        step.reply = *std::move(verdict);
      }
      out += step.reply;
    }
    const Status flushed = co_await Flush(out);
    if (!flushed.ok()) co_return;
  }
}

Task<void> MilterConnection::Flush(std::string& out) {
  if (out.empty()) co_return OkStatus();
  const Status written = co_await stream_->Write(out, After(limits::kCommandTimeout));
  out.clear();
  co_return written;
}

// An MTA that hears nothing gives us up. It reads while it waits, so a few octets have room.
void MilterConnection::ArmProgress(const std::shared_ptr<bool>& decided) {
  progress_timer_.expires_after(settings_.progress);
  progress_timer_.async_wait([this, decided](const boost::system::error_code& error) {
    if (*decided || error) return;
    stream_->TryWrite(mail::MilterProgress());
    ArmProgress(decided);
  });
}

// Puts the step's octets of a message where they are kept, or says why not.
asio::awaitable<MilterSession::Step> MilterConnection::Keep(MilterSession::Step step) {
  if (step.next == Next::kForget) Forget();
  if (step.next != Next::kContent && step.next != Next::kMessage) co_return step;
  SmtpReply refusal;
  if (!writer_) {
    auto writer = co_await intake_.NewContent();
    if (writer.ok()) {
      writer_ = *std::move(writer);
      header_.emplace();
      share_.emplace(settings_.incoming);
    } else {
      refusal = NoRoom(writer.status());
    }
  }
  if (writer_) {
    header_->Feed(step.content);
    if (header_->over_limit()) {
      refusal = {552,
                 {5, 3, 4},
                 Cat("header section larger than ", limits::kHeaderSectionOctetsMax, " octets")};
    } else if (!share_->Take(step.content.size())) {
      refusal = TooMuchComesIn();
    } else if (const Status written = writer_->Write(step.content); !written.ok()) {
      refusal = NoRoom(written);
    }
  }
  if (refusal.code == 0) co_return step;
  LogRefusal("message_refused", refusal);
  Count(metrics::kMessagesRefused, {{"code", Cat(refusal.code)}});
  Forget();
  co_return session_.Refuse(refusal);
}

// From the end of a message to the verdict, which may be held (A7). An error: the connection is
// over.
Task<std::string> MilterConnection::Decide() {
  runtime::Submission submission;
  submission.policy = &settings_.policy;
  submission.client = session_.client();
  submission.envelope = session_.envelope();
  submission.content = std::move(writer_);
  submission.header_section = header_->octets();
  submission.received = clock_.Now();
  const runtime::Hold hold{settings_.hold, runtime::HeldSays::kMilter};
  deciding_ = true;
  const auto decided = std::make_shared<bool>(false);
  ArmProgress(decided);
  const runtime::HeldReply held = co_await intake_.Decide(std::move(submission), hold);
  *decided = true;
  progress_timer_.cancel();
  deciding_ = false;
  if (!held.reply.is_positive()) {
    Count(metrics::kMessagesRefused, {{"code", Cat(held.reply.code)}});
    LogRefusal("message_refused", held.reply);
  }
  MilterSession::Step step = session_.EndMessage(held, header_->octets());
  Forget();
  co_return std::move(step.reply);
}

void MilterConnection::Forget() {
  writer_.reset();
  header_.reset();
  share_.reset();
}

SmtpReply MilterConnection::NoRoom(const Status& status) const {
  Log(LogLevel::kError, "content_not_stored",
      {{"listener", settings_.policy.name}, {"error", std::string(Message(status))}});
  return {452, {4, 3, 1}, "the message cannot be stored now; try again later"};
}

}  // namespace penstock::ingress
