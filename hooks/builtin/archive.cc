// SPDX-License-Identifier: Apache-2.0
// archive: certain addresses get the mail as well, as BCC.
#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "hooks/builtin/kinds.h"

namespace penstock::builtin {
namespace {

class ArchiveHook final : public MailHook {
 public:
  ArchiveHook(const v1::ArchiveHook& settings, const AddressPatterns& inside)
      : addresses_(settings.addresses().begin(), settings.addresses().end()),
        scope_(settings.mail()),
        inside_(inside) {}

  StatusOr<Decision> Decide(const Mail& mail) override {
    Decision decision;
    if (IsInScope(scope_, mail.event(), inside_)) decision.copies = addresses_;
    return decision;
  }

 private:
  const std::vector<std::string> addresses_;
  const v1::BuiltinHook::Scope scope_;
  const AddressPatterns inside_;
};

}  // namespace

MailHookPtr MakeArchive(const v1::ArchiveHook& settings, const Surroundings& around,
                        Faults faults) {
  if (settings.addresses().empty()) {
    faults.Add("addresses", "missing; expected an address such as archive@example.com");
  }
  if (static_cast<std::size_t>(settings.addresses_size()) > limits::kArchiveAddressesMax) {
    faults.Add("addresses", Cat("has ", settings.addresses_size(), " addresses; expected at most ",
                                limits::kArchiveAddressesMax));
  }
  for (int i = 0; i < settings.addresses_size(); ++i)
    CheckAddress(settings.addresses(i), Cat("addresses[", i, "]"), faults);
  CheckScope(settings.mail(), around, faults);
  return std::make_unique<ArchiveHook>(settings, around.inside);
}

}  // namespace penstock::builtin
