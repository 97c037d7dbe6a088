// SPDX-License-Identifier: Apache-2.0
// Contents of the database as they were written, the newest: most mail is delivered at once, and
// its content need not be read back. Nothing depends on one being here.
//
// Threads: safe from any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "engine/base/mutex.h"
#include "engine/store/content.h"

namespace penstock::store {

class RecentContents {
 public:
  // `octets_max`: of all together; the oldest go first.
  explicit RecentContents(std::size_t octets_max) : octets_max_(octets_max) {}

  void Add(std::uint64_t number, const std::string& octets);
  void Remove(std::uint64_t number);

  // Null: look in the database.
  [[nodiscard]] std::shared_ptr<InlineReader> Find(std::uint64_t number) const;

 private:
  using Contents = std::map<std::uint64_t, std::shared_ptr<InlineReader>>;

  void Erase(Contents::iterator content) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::size_t octets_max_;
  mutable Mutex mutex_;
  Contents contents_ ABSL_GUARDED_BY(mutex_);
  std::size_t octets_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace penstock::store
