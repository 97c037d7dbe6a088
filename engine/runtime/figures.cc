// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/figures.h"

#include <utility>

#include "engine/base/limits.h"

namespace penstock::runtime {
namespace {

void Fail(CallFigures& figures, std::string error, Time when) {
  ++figures.failed;
  figures.last_error = std::move(error);
  figures.last_error_time = when;
}

}  // namespace

void Figures::Waits(const std::string& name, std::int64_t by) {
  const MutexLock lock(mutex_);
  At(name).figures.waiting += by;
}

void Figures::Runs(const std::string& name, std::int64_t by) {
  const MutexLock lock(mutex_);
  At(name).figures.running += by;
}

void Figures::Succeeded(const std::string& name) {
  const MutexLock lock(mutex_);
  ++At(name).figures.succeeded;
}

void Figures::Failed(const std::string& name, std::string error, Time when) {
  const MutexLock lock(mutex_);
  Fail(At(name).figures, std::move(error), when);
}

void Figures::Ended(const std::string& name, const std::string* error, Milliseconds took,
                    Time when) {
  const MutexLock lock(mutex_);
  Entry& entry = At(name);
  if (entry.recent == nullptr) entry.recent = std::make_unique<RecentCalls>();
  entry.recent->Add(took, error != nullptr, when);
  if (error == nullptr) {
    ++entry.figures.succeeded;
  } else {
    Fail(entry.figures, *error, when);
  }
}

void Figures::ForgetError(const std::string& name) {
  const MutexLock lock(mutex_);
  At(name).figures.last_error.clear();
}

CallFigures Figures::Of(const std::string& name) const {
  const MutexLock lock(mutex_);
  const auto found = entries_.find(name);
  return found == entries_.end() ? CallFigures() : found->second.figures;
}

RecentFigures Figures::Recent(const std::string& name, Time now) const {
  const MutexLock lock(mutex_);
  const auto found = entries_.find(name);
  const bool none = found == entries_.end() || found->second.recent == nullptr;
  return none ? RecentCalls().Of(now) : found->second.recent->Of(now);
}

Figures::Entry& Figures::At(const std::string& name) {
  const auto found = entries_.find(name);
  if (found != entries_.end()) return found->second;
  if (entries_.size() >= limits::kFiguresMax) return uncounted_;
  return entries_[name];
}

}  // namespace penstock::runtime
