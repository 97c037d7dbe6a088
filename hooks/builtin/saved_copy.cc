// SPDX-License-Identifier: Apache-2.0
// saved_copy: each mail in a file, as it came, before it goes on.
#include <chrono>

#include <google/protobuf/util/json_util.h>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/wire/proto_time.h"
#include "hooks/builtin/copy_folder.h"
#include "hooks/builtin/kinds.h"
#include "hooks/sdk/header_edit.h"

namespace penstock::builtin {
namespace {

// The WorkMail JSON where the hook is registered with it, else protobuf's.
std::string EventText(const v1::InvokeRequest& request) {
  if (!request.json().empty()) return Cat(request.json(), "\n");
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  std::string text;
  const auto status = google::protobuf::util::MessageToJsonString(request.event(), &text, options);
  return status.ok() ? Cat(text, "\n") : std::string("{}\n");
}

class SavedCopyHook final : public MailHook {
 public:
  SavedCopyHook(const v1::SavedCopyHook& settings, std::uint64_t octets_max)
      : folder_(settings.folder(), octets_max),
        keep_(std::chrono::duration_cast<std::chrono::seconds>(wire::FromProto(settings.keep()))),
        key_field_(settings.key_field()) {}

  Status Start() override { return folder_.Open(); }

  void Housekeep(const std::stop_token& stop) override { folder_.Sweep(keep_, stop); }

  StatusOr<Decision> Decide(const Mail& mail) override {
    PENSTOCK_RETURN_IF_ERROR(Save(mail));
    if (key_field_.empty()) return Decision();
    PENSTOCK_ASSIGN_OR_RETURN(const std::string_view header, mail.content.HeaderSection());
    PENSTOCK_ASSIGN_OR_RETURN(const sdk::Edit edit, sdk::AddField(header, key_field_, mail.id()));
    mail.content.Make(edit);
    Decision decision;
    for (const std::string& warning : edit.warnings)
      decision.Note(warning);
    return decision;
  }

  [[nodiscard]] Status Health() const override { return folder_.Health(); }

 private:
  // The event is written when the copy is, and before that has its name: where the copy is, its
  // event is as well, and a copy that fails leaves none.
  Status Save(const Mail& mail) {
    PENSTOCK_ASSIGN_OR_RETURN(const bool kept, folder_.Has(mail.id(), ".eml"));
    if (kept) return OkStatus();
    return folder_.Write(mail.id(), ".eml", [this, &mail](const auto& announce, const auto& sink) {
      PENSTOCK_RETURN_IF_ERROR(mail.content.source().Stream(announce, sink));
      return SaveEvent(mail);
    });
  }

  Status SaveEvent(const Mail& mail) {
    const std::string event = EventText(mail.request);
    return folder_.Write(mail.id(), ".json", [&event](const auto& announce, const auto& sink) {
      const Status room = announce(event.size());
      return room.ok() ? sink(event) : room;
    });
  }

  CopyFolder folder_;
  const std::chrono::seconds keep_;
  const std::string key_field_;
};

}  // namespace

MailHookPtr MakeSavedCopy(const v1::SavedCopyHook& settings, Faults faults) {
  if (settings.folder().empty()) faults.Add("folder", "missing; expected a folder for the copies");
  if (settings.keep().seconds() < 0 || settings.keep().nanos() < 0) {
    faults.Add("keep", "is negative; expected a duration such as 30d");
  }
  const auto octets_max = settings.folder_octets_max() == 0
                              ? limits::kSavedFolderOctetsDefault
                              : static_cast<std::uint64_t>(settings.folder_octets_max());
  if (settings.folder_octets_max() < 0 || octets_max < limits::kSavedFolderOctetsMin) {
    faults.Add("folder_octets_max", Cat(settings.folder_octets_max(), " is too small; expected ",
                                        limits::kSavedFolderOctetsMin, " at least"));
  }
  if (!settings.key_field().empty()) {
    const auto tried = sdk::AddField("Subject: hello\r\n\r\n", settings.key_field(), "key");
    if (!tried.ok()) faults.Add("key_field", Message(tried.status()));
  }
  return std::make_unique<SavedCopyHook>(settings, octets_max);
}

}  // namespace penstock::builtin
