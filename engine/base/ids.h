// SPDX-License-Identifier: Apache-2.0
// Names of things in transit. Each is a type of its own, so that no two are confused; each is
// made of 16 random bytes that the caller brings (ports::Random), so that a test can choose them.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace penstock {

using RandomBytes = std::array<std::uint8_t, 16>;

// Returns a lower-case UUID, version 4 (RFC 4122 §4.4).
std::string FormatUuid(const RandomBytes& bytes);

// Returns the 16 octets of a UUID in its usual form; nullopt if it is none.
std::optional<RandomBytes> ParseUuid(std::string_view text);

// Returns 32 lower-case hexadecimal digits.
std::string FormatHex(const RandomBytes& bytes);

template <class Tag>
class Id {
 public:
  Id() = default;

  explicit Id(std::string text) : text_(std::move(text)) {}

  [[nodiscard]] const std::string& text() const { return text_; }

  [[nodiscard]] bool empty() const { return text_.empty(); }

  friend auto operator<=>(const Id&, const Id&) = default;

 private:
  std::string text_;
};

struct MessageIdTag;
struct InvocationIdTag;
struct ContentIdTag;

// Our handle for a message in transit: a UUID (E6). Not the Message-ID field, which is a MsgId.
using MessageId = Id<MessageIdTag>;
// One hook call over all its attempts: 32 hexadecimal digits (E6).
using InvocationId = Id<InvocationIdTag>;
// Octets on disk; several messages may share one.
using ContentId = Id<ContentIdTag>;

}  // namespace penstock

template <class Tag>
struct std::hash<penstock::Id<Tag>> {
  std::size_t operator()(const penstock::Id<Tag>& id) const {
    return std::hash<std::string>{}(id.text());
  }
};
