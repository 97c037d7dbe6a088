// SPDX-License-Identifier: Apache-2.0
#include "hooks/builtin/remote_content.h"

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"

namespace penstock::builtin {
namespace {

using Part = v1::GetRawMessageContentRequest;

constexpr std::uint64_t kCopies = 3;  // of a mail in an edit: before, decoded, after

}  // namespace

bool EditingMemory::Take(std::uint64_t octets) {
  const MutexLock lock(mutex_);
  if (octets > limits::kEditingOctetsMax - taken_) return false;
  taken_ += octets;
  return true;
}

void EditingMemory::GiveBack(std::uint64_t octets) {
  const MutexLock lock(mutex_);
  taken_ -= octets;
}

StatusOr<std::string> RemoteContent::HeaderSection() {
  PENSTOCK_ASSIGN_OR_RETURN(sdk::ContentReader reader, invocation_.Read(Part::HEADER_SECTION));
  return reader.All(limits::kBuiltinHeaderOctetsMax);
}

StatusOr<std::string> RemoteContent::Rest(std::size_t offset) {
  PENSTOCK_ASSIGN_OR_RETURN(sdk::ContentReader reader,
                            invocation_.Read(Part::ALL, static_cast<std::int64_t>(offset)));
  PENSTOCK_ASSIGN_OR_RETURN(std::string octets, reader.Next());
  const auto all = static_cast<std::uint64_t>(reader.content_octets());
  if (all > limits::kEditedMessageOctetsMax) {
    return FailedPrecondition(Cat("the mail has ", all, " octets; more than ",
                                  limits::kEditedMessageOctetsMax, " are not looked into"));
  }
  if (!memory_.Take(all * kCopies)) {
    return Unavailable("too much mail is in memory; this one comes again");
  }
  taken_ += all * kCopies;
  PENSTOCK_ASSIGN_OR_RETURN(const std::string rest, reader.All(limits::kEditedMessageOctetsMax));
  octets += rest;
  return octets;
}

Status RemoteContent::Stream(const std::function<Status(std::uint64_t octets)>& size,
                             const OctetSink& sink) {
  PENSTOCK_ASSIGN_OR_RETURN(sdk::ContentReader reader, invocation_.Read());
  PENSTOCK_ASSIGN_OR_RETURN(std::string octets, reader.Next());
  PENSTOCK_RETURN_IF_ERROR(size(static_cast<std::uint64_t>(reader.content_octets())));
  while (!octets.empty()) {
    PENSTOCK_RETURN_IF_ERROR(sink(octets));
    PENSTOCK_ASSIGN_OR_RETURN(octets, reader.Next());
  }
  return OkStatus();
}

Status RemoteContent::Put(const MailContent& content) const {
  PENSTOCK_ASSIGN_OR_RETURN(sdk::ContentWriter writer, invocation_.Replace());
  bool more = writer.Write(content.octets());
  if (!content.whole()) {
    const auto offset = static_cast<std::int64_t>(content.source_octets());
    PENSTOCK_ASSIGN_OR_RETURN(sdk::ContentReader reader, invocation_.Read(Part::ALL, offset));
    while (more) {
      PENSTOCK_ASSIGN_OR_RETURN(const std::string octets, reader.Next());
      if (octets.empty()) break;
      more = writer.Write(octets);
    }
  }
  return writer.Finish().status();
}

}  // namespace penstock::builtin
