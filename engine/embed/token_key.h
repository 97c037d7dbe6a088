// SPDX-License-Identifier: Apache-2.0
// What resume tokens (resume_token.h) are signed with where the embedder gives no key.
#pragma once

#include <string>

#include "engine/base/status.h"

namespace penstock::embed {

// The key of a data folder, in its file resume.key (0600), which is made if it is not there.
//   Errors: kUnavailable (disk), kDataLoss (the file has not what was written).
StatusOr<std::string> LoadTokenKey(const std::string& data_folder);

}  // namespace penstock::embed
