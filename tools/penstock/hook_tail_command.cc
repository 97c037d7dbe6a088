// SPDX-License-Identifier: Apache-2.0
// penstock hook tail: what comes of hooks' calls, as it happens.
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/base/time.h"
#include "engine/wire/output.h"
#include "engine/wire/proto_time.h"
#include "engine/wire/resource_name.h"

#include "penstock/v1/hooks.grpc.pb.h"

#include "tools/penstock/interruption.h"
#include "tools/penstock/names.h"
#include "tools/penstock/resources.h"
#include "tools/penstock/session.h"

namespace penstock::cli {
namespace {

using Kind = Parameter::Kind;
using Response = v1::TailInvocationsResponse;
using Stub = v1::HookRegistryService::Stub;

// "BOUNCE bob@x.example; DEFAULT ann@y.example and 12 more".
std::string OutcomesText(const Response& line) {
  std::vector<std::string> texts;
  for (const v1::TailedOutcome& outcome : line.outcomes()) {
    std::string text = Cat(outcome.action(), " ",
                           Join({outcome.recipients().begin(), outcome.recipients().end()}, ", "));
    const std::int64_t more = outcome.recipient_count() - outcome.recipients_size();
    if (more > 0) Append(text, " and ", more, " more");
    texts.push_back(std::move(text));
  }
  return Join(texts, "; ");
}

std::string ResultText(const Response& line) {
  switch (line.result()) {
    case Response::ANSWERED:
      return line.mode() == v1::InvokeRequest::SYNC ? OutcomesText(line) : "done";
    case Response::RETRY:
      return line.has_next_attempt_time()
                 ? Cat("next attempt at ", FormatRfc3339(wire::FromProto(line.next_attempt_time())))
                 : "tried again";
    case Response::WAIT:
      return "no further attempt before the rule timeout ends";
    case Response::FALLBACK:
      return Cat("fallback ", OutcomesText(line));
    case Response::DEAD_LETTER:
      return "now among the dead letters";
    default:
      return "";
  }
}

// One line, without its end.
std::string LineText(const Response& line) {
  if (line.missed_count() > 0) {
    return Cat("(", line.missed_count(), " lines left out here: they came faster than they went)");
  }
  std::string text = Cat(FormatRfc3339(wire::FromProto(line.end_time())), " ", line.hook(), " ",
                         v1::InvokeRequest::Mode_Name(line.mode()));
  if (line.attempt() > 0) {
    Append(text, " attempt ", line.attempt(), " ", line.code(), " in ",
           wire::DurationText(wire::FromProto(line.duration())));
  }
  Append(text, ": ");
  if (!line.detail().empty()) Append(text, line.detail(), "; ");
  return TerminalText(Cat(text, ResultText(line), " [rule ", IdOf(line.flow_rule()), " of ",
                          line.organization(), ", message ", IdOf(line.message()), "]"));
}

std::string TextOf(const Response& line, Format format) {
  switch (format) {
    case Format::kJson:
      return Cat(CompactJson(line), "\n");
    case Format::kYaml:
      return Cat("---\n", wire::WriteYaml(line));
    default:
      return Cat(LineText(line), "\n");
  }
}

// Whether the daemon answers, and knows what is named: the call that follows has no deadline.
Status Ask(Session& session, const std::string& name) {
  if (name.empty()) {
    v1::ListHooksRequest any;
    any.set_page_size(1);
    v1::ListHooksResponse hooks;
    return session.client().Call<v1::HookRegistryService>(&Stub::ListHooks, any, &hooks);
  }
  v1::GetHookRequest request;
  request.set_name(name);
  v1::Hook hook;
  return session.client().Call<v1::HookRegistryService>(&Stub::GetHook, request, &hook);
}

Status Tail(Session& session, const Arguments& arguments) {
  v1::TailInvocationsRequest request;
  if (arguments.Has("NAME")) request.set_name(wire::HookName(arguments.Text("NAME")));
  request.set_organization(arguments.Text("--org"));
  if (arguments.Has("--message")) {
    request.set_message(Cat("messages/", arguments.Text("--message")));
  }
  request.set_failed(arguments.Has("--failed"));
  Stream stream;
  const Interruption interruption([&] { stream.Cancel(); });
  PENSTOCK_RETURN_IF_ERROR(Ask(session, request.name()));
  const auto begun = [&] { session.output().Tell("watching; Ctrl-C ends it"); };
  const auto take = [&](const Response& line) {
    if (!session.output().PrintNow(TextOf(line, session.output().format()))) stream.Cancel();
  };
  return session.client().Watch<v1::HookRegistryService, v1::TailInvocationsRequest, Response>(
      &Stub::TailInvocations, request, stream, begun, take);
}

}  // namespace

Command HookTailCommand() {
  return {.words = "hook tail",
          .summary = "Watch what comes of hooks' calls, as it happens",
          .details =
              "A line for each attempt that mail makes, once it is on record: hook, attempt, "
              "how it ended, how long it took, and what became of the recipients. With "
              "--output json each line is an object. Ends with Ctrl-C; exit code 3 if the "
              "daemon stops.",
          .example = "penstock hook tail disclaimer --failed",
          .parameters = {{.name = "NAME", .help = "this hook alone", .kind = Kind::kHook},
                         {.name = "--org",
                          .value = "ORG",
                          .help = "mail of this organization alone",
                          .kind = Kind::kOrganization,
                          .field = "organization"},
                         {.name = "--message",
                          .value = "ID",
                          .help = "this message alone",
                          .kind = Kind::kMessage,
                          .field = "message"},
                         {.name = "--failed", .help = "attempts that failed and fallbacks alone"}},
          .run = Tail};
}

}  // namespace penstock::cli
