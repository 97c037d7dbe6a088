// SPDX-License-Identifier: Apache-2.0
// The two streams of content, each between a reactor of gRPC and a coroutine (M6). gRPC's threads
// move pieces between the wire and a short queue; the coroutine, which may block, is at its other
// end. What is queued is bounded, so a peer that is slow slows us, and costs no memory and no
// thread; no wait for it is longer than limits::kContentPieceWait.
//
// Each reactor is made by Begin, holds itself until gRPC is done with it, and is ended by one call
// of End, which the coroutine makes last.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>
#include <grpcpp/support/slice.h>

#include "engine/async/task.h"
#include "engine/async/timer.h"
#include "engine/base/mutex.h"
#include "engine/base/time.h"

namespace penstock::api {

// A coroutine's wait for what gRPC's threads do. Threads: Wait on the strand, Notify from any.
class StreamWait {
 public:
  explicit StreamWait(const async::Executor& strand) : timer_(strand) {}

  // Returns after some Notify, or without reason, with true; after `longest` with false. State is
  // looked at, under a mutex, before each Wait and after it: a Notify between the two is not lost.
  async::asio::awaitable<bool> Wait(Milliseconds longest);

  // `owner` owns this.
  static void Notify(StreamWait& wait, std::shared_ptr<void> owner);

 private:
  async::Timer timer_;
};

// A GetRawMessageContentResponse as it goes over the wire: what was read from the disk is not
// copied again. `content_octets`: unset but in the first.
grpc::ByteBuffer ToWire(std::optional<std::uint64_t> content_octets, grpc::Slice data);

// The octets of a PutRawMessageContentRequest that is nothing but `data`, where they lie in the
// slices that it came in: so they are not copied either. Nullopt: it is anything else.
std::optional<std::vector<std::string_view>> DataFromWire(const std::vector<grpc::Slice>& slices);

// Sends content to a client, as fast as it takes it.
// Threads: the coroutine's strand, and gRPC's.
class ContentSender final : public grpc::ServerWriteReactor<grpc::ByteBuffer> {
 public:
  static std::shared_ptr<ContentSender> Begin(grpc::CallbackServerContext* context,
                                              const async::Executor& strand);

  // Takes one response to send; waits until there is room for it.
  //   Errors: kCancelled (the client has gone), kDeadlineExceeded (it takes nothing).
  async::Task<void> Send(grpc::ByteBuffer piece);

  // Waits until what was taken is sent, then ends the call.
  static async::asio::awaitable<void> End(std::shared_ptr<ContentSender> sender,
                                          grpc::Status status);

 private:
  ContentSender(grpc::CallbackServerContext* context, const async::Executor& strand)
      : context_(context), wait_(strand) {}

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;
  // Moves the next piece into current_, if none is being sent. Returns whether to send it.
  bool TakeNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  async::Task<void> AwaitRoom(std::size_t pieces_max);

  grpc::CallbackServerContext* const context_;
  StreamWait wait_;
  std::shared_ptr<ContentSender> self_;  // until OnDone
  grpc::ByteBuffer current_;             // belongs to gRPC while sending_
  Mutex mutex_;
  std::deque<grpc::ByteBuffer> pieces_ ABSL_GUARDED_BY(mutex_);
  bool sending_ ABSL_GUARDED_BY(mutex_) = false;
  bool gone_ ABSL_GUARDED_BY(mutex_) = false;
};

// Receives what a client puts, no faster than it is taken: PutRawMessageContentRequests as they
// came. They are parsed behind this: gRPC would take one that cannot be for the end of the stream.
// Threads: the coroutine's strand, and gRPC's.
class ContentReceiver final : public grpc::ServerReadReactor<grpc::ByteBuffer> {
 public:
  static std::shared_ptr<ContentReceiver> Begin(grpc::CallbackServerContext* context,
                                                const async::Executor& strand);

  // The next piece; nullopt when no more will come: see Confirm.
  //   Errors: kDeadlineExceeded (the client sends nothing).
  async::Task<std::optional<grpc::ByteBuffer>> Receive();

  // After the last piece: OK if the client has half-closed and waits for the answer. gRPC reports
  // the end of what comes alike for a client that has cancelled or is gone; it is sent the initial
  // metadata, which fails on a call that has ended.
  //   Errors: kCancelled.
  async::Task<void> Confirm();

  // Ends the call, also if the client still sends.
  void End(grpc::Status status) { Finish(std::move(status)); }

 private:
  ContentReceiver(grpc::CallbackServerContext* context, const async::Executor& strand)
      : context_(context), wait_(strand) {}

  void OnReadDone(bool ok) override;
  void OnSendInitialMetadataDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;
  // Whether to read on; then reading_ is set.
  bool TakeTurn() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  grpc::CallbackServerContext* const context_;
  StreamWait wait_;
  std::shared_ptr<ContentReceiver> self_;  // until OnDone
  grpc::ByteBuffer current_;               // belongs to gRPC while reading_
  Mutex mutex_;
  std::deque<grpc::ByteBuffer> pieces_ ABSL_GUARDED_BY(mutex_);
  std::size_t octets_ ABSL_GUARDED_BY(mutex_) = 0;  // of pieces_
  bool reading_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<bool> alive_ ABSL_GUARDED_BY(mutex_);  // what came of the initial metadata
};

}  // namespace penstock::api
