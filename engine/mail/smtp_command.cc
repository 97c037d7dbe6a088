// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/smtp_command.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/mail/mailbox.h"
#include "engine/mail/xtext.h"

namespace penstock::mail {
namespace {

enum class Argument : std::uint8_t { kNone, kOptional, kHostName, kPath, kAttributes, kChunk };

struct Verb {
  std::string_view name;
  SmtpVerb verb;
  Argument argument;
};

constexpr std::array kVerbs = {
    Verb{"HELO", SmtpVerb::kHelo, Argument::kHostName},
    Verb{"EHLO", SmtpVerb::kEhlo, Argument::kHostName},
    Verb{"LHLO", SmtpVerb::kLhlo, Argument::kHostName},
    Verb{"MAIL", SmtpVerb::kMail, Argument::kPath},
    Verb{"RCPT", SmtpVerb::kRcpt, Argument::kPath},
    Verb{"DATA", SmtpVerb::kData, Argument::kNone},
    Verb{"BDAT", SmtpVerb::kBdat, Argument::kChunk},
    Verb{"RSET", SmtpVerb::kRset, Argument::kNone},
    Verb{"NOOP", SmtpVerb::kNoop, Argument::kOptional},
    Verb{"QUIT", SmtpVerb::kQuit, Argument::kNone},
    Verb{"VRFY", SmtpVerb::kVrfy, Argument::kOptional},
    Verb{"EXPN", SmtpVerb::kExpn, Argument::kOptional},
    Verb{"HELP", SmtpVerb::kHelp, Argument::kOptional},
    Verb{"STARTTLS", SmtpVerb::kStarttls, Argument::kNone},
    Verb{"AUTH", SmtpVerb::kAuth, Argument::kOptional},
    Verb{"XCLIENT", SmtpVerb::kXclient, Argument::kAttributes},
    Verb{"XFORWARD", SmtpVerb::kXforward, Argument::kAttributes},
};

using Refusal = std::optional<SmtpReply>;

SmtpReply SyntaxError(std::string_view text) {
  return {501, {5, 5, 4}, std::string(text)};
}

bool IsSpace(char c) {
  return c == ' ' || c == '\t';
}

std::string_view SkipSpace(std::string_view text) {
  while (!text.empty() && IsSpace(text.front()))
    text.remove_prefix(1);
  return text;
}

std::vector<std::string_view> Words(std::string_view text) {
  std::vector<std::string_view> words;
  for (text = SkipSpace(text); !text.empty(); text = SkipSpace(text)) {
    const auto end = std::find_if(text.begin(), text.end(), IsSpace);
    const auto octets = static_cast<std::size_t>(end - text.begin());
    words.push_back(text.substr(0, octets));
    text.remove_prefix(octets);
  }
  return words;
}

// Takes the path off the front of `rest`, which begins behind the colon: up to the ">" or, without
// angle brackets, up to the first space; neither counts inside a quoted local part. Null: no end.
std::optional<std::string_view> TakePath(std::string_view& rest) {
  rest = SkipSpace(rest);
  const bool brackets = rest.starts_with('<');
  bool quoted = false;
  for (std::size_t i = brackets ? 1 : 0; i <= rest.size(); ++i) {
    const bool at_end = i == rest.size();
    if (at_end && (brackets || quoted)) return std::nullopt;
    if (at_end || (!quoted && (brackets ? rest[i] == '>' : IsSpace(rest[i])))) {
      const std::string_view path = brackets ? rest.substr(1, i - 1) : rest.substr(0, i);
      rest.remove_prefix(brackets ? i + 1 : i);
      return path;
    }
    if (rest[i] == '"') quoted = !quoted;
    if (quoted && rest[i] == '\\') ++i;
  }
  return std::nullopt;
}

// RFC 5321 §4.1.1.3, Appendix C: a source route is taken and dropped.
std::string_view WithoutSourceRoute(std::string_view path) {
  const auto colon = path.find(':');
  if (!path.starts_with('@') || colon == std::string_view::npos) return path;
  for (const std::string_view hop : Split(path.substr(0, colon), ',')) {
    if (!hop.starts_with('@') || !NormalizeDomain(hop.substr(1)).ok()) return path;
  }
  return path.substr(colon + 1);
}

bool IsKeyword(std::string_view text) {
  return !text.empty() && text.front() != '-' && std::all_of(text.begin(), text.end(), [](char c) {
    return IsAsciiAlpha(c) || IsAsciiDigit(c) || c == '-';
  });
}

std::string UpperCase(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return upper;
}

// Reads KEYWORD[=value] (RFC 5321 §4.1.2 esmtp-param). Null: it is none.
std::optional<EsmtpParameter> ReadParameter(std::string_view word) {
  const auto equals = word.find('=');
  const std::string_view keyword = word.substr(0, equals);
  if (!IsKeyword(keyword)) return std::nullopt;
  EsmtpParameter parameter{UpperCase(keyword), std::nullopt};
  if (equals != std::string_view::npos) {
    const std::string_view value = word.substr(equals + 1);
    if (value.empty() || value.find('=') != std::string_view::npos) return std::nullopt;
    parameter.value = std::string(value);
  }
  return parameter;
}

// Reads SIZE, BODY and SMTPUTF8 into `command`. False: `parameter` is none of them.
bool ReadMailParameter(const EsmtpParameter& parameter, SmtpCommand& command, Refusal& refusal) {
  if (parameter.keyword == "SIZE") {
    command.size = ParseInt<std::uint64_t>(parameter.value.value_or(""));
    if (!command.size) refusal = SyntaxError("SIZE takes a number of octets");
  } else if (parameter.keyword == "BODY") {
    const std::string body = UpperCase(parameter.value.value_or(""));
    command.body_binary = body == "BINARYMIME";
    command.body_8bit = command.body_binary || body == "8BITMIME";
    if (!command.body_8bit && body != "7BIT")
      refusal = SyntaxError("BODY takes 7BIT, 8BITMIME or BINARYMIME");
  } else if (parameter.keyword == "SMTPUTF8") {
    command.smtputf8 = true;
    if (parameter.value) refusal = SyntaxError("SMTPUTF8 takes no value");
  } else {
    return false;
  }
  return true;
}

// Reads what is known behind the verb into `command`. False: `parameter` is nothing of it.
bool ReadKnownParameter(const EsmtpParameter& parameter, SmtpCommand& command, Refusal& refusal) {
  const bool mail = command.verb == SmtpVerb::kMail;
  if (mail && ReadMailParameter(parameter, command, refusal)) return true;
  std::string fault;
  const bool known =
      mail ? ReadMailDsn(parameter.keyword, parameter.value, command.dsn, fault)
           : ReadRcptDsn(parameter.keyword, parameter.value, command.recipient_dsn, fault);
  if (!fault.empty()) refusal = SyntaxError(fault);
  return known;
}

Refusal ReadParameters(std::string_view rest, const std::vector<std::string_view>& known,
                       SmtpCommand& command) {
  if (!rest.empty() && !IsSpace(rest.front())) return SyntaxError("no space behind the path");
  std::vector<std::string> seen;
  for (const std::string_view word : Words(rest)) {
    auto parameter = ReadParameter(word);
    if (!parameter) return SyntaxError(Cat("no parameter: ", Printable(word)));
    if (std::find(seen.begin(), seen.end(), parameter->keyword) != seen.end()) {
      return SyntaxError(Cat(parameter->keyword, " stands twice"));
    }
    seen.push_back(parameter->keyword);
    Refusal refusal;
    if (ReadKnownParameter(*parameter, command, refusal)) {
      if (refusal) return refusal;
    } else if (std::find(known.begin(), known.end(), parameter->keyword) != known.end()) {
      command.parameters.push_back(*std::move(parameter));
    } else {
      return SmtpReply{
          555, {5, 5, 4}, Cat("parameter not implemented: ", Printable(parameter->keyword))};
    }
  }
  return std::nullopt;
}

// `FROM:<path> parameters` and `TO:<path> parameters`.
Refusal ReadPathCommand(std::string_view rest, const std::vector<std::string_view>& known,
                        SmtpCommand& command) {
  const bool mail = command.verb == SmtpVerb::kMail;
  const std::string_view word = mail ? "FROM" : "TO";
  const SmtpReply form{501, {5, 5, 4}, mail ? "use MAIL FROM:<address>" : "use RCPT TO:<address>"};
  if (!StartsWithIgnoreAsciiCase(rest, word)) return form;
  rest = SkipSpace(rest.substr(word.size()));
  if (!rest.starts_with(':')) return form;
  rest.remove_prefix(1);
  const bool null_path = SkipSpace(rest).starts_with("<>");
  const auto path = TakePath(rest);
  if (!path || (path->empty() && !null_path)) return form;

  const std::string_view address = WithoutSourceRoute(*path);
  const bool complete =
      (mail && null_path) || (!mail && EqualsIgnoreAsciiCase(address, "postmaster"));
  if (!complete) {
    const StatusOr<Mailbox> mailbox = Mailbox::Parse(address);
    const EnhancedStatus status = mail ? EnhancedStatus{5, 1, 7} : EnhancedStatus{5, 1, 3};
    if (!mailbox.ok()) return SmtpReply{501, status, std::string(Message(mailbox.status()))};
  }
  command.argument = std::string(address);
  if (Refusal refusal = ReadParameters(rest, known, command)) return refusal;
  if (mail && !command.smtputf8 && !IsAscii(command.argument)) {
    return SmtpReply{553, {5, 6, 7}, "a non-ASCII address needs SMTPUTF8"};
  }
  return std::nullopt;
}

// `NAME=value NAME=value` with the values in xtext.
Refusal ReadAttributes(std::string_view rest, SmtpCommand& command) {
  for (const std::string_view word : Words(rest)) {
    const auto equals = word.find('=');
    const std::string_view keyword = word.substr(0, equals);
    const auto value =
        equals == std::string_view::npos ? std::nullopt : DecodeXtext(word.substr(equals + 1));
    if (!IsKeyword(keyword) || !value) return SyntaxError(Cat("no attribute: ", Printable(word)));
    command.parameters.push_back({UpperCase(keyword), *value});
  }
  if (command.parameters.empty()) return SyntaxError("use NAME=value");
  return std::nullopt;
}

// RFC 3030 §2: `octets` or `octets LAST`.
Refusal ReadChunk(std::string_view rest, SmtpCommand& command) {
  const std::vector<std::string_view> words = Words(rest);
  const bool digit = !words.empty() && IsAsciiDigit(words[0].front());
  if (digit) command.size = ParseInt<std::uint64_t>(words[0]);
  command.last = words.size() == 2 && EqualsIgnoreAsciiCase(words[1], "LAST");
  if (command.size && (command.last || words.size() == 1)) return std::nullopt;
  return SyntaxError("use BDAT octets, or BDAT octets LAST");
}

Refusal ReadArgument(const Verb& verb, std::string_view rest,
                     const std::vector<std::string_view>& known, SmtpCommand& command) {
  switch (verb.argument) {
    case Argument::kPath:
      return ReadPathCommand(rest, known, command);
    case Argument::kAttributes:
      command.argument = std::string(rest);
      return ReadAttributes(rest, command);
    case Argument::kChunk:
      return ReadChunk(rest, command);
    case Argument::kNone:
      if (!rest.empty()) return SyntaxError(Cat(verb.name, " takes no argument"));
      break;
    case Argument::kHostName:
      if (rest.empty()) return SyntaxError(Cat("use ", verb.name, " host-name"));
      break;
    case Argument::kOptional:
      break;
  }
  command.argument = std::string(rest);
  return std::nullopt;
}

}  // namespace

std::string_view Name(SmtpVerb verb) {
  const auto found =
      std::find_if(kVerbs.begin(), kVerbs.end(), [&](const Verb& one) { return one.verb == verb; });
  return found->name;
}

std::variant<SmtpCommand, SmtpReply> ParseSmtpCommand(
    std::string_view line, const std::vector<std::string_view>& known_parameters) {
  if (line.size() + 2 > limits::kCommandLineOctetsMax) {
    return SmtpReply{500, {5, 5, 6}, "command line too long"};
  }
  const bool control = std::any_of(line.begin(), line.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  });
  if (control || !IsValidUtf8(line)) {
    return SmtpReply{500, {5, 5, 2}, "command line holds control characters or is no UTF-8"};
  }
  const auto space =
      static_cast<std::size_t>(std::find_if(line.begin(), line.end(), IsSpace) - line.begin());
  const auto verb = std::find_if(kVerbs.begin(), kVerbs.end(), [&](const Verb& one) {
    return EqualsIgnoreAsciiCase(one.name, line.substr(0, space));
  });
  if (verb == kVerbs.end()) return SmtpReply{500, {5, 5, 1}, "command not recognized"};
  SmtpCommand command;
  command.verb = verb->verb;
  const std::string_view rest = TrimAsciiSpace(line.substr(space));
  if (auto refusal = ReadArgument(*verb, rest, known_parameters, command)) {
    return *std::move(refusal);
  }
  return command;
}

}  // namespace penstock::mail
