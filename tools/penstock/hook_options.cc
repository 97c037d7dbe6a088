// SPDX-License-Identifier: Apache-2.0
#include "tools/penstock/hook_options.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

#include "engine/wire/proto_time.h"

#include "tools/penstock/decision_options.h"

namespace penstock::cli {
namespace {

using Kind = Parameter::Kind;

// What does not fit becomes the largest that does, which the daemon refuses.
std::int32_t Int32(std::int64_t number) {
  return static_cast<std::int32_t>(
      std::min<std::int64_t>(number, std::numeric_limits<std::int32_t>::max()));
}

std::vector<Parameter> EncryptionSettings() {
  return {
      {.name = "--plain-text-allowed",
       .help = "allow calls without TLS beyond this machine",
       .field = "plain_text_allowed"},
      {.name = "--tls", .help = "call over TLS, with the system's authorities", .field = "tls"},
      {.name = "--tls-ca",
       .value = "FILE",
       .help = "authorities that sign the hook's certificate (PEM, read by penstockd)",
       .kind = Kind::kFile,
       .field = "tls.ca_file"},
      {.name = "--tls-certificate",
       .value = "FILE",
       .help = "our certificate, for a hook that asks for one",
       .kind = Kind::kFile,
       .field = "tls.certificate_file"},
      {.name = "--tls-key",
       .value = "FILE",
       .help = "our certificate's private key",
       .kind = Kind::kFile,
       .field = "tls.key_file"},
      {.name = "--tls-server-name",
       .value = "NAME",
       .help = "name in the hook's certificate, if not the target's host",
       .field = "tls.server_name"},
  };
}

}  // namespace

std::vector<Parameter> HookSettings() {
  std::vector<Parameter> settings = {
      {.name = "--json",
       .help = "send the event's WorkMail JSON text as well as the typed event",
       .field = "json"},
      {.name = "--stream",
       .help = "call on a long-lived stream, if the hook offers one",
       .field = "stream"},
      {.name = "--label",
       .value = "KEY=VALUE",
       .help = "words of your own",
       .kind = Kind::kLabel,
       .repeated = true,
       .field = "labels"},
      {.name = "--description",
       .value = "TEXT",
       .help = "words of your own",
       .field = "description"},
      {.name = "--sync-deadline",
       .value = "DURATION",
       .help = "how long one SYNC call may take, 10ms to 15s; 15s if not given",
       .kind = Kind::kDuration,
       .field = "sync_deadline"},
      {.name = "--async-deadline",
       .value = "DURATION",
       .help = "how long one ASYNC call may take, 1s to 15m; 60s if not given",
       .kind = Kind::kDuration,
       .field = "async_deadline"},
      {.name = "--async-retries",
       .value = "N",
       .help = "how often a failed ASYNC call is repeated, 0 to 10; 2 if not given",
       .kind = Kind::kNumber,
       .field = "async_retries"},
      {.name = "--async-queue-max",
       .value = "N",
       .help = "ASYNC events that may wait; 100000 if not given",
       .kind = Kind::kCount,
       .field = "async_queue_max"},
      {.name = "--dead-letters-max",
       .value = "N",
       .help = "dead letters kept; 100000 if not given",
       .kind = Kind::kCount,
       .field = "dead_letters_max"},
      {.name = "--max-concurrent-calls",
       .value = "N",
       .help = "calls at a time; 64 if not given",
       .kind = Kind::kCount,
       .field = "max_concurrent_calls"},
  };
  return With(std::move(settings), EncryptionSettings());
}

std::vector<Parameter> CallSettings() {
  std::vector<Parameter> settings;
  for (Parameter& parameter : HookSettings()) {
    const bool about_calls = parameter.name == "--json" || parameter.name == "--stream" ||
                             parameter.name == "--async-deadline" ||
                             parameter.name == "--plain-text-allowed" ||
                             parameter.name.starts_with("--tls");
    if (!about_calls) continue;
    if (parameter.name == "--tls-ca")
      parameter.help = "authorities that sign its certificate (PEM)";
    settings.push_back(std::move(parameter));
  }
  return settings;
}

std::vector<Parameter> HookNegations() {
  return {
      {.name = "--no-json", .help = "send the typed event alone", .field = "json"},
      {.name = "--no-stream", .help = "make each call by itself", .field = "stream"},
      {.name = "--no-plain-text-allowed",
       .help = "no calls without TLS beyond this machine",
       .field = "plain_text_allowed"},
      {.name = "--no-tls", .help = "call without TLS", .field = "tls"},
  };
}

Parameter TargetOption(bool required) {
  return {.name = "--target",
          .value = "TARGET",
          .help = "where it listens: HOST:PORT, dns:///HOST:PORT, unix:PATH",
          .required = required,
          .field = "target"};
}

std::set<std::string> FillHook(const Arguments& arguments, v1::Hook& hook) {
  std::set<std::string> fields;
  bool tls = false;
  for (const Parameter& parameter :
       With(With(HookSettings(), {TargetOption(true)}), HookNegations())) {
    if (!arguments.Has(parameter.name)) continue;
    fields.insert(parameter.field.substr(0, parameter.field.find('.')));
    tls |= parameter.name.starts_with("--tls");
  }
  hook.set_target(arguments.Text("--target"));
  hook.set_json(arguments.Has("--json"));
  hook.set_stream(arguments.Has("--stream"));
  hook.set_description(arguments.Text("--description"));
  hook.set_plain_text_allowed(arguments.Has("--plain-text-allowed"));
  for (const auto& [key, value] : arguments.Labels("--label"))
    (*hook.mutable_labels())[key] = value;
  if (arguments.Has("--sync-deadline")) {
    *hook.mutable_sync_deadline() = wire::ToProto(arguments.Duration("--sync-deadline"));
  }
  if (arguments.Has("--async-deadline")) {
    *hook.mutable_async_deadline() = wire::ToProto(arguments.Duration("--async-deadline"));
  }
  if (arguments.Has("--async-retries")) {
    hook.set_async_retries(Int32(arguments.Number("--async-retries")));
  }
  if (arguments.Has("--max-concurrent-calls")) {
    hook.set_max_concurrent_calls(Int32(arguments.Number("--max-concurrent-calls")));
  }
  if (arguments.Has("--async-queue-max")) {
    hook.set_async_queue_max(arguments.Number("--async-queue-max"));
  }
  if (arguments.Has("--dead-letters-max")) {
    hook.set_dead_letters_max(arguments.Number("--dead-letters-max"));
  }
  if (tls) {
    v1::HookTls& settings = *hook.mutable_tls();
    settings.set_ca_file(arguments.Text("--tls-ca"));
    settings.set_certificate_file(arguments.Text("--tls-certificate"));
    settings.set_key_file(arguments.Text("--tls-key"));
    settings.set_server_name(arguments.Text("--tls-server-name"));
  }
  return fields;
}

}  // namespace penstock::cli
