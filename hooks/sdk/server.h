// SPDX-License-Identifier: Apache-2.0
// A hook in C++: one function from an event to an answer.
//
//   int main() {
//     const penstock::Status status = Serve(
//         [](Invocation& invocation) -> penstock::StatusOr<Answer> {
//           if (invocation.event().subject().starts_with("[SPAM]")) return Answer().ForAll(Junk());
//           return Answer().ForAll(Deliver());
//         },
//         {.listen = "127.0.0.1:50051"});
//   }
//
// The server has a health service, which says NOT_SERVING as soon as it is to stop, and lets calls
// that run finish. What hook.proto says of an attempt holds here.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "engine/base/status.h"
#include "hooks/sdk/answer.h"
#include "hooks/sdk/content.h"

#include "penstock/v1/hook.pb.h"

namespace grpc {
class ServerContext;
}

namespace penstock::sdk {

class ContentChannels;  // server.cc

// One attempt of one invocation. Of use until the hook has answered.
class Invocation {
 public:
  // All outlive it.
  Invocation(const v1::InvokeRequest& request, const grpc::ServerContext& context,
             ContentChannels& channels)
      : request_(request), context_(context), channels_(channels) {}

  [[nodiscard]] const v1::InvokeRequest& request() const { return request_; }

  [[nodiscard]] const v1::Event& event() const { return request_.event(); }

  // Equal on every attempt: what a hook with side effects keys them by (H4).
  [[nodiscard]] const std::string& id() const { return event().invocation_id(); }

  [[nodiscard]] bool inbound() const { return event().flow_direction() == v1::Event::INBOUND; }

  // Until the attempt ends; an answer that comes later counts for nothing.
  [[nodiscard]] std::chrono::milliseconds time_left() const;

  // Whether nobody awaits the answer any more. Long work looks at it now and then.
  [[nodiscard]] bool cancelled() const;

  [[nodiscard]] bool may_read() const { return request_.content().may_read(); }

  [[nodiscard]] bool may_replace() const { return request_.content().may_replace(); }

  // Begins to read the message, from `offset` octets on.
  //   Errors: kPermissionDenied if the hook's permission does not grant it, with the command.
  StatusOr<ContentReader> Read(
      v1::GetRawMessageContentRequest::Part part = v1::GetRawMessageContentRequest::ALL,
      std::int64_t offset = 0) const;

  // Begins to replace the message. Errors: as Read.
  StatusOr<ContentWriter> Replace() const;

 private:
  const v1::InvokeRequest& request_;
  const grpc::ServerContext& context_;
  ContentChannels& channels_;
};

// Decides about one message. A Status fails the attempt: kUnavailable says "not yet", and the same
// invocation comes again. An exception fails it as well.
//   Threads: called on many at a time.
using Decide = std::function<StatusOr<Answer>(Invocation& invocation)>;

// The same for whoever would rather derive.
class Hook {
 public:
  virtual ~Hook() = default;
  virtual StatusOr<Answer> Decide(Invocation& invocation) = 0;
};

struct ServeOptions {
  std::string listen = "127.0.0.1:50051";  // HOST:PORT, port 0 for any; or unix:PATH
  // PEM files. With the first two TLS is served, with all three to clients of that authority alone.
  std::string tls_certificate_file = {};
  std::string tls_key_file = {};
  std::string tls_ca_file = {};
  // PEM files for content calls to another machine, which go over TLS; empty: the system's
  // authorities, and no certificate of ours.
  std::string content_ca_file = {};
  std::string content_certificate_file = {};
  std::string content_key_file = {};
  int calls_max = 256;                              // at a time; the next fails, and comes again
  std::chrono::milliseconds stop_deadline{15'000};  // of calls that run when it is to stop
  std::function<void(const std::string& address)> listening = {};  // called once it does
};

class Server {
 public:
  // Errors: kInvalidArgument for files that cannot be read, kUnavailable if it cannot listen.
  static StatusOr<std::unique_ptr<Server>> Start(Decide decide, ServeOptions options);

  virtual ~Server() = default;

  // "127.0.0.1:50051", with the real port, or "unix:PATH".
  [[nodiscard]] virtual const std::string& address() const = 0;

  // What the health service answers for `name`, of which it knows nothing before; "" is the server,
  // which serves until Stop. To be called before Stop, from the thread that will.
  virtual void SetServing(const std::string& name, bool serving) = 0;

  // Takes no new calls, waits for those that run, at most `stop_deadline`, then cancels them.
  virtual void Stop() = 0;
};

// Serves until SIGTERM or SIGINT, then stops as Server::Stop. To be called before the program has
// other threads, which would get the signals. Errors: as Server::Start.
Status Serve(Decide decide, ServeOptions options = {});
Status Serve(Hook& hook, ServeOptions options = {});

}  // namespace penstock::sdk
