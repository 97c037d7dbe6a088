// SPDX-License-Identifier: Apache-2.0
// What every ready-made hook is: a decision about one mail. It knows no gRPC and no clock, so a
// table of events and answers tests it.
#pragma once

#include <algorithm>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/status.h"
#include "engine/base/time.h"
#include "hooks/builtin/mail_content.h"

#include "penstock/v1/hook.pb.h"

namespace penstock::builtin {

// One call. Everything outlives it.
struct Mail {
  const v1::InvokeRequest& request;
  MailContent& content;
  Milliseconds now;  // of a clock that never goes back

  [[nodiscard]] const v1::Event& event() const { return request.event(); }

  [[nodiscard]] const std::string& id() const { return event().invocation_id(); }

  [[nodiscard]] bool inbound() const { return event().flow_direction() == v1::Event::INBOUND; }
};

// What a hook says; DEFAULT is said by silence.
struct Decision {
  std::optional<v1::Action> everyone;                    // for all recipients
  std::vector<std::pair<std::string, v1::Action>> some;  // for these, as the event spells them
  std::vector<std::string> copies;                       // who gets the mail as well, as BCC
  // For everyone, if the edits that were made cannot be put: content that M4 refuses.
  std::optional<v1::Action> if_not_edited;
  std::vector<std::string> notes;  // for the log, each once: what was not done, and why

  void Note(std::string text) {
    if (std::find(notes.begin(), notes.end(), text) == notes.end()) {
      notes.push_back(std::move(text));
    }
  }
};

class MailHook {
 public:
  virtual ~MailHook() = default;

  // Decides, and makes its edits at `mail.content`. A Status fails the attempt, which comes again.
  //   Threads: safe from any.
  virtual StatusOr<Decision> Decide(const Mail& mail) = 0;

  // Makes ready what the hook needs, such as a folder; called before the first call, and not by a
  // check of the file. Errors: what is not there.
  virtual Status Start() { return OkStatus(); }

  // Done at the start and every limits::kSavedSweepInterval, on a thread of its own; ends early if
  // `stop` says so.
  virtual void Housekeep(const std::stop_token& /*stop*/) {}

  // What keeps the hook from working, as of its last call; never what a mail or a caller does.
  [[nodiscard]] virtual Status Health() const { return OkStatus(); }
};

}  // namespace penstock::builtin
