// SPDX-License-Identifier: Apache-2.0
// The content of an embedder's mail on its way in and out, and its errors in the public words.
#pragma once

#include <memory>
#include <string>

#include "engine/base/status.h"
#include "engine/embed/engine.h"
#include "engine/ports/store.h"

namespace penstock::embed {

Error ToError(const Status& status);

// Its header section, up to and with the blank line.
//   Errors: kDataLoss: it cannot be read; kInvalidArgument: over limits::kHeaderSectionOctetsMax.
StatusOr<std::string> ReadHeaderSection(const Content& content);

// Errors: kDataLoss, and those of ContentWriter::Write.
Status Copy(const Content& content, ports::ContentWriter& writer);

// What the store has, as an embedder reads it.
std::shared_ptr<const Content> ToContent(std::shared_ptr<ports::ContentReader> reader);

}  // namespace penstock::embed
