// SPDX-License-Identifier: Apache-2.0
#include "engine/delivery/maildir_delivery.h"

#include <atomic>
#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include <unistd.h>

#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "engine/async/limiter.h"
#include "engine/async/run_on.h"
#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/delivery/maildir.h"

namespace penstock::delivery {
namespace {

namespace asio = async::asio;
using mail::SmtpReply;
using Replies = std::vector<SmtpReply>;

constexpr std::string_view kJunkFolder = "/.Junk";

// A host name for a file's name: no "/", which ends it, and no ":", which begins its flags.
std::string FileNameOf(std::string_view host_name) {
  std::string out(host_name);
  for (char& c : out) {
    if (!IsAsciiAlpha(c) && !IsAsciiDigit(c) && c != '-' && c != '.') c = '_';
  }
  return out;
}

// RFC 3463: X.3.1 mail system full, X.3.0 other mail system status.
SmtpReply ReplyTo(const Status& status) {
  const std::string text = std::string(Message(status));
  if (status.code() == StatusCode::kResourceExhausted) return {452, {4, 3, 1}, text};
  return {451, {4, 3, 0}, text};
}

}  // namespace

// Threads: safe from any.
class MaildirDelivery::Folders {
 public:
  Folders(MaildirDeliveryOptions options, const ports::Clock& clock, ports::Random& random)
      : options_(std::move(options)),
        host_name_(FileNameOf(options_.host_name)),
        clock_(clock),
        random_(random),
        limiter_(options_.deliveries_at_once) {}

  // On disk_thread().
  asio::awaitable<Replies> Deliver(ports::DeliveryRequest request);

  asio::thread_pool& disk_thread() { return disk_thread_; }

  async::Limiter& limiter() { return limiter_; }

 private:
  SmtpReply Save(const ports::DeliveryRequest& request, std::string_view forward_path,
                 OutgoingContent& content);
  Status Settle(const Maildir& maildir);
  std::string NewFileName();

  const MaildirDeliveryOptions options_;
  const std::string host_name_;
  const ports::Clock& clock_;
  ports::Random& random_;
  async::Limiter limiter_;
  std::atomic<std::uint64_t> files_{0};  // named so far
  std::set<std::string> settled_;        // Maildirs, by folder; on disk_thread()
  asio::thread_pool disk_thread_{1};     // last: ends before what its work uses
};

MaildirDelivery::MaildirDelivery(MaildirDeliveryOptions options, const ports::Clock& clock,
                                 ports::Random& random)
    : folders_(std::make_shared<Folders>(std::move(options), clock, random)) {}

MaildirDelivery::~MaildirDelivery() = default;

asio::awaitable<Replies> MaildirDelivery::Deliver(ports::DeliveryRequest request) {
  const std::shared_ptr<Folders> folders = folders_;
  const auto permit = co_await folders->limiter().Acquire();
  if (!permit.ok()) co_return Replies(request.forward_paths.size(), ReplyTo(permit.status()));
  auto work = folders->Deliver(std::move(request));
  co_return co_await async::RunOn(folders->disk_thread().get_executor(), std::move(work));
}

asio::awaitable<Replies> MaildirDelivery::Folders::Deliver(ports::DeliveryRequest request) {
  std::string on_top;
  if (options_.return_path) on_top = Cat("Return-Path: <", request.reverse_path, ">\r\n");
  on_top += request.trace_field;
  auto content =
      OutgoingContent::Open(std::move(on_top), request.marking, options_.marking, request.content);
  Replies replies;
  for (const std::string& forward_path : request.forward_paths) {
    if (content.ok()) {
      replies.push_back(Save(request, forward_path, *content));
    } else if (content.status().code() == StatusCode::kInvalidArgument) {
      replies.push_back({554, {5, 6, 0}, Cat("content: ", Message(content.status()))});
    } else {
      replies.push_back(ReplyTo(Annotate(content.status(), "content")));
    }
  }
  co_return replies;
}

SmtpReply MaildirDelivery::Folders::Save(const ports::DeliveryRequest& request,
                                         std::string_view forward_path, OutgoingContent& content) {
  auto folder = options_.path.For(forward_path);
  if (!folder.ok()) return {550, {5, 1, 1}, std::string(Message(folder.status()))};
  if (request.marking == flow::Marking::kJunk) *folder += kJunkFolder;
  const Maildir maildir(*std::move(folder));
  const std::string file_name = NewFileName();
  Status saved = Settle(maildir);
  if (saved.ok()) saved = maildir.Save(file_name, content);
  if (!saved.ok()) {
    settled_.erase(maildir.folder());  // somebody may have removed it
    return ReplyTo(saved);
  }
  SmtpReply reply{250, {2, 0, 0}, Cat("saved as ", maildir.folder(), "/new/", file_name)};
  reply.hand_over = mail::HandOver::kDelivered;
  return reply;
}

Status MaildirDelivery::Folders::Settle(const Maildir& maildir) {
  if (settled_.contains(maildir.folder())) return OkStatus();
  PENSTOCK_RETURN_IF_ERROR(maildir.Settle());
  if (settled_.size() >= limits::kMaildirsSettledMax) settled_.clear();
  settled_.insert(maildir.folder());
  return OkStatus();
}

// Unique for all time, as Maildir asks: seconds, then what tells apart deliveries of one second.
std::string MaildirDelivery::Folders::NewFileName() {
  const std::int64_t now = ToUnixMillis(clock_.Now());
  const std::string chance = FormatHex(random_.Bytes()).substr(0, 16);
  return Cat(now / 1000, ".M", now % 1000 * 1000, "P", ::getpid(), "Q", ++files_, "R", chance, ".",
             host_name_);
}

}  // namespace penstock::delivery
