// SPDX-License-Identifier: Apache-2.0
// What an embedder says of his engine, checked, as the assembly takes it.
#pragma once

#include "engine/base/status.h"
#include "engine/embed/assembly.h"
#include "engine/embed/engine.h"

namespace penstock::embed {

// Errors: kInvalidArgument.
StatusOr<AssemblyOptions> ToAssemblyOptions(const EngineOptions& options);

}  // namespace penstock::embed
