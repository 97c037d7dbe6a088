// SPDX-License-Identifier: Apache-2.0
// penstock change: who changed what, and when
#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/base/time.h"
#include "engine/wire/proto_time.h"

#include "penstock/v1/changes.grpc.pb.h"

#include "tools/penstock/change_text.h"
#include "tools/penstock/names.h"
#include "tools/penstock/paged_list.h"
#include "tools/penstock/resources.h"
#include "tools/penstock/session.h"

namespace penstock::cli {
namespace {

using Stub = v1::ChangeService::Stub;
using Kind = Parameter::Kind;

// "alice (unproven)" of "unproven:alice": the name that somebody gave on the unix socket (R14).
std::string WhoText(std::string_view who) {
  constexpr std::string_view kUnproven = "unproven:";
  if (who == "unproven") return "nobody (unproven)";
  if (!who.starts_with(kUnproven)) return std::string(who);
  return Cat(who.substr(kUnproven.size()), " (unproven)");
}

std::string TimeText(const v1::Change& change) {
  return FormatRfc3339(wire::FromProto(change.time()));
}

std::string TableOf(const v1::ListChangesResponse& changes) {
  Table table({"CHANGE", "TIME", "WHO", "WHAT"});
  for (const v1::Change& change : changes.changes()) {
    table.Add({IdOf(change.name()), TimeText(change), WhoText(change.who()),
               ChangeTitle(change, Tense::kDone)});
  }
  std::string text = table.ToText("no changes");
  if (!changes.next_page_token().empty()) {
    Append(text, "older ones: penstock change list --page-token ", changes.next_page_token(), "\n");
  }
  return text;
}

Status List(Session& session, const Arguments& arguments) {
  v1::ListChangesRequest request;
  request.set_page_token(arguments.Text("--page-token"));
  v1::ListChangesResponse all;
  PENSTOCK_RETURN_IF_ERROR(ListPages<v1::ChangeService>(session, &Stub::ListChanges, request,
                                                        &v1::ListChangesResponse::changes_size,
                                                        arguments.Number("--limit"), &all));
  return session.output().Show(all, [&] { return TableOf(all); });
}

Status Show(Session& session, const Arguments& arguments) {
  v1::GetChangeRequest request;
  request.set_name(Cat("changes/", arguments.Text("NUMBER")));
  v1::Change change;
  PENSTOCK_RETURN_IF_ERROR(
      session.client().Call<v1::ChangeService>(&Stub::GetChange, request, &change));
  return session.output().Show(change, [&] {
    Sheet sheet;
    sheet.Add("Change", IdOf(change.name()));
    sheet.Add("Time", TimeText(change));
    sheet.Add("Who", WhoText(change.who()));
    return Cat(sheet.ToText(), "\n", DifferenceText(change, Tense::kDone));
  });
}

}  // namespace

std::vector<Command> ChangeCommands() {
  return {
      {.words = "change list",
       .summary = "List what was changed, when and by whom, the newest first",
       .details = "A name that came over the unix socket proves nothing and is marked unproven.",
       .example = "penstock change list --limit 20",
       .parameters = {LimitParameter(), PageTokenParameter()},
       .run = List},
      {.words = "change show",
       .summary = "Show one change: the resource before and after",
       .example = "penstock change show 12",
       .parameters = {{.name = "NUMBER",
                       .help = "the change; `penstock change list` shows numbers",
                       .kind = Kind::kChange,
                       .required = true,
                       .field = "name"}},
       .run = Show},
  };
}

}  // namespace penstock::cli
