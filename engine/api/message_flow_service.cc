// SPDX-License-Identifier: Apache-2.0
#include "engine/api/message_flow_service.h"

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <grpc/slice.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/slice.h>

#include "engine/api/content_stream.h"
#include "engine/api/unary_call.h"
#include "engine/async/grpc_call.h"
#include "engine/async/limiter.h"
#include "engine/async/strand.h"
#include "engine/base/limits.h"
#include "engine/base/log.h"
#include "engine/base/mutex.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/flow/capability.h"
#include "engine/flow/hook.h"
#include "engine/mail/header_section.h"

#include "penstock/v1/message_flow.grpc.pb.h"

namespace penstock::api {
namespace {

namespace asio = async::asio;
using GetRequest = v1::GetRawMessageContentRequest;
using PutPiece = v1::PutRawMessageContentRequest;
using PutResponse = v1::PutRawMessageContentResponse;

constexpr std::string_view kFrozen = "MessageFrozen";      // M3
constexpr std::string_view kRejected = "MessageRejected";  // M3

enum class Verb { kRead, kReplace };

// What every capability that does not count is told, whatever is wrong with it (P2).
Status Refusal() {
  return PermissionDenied(
      "capability: gives no right to this call; pass on the one that came with the invocation");
}

runtime::ContentClaim ClaimOf(const flow::Capability& capability) {
  return {capability.message, capability.invocation, capability.attempt, capability.mode,
          capability.run};
}

// Octets of the content up to and with the empty line that ends the header section.
StatusOr<std::string> ReadHeaderSection(const ports::ContentReader& content) {
  mail::HeaderCollector collector;
  std::string buffer(limits::kContentPieceOctets, '\0');
  for (std::uint64_t offset = 0; !collector.ended() && !collector.over_limit();) {
    PENSTOCK_ASSIGN_OR_RETURN(const std::size_t count,
                              content.Read(offset, std::span<char>(buffer)));
    if (count == 0) break;
    collector.Feed(std::string_view(buffer).substr(0, count));
    offset += count;
  }
  const auto section = mail::HeaderSection::Scan(collector.octets());
  return collector.octets().substr(0, section.body_offset());
}

// The next piece of what is left, straight from the disk into what goes over the wire.
StatusOr<grpc::Slice> ReadPiece(const ports::ContentReader& content, std::uint64_t offset,
                                std::uint64_t left) {
  if (left == 0) return grpc::Slice();
  // Large: the octets are not within the grpc_slice itself, which is copied.
  grpc_slice slice =
      grpc_slice_malloc_large(std::min<std::uint64_t>(left, limits::kContentPieceOctets));
  const grpc::Slice piece(slice, grpc::Slice::STEAL_REF);
  const std::span<char> buffer(reinterpret_cast<char*>(GRPC_SLICE_START_PTR(slice)), piece.size());
  PENSTOCK_ASSIGN_OR_RETURN(const std::size_t count, content.Read(offset, buffer));
  if (count == 0) return DataLoss("content: shorter than it was");
  return piece.sub(0, count);
}

// What no request can be parsed from has no capability either.
template <class Request>
Request ParseOrEmpty(grpc::ByteBuffer octets) {
  Request request;
  if (!grpc::SerializationTraits<Request>::Deserialize(&octets, &request).ok()) request.Clear();
  return request;
}

grpc::ByteBuffer Serialized(const PutResponse& response) {
  const grpc::Slice slice(response.SerializeAsString());
  return {&slice, 1};
}

// Messages with content are put together from the octets themselves, and taken apart into them.
using Base = v1::MessageFlowService::WithRawCallbackMethod_GetRawMessageContent<
    v1::MessageFlowService::WithRawCallbackMethod_PutRawMessageContent<
        v1::MessageFlowService::Service>>;

class Service final : public Base {
 public:
  explicit Service(ContentContext context) : context_(std::move(context)) {}

