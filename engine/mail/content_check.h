// SPDX-License-Identifier: Apache-2.0
// Whether content may be replaced by other content (SPEC M4).
//
// Refused is a defect that the original has not got. It has it if one of the same kind is
//   - of a field: in a field of the same name in the same part;
//   - of a body: in the same part;
//   - of either: in a section that looks the same (Defect::likeness), wherever that has moved.
// Beyond limits::kDefectsOfAKindMax places a kind is forgiven if the original is beyond it as well,
// and refused if it is not. An immutable field may neither change, come nor go; but From and Date
// may be added, once, where the original has none.
#pragma once

#include "engine/base/status.h"
#include "engine/mail/content_facts.h"

namespace penstock::mail {

// Returns INVALID_ARGUMENT if `replacement` must not take the place of `original`: the text names
// header, line or part and says what to do, for at most limits::kRefusalsTold faults. It carries
// names of fields, and nothing else of the content.
//   Both facts are of the same ContentRules. If `replacement` has no defects, facts of the
//   original's header section alone (ScanContent of its octets) give the same verdict.
Status CheckReplacement(const ContentFacts& original, const ContentFacts& replacement);

}  // namespace penstock::mail
