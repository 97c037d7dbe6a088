// SPDX-License-Identifier: Apache-2.0
#include "engine/api/unary_call.h"

#include <algorithm>

#include "engine/async/grpc_tls.h"
#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/base/utf8.h"

#include "penstock/v1/error.pb.h"

namespace penstock::api {
namespace {

constexpr const char* kErrorInfoKey = "penstock-error-info-bin";
constexpr const char* kUserKey = "penstock-user";

// Our texts read `field: why`: what stands before the first ": ", if it looks like a path.
std::string_view FieldOf(std::string_view text) {
  const std::string_view field = text.substr(0, text.find(": "));
  const bool is_path = field.size() < text.size() && !field.empty() &&
                       std::all_of(field.begin(), field.end(), [](char c) {
                         return (c >= 'a' && c <= 'z') || IsAsciiDigit(c) ||
                                std::string_view("._[]").find(c) != std::string_view::npos;
                       });
  return is_path ? field : std::string_view();
}

// The command that mends it stands last: `…; grant it: penstock hook add-permission …`.
std::string_view HintOf(std::string_view text) {
  const std::size_t at = text.rfind(": penstock ");
  return at == std::string_view::npos ? std::string_view() : text.substr(at + 2);
}

}  // namespace

void AddErrorInfo(grpc::CallbackServerContext& context, const Status& status,
                  std::string_view reason) {
  const std::string_view text = Message(status);
  v1::ErrorInfo info;
  info.set_reason(std::string(reason.empty() ? CodeName(status.code()) : reason));
  if (status.code() == StatusCode::kInvalidArgument ||
      status.code() == StatusCode::kFailedPrecondition) {
    info.set_field(std::string(FieldOf(text)));
  }
  info.set_hint(std::string(HintOf(text)));
  context.AddTrailingMetadata(kErrorInfoKey, info.SerializeAsString());
}

std::string CallerOf(const grpc::CallbackServerContext& context) {
  const std::string subject = async::PeerSubject(context);
  if (!subject.empty()) return Printable(ToValidUtf8(subject), limits::kUserNameOctetsMax);
  const auto& metadata = context.client_metadata();
  const auto found = metadata.find(kUserKey);
  if (found == metadata.end()) return "unproven";
  const std::string_view name(found->second.data(), found->second.size());
  return Cat("unproven:", Printable(ToValidUtf8(name), limits::kUserNameOctetsMax));
}

}  // namespace penstock::api