  grpc::ServerWriteReactor<grpc::ByteBuffer>* GetRawMessageContent(
      grpc::CallbackServerContext* call, const grpc::ByteBuffer* request) override {
    const async::Executor strand = async::MakeStrand(context_.executor);
    auto sender = ContentSender::Begin(call, strand);
    auto* const reactor = sender.get();
    context_.tasks.Spawn(strand, ServeGet(this, call, request, std::move(sender)), "content get");
    return reactor;
  }

  grpc::ServerReadReactor<grpc::ByteBuffer>* PutRawMessageContent(
      grpc::CallbackServerContext* call, grpc::ByteBuffer* response) override {
    const async::Executor strand = async::MakeStrand(context_.executor);
    auto receiver = ContentReceiver::Begin(call, strand);
    auto* const reactor = receiver.get();
    context_.tasks.Spawn(strand, ServePut(this, call, response, std::move(receiver)),
                         "content put");
    return reactor;
  }

 private:
  // A place among the calls of one hook, and what the place is in.
  struct Turn {
    std::shared_ptr<async::Limiter> limiter;
    async::Limiter::Permit permit;
  };

  // gRPC keeps `call`, `request` and `response` until the reactor is ended.
  static asio::awaitable<void> ServeGet(Service* service, grpc::CallbackServerContext* call,
                                        const grpc::ByteBuffer* request,
                                        std::shared_ptr<ContentSender> sender) {
    auto parsed = ParseOrEmpty<GetRequest>(*request);
    const Status status = co_await service->Get(std::move(parsed), *sender);
    if (!status.ok()) Explain(*call, status);
    grpc::Status end = async::ToGrpc(status);
    co_await ContentSender::End(std::move(sender), std::move(end));
  }

  static asio::awaitable<void> ServePut(Service* service, grpc::CallbackServerContext* call,
                                        grpc::ByteBuffer* response,
                                        std::shared_ptr<ContentReceiver> receiver) {
    const StatusOr<PutResponse> result = co_await service->Put(*receiver);
    if (result.ok()) {
      *response = Serialized(*result);
    } else {
      Explain(*call, result.status());
    }
    receiver->End(async::ToGrpc(result.status()));
  }

  // Which of M3's words an error is: those that speak of the message begin with it.
  static void Explain(grpc::CallbackServerContext& call, const Status& status) {
    const std::string_view text = Message(status);
    for (const std::string_view reason : {kFrozen, kRejected}) {
      if (text.starts_with(reason)) return AddErrorInfo(call, status, reason);
    }
    AddErrorInfo(call, status);
  }

  async::Task<void> Get(GetRequest request, ContentSender& sender) {
    const auto capability = Judge(request.capability(), request.message_id(), Verb::kRead);
    PENSTOCK_CO_RETURN_IF_ERROR(capability.status());
    const auto turn = co_await TakeTurn(capability->hook);
    PENSTOCK_CO_RETURN_IF_ERROR(turn.status());
    PENSTOCK_CO_RETURN_IF_ERROR(CheckNotExpired(*capability));
    const auto opened = co_await context_.desk.Open(ClaimOf(*capability));
    PENSTOCK_CO_RETURN_IF_ERROR(opened.status());
    if (request.read_offset() < 0) {
      co_return InvalidArgument(
          Cat("read_offset: ", request.read_offset(), " is negative; expected octets to skip"));
    }
    const auto offset = static_cast<std::uint64_t>(request.read_offset());
    switch (request.part()) {
      case GetRequest::UNSPECIFIED:
      case GetRequest::ALL:
        co_return co_await SendAll(*capability, **opened, offset, sender);
      case GetRequest::HEADER_SECTION:
        co_return co_await SendHeaderSection(**opened, offset, sender);
      default:
        co_return InvalidArgument(
            Cat("part: ", static_cast<int>(request.part()), "; expected ALL or HEADER_SECTION"));
    }
  }

