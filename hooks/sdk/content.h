// SPDX-License-Identifier: Apache-2.0
// Reads and replaces the content of the message that a hook is called for (SPEC M), in pieces: a
// message may have 40 MiB. Every call ends with the invocation it belongs to. Each object is used
// by one thread at a time; giving it up cancels what it has not finished.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "engine/base/status.h"

#include "penstock/v1/message_flow.grpc.pb.h"

namespace grpc {
class Channel;
}

namespace penstock::sdk {

// Octets of a message as they come.
class ContentReader {
 public:
  ContentReader(std::shared_ptr<grpc::Channel> channel,
                std::unique_ptr<grpc::ClientContext> context,
                const v1::GetRawMessageContentRequest& request);
  ContentReader(ContentReader&&) noexcept;
  ContentReader& operator=(ContentReader&&) noexcept;
  ~ContentReader();

  // Returns the next octets, at most 65,536; empty at the end.
  //   Errors: kPermissionDenied, kNotFound (gone), kUnavailable, kDeadlineExceeded.
  StatusOr<std::string> Next();

  // Returns all that is left. Errors: as Next; kResourceExhausted if that is more than
  // `octets_max`.
  StatusOr<std::string> All(std::size_t octets_max);

  // Of the whole message, whatever part is read; known after the first Next.
  [[nodiscard]] std::int64_t content_octets() const { return content_octets_; }

 private:
  struct Call;
  std::unique_ptr<Call> call_;
  std::int64_t content_octets_ = 0;
};

// Octets of a message to replace it by. Nothing is replaced before Finish.
class ContentWriter {
 public:
  ContentWriter(std::shared_ptr<grpc::Channel> channel,
                std::unique_ptr<grpc::ClientContext> context,
                const v1::PutRawMessageContentRequest::Start& start);
  ContentWriter(ContentWriter&&) noexcept;
  ContentWriter& operator=(ContentWriter&&) noexcept;
  ~ContentWriter();

  // Sends octets, CRLF line ends; any number, in pieces of its own. Returns false once the message
  // has been refused: Finish says why.
  bool Write(std::string_view octets);

  // Ends the message. It counts when this attempt's answer is accepted (M2).
  //   Errors: kInvalidArgument naming header, line or part (M4); kFailedPrecondition after the
  //   attempt; as ContentReader::Next.
  StatusOr<v1::PutRawMessageContentResponse> Finish();

 private:
  struct Call;
  std::unique_ptr<Call> call_;
};

}  // namespace penstock::sdk
