// SPDX-License-Identifier: Apache-2.0
// penstock message

#include "engine/base/status_macros.h"
#include "engine/base/strings.h"

#include "penstock/v1/messages.grpc.pb.h"

#include "tools/penstock/message_story.h"
#include "tools/penstock/names.h"
#include "tools/penstock/paged_list.h"
#include "tools/penstock/resources.h"
#include "tools/penstock/session.h"

namespace penstock::cli {
namespace {

using Stub = v1::MessageService::Stub;
using Kind = Parameter::Kind;

Status List(Session& session, const Arguments& arguments) {
  v1::ListMessagesRequest request;
  request.set_organization(arguments.Text("--org"));
  request.set_hook(arguments.Text("--hook"));
  request.set_page_token(arguments.Text("--page-token"));
  v1::Message::State state = v1::Message::UNSPECIFIED;
  if (v1::Message::State_Parse(EnumWord(arguments.Text("--state")), &state)) {
    request.set_state(state);
  }
  v1::ListMessagesResponse all;
  PENSTOCK_RETURN_IF_ERROR(ListPages<v1::MessageService>(session, &Stub::ListMessages, request,
                                                         &v1::ListMessagesResponse::messages_size,
                                                         arguments.Number("--limit"), &all));
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

// Does one call for each message; those that are refused keep the others from nothing.
template <class CallOne>
Status EachOf(Session& session, const Arguments& arguments, const CallOne& call) {
  v1::ListMessagesResponse done;
  Status first_error;
  const std::vector<std::string> ids = arguments.List("ID");
  for (const std::string& id : ids) {
    v1::Message message;
    session.client().RenewDeadline();
    const Status status = call(Cat("messages/", id), &message);
    if (status.ok()) {
      *done.add_messages() = std::move(message);
      continue;
    }
    // The last thing said is the program's own line about the first error.
    if (!first_error.ok()) session.output().Warn(Message(status));
    first_error.Update(status);
    if (session.client().unreachable()) break;
  }
  if (first_error.ok() || done.messages_size() > 0) {
    PENSTOCK_RETURN_IF_ERROR(session.output().Show(done, [&] { return MessageTable(done); }));
  }
  return first_error;
}

Status Retry(Session& session, const Arguments& arguments) {
  return EachOf(session, arguments, [&](const std::string& name, v1::Message* message) {
    v1::RetryMessageRequest request;
    request.set_name(name);
    return session.client().Call<v1::MessageService>(&Stub::RetryMessage, request, message);
  });
}

Status Cancel(Session& session, const Arguments& arguments) {
  v1::Verdict::Action action = v1::Verdict::UNSPECIFIED;
  v1::Verdict::Action_Parse(EnumWord(arguments.Text("--as")), &action);
  return EachOf(session, arguments, [&](const std::string& name, v1::Message* message) {
    v1::CancelMessageRequest request;
    request.set_name(name);
    request.set_action(action);
    request.set_bounce_message(arguments.Text("--bounce-message"));
    return session.client().Call<v1::MessageService>(&Stub::CancelMessage, request, message);
  });
}

Status CheckCancel(const Arguments& arguments) {
  if (!arguments.Has("--bounce-message") || arguments.Text("--as") == "bounce") return OkStatus();
  return InvalidArgument("--bounce-message: only --as bounce tells the sender anything");
}

std::vector<Command> Interventions() {
  return {
      {.words = "message retry",
       .summary = "Try again now what waits for its next attempt",
       .details = "Calls of SYNC hooks keep their invocation id and the end of the rule timeout.\n"
                  "Events of ASYNC hooks: see penstock dead-letter redrive.",
       .example = "penstock message retry 3f0e5a52-1c6e-4f1b-9d5e-0b8a4c1f2e77",
       .parameters = {{.name = "ID",
                       .help = "the message; `penstock message list --state waiting` shows ids",
                       .kind = Kind::kMessage,
                       .required = true,
                       .repeated = true,
                       .field = "name"}},
       .run = Retry},
      {.words = "message cancel",
       .summary = "End a message's waiting with an outcome of yours",
       .details =
           "Recipients without an outcome get this one; an answer still on its way counts no\n"
           "more. drop and bounce also end deliveries that wait for a next hop.",
       .example = "penstock message cancel 3f0e5a52-1c6e-4f1b-9d5e-0b8a4c1f2e77 --as bounce",
       .parameters = {{.name = "ID",
                       .help = "the message; `penstock message list --state waiting` shows ids",
                       .kind = Kind::kMessage,
                       .required = true,
                       .repeated = true,
                       .field = "name"},
                      {.name = "--as",
                       .value = "OUTCOME",
                       .help = "what becomes of it",
                       .kind = Kind::kWord,
                       .required = true,
                       .words = {"drop", "bounce", "default"},
                       .field = "action"},
                      {.name = "--bounce-message",
                       .value = "TEXT",
                       .help = "what the sender is told",
                       .field = "bounce_message"}},
       .check = CheckCancel,
       .run = Cancel},
  };
}

}  // namespace

std::vector<Command> MessageCommands() {
  std::vector<Command> commands = {
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
                      {.name = "--hook",
                       .value = "HOOK",
                       .help = "only messages that this SYNC hook decides or has decided",
                       .kind = Kind::kHook,
                       .field = "hook"},
                      LimitParameter(),
                      PageTokenParameter()},
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
  const std::vector<Command> interventions = Interventions();
  commands.insert(commands.end(), interventions.begin(), interventions.end());
  return commands;
}

}  // namespace penstock::cli
