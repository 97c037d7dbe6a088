// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <catch2/catch.hpp>

#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "hooks/builtin/config.h"

using namespace penstock;           // NOLINT(google-build-using-namespace)
using namespace penstock::builtin;  // NOLINT(google-build-using-namespace)

namespace {

class NoContent final : public ContentSource {
 public:
  StatusOr<std::string> HeaderSection() override { return Internal("not asked for"); }

  StatusOr<std::string> Rest(std::size_t /*offset*/) override { return Internal("not asked for"); }

  Status Stream(const std::function<Status(std::uint64_t octets)>& /*size*/,
                const OctetSink& /*sink*/) override {
    return Internal("not asked for");
  }
};

// A storm brake that lets one mail through, and how many recipients of a call it stops.
class Brake {
 public:
  Brake()
      : hook_(ParseConfig("hooks: [{name: a, storm_brake: {messages_max: 1, window: 24h}}]", "a")
                  ->hooks.at("a")) {}

  std::size_t Stopped(const std::string& id, std::size_t first, std::size_t recipients) {
    NoContent source;
    MailContent content(source);
    v1::InvokeRequest request;
    request.mutable_event()->set_invocation_id(id);
    for (std::size_t i = first; i < first + recipients; ++i)
      request.mutable_event()->mutable_envelope()->add_recipients()->set_address(
          Cat(i, "@example.com"));
    return hook_->Decide({request, content, Milliseconds(0)})->some.size();
  }

 private:
  std::shared_ptr<MailHook> hook_;
};

}  // namespace

TEST_CASE("A storm brake forgets the oldest call when it remembers as many as it may",
          "[builtin]") {
  Brake brake;
  CHECK(brake.Stopped("first", 0, 1) == 0);
  for (std::size_t i = 1; i + 1 < limits::kStormCallsMax; ++i)
    brake.Stopped(Cat(i), i, 1);
  CHECK(brake.Stopped("again", 0, 1) == 1);  // as many as it may
  CHECK(brake.Stopped("1", 1, 1) == 0);      // a repeated call makes nobody forget
  CHECK(brake.Stopped("another", limits::kStormCallsMax, 1) == 0);
  CHECK(brake.Stopped("new", 1, 1) == 0);  // the mail before it is forgotten by now
  CHECK(brake.Stopped("newer", 1, 1) == 1);
}

TEST_CASE("A storm brake forgets the oldest call when it remembers too many recipients",
          "[builtin]") {
  constexpr std::size_t kEach = 50'000;
  constexpr std::size_t kCalls = limits::kStormRecipientsMax / kEach;
  Brake brake;
  for (std::size_t i = 0; i < kCalls; ++i)
    CHECK(brake.Stopped(Cat(i), i * kEach, kEach) == 0);
  CHECK(brake.Stopped("at the bound", 0, 1) == 1);
  CHECK(brake.Stopped("beyond it", 1, 2) == 0);
}