  async::Task<void> SendAll(const flow::Capability& capability, const ports::ContentReader& content,
                            std::uint64_t offset, ContentSender& sender) {
    const std::uint64_t octets = content.octets();
    for (bool first = true; first || offset < octets; first = false) {
      const std::uint64_t left = octets - std::min(offset, octets);
      auto data = ReadPiece(content, offset, left);
      PENSTOCK_CO_RETURN_IF_ERROR(data.status());
      offset += data->size();
      // The grant may go while the stream runs (P1).
      if (!IsGranted(capability, Verb::kRead)) co_return Refusal();
      auto response = ToWire(first ? std::optional(octets) : std::nullopt, *std::move(data));
      const Status sent = co_await sender.Send(std::move(response));
      PENSTOCK_CO_RETURN_IF_ERROR(sent);
    }
    co_return OkStatus();
  }

  static async::Task<void> SendHeaderSection(const ports::ContentReader& content,
                                             std::uint64_t offset, ContentSender& sender) {
    const auto section = ReadHeaderSection(content);
    PENSTOCK_CO_RETURN_IF_ERROR(section.status());
    std::string_view left =
        std::string_view(*section).substr(std::min<std::uint64_t>(offset, section->size()));
    for (bool first = true; first || !left.empty(); first = false) {
      const std::string_view data = left.substr(0, limits::kContentPieceOctets);
      left.remove_prefix(data.size());
      auto response = ToWire(first ? std::optional(content.octets()) : std::nullopt,
                             grpc::Slice(data.data(), data.size()));
      const Status sent = co_await sender.Send(std::move(response));
      PENSTOCK_CO_RETURN_IF_ERROR(sent);
    }
    co_return OkStatus();
  }

  async::Task<PutResponse> Put(ContentReceiver& receiver) {
    const auto first = co_await receiver.Receive();
    PENSTOCK_CO_RETURN_IF_ERROR(first.status());
    const PutPiece::Start start =
        *first ? ParseOrEmpty<PutPiece>(**first).start() : PutPiece::Start();
    const auto capability = Judge(start.capability(), start.message_id(), Verb::kReplace);
    PENSTOCK_CO_RETURN_IF_ERROR(capability.status());
    const auto turn = co_await TakeTurn(capability->hook);
    PENSTOCK_CO_RETURN_IF_ERROR(turn.status());
    PENSTOCK_CO_RETURN_IF_ERROR(CheckNotExpired(*capability));
    auto replacement = co_await context_.desk.Replace(ClaimOf(*capability));
    if (replacement.status().code() == StatusCode::kFailedPrecondition) {
      // Of both, that the content has gone is told before that the attempt has ended.
      const auto opened = co_await context_.desk.Open(ClaimOf(*capability));
      if (opened.status().code() == StatusCode::kNotFound) co_return opened.status();
    }
    PENSTOCK_CO_RETURN_IF_ERROR(replacement.status());
    while (true) {
      auto piece = co_await receiver.Receive();
      PENSTOCK_CO_RETURN_IF_ERROR(piece.status());
      if (!*piece) break;
      PENSTOCK_CO_RETURN_IF_ERROR(WriteData(**piece, **replacement));
    }
    const Status confirmed = co_await receiver.Confirm();
    PENSTOCK_CO_RETURN_IF_ERROR(confirmed);
    if (!IsGranted(*capability, Verb::kReplace)) co_return Refusal();
    PutResponse response;
    response.set_content_octets(static_cast<std::int64_t>((*replacement)->octets()));
    const auto effect = co_await (*replacement)->Finish();
    PENSTOCK_CO_RETURN_IF_ERROR(effect.status());
    response.set_effect(*effect == runtime::PutEffect::kStaged ? PutResponse::STAGED
                                                               : PutResponse::READABLE_ONLY);
    co_return response;
  }

