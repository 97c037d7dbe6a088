// SPDX-License-Identifier: Apache-2.0
#include "hooks/sdk/content.h"

#include <algorithm>
#include <utility>

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"

namespace penstock::sdk {
namespace {

Status FromGrpc(const grpc::Status& status) {
  return MakeStatus(static_cast<StatusCode>(status.error_code()), status.error_message());
}

}  // namespace

// Members go away from the last to the first: the stream writes into what stands before it, and
// ends before its context, which ends before its channel.
struct ContentReader::Call {
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<grpc::ClientContext> context;
  std::unique_ptr<grpc::ClientReader<v1::GetRawMessageContentResponse>> stream;
  bool ended = false;

  ~Call() {
    if (ended) return;
    context->TryCancel();
    stream->Finish();
  }
};

ContentReader::ContentReader(std::shared_ptr<grpc::Channel> channel,
                             std::unique_ptr<grpc::ClientContext> context,
                             const v1::GetRawMessageContentRequest& request)
    : call_(std::make_unique<Call>()) {
  call_->channel = std::move(channel);
  call_->context = std::move(context);
  call_->stream = v1::MessageFlowService::NewStub(call_->channel)
                      ->GetRawMessageContent(call_->context.get(), request);
}

ContentReader::ContentReader(ContentReader&&) noexcept = default;
ContentReader& ContentReader::operator=(ContentReader&&) noexcept = default;
ContentReader::~ContentReader() = default;

StatusOr<std::string> ContentReader::Next() {
  v1::GetRawMessageContentResponse response;
  while (!call_->ended) {
    if (!call_->stream->Read(&response)) {
      call_->ended = true;
      PENSTOCK_RETURN_IF_ERROR(FromGrpc(call_->stream->Finish()));
      break;
    }
    if (response.content_octets() > 0) content_octets_ = response.content_octets();
    if (!response.data().empty()) return std::move(*response.mutable_data());
  }
  return std::string();
}

StatusOr<std::string> ContentReader::All(std::size_t octets_max) {
  std::string all;
  for (;;) {
    PENSTOCK_ASSIGN_OR_RETURN(const std::string piece, Next());
    if (piece.empty()) return all;
    if (piece.size() > octets_max - all.size()) {
      return ResourceExhausted(Cat("the content has more than ", octets_max, " octets"));
    }
    all += piece;
  }
}

// In this order for the same reason; the stream has the response's address until Finish.
struct ContentWriter::Call {
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<grpc::ClientContext> context;
  v1::PutRawMessageContentResponse response;
  std::unique_ptr<grpc::ClientWriter<v1::PutRawMessageContentRequest>> stream;
  bool ended = false;

  ~Call() {
    if (ended) return;
    context->TryCancel();
    stream->Finish();
  }
};

ContentWriter::ContentWriter(std::shared_ptr<grpc::Channel> channel,
                             std::unique_ptr<grpc::ClientContext> context,
                             const v1::PutRawMessageContentRequest::Start& start)
    : call_(std::make_unique<Call>()) {
  call_->channel = std::move(channel);
  call_->context = std::move(context);
  call_->stream = v1::MessageFlowService::NewStub(call_->channel)
                      ->PutRawMessageContent(call_->context.get(), &call_->response);
  v1::PutRawMessageContentRequest first;
  *first.mutable_start() = start;
  call_->stream->Write(first);  // one that fails is told by Finish
}

ContentWriter::ContentWriter(ContentWriter&&) noexcept = default;
ContentWriter& ContentWriter::operator=(ContentWriter&&) noexcept = default;
ContentWriter::~ContentWriter() = default;

bool ContentWriter::Write(std::string_view octets) {
  v1::PutRawMessageContentRequest request;
  while (!octets.empty()) {
    const std::string_view piece =
        octets.substr(0, std::min(octets.size(), limits::kContentPieceOctets));
    request.mutable_data()->assign(piece);
    if (!call_->stream->Write(request)) return false;
    octets.remove_prefix(piece.size());
  }
  return true;
}

StatusOr<v1::PutRawMessageContentResponse> ContentWriter::Finish() {
  if (call_->ended) return FailedPrecondition("the message is finished already");
  call_->stream->WritesDone();
  call_->ended = true;
  PENSTOCK_RETURN_IF_ERROR(FromGrpc(call_->stream->Finish()));
  return call_->response;
}

}  // namespace penstock::sdk
