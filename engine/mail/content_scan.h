// SPDX-License-Identifier: Apache-2.0
// Finds the facts of a message that streams past (SPEC M4, M6). One pass; memory is bounded by the
// header section (limits::kHeaderSectionOctetsMax) and the depth of its parts.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "engine/mail/content_facts.h"

namespace penstock::mail {

class ContentScan {
 public:
  explicit ContentScan(const ContentRules& rules);
  ~ContentScan();
  ContentScan(const ContentScan&) = delete;
  ContentScan& operator=(const ContentScan&) = delete;

  // Takes the next octets, in pieces of any size: the facts do not depend on how they are cut.
  void Feed(std::string_view octets);

  // The content has ended; to be called once, after which nothing may be fed.
  ContentFacts Finish();

 private:
  class Visitor;
  std::unique_ptr<Visitor> visitor_;
};

// Returns the facts of content that is in memory.
ContentFacts ScanContent(std::string_view content, const ContentRules& rules);

}  // namespace penstock::mail