  static Status WriteData(grpc::ByteBuffer& octets, runtime::Replacement& replacement) {
    std::vector<grpc::Slice> slices;
    const bool whole = octets.Dump(&slices).ok();
    auto data = whole ? DataFromWire(slices) : std::nullopt;
    PutPiece piece;  // outlives what `data` sees of it
    if (!data) {
      if (!grpc::SerializationTraits<PutPiece>::Deserialize(&octets, &piece).ok()) {
        return InvalidArgument("piece: no PutRawMessageContentRequest");
      }
      if (piece.piece_case() != PutPiece::kData) {
        return InvalidArgument("piece: expected data; only the first piece is start");
      }
      data = {piece.data()};
    }
    std::size_t size = 0;
    for (const std::string_view part : *data)
      size += part.size();
    if (size > limits::kContentPutPieceOctetsMax) {
      return InvalidArgument(
          Cat("data: ", size, " octets; a piece has at most ", limits::kContentPutPieceOctetsMax));
    }
    for (const std::string_view part : *data)
      PENSTOCK_RETURN_IF_ERROR(replacement.Write(part));
    return OkStatus();
  }

  // What the capability says, if it is genuine, for this message and verb, and its grant stands
  // (P1, P2). Why one does not count is for our log alone.
  StatusOr<flow::Capability> Judge(std::string_view token, std::string_view message,
                                   Verb verb) const {
    std::optional<flow::Capability> capability = context_.capabilities.Verify(token);
    std::string_view why;
    if (!capability) {
      why = "not genuine";
    } else if (capability->message.text() != message) {
      why = "of another message";
    } else if (verb == Verb::kRead ? !capability->may_read : !capability->may_replace) {
      why = "of another verb";
    } else if (!IsGranted(*capability, verb)) {
      why = "permission removed";
    } else {
      return *std::move(capability);
    }
    Log(LogLevel::kWarning, "content_refused",
        {{"why", std::string(why)},
         {"call", verb == Verb::kRead ? "get" : "put"},
         {"message", Printable(message)},
         {"hook", capability ? capability->hook : ""}});
    return Refusal();
  }

  [[nodiscard]] bool IsGranted(const flow::Capability& capability, Verb verb) const {
    const auto hook = context_.directory.Current()->FindHook(capability.hook);
    if (hook == nullptr) return false;
    return verb == Verb::kRead
               ? flow::MayRead(*hook, capability.organization, capability.direction)
               : flow::MayReplace(*hook, capability.organization, capability.direction);
  }

  [[nodiscard]] Status CheckNotExpired(const flow::Capability& capability) const {
    if (context_.clock.Now() < capability.expire_time) return OkStatus();
    return NotFound(Cat("the content of message ", capability.message.text(),
                        ": its time ended at ", FormatRfc3339(capability.expire_time)));
  }

  async::Task<Turn> TakeTurn(std::string hook) {
    std::shared_ptr<async::Limiter> limiter;
    {
      const MutexLock lock(mutex_);
      auto& of_hook = limiters_[hook];
      if (of_hook == nullptr) {
        of_hook = std::make_shared<async::Limiter>(limits::kContentStreamsOfHook);
      }
      limiter = of_hook;
    }
    auto permit = co_await limiter->Acquire(limits::kContentTurnWait);
    if (!permit.ok()) {
      co_return ResourceExhausted(Cat("hook \"", hook, "\" has ", limits::kContentStreamsOfHook,
                                      " content calls that run; try again when one has ended"));
    }
    co_return Turn{std::move(limiter), *std::move(permit)};
  }

  const ContentContext context_;
  Mutex mutex_;
  // By hook. Only genuine capabilities get here: as many as hooks have been registered.
  std::map<std::string, std::shared_ptr<async::Limiter>> limiters_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<grpc::Service> MakeMessageFlowService(ContentContext context) {
  return std::make_unique<Service>(std::move(context));
}

}  // namespace penstock::api
