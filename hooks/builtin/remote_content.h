// SPDX-License-Identifier: Apache-2.0
// Content over the content API, in the frame of one call; and how much of all calls is in memory.
#pragma once

#include <cstdint>

#include "engine/base/mutex.h"
#include "hooks/builtin/mail_content.h"
#include "hooks/sdk/server.h"

namespace penstock::builtin {

// Octets of mail in memory for edits, over all calls. Threads: safe from any.
class EditingMemory {
 public:
  // False if there is no room for `octets` more.
  bool Take(std::uint64_t octets);
  void GiveBack(std::uint64_t octets);

 private:
  Mutex mutex_;
  std::uint64_t taken_ ABSL_GUARDED_BY(mutex_) = 0;
};

class RemoteContent final : public ContentSource {
 public:
  // Both outlive it.
  RemoteContent(const sdk::Invocation& invocation, EditingMemory& memory)
      : invocation_(invocation), memory_(memory) {}

  RemoteContent(const RemoteContent&) = delete;
  RemoteContent& operator=(const RemoteContent&) = delete;

  ~RemoteContent() override { memory_.GiveBack(taken_); }

  StatusOr<std::string> HeaderSection() override;
  StatusOr<std::string> Rest(std::size_t offset) override;
  Status Stream(const std::function<Status(std::uint64_t octets)>& size,
                const OctetSink& sink) override;

  // Replaces the mail by what `content`, which reads from here, has made of it.
  //   Errors: kInvalidArgument (M4), kFailedPrecondition (M3): the mail stays as it is.
  Status Put(const MailContent& content) const;

 private:
  const sdk::Invocation& invocation_;
  EditingMemory& memory_;
  std::uint64_t taken_ = 0;
};

}  // namespace penstock::builtin
