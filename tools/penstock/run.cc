// SPDX-License-Identifier: Apache-2.0
#include "tools/penstock/run.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "engine/base/strings.h"

#include "tools/penstock/command_line.h"
#include "tools/penstock/completion.h"
#include "tools/penstock/session.h"

namespace penstock::cli {
namespace {

// Where a daemon of this machine usually is: `admin.socket` of a service's configuration, and what
// it is by default in the usual data folder.
constexpr const char* kUsualSockets[] = {"/run/penstock/admin.sock",
                                         "/var/lib/penstock/admin.sock"};

// The daemon names fields of the request; who types knows the options.
std::string InWordsOfTheLine(const Command& command, const v1::ErrorInfo& info, std::string text) {
  for (const Parameter& parameter : command.parameters) {
    const std::string quoted = Cat("`", parameter.field, "`");
    if (parameter.field.empty()) continue;
    for (std::size_t at = 0; (at = text.find(quoted, at)) != std::string::npos;) {
      text.replace(at, quoted.size(), parameter.name);
    }
  }
  if (info.field().empty() || !text.starts_with(Cat(info.field(), ": "))) return text;
  const Parameter* parameter = ParameterOfField(command, info.field());
  if (parameter == nullptr) return text;
  return Cat(parameter->name, text.substr(info.field().size()));
}

// What to type next where the daemon's own text names no command.
std::string Mend(const Command& command, const Arguments& arguments, StatusCode code) {
  const std::string group = command.words.substr(0, command.words.find(' '));
  switch (code) {
    case StatusCode::kNotFound:
      return Cat("; penstock ", group, " list shows what there is");
    case StatusCode::kAlreadyExists: {
      std::string where;
      if (arguments.Has("--direction")) {
        where =
            Cat(" --org ", arguments.Text("--org"), " --direction ", arguments.Text("--direction"));
      }
      return Cat("; see it: penstock ", group, " show ", arguments.Text("NAME"), where);
    }
    case StatusCode::kAborted:
      return "; look at it again, then repeat the change";
    case StatusCode::kInvalidArgument:
      return Cat("; see: penstock ", command.words, " --help");
    default:
      return "";
  }
}

std::string Sentence(const Command& command, const Arguments& arguments, const Status& status,
                     const Client& client) {
  std::string text(Message(status));
  if (client.unreachable()) return text;
  const v1::ErrorInfo& info = client.error_info();
  text = InWordsOfTheLine(command, info, std::move(text));
  if (text.find("penstock ") != std::string::npos) return text;
  if (!info.hint().empty()) return Cat(text, "; ", info.hint());
  return text + Mend(command, arguments, status.code());
}

// Where penstockd's socket is if nobody says.
std::string UsualSocket() {
  std::error_code error;
  for (const char* usual : kUsualSockets) {
    const auto status = std::filesystem::status(usual, error);
    // One in a folder of another user is there as well: the client says what to do.
    if (std::filesystem::exists(status) || error == std::errc::permission_denied) return usual;
  }
  return kUsualSockets[0];
}

// An option, else what the environment says.
std::string GivenOrSet(const Arguments& globals, std::string_view option, const char* variable) {
  if (globals.Has(option)) return globals.Text(option);
  const char* value = std::getenv(variable);
  return value == nullptr ? std::string() : value;
}

}  // namespace

DaemonAddress AddressOf(const Arguments& globals) {
  DaemonAddress address;
  if (globals.Has("--socket")) {
    address.socket = globals.Text("--socket");
    return address;
  }
  address.tcp = GivenOrSet(globals, "--address", "PENSTOCK_ADDRESS");
  if (address.tcp.empty()) {
    const char* socket = std::getenv("PENSTOCK_SOCKET");
    address.socket = socket != nullptr && *socket != '\0' ? socket : UsualSocket();
    return address;
  }
  address.tls.ca_file = GivenOrSet(globals, "--ca", "PENSTOCK_CA");
  address.tls.certificate_file = GivenOrSet(globals, "--cert", "PENSTOCK_CERT");
  address.tls.key_file = GivenOrSet(globals, "--key", "PENSTOCK_KEY");
  address.server_name = GivenOrSet(globals, "--server-name", "PENSTOCK_SERVER_NAME");
  return address;
}

Exit Run(const std::vector<std::string>& words, std::ostream& out, std::ostream& err) {
  if (!words.empty() && words.front() == kCompleteWord) {
    out << Complete({words.begin() + 1, words.end()});
    return Exit::kOk;
  }
  const ParsedLine line = ParseLine(words);
  if (line.command == nullptr) {
    (line.exit == Exit::kOk ? out : err) << line.text;
    return line.exit;
  }
  const std::string format = line.globals.Text("--output");
  Output output(format == "json"    ? Format::kJson
                : format == "yaml"  ? Format::kYaml
                : format == "junit" ? Format::kJunit
                                    : Format::kTable,
                out, err);
  Client client(AddressOf(line.globals),
                std::chrono::duration_cast<Milliseconds>(line.globals.Duration("--timeout")),
                line.globals.Has("--timeout"));
  Session session(std::move(client), output);
  const Status status = line.command->run(session, line.arguments);
  out.flush();
  if (status.ok() && out.good()) return session.exit();
  if (status.ok()) {
    err << "penstock " << line.command->words << ": the result cannot be written; it was done\n";
    return Exit::kRefused;
  }
  err << "penstock " << line.command->words << ": "
      << TerminalLines(Sentence(*line.command, line.arguments, status, session.client())) << "\n";
  return session.client().unreachable() ? Exit::kUnreachable : Exit::kRefused;
}

}  // namespace penstock::cli
