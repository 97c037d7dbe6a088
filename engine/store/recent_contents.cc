// SPDX-License-Identifier: Apache-2.0
#include "engine/store/recent_contents.h"

namespace penstock::store {

void RecentContents::Add(std::uint64_t number, const std::string& octets) {
  auto content = std::make_shared<InlineReader>(octets);
  const MutexLock lock(mutex_);
  if (!contents_.emplace(number, std::move(content)).second) return;
  octets_ += octets.size();
  while (octets_ > octets_max_)
    Erase(contents_.begin());
}

void RecentContents::Remove(std::uint64_t number) {
  const MutexLock lock(mutex_);
  const auto content = contents_.find(number);
  if (content != contents_.end()) Erase(content);
}

std::shared_ptr<InlineReader> RecentContents::Find(std::uint64_t number) const {
  const MutexLock lock(mutex_);
  const auto content = contents_.find(number);
  return content == contents_.end() ? nullptr : content->second;
}

void RecentContents::Erase(Contents::iterator content) {
  octets_ -= static_cast<std::size_t>(content->second->octets());
  contents_.erase(content);
}

}  // namespace penstock::store
