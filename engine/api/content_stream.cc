// SPDX-License-Identifier: Apache-2.0
#include "engine/api/content_stream.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include <grpcpp/server_context.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"

#include "penstock/v1/message_flow.pb.h"

namespace penstock::api {

namespace asio = async::asio;

namespace {

using GetResponse = v1::GetRawMessageContentResponse;
using PutRequest = v1::PutRawMessageContentRequest;

// Appends a number, or the tag of a field and its type, as protobuf's encoding has it.
void AppendVarint(std::string& out, std::uint64_t number) {
  for (; number > 0x7f; number >>= 7U)
    out.push_back(static_cast<char>((number & 0x7fU) | 0x80U));
  out.push_back(static_cast<char>(number));
}

constexpr std::uint64_t Tag(int field, unsigned wire_type) {
  return (static_cast<std::uint64_t>(field) << 3U) | wire_type;
}

constexpr unsigned kVarint = 0;
constexpr unsigned kOctets = 2;

// What a piece takes of memory.
std::size_t WeightOf(const grpc::ByteBuffer& piece) {
  return piece.Length() + limits::kContentPieceOverhead;
}

}  // namespace

grpc::ByteBuffer ToWire(std::optional<std::uint64_t> content_octets, grpc::Slice data) {
  std::string head;
  if (content_octets && *content_octets > 0) {
    AppendVarint(head, Tag(GetResponse::kContentOctetsFieldNumber, kVarint));
    AppendVarint(head, *content_octets);
  }
  if (data.size() > 0) {
    AppendVarint(head, Tag(GetResponse::kDataFieldNumber, kOctets));
    AppendVarint(head, data.size());
  }
  const std::array<grpc::Slice, 2> slices{grpc::Slice(head), std::move(data)};
  return {slices.data(), slices.size()};
}

std::optional<std::vector<std::string_view>> DataFromWire(const std::vector<grpc::Slice>& slices) {
  constexpr std::size_t kLengthOctetsMax = 5;
  std::uint64_t all = 0;
  std::string head;
  for (const grpc::Slice& slice : slices) {
    all += slice.size();
    const std::size_t wanted = std::min(1 + kLengthOctetsMax - head.size(), slice.size());
    head.append(reinterpret_cast<const char*>(slice.begin()), wanted);
  }
  constexpr std::uint64_t kTag = Tag(PutRequest::kDataFieldNumber, kOctets);
  static_assert(kTag <= 0x7f);
  if (head.empty() || head[0] != static_cast<char>(kTag)) return std::nullopt;
  std::uint64_t length = 0;
  std::size_t skip = 1;
  for (bool more = true; more; ++skip) {
    if (skip == head.size()) return std::nullopt;
    const auto octet = static_cast<std::uint8_t>(head[skip]);
    length |= static_cast<std::uint64_t>(octet & 0x7fU) << (7 * (skip - 1));
    more = (octet & 0x80U) != 0;
  }
  if (skip + length != all) return std::nullopt;
  std::vector<std::string_view> data;
  for (const grpc::Slice& slice : slices) {
    const std::size_t passed = std::min(skip, slice.size());
    skip -= passed;
    data.emplace_back(reinterpret_cast<const char*>(slice.begin()) + passed, slice.size() - passed);
  }
  return data;
}

asio::awaitable<bool> StreamWait::Wait(Milliseconds longest) {
  timer_.expires_after(longest);
  const auto [error] = co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
  co_return static_cast<bool>(error);
}

// The strand runs the coroutine up to where it waits before it runs this.
void StreamWait::Notify(StreamWait& wait, std::shared_ptr<void> owner) {
  asio::post(wait.timer_.get_executor(),
             [&wait, owner = std::move(owner)] { wait.timer_.cancel(); });
}

std::shared_ptr<ContentSender> ContentSender::Begin(grpc::CallbackServerContext* context,
                                                    const async::Executor& strand) {
  auto sender = std::shared_ptr<ContentSender>(new ContentSender(context, strand));
  sender->self_ = sender;
  return sender;
}

async::Task<void> ContentSender::Send(grpc::ByteBuffer piece) {
  const Status room = co_await AwaitRoom(limits::kContentPiecesAhead - 1);
  PENSTOCK_CO_RETURN_IF_ERROR(room);
  bool begin = false;
  {
    const MutexLock lock(mutex_);
    pieces_.push_back(std::move(piece));
    begin = TakeNext();
  }
  if (begin) StartWrite(&current_);
  co_return OkStatus();
}

asio::awaitable<void> ContentSender::End(std::shared_ptr<ContentSender> sender,
                                         grpc::Status status) {
  const Status sent = co_await sender->AwaitRoom(0);
  if (status.ok() && !sent.ok()) {
    status = grpc::Status(static_cast<grpc::StatusCode>(sent.code()), std::string(Message(sent)));
  }
  sender->Finish(std::move(status));
}

// Waits until at most `pieces_max` are left, which for 0 means that the last is sent as well.
async::Task<void> ContentSender::AwaitRoom(std::size_t pieces_max) {
  while (true) {
    {
      const MutexLock lock(mutex_);
      const bool idle = !sending_;
      if (gone_ && idle) co_return Cancelled("the client has gone");
      if (!gone_ && pieces_.size() <= pieces_max && (pieces_max > 0 || idle)) co_return OkStatus();
    }
    const bool in_time = co_await wait_.Wait(limits::kContentPieceWait);
    if (in_time) continue;
    context_->TryCancel();  // what is being sent comes back unsent
    const MutexLock lock(mutex_);
    gone_ = true;
    if (sending_) continue;
    co_return DeadlineExceeded("the client takes nothing");
  }
}

bool ContentSender::TakeNext() {
  if (sending_ || gone_ || pieces_.empty()) return false;
  current_ = std::move(pieces_.front());
  pieces_.pop_front();
  sending_ = true;
  return true;
}

void ContentSender::OnWriteDone(bool ok) {
  bool next = false;
  bool wake = false;
  {
    const MutexLock lock(mutex_);
    sending_ = false;
    gone_ |= !ok;
    next = TakeNext();
    // The other end is woken when half has gone, not for every piece.
    wake = !next || pieces_.size() == limits::kContentPiecesAhead / 2;
  }
  if (wake) StreamWait::Notify(wait_, self_);
  if (next) StartWrite(&current_);
}

void ContentSender::OnCancel() {
  const MutexLock lock(mutex_);
  gone_ = true;
  StreamWait::Notify(wait_, self_);
}

void ContentSender::OnDone() {
  const std::shared_ptr<ContentSender> last = std::move(self_);
}

std::shared_ptr<ContentReceiver> ContentReceiver::Begin(grpc::CallbackServerContext* context,
                                                        const async::Executor& strand) {
  auto receiver = std::shared_ptr<ContentReceiver>(new ContentReceiver(context, strand));
  receiver->self_ = receiver;
  receiver->reading_ = true;
  receiver->StartRead(&receiver->current_);
  return receiver;
}

async::Task<std::optional<grpc::ByteBuffer>> ContentReceiver::Receive() {
  while (true) {
    std::optional<grpc::ByteBuffer> piece;
    bool ended = false;
    bool read = false;
    {
      const MutexLock lock(mutex_);
      if (!pieces_.empty()) {
        piece = std::move(pieces_.front());
        pieces_.pop_front();
        octets_ -= WeightOf(*piece);
        read = TakeTurn();
      } else {
        ended = ended_;
      }
    }
    if (read) StartRead(&current_);
    if (piece || ended) co_return piece;
    const bool in_time = co_await wait_.Wait(limits::kContentPieceWait);
    if (!in_time) {
      co_return DeadlineExceeded(
          Cat("nothing came for ", FormatDuration(limits::kContentPieceWait)));
    }
  }
}

async::Task<void> ContentReceiver::Confirm() {
  StartSendInitialMetadata();
  bool in_time = true;
  while (in_time) {
    {
      const MutexLock lock(mutex_);
      if (cancelled_ || alive_ == false) break;
      if (alive_ == true) co_return OkStatus();
    }
    in_time = co_await wait_.Wait(limits::kContentPieceWait);
  }
  co_return Cancelled("the client has gone");
}

bool ContentReceiver::TakeTurn() {
  if (reading_ || ended_ || octets_ >= limits::kContentOctetsAhead) return false;
  reading_ = true;
  return true;
}

void ContentReceiver::OnReadDone(bool ok) {
  bool next = false;
  bool wake = false;
  {
    const MutexLock lock(mutex_);
    reading_ = false;
    ended_ |= !ok;
    wake = ended_ || pieces_.empty();
    if (ok) {
      octets_ += WeightOf(current_);
      pieces_.emplace_back().Swap(&current_);
    }
    next = TakeTurn();
  }
  if (next) StartRead(&current_);
  if (wake) StreamWait::Notify(wait_, self_);
}

void ContentReceiver::OnSendInitialMetadataDone(bool ok) {
  const MutexLock lock(mutex_);
  alive_ = ok;
  StreamWait::Notify(wait_, self_);
}

void ContentReceiver::OnCancel() {
  const MutexLock lock(mutex_);
  cancelled_ = true;
  StreamWait::Notify(wait_, self_);
}

void ContentReceiver::OnDone() {
  const std::shared_ptr<ContentReceiver> last = std::move(self_);
}

}  // namespace penstock::api
