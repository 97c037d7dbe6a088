// SPDX-License-Identifier: Apache-2.0
// penstock message
#include <algorithm>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"

#include "penstock/v1/messages.grpc.pb.h"

#include "tools/penstock/message_story.h"
#include "tools/penstock/names.h"
#include "tools/penstock/resources.h"
#include "tools/penstock/session.h"

namespace penstock::cli {
namespace {

using Stub = v1::MessageService::Stub;
using Kind = Parameter::Kind;

// As many of the newest messages as the line asks for, over several pages if it takes them. What
// is left has a page token.
Status List(Session& session, const Arguments& arguments) {
  v1::ListMessagesRequest request;
  request.set_organization(arguments.Text("--org"));
  request.set_page_token(arguments.Text("--page-token"));
  v1::Message::State state = v1::Message::UNSPECIFIED;
  if (v1::Message::State_Parse(EnumWord(arguments.Text("--state")), &state)) {
    request.set_state(state);
  }
  const std::int64_t limit = arguments.Number("--limit");
  v1::ListMessagesResponse all;
  while (all.messages_size() < limit) {
    const std::int64_t missing = limit - all.messages_size();
    request.set_page_size(static_cast<std::int32_t>(
        std::min<std::int64_t>(missing, static_cast<std::int64_t>(limits::kListPageMax))));
    v1::ListMessagesResponse page;
    PENSTOCK_RETURN_IF_ERROR(
        session.client().Call<v1::MessageService>(&Stub::ListMessages, request, &page));
    all.clear_next_page_token();
    all.MergeFrom(page);
    request.set_page_token(page.next_page_token());
    if (page.next_page_token().empty()) break;
  }
  return session.output().Show(all, [&] { return MessageTable(all); });
}

Status Show(Session& session, const Arguments& arguments) {
  v1::GetMessageRequest request;
  request.set_name(Cat("messages/", arguments.Text("ID")));
  v1::Message message;
  PENSTOCK_RETURN_IF_ERROR(
      session.client().Call<v1::MessageService>(&Stub::GetMessage, request, &message));
  return session.output().Show(message, [&] { return MessageStory(message); });
}

Status CheckList(const Arguments& arguments) {
  if (arguments.Number("--limit") > 0) return OkStatus();
  return InvalidArgument("--limit \"0\": expected 1 or more");
}

}  // namespace

std::vector<Command> MessageCommands() {
  return {
      {.words = "message list",
       .summary = "List messages, the newest first",
       .example = "penstock message list --state waiting",
       .parameters = {{.name = "--state",
                       .value = "STATE",
                       .help = "only messages in this state",
                       .kind = Kind::kWord,
                       .words = {"active", "waiting", "delivering", "closed"},
                       .field = "state"},
                      {.name = "--org",
                       .value = "ORG",
                       .help = "only messages of this organization",
                       .kind = Kind::kOrganization,
                       .field = "organization"},
                      {.name = "--limit",
                       .value = "N",
                       .help = "at most so many",
                       .kind = Kind::kNumber,
                       .preset = Cat(limits::kListPageDefault)},
                      {.name = "--page-token",
                       .value = "TOKEN",
                       .help = "go on where a list has ended",
                       .field = "page_token"}},
       .check = CheckList,
       .run = List},
      {.words = "message show",
       .summary = "Tell the story of a message: rules, hooks, outcomes, deliveries",
       .example = "penstock message show 3f0e5a52-1c6e-4f1b-9d5e-0b8a4c1f2e77",
       .parameters = {{.name = "ID",
                       .help = "the message; `penstock message list` shows ids",
                       .kind = Kind::kMessage,
                       .required = true,
                       .field = "name"}},
       .run = Show},
  };
}

}  // namespace penstock::cli
