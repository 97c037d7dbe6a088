// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/figures.h"

#include <utility>

#include "engine/base/limits.h"

namespace penstock::runtime {

void Figures::Waits(const std::string& name, std::int64_t by) {
  const MutexLock lock(mutex_);
  At(name).waiting += by;
}

void Figures::Runs(const std::string& name, std::int64_t by) {
  const MutexLock lock(mutex_);
  At(name).running += by;
}

void Figures::Succeeded(const std::string& name) {
  const MutexLock lock(mutex_);
  ++At(name).succeeded;
}

void Figures::Failed(const std::string& name, std::string error, Time when) {
  const MutexLock lock(mutex_);
  CallFigures& figures = At(name);
  ++figures.failed;
  figures.last_error = std::move(error);
  figures.last_error_time = when;
}

void Figures::ForgetError(const std::string& name) {
  const MutexLock lock(mutex_);
  At(name).last_error.clear();
}

CallFigures Figures::Of(const std::string& name) const {
  const MutexLock lock(mutex_);
  const auto found = figures_.find(name);
  return found == figures_.end() ? CallFigures() : found->second;
}

CallFigures& Figures::At(const std::string& name) {
  const auto found = figures_.find(name);
  if (found != figures_.end()) return found->second;
  if (figures_.size() >= limits::kFiguresMax) return uncounted_;
  return figures_[name];
}

}  // namespace penstock::runtime
