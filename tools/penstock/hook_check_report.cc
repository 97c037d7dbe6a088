// SPDX-License-Identifier: Apache-2.0
// What a report of `hook check` looks like to people and to JUnit's readers.
#include <chrono>
#include <cstdio>

#include "engine/base/strings.h"
#include "engine/base/utf8.h"
#include "engine/wire/proto_time.h"

#include "tools/penstock/hook_check.h"
#include "tools/penstock/output.h"

namespace penstock::cli {
namespace {

using v1::HookCheck;

int CountOf(const v1::HookCheckReport& report, HookCheck::Result result) {
  int count = 0;
  for (const HookCheck& check : report.checks())
    count += check.result() == result ? 1 : 0;
  return count;
}

std::string SecondsText(const google::protobuf::Duration& duration) {
  char text[32];
  const std::chrono::duration<double> seconds = wire::FromProto(duration);
  std::snprintf(text, sizeof(text), "%.3f", seconds.count());
  return text;
}

// XML 1.0 knows no control characters but tab and line ends, not even escaped.
std::string XmlText(std::string_view text) {
  std::string out;
  for (const char c : ToValidUtf8(text)) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return out;
}

}  // namespace

std::string HookCheckText(const v1::HookCheckReport& report) {
  Table table({"CHECK", "RESULT", "FOUND"});
  for (const HookCheck& check : report.checks())
    table.Add({check.name(), AsciiLower(HookCheck::Result_Name(check.result())), check.found()});
  std::string text = Cat(table.ToText("nothing was checked"), "\n");
  for (const HookCheck& check : report.checks()) {
    if (check.effect().empty()) continue;
    Append(text, check.name(), ": ", check.summary(), "\n  found:    ", TerminalText(check.found()),
           "\n  for mail: ", check.effect(), "\n\n");
  }
  Append(text, TerminalText(report.target()), ": ", CountOf(report, HookCheck::PASSED), " passed, ",
         CountOf(report, HookCheck::WARNED), " warned, ", CountOf(report, HookCheck::FAILED),
         " failed, ", CountOf(report, HookCheck::SKIPPED), " skipped\n");
  return text;
}

std::string HookCheckJunit(const v1::HookCheckReport& report) {
  std::string xml = Cat("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"hook check ",
                        XmlText(report.target()), "\" tests=\"", report.checks_size(),
                        "\" failures=\"", CountOf(report, HookCheck::FAILED), "\" skipped=\"",
                        CountOf(report, HookCheck::SKIPPED), "\" errors=\"0\">\n");
  for (const HookCheck& check : report.checks()) {
    Append(xml, "  <testcase classname=\"penstock.hook\" name=\"", check.name(), "\" time=\"",
           SecondsText(check.duration()), "\">");
    const std::string found = XmlText(check.found());
    switch (check.result()) {
      case HookCheck::FAILED:
        Append(xml, "<failure message=\"", found, "\">", XmlText(check.summary()), ": ", found,
               "; for mail: ", XmlText(check.effect()), "</failure>");
        break;
      case HookCheck::SKIPPED:
        Append(xml, "<skipped message=\"", found, "\"/>");
        break;
      case HookCheck::WARNED:
        Append(xml, "<system-out>warning: ", found, "; for mail: ", XmlText(check.effect()),
               "</system-out>");
        break;
      default:
        if (!found.empty()) Append(xml, "<system-out>", found, "</system-out>");
    }
    xml += "</testcase>\n";
  }
  return xml + "</testsuite>\n";
}

}  // namespace penstock::cli
