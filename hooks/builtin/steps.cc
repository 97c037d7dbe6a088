// SPDX-License-Identifier: Apache-2.0
// steps: several hooks of the file, one after the other.
#include "engine/base/status_macros.h"
#include "hooks/builtin/kinds.h"
#include "hooks/builtin/verdict.h"

namespace penstock::builtin {
namespace {

class StepsHook final : public MailHook {
 public:
  explicit StepsHook(std::vector<std::shared_ptr<MailHook>> steps) : steps_(std::move(steps)) {}

  StatusOr<Decision> Decide(const Mail& mail) override {
    Decision decision;
    for (const auto& step : steps_) {
      PENSTOCK_ASSIGN_OR_RETURN(Decision next, step->Decide(mail));
      Merge(std::move(next), decision);
    }
    return decision;
  }

  [[nodiscard]] Status Health() const override {
    for (const auto& step : steps_)
      PENSTOCK_RETURN_IF_ERROR(step->Health());
    return OkStatus();
  }

 private:
  const std::vector<std::shared_ptr<MailHook>> steps_;
};

}  // namespace

MailHookPtr MakeSteps(std::vector<std::shared_ptr<MailHook>> steps) {
  return std::make_unique<StepsHook>(std::move(steps));
}

}  // namespace penstock::builtin
