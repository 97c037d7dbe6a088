// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/immutable_digest.h"

#include <algorithm>

#include "engine/base/strings.h"
#include "engine/mail/gmime_library.h"

namespace penstock::mail {
namespace {

struct ChecksumFree {
  void operator()(GChecksum* checksum) const { g_checksum_free(checksum); }
};

}  // namespace

struct ImmutableDigest::Digest {
  std::string name;
  std::uint64_t count = 0;
  std::unique_ptr<GChecksum, ChecksumFree> checksum{g_checksum_new(G_CHECKSUM_SHA256)};

  void Add(std::string_view text) {
    g_checksum_update(checksum.get(), reinterpret_cast<const guchar*>(text.data()),
                      static_cast<gssize>(text.size()));
  }
};

ImmutableDigest::ImmutableDigest(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const bool known = std::any_of(digests_.begin(), digests_.end(), [&](const Digest& one) {
      return EqualsIgnoreAsciiCase(one.name, name);
    });
    if (!known) digests_.push_back({.name = name});
  }
}

ImmutableDigest::~ImmutableDigest() = default;

void ImmutableDigest::Begin(std::string_view name, std::string_view text) {
  EndField();
  const auto found = std::find_if(digests_.begin(), digests_.end(), [&](const Digest& one) {
    return EqualsIgnoreAsciiCase(one.name, name);
  });
  if (found == digests_.end()) return;
  open_ = &*found;
  ++open_->count;
  begun_ = space_ = false;
  Continue(text);
}

void ImmutableDigest::Continue(std::string_view line) {
  if (open_ == nullptr) return;
  std::string canonical;
  for (const char c : line) {
    if (c == ' ' || c == '\t') {
      space_ = true;
      continue;
    }
    if (space_ && begun_) canonical += ' ';
    space_ = false;
    begun_ = true;
    canonical += c;
  }
  open_->Add(canonical);
}

void ImmutableDigest::EndField() {
  if (open_ != nullptr) open_->Add("\n");
  open_ = nullptr;
}

std::vector<ImmutableField> ImmutableDigest::Finish() {
  EndField();
  std::vector<ImmutableField> fields;
  for (Digest& digest : digests_) {
    fields.push_back(
        {std::move(digest.name), digest.count, g_checksum_get_string(digest.checksum.get())});
  }
  return fields;
}

}  // namespace penstock::mail
