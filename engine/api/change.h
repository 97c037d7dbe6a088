// SPDX-License-Identifier: Apache-2.0
// One resource changed, as DirectoryKeeper::Apply takes it.
#pragma once

#include <utility>

#include "engine/runtime/directory_keeper.h"

namespace penstock::api {

enum class Fate { kStays, kRemoved };

// `resource`: as it is afterwards; if removed, as it was.
template <class Resource>
runtime::DirectoryKeeper::Change ChangeOf(flow::DirectorySnapshot next, Resource resource,
                                          Fate fate) {
  runtime::DirectoryKeeper::Change change;
  change.next = std::move(next);
  ports::ResourceChange one;
  one.resource = std::move(resource);
  one.removed = fate == Fate::kRemoved;
  change.resources.push_back(std::move(one));
  return change;
}

}  // namespace penstock::api
