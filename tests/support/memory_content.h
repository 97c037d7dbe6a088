// SPDX-License-Identifier: Apache-2.0
// Content in memory, which may come in small pieces or fail on its way.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "engine/ports/store.h"

namespace penstock::tests {

class MemoryContent final : public ports::ContentReader {
 public:
  explicit MemoryContent(std::string octets) : octets_(std::move(octets)) {}

  [[nodiscard]] std::uint64_t octets() const override { return octets_.size(); }

  StatusOr<std::size_t> Read(std::uint64_t offset, std::span<char> buffer) const override {
    if (offset >= fail_at) return DataLoss("content is damaged");
    if (offset >= octets_.size()) return std::size_t{0};
    const std::size_t most = std::min(buffer.size(), at_once);
    return octets_.copy(buffer.data(), most, static_cast<std::size_t>(offset));
  }

  std::size_t at_once = std::numeric_limits<std::size_t>::max();  // octets of one Read
  std::uint64_t fail_at = std::numeric_limits<std::uint64_t>::max();

 private:
  std::string octets_;
};

inline std::shared_ptr<MemoryContent> Content(std::string octets) {
  return std::make_shared<MemoryContent>(std::move(octets));
}

}  // namespace penstock::tests
