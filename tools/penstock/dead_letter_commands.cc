// SPDX-License-Identifier: Apache-2.0
// penstock dead-letter
#include <algorithm>
#include <chrono>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/base/time.h"
#include "engine/wire/proto_time.h"

#include "penstock/v1/dead_letters.grpc.pb.h"

#include "tools/penstock/names.h"
#include "tools/penstock/paged_list.h"
#include "tools/penstock/resources.h"
#include "tools/penstock/rule_text.h"
#include "tools/penstock/session.h"

namespace penstock::cli {
namespace {

using Stub = v1::DeadLetterService::Stub;
using Kind = Parameter::Kind;

std::string TableOf(const v1::ListDeadLettersResponse& letters) {
  Table table({"ID", "SINCE", "HOOK", "RULE", "MESSAGE", "ATTEMPTS", "LAST ERROR"});
  for (const v1::DeadLetter& letter : letters.dead_letters()) {
    table.Add({IdOf(letter.name()), FormatRfc3339(wire::FromProto(letter.dead_time())),
               letter.hook(), IdOf(letter.flow_rule()), IdOf(letter.message()),
               Cat(letter.attempt_count()), letter.last_error()});
  }
  std::string text = table.ToText("no dead letters");
  if (!letters.next_page_token().empty()) {
    Append(text, "there are more: --page-token ", letters.next_page_token(), "\n");
  }
  return text;
}

std::string StoryOf(const v1::DeadLetter& letter) {
  Sheet sheet;
  sheet.Add("Dead letter", IdOf(letter.name()));
  sheet.Add("Since", FormatRfc3339(wire::FromProto(letter.dead_time())));
  sheet.Add("Hook", letter.hook());
  sheet.Add("Rule", RuleText(letter.flow_rule()));
  sheet.Add("Message", IdOf(letter.message()));
  sheet.Add("Invocation", letter.invocation_id());
  sheet.Add("Attempts", Cat(letter.attempt_count()));
  sheet.Add("Last error", letter.last_error());
  sheet.Add("Event", CompactJson(letter.event()));
  return sheet.ToText();
}

Status List(Session& session, const Arguments& arguments) {
  v1::ListDeadLettersRequest request;
  request.set_hook(arguments.Text("--hook"));
  request.set_organization(arguments.Text("--org"));
  request.set_page_token(arguments.Text("--page-token"));
  v1::ListDeadLettersResponse all;
  PENSTOCK_RETURN_IF_ERROR(ListPages<v1::DeadLetterService>(
      session, &Stub::ListDeadLetters, request, &v1::ListDeadLettersResponse::dead_letters_size,
      arguments.Number("--limit"), &all));
  return session.output().Show(all, [&] { return TableOf(all); });
}

Status Show(Session& session, const Arguments& arguments) {
  v1::GetDeadLetterRequest request;
  request.set_name(Cat("deadLetters/", arguments.Text("ID")));
  v1::DeadLetter letter;
  PENSTOCK_RETURN_IF_ERROR(
      session.client().Call<v1::DeadLetterService>(&Stub::GetDeadLetter, request, &letter));
  return session.output().Show(letter, [&] { return StoryOf(letter); });
}

// Says on the way how far it is, if that takes a while.
class Progress {
 public:
  explicit Progress(Output& output) : output_(output) {}

  void Report(int redriven, std::int64_t left) {
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < limits::kProgressInterval) return;
    last_ = now;
    output_.Warn(Cat(redriven, " redriven, ", left, " left"));
  }

