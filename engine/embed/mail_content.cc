// SPDX-License-Identifier: Apache-2.0
#include "engine/embed/mail_content.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/embed/own_delivery.h"
#include "engine/mail/header_section.h"

namespace penstock {
namespace {

constexpr std::size_t kSlice = 256U << 10U;

class TextContent final : public Content {
 public:
  explicit TextContent(std::string text) : text_(std::move(text)) {}

  [[nodiscard]] std::uint64_t octets() const override { return text_.size(); }

  std::int64_t Read(std::uint64_t offset, char* buffer, std::size_t size) const override {
    if (offset >= text_.size()) return 0;
    return static_cast<std::int64_t>(text_.copy(buffer, size, offset));
  }

 private:
  const std::string text_;
};

class FileContent final : public Content {
 public:
  FileContent(int descriptor, std::uint64_t octets) : descriptor_(descriptor), octets_(octets) {}

  FileContent(const FileContent&) = delete;
  FileContent& operator=(const FileContent&) = delete;

  ~FileContent() override { close(descriptor_); }

  [[nodiscard]] std::uint64_t octets() const override { return octets_; }

  std::int64_t Read(std::uint64_t offset, char* buffer, std::size_t size) const override {
    for (;;) {
      const ssize_t read = pread(descriptor_, buffer, size, static_cast<off_t>(offset));
      if (read >= 0 || errno != EINTR) return read;
    }
  }

 private:
  const int descriptor_;
  const std::uint64_t octets_;
};

class StoredContent final : public Content {
 public:
  explicit StoredContent(std::shared_ptr<ports::ContentReader> reader)
      : reader_(std::move(reader)) {}

  [[nodiscard]] std::uint64_t octets() const override { return reader_->octets(); }

  std::int64_t Read(std::uint64_t offset, char* buffer, std::size_t size) const override {
    const auto read = reader_->Read(offset, std::span(buffer, size));
    return read.ok() ? static_cast<std::int64_t>(*read) : -1;
  }

 private:
  const std::shared_ptr<ports::ContentReader> reader_;
};

ErrorCode ToErrorCode(StatusCode code) {
  switch (code) {
    case StatusCode::kOk:
      return ErrorCode::kOk;
    case StatusCode::kInvalidArgument:
    case StatusCode::kAlreadyExists:
      return ErrorCode::kInvalidArgument;
    case StatusCode::kNotFound:
      return ErrorCode::kNotFound;
    case StatusCode::kFailedPrecondition:
    case StatusCode::kPermissionDenied:
      return ErrorCode::kFailedPrecondition;
    case StatusCode::kResourceExhausted:
      return ErrorCode::kResourceExhausted;
    case StatusCode::kUnavailable:
    case StatusCode::kCancelled:
    case StatusCode::kDeadlineExceeded:
      return ErrorCode::kUnavailable;
    case StatusCode::kDataLoss:
      return ErrorCode::kDataLoss;
    default:
      return ErrorCode::kInternal;
  }
}

// Gives the octets of `content` in order to `take`, until it returns false or an error. One that
// gives more than it has said is taken at its word.
template <class Take>
Status ForEachSlice(const Content& content, std::size_t slice, const Take& take) {
  const std::uint64_t all = content.octets();
  std::string buffer(std::min<std::uint64_t>(slice, all), '\0');
  for (std::uint64_t at = 0; at < all;) {
    const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), all - at));
    std::int64_t read = -1;
    embed::CallOut([&] { read = content.Read(at, buffer.data(), most); });
    if (read <= 0 || static_cast<std::uint64_t>(read) > most)
      return DataLoss(Cat("content: cannot be read at octet ", at, " of ", all));
    PENSTOCK_ASSIGN_OR_RETURN(
        const bool more, take(std::string_view(buffer).substr(0, static_cast<std::size_t>(read))));
    if (!more) break;
    at += static_cast<std::uint64_t>(read);
  }
  return OkStatus();
}

}  // namespace

std::shared_ptr<const Content> Content::FromText(std::string octets) {
  return std::make_shared<TextContent>(std::move(octets));
}

Result<std::shared_ptr<const Content>> Content::FromFile(const std::string& path) {
  Result<std::shared_ptr<const Content>> result;
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // no FIFO's

  struct stat facts {};

  if (descriptor < 0 || fstat(descriptor, &facts) != 0 || !S_ISREG(facts.st_mode)) {
    const int reason = descriptor < 0 ? errno : EINVAL;
    if (descriptor >= 0) close(descriptor);
    result.error = {reason == ENOENT ? ErrorCode::kNotFound : ErrorCode::kInvalidArgument,
                    Cat(path, ": ", descriptor < 0 ? std::strerror(reason) : "no regular file")};
    return result;
  }
  result.value =
      std::make_shared<FileContent>(descriptor, static_cast<std::uint64_t>(facts.st_size));
  return result;
}

Result<std::string> Content::ReadAll() const {
  Result<std::string> result;
  const auto take = [&result](std::string_view octets) -> StatusOr<bool> {
    result.value += octets;
    return true;
  };
  result.error = embed::ToError(ForEachSlice(*this, kSlice, take));
  return result;
}

namespace embed {

Error ToError(const Status& status) {
  return {ToErrorCode(status.code()), std::string(Message(status))};
}

StatusOr<std::string> ReadHeaderSection(const Content& content) {
  constexpr std::size_t kFirst = 16U << 10U;  // most header sections are shorter
  mail::HeaderCollector header;
  const auto take = [&header](std::string_view octets) -> StatusOr<bool> {
    header.Feed(octets);
    return !header.ended() && !header.over_limit();
  };
  PENSTOCK_RETURN_IF_ERROR(ForEachSlice(content, kFirst, take));
  if (header.over_limit()) {
    return InvalidArgument(
        Cat("content: its header section is over ", limits::kHeaderSectionOctetsMax, " octets"));
  }
  return std::string(mail::HeaderSection::Scan(header.octets()).octets());
}

Status Copy(const Content& content, ports::ContentWriter& writer) {
  return ForEachSlice(content, kSlice, [&writer](std::string_view octets) -> StatusOr<bool> {
    PENSTOCK_RETURN_IF_ERROR(writer.Write(octets));
    return true;
  });
}

std::shared_ptr<const Content> ToContent(std::shared_ptr<ports::ContentReader> reader) {
  return std::make_shared<StoredContent>(std::move(reader));
}

}  // namespace embed
}  // namespace penstock
