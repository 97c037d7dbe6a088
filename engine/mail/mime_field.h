// SPDX-License-Identifier: Apache-2.0
// Fields of MIME that have parameters: Content-Type, Content-Disposition (RFC 2045 §5.1, RFC 2183),
// and Content-Transfer-Encoding (RFC 2045 §6). Octets in, octets out: values are not decoded but
// for quoting; nothing is allocated beyond the bounds of engine/base/limits.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::mail {

struct MimeField {
  std::string value;  // in lower case: "text/plain", "attachment"; empty if there is none
  std::vector<std::pair<std::string, std::string>> parameters;  // names in lower case, in order

  // Returns the first parameter of that name (lower case), or null. A value in pieces is not put
  // together (RFC 2231 §3): that is MimeParameter's.
  [[nodiscard]] const std::string* Find(std::string_view name) const;

  [[nodiscard]] bool IsType(std::string_view type) const;  // "multipart": of any subtype
};

// Reads a field's body, folded or not. Comments are left out (RFC 5322 §3.2.2); what is broken ends
// the parameter that it stands in, and reading goes on behind the next ";".
MimeField ReadMimeField(std::string_view raw_body);

// A parameter's value, put together from its pieces.
struct MimeParameter {
  std::string octets;   // %NN of a value in extended form is decoded
  std::string charset;  // as named by the extended form (RFC 2231 §4), in lower case; or empty
};

// Returns the parameter `name` (lower case) in the form that is found first: name*0*, name* or name
// (RFC 2231); both members empty if there is none.
MimeParameter FindParameter(const MimeField& field, std::string_view name);

enum class TransferEncoding : std::uint8_t {
  k7bit,  // also if there is no field (RFC 2045 §6.1)
  k8bit,
  kBinary,
  kQuotedPrintable,
  kBase64,
  kUnknown,
};

TransferEncoding ReadTransferEncoding(std::string_view raw_body);

// 7bit, 8bit or binary: the octets are the content (RFC 2045 §6.2).
bool IsIdentity(TransferEncoding encoding);

}  // namespace penstock::mail