 private:
  Output& output_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

Status RedriveBatch(Session& session, const v1::RedriveDeadLettersRequest& request,
                    v1::RedriveDeadLettersResponse& all) {
  v1::RedriveDeadLettersResponse batch;
  session.client().RenewDeadline();
  PENSTOCK_RETURN_IF_ERROR(
      session.client().Call<v1::DeadLetterService>(&Stub::RedriveDeadLetters, request, &batch));
  all.clear_next_page_token();
  all.MergeFrom(batch);
  return OkStatus();
}

Status RedriveNamed(Session& session, const std::vector<std::string>& ids,
                    v1::RedriveDeadLettersResponse& all) {
  for (std::size_t i = 0; i < ids.size(); i += limits::kRedriveBatch) {
    v1::RedriveDeadLettersRequest request;
    for (std::size_t k = i; k < std::min(ids.size(), i + limits::kRedriveBatch); ++k)
      request.add_names(Cat("deadLetters/", ids[k]));
    PENSTOCK_RETURN_IF_ERROR(RedriveBatch(session, request, all));
  }
  return OkStatus();
}

Status RedriveHook(Session& session, const std::string& hook, v1::RedriveDeadLettersResponse& all) {
  Progress progress(session.output());
  v1::RedriveDeadLettersRequest request;
  request.set_hook(hook);
  do {
    PENSTOCK_RETURN_IF_ERROR(RedriveBatch(session, request, all));
    if (!all.left_names().empty()) break;  // the queue is full: those behind find no room either
    request.set_page_token(all.next_page_token());
    progress.Report(all.redriven_names_size(), all.dead_letter_count());
  } while (!request.page_token().empty());
  return OkStatus();
}

template <class Names>
std::string IdsOf(const Names& names) {
  std::vector<std::string> ids;
  for (const std::string& name : names)
    ids.push_back(IdOf(name));
  return Join(ids, ", ");
}

Status Redrive(Session& session, const Arguments& arguments) {
  v1::RedriveDeadLettersResponse all;
  const std::string hook = arguments.Text("--hook");
  const Status done = hook.empty() ? RedriveNamed(session, arguments.List("ID"), all)
                                   : RedriveHook(session, hook, all);
  if (!done.ok()) {
    if (!all.redriven_names().empty())
      session.output().Warn(Cat(all.redriven_names_size(), " redriven"));
    return done;
  }
  PENSTOCK_RETURN_IF_ERROR(
      session.output().Show(all, [&] { return Cat(all.redriven_names_size(), " redriven\n"); }));
  if (!all.left_names().empty()) {
    return ResourceExhausted(Cat(
        hook.empty()
            ? Cat(IdsOf(all.left_names()), ": not redriven, for the queue of their hook is full")
            : Cat(all.dead_letter_count(), " left: the queue of hook ", hook, " is full"),
        "; do it again when it has emptied (penstock status)"));
  }
  if (!all.missing_names().empty()) {
    return NotFound(Cat(IdsOf(all.missing_names()),
                        ": no such dead letter; see them: penstock dead-letter list"));
  }
  return OkStatus();
}

Status CheckRedrive(const Arguments& arguments) {
  const bool named = arguments.Has("ID");
  const bool of_hook = arguments.Has("--hook") || arguments.Has("--all");
  if (named && of_hook) return InvalidArgument("ID and --hook exclude each other");
  if (named) return OkStatus();
  if (arguments.Has("--hook") && arguments.Has("--all")) return OkStatus();
  return InvalidArgument("expected ID..., or --hook NAME --all");
}

}  // namespace

std::vector<Command> DeadLetterCommands() {
  const Parameter id = {.name = "ID",
                        .help = "the dead letter; `penstock dead-letter list` shows ids",
                        .kind = Kind::kDeadLetter,
                        .field = "name"};
  Parameter one = id;
  one.required = true;
  Parameter several = id;
  several.repeated = true;
  several.field = "names";
  return {
      {.words = "dead-letter list",
       .summary = "List events that ASYNC hooks have not taken, the oldest first",
       .example = "penstock dead-letter list --hook archive",
       .parameters = {{.name = "--hook",
                       .value = "HOOK",
                       .help = "only those of this hook",
                       .kind = Kind::kHook,
                       .field = "hook"},
                      {.name = "--org",
                       .value = "ORG",
                       .help = "only those of this organization",
                       .kind = Kind::kOrganization,
                       .field = "organization"},
                      LimitParameter(),
                      PageTokenParameter()},
       .run = List},
      {.words = "dead-letter show",
       .summary = "Show a dead letter with its event",
       .example = "penstock dead-letter show 42",
       .parameters = {one},
       .run = Show},
      {.words = "dead-letter redrive",
       .summary = "Put dead letters back into the queue of their hook",
       .details = "The hook gets the same event under the same invocation id, with all attempts\n"
                  "that an event has. What does not fit into the queue stays on the list.",
       .example = "penstock dead-letter redrive --hook archive --all",
       .parameters = {several,
                      {.name = "--hook",
                       .value = "HOOK",
                       .help = "those of this hook; with --all",
                       .kind = Kind::kHook,
                       .field = "hook"},
                      {.name = "--all", .help = "all of them"}},
       .check = CheckRedrive,
       .run = Redrive},
  };
}

}  // namespace penstock::cli
