// SPDX-License-Identifier: Apache-2.0
// The values of fields that must not change (SPEC M4), as digests: bounded memory, and no two
// different values that a hook could make up have the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/mail/content_facts.h"

namespace penstock::mail {

class ImmutableDigest {
 public:
  // A name that is there twice, whatever its case, counts once.
  explicit ImmutableDigest(const std::vector<std::string>& names);
  ~ImmutableDigest();
  ImmutableDigest(const ImmutableDigest&) = delete;
  ImmutableDigest& operator=(const ImmutableDigest&) = delete;

  // A field begins; `text`: its line from behind the colon, without the line's end. Ends the one
  // before it.
  void Begin(std::string_view name, std::string_view text);

  // The next line of that field, without its end.
  void Continue(std::string_view line);

  void EndField();

  // Ends the header section; to be called once.
  [[nodiscard]] std::vector<ImmutableField> Finish();

 private:
  struct Digest;

  std::vector<Digest> digests_;  // one for each name
  Digest* open_ = nullptr;       // of the field that lines are added to
  bool begun_ = false;           // that field has an octet that is no white space
  bool space_ = false;           // white space came since
};

}  // namespace penstock::mail
