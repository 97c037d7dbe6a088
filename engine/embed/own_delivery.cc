// SPDX-License-Identifier: Apache-2.0
#include "engine/embed/own_delivery.h"

#include <optional>
#include <string>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "engine/async/timer.h"
#include "engine/base/limits.h"
#include "engine/base/mutex.h"
#include "engine/base/strings.h"
#include "engine/embed/mail_content.h"

namespace penstock::embed {
namespace {

namespace asio = async::asio;
using Replies = std::vector<Reply>;
using Answer = asio::experimental::channel<void(boost::system::error_code, Replies)>;

thread_local bool called_out = false;

// Where the answer of a delivery goes; nowhere any more once the delivery has ended, however much
// later somebody answers.
class Ear {
 public:
  explicit Ear(std::function<void(Replies)> hear) : hear_(std::move(hear)) {}

  void Hear(Replies replies) {
    const MutexLock lock(mutex_);
    if (!hear_) return;
    hear_(std::move(replies));
    hear_ = nullptr;
  }

  void Close() {
    const MutexLock lock(mutex_);
    hear_ = nullptr;
  }

 private:
  Mutex mutex_;
  std::function<void(Replies)> hear_ ABSL_GUARDED_BY(mutex_);
};

penstock::Delivery ToDelivery(ports::DeliveryRequest request) {
  penstock::Delivery delivery;
  delivery.next_hop = std::move(request.next_hop);
  delivery.message_id = request.message.text();
  delivery.reverse_path = std::move(request.reverse_path);
  delivery.forward_paths = std::move(request.forward_paths);
  delivery.smtputf8 = request.smtputf8;
  delivery.body_8bit = request.body_8bit;
  delivery.mail_parameters = TrimAsciiSpace(mail::MailParameters(request.dsn));
  for (const mail::RecipientDsn& one : request.recipients_dsn)
    delivery.rcpt_parameters.emplace_back(TrimAsciiSpace(mail::RcptParameters(one, true)));
  delivery.rcpt_parameters.resize(delivery.forward_paths.size());
  switch (request.marking) {
    case flow::Marking::kNone:
      break;
    case flow::Marking::kJunk:
      delivery.marking = Marking::kJunk;
      break;
    case flow::Marking::kBypassSpamCheck:
      delivery.marking = Marking::kBypassSpamCheck;
      break;
  }
  delivery.trace_field = std::move(request.trace_field);
  delivery.content = ToContent(std::move(request.content));
  return delivery;
}

mail::SmtpReply Later(std::string text) {
  return {451, {4, 3, 0}, std::move(text)};
}

mail::SmtpReply ToSmtpReply(Reply reply, const std::string& next_hop) {
  const int reply_class = reply.code / 100;
  if (reply_class != 2 && reply_class != 4 && reply_class != 5)
    return Later(Cat("the embedding program answered with code ", reply.code));
  const auto status = mail::EnhancedStatus::Parse(reply.status);
  mail::SmtpReply told = {reply.code, status.value_or(mail::EnhancedStatus{reply_class, 0, 0}),
                          std::move(reply.text)};
  told.server = next_hop;
  return told;
}

}  // namespace

void CallOut(const std::function<void()>& call) noexcept {
  const bool outer = std::exchange(called_out, true);
  call();
  called_out = outer;
}

bool IsCalledOut() {
  return called_out;
}

OwnDelivery::OwnDelivery(penstock::Deliver deliver)
    : deliver_(std::move(deliver)), turns_(limits::kOwnDeliveriesMax) {}

asio::awaitable<std::vector<mail::SmtpReply>> OwnDelivery::Deliver(ports::DeliveryRequest request) {
  const std::size_t recipients = request.forward_paths.size();
  const std::string next_hop = request.next_hop;
  const auto permit = co_await turns_.Acquire(limits::kOwnDeliveryDeadline);
  if (!permit.ok()) {
    co_return std::vector<mail::SmtpReply>(recipients,
                                           Later("too many deliveries run; its turn never came"));
  }
  const async::Executor executor = co_await asio::this_coro::executor;
  const auto answer = std::make_shared<Answer>(executor, 1);
  const auto ear = std::make_shared<Ear>([executor, answer](Replies replies) {
    asio::post(executor, [answer, replies = std::move(replies)]() mutable {
      answer->try_send(boost::system::error_code(), std::move(replies));
    });
  });
  async::Timer timer(executor, limits::kOwnDeliveryDeadline);
  timer.async_wait([answer](const boost::system::error_code& error) {
    if (!error) answer->close();
  });
  penstock::Delivery delivery = ToDelivery(std::move(request));
  CallOut([&] {
    deliver_(std::move(delivery), [ear](Replies replies) { ear->Hear(std::move(replies)); });
  });
  auto [error, replies] = co_await answer->async_receive(asio::as_tuple(asio::use_awaitable));
  ear->Close();
  timer.cancel();
  if (error) {
    co_return std::vector<mail::SmtpReply>(recipients,
                                           Later("no answer of the embedding program in time"));
  }
  if (replies.size() != recipients) {
    co_return std::vector<mail::SmtpReply>(
        recipients, Later(Cat("the embedding program gave ", replies.size(), " replies for ",
                              recipients, " recipients")));
  }
  std::vector<mail::SmtpReply> told;
  for (Reply& reply : replies)
    told.push_back(ToSmtpReply(std::move(reply), next_hop));
  co_return told;
}

}  // namespace penstock::embed
