// SPDX-License-Identifier: Apache-2.0
// The content of one mail as ready-made hooks work on it: read when first asked for, and only as
// far; edited in memory; put back by whoever called them. Used by one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "engine/base/status.h"
#include "hooks/sdk/edit.h"

namespace penstock::builtin {

// Takes the next octets of a mail; a failure of its own ends the reading.
using OctetSink = std::function<Status(std::string_view octets)>;

// Where content comes from, as it was received.
//   Errors: kPermissionDenied (the hook's permission does not grant it), kNotFound, kUnavailable,
//   kDeadlineExceeded.
class ContentSource {
 public:
  virtual ~ContentSource() = default;

  // Returns the header section with its blank line. Errors: also kResourceExhausted if it has more
  // than limits::kBuiltinHeaderOctetsMax.
  virtual StatusOr<std::string> HeaderSection() = 0;

  // Returns all from `offset` on. Errors: also kFailedPrecondition for a mail that is too large
  // for memory, kUnavailable while too much of it is taken.
  virtual StatusOr<std::string> Rest(std::size_t offset) = 0;

  // Gives the whole mail to `sink`; `octets` is its size, told before.
  virtual Status Stream(const std::function<Status(std::uint64_t octets)>& size,
                        const OctetSink& sink) = 0;
};

class MailContent {
 public:
  // `source` outlives it.
  explicit MailContent(ContentSource& source) : source_(source) {}

  // The header section, edits included. Valid until the next call that is not const.
  StatusOr<std::string_view> HeaderSection();

  // The whole mail, edits included. Valid as long.
  StatusOr<std::string_view> Whole();

  // Makes an edit of what HeaderSection or, once it was called, Whole has returned.
  void Make(const sdk::Edit& edit);

  [[nodiscard]] bool changed() const { return changed_; }

  // What was read, edits included, and how much of the source it stands for: the mail is `octets`,
  // then the source from `source_octets` on.
  [[nodiscard]] const std::string& octets() const { return octets_; }

  [[nodiscard]] std::size_t source_octets() const { return source_octets_; }

  [[nodiscard]] bool whole() const { return state_ == State::kWhole; }

  [[nodiscard]] ContentSource& source() const { return source_; }

 private:
  enum class State : std::uint8_t { kNothing, kHeader, kWhole };

  ContentSource& source_;
  State state_ = State::kNothing;
  std::string octets_;
  std::size_t source_octets_ = 0;
  bool changed_ = false;
};

}  // namespace penstock::builtin
