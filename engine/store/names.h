// SPDX-License-Identifier: Apache-2.0
// What both stores call things, in ids, tokens and errors, so that nobody can tell them apart.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/ids.h"
#include "engine/base/status.h"
#include "engine/ports/store.h"
#include "engine/store/record.h"

namespace penstock::store {

// A content's id is its number in 16 lower-case hexadecimal digits; numbers are never used twice.
ContentId FormatContentId(std::uint64_t number);
std::optional<std::uint64_t> ParseContentId(const ContentId& id);
// Several ids, one after the other. Of damaged text, those that can be read.
std::string JoinContentIds(const std::vector<ContentId>& ids);
std::vector<std::uint64_t> ParseContentIds(std::string_view text);

// A page token is the number of the page's last message; the next page is of smaller ones. An empty
// one gives a number that is over all.
std::string FormatPageToken(std::uint64_t last);
StatusOr<std::uint64_t> ParsePageToken(std::string_view token);
// Of dead letters, which are listed the oldest first: of an empty token, 0.
StatusOr<std::int64_t> ParseDeadLetterToken(std::string_view token);
std::size_t PageSize(std::size_t asked);

Status MessageNotFound(const MessageId& id);
Status ContentNotFound(const ContentId& id);
// What an open message refers to, or is to be retained of it.
Status ContentMissing(std::string_view message, const ContentId& content);
Status AsyncEventNotFound(std::int64_t id);
Status DeadLetterNotFound(std::int64_t id);

void AddResource(Resource resource, ports::StoredResources& resources);

}  // namespace penstock::store
