// SPDX-License-Identifier: Apache-2.0
// What an MTA sends, in pieces of any size: it is read alike as in one; each event that has a reply
// gets one, those that have none get none, and a message that comes to its end has CRLF line ends
// alone. Input: how long the pieces are, then the MTA's octets.
// Covers: engine/mail/milter_frame.cc engine/mail/milter_content.cc
// Covers: engine/ingress/milter_session.cc
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "engine/base/check.h"
#include "engine/ingress/milter_session.h"
#include "engine/mail/milter_frame.h"

using penstock::ingress::MilterSession;
using penstock::mail::MilterSignal;

namespace {

const penstock::ingress::MilterSessionSettings kSettings = {
    4096, {"X-Junk", "yes"}, {"X-Bypass", "yes"}};

bool HasReply(const penstock::mail::MilterEvent& event) {
  const auto* signal = std::get_if<MilterSignal>(&event);
  if (signal == nullptr) return !std::holds_alternative<penstock::mail::MilterMacros>(event);
  return *signal == MilterSignal::kData || *signal == MilterSignal::kUnknown ||
         *signal == MilterSignal::kEndOfHeader;
}

// Frames of `wire`, counted; none is cut.
std::size_t CountFrames(std::string_view wire) {
  std::size_t frames = 0;
  for (; !wire.empty(); ++frames) {
    penstock::mail::MilterFrameReader reader;
    while (!reader.done()) {
      const auto taken = reader.Feed(wire);
      PENSTOCK_CHECK(taken.ok() && *taken > 0);
      wire.remove_prefix(*taken);
    }
  }
  return frames;
}

void CheckLineEnds(std::string_view content) {
  for (std::size_t i = 0; i < content.size(); ++i) {
    if (content[i] == '\r') PENSTOCK_CHECK(i + 1 < content.size() && content[i + 1] == '\n');
    if (content[i] == '\n') PENSTOCK_CHECK(i > 0 && content[i - 1] == '\r');
  }
}

// What is decided depends on the recipients: all sorts of it.
penstock::runtime::HeldReply Decide(const penstock::mail::Envelope& envelope) {
  penstock::runtime::HeldReply held;
  held.reply = {250, {2, 0, 0}, "accepted"};
  for (std::size_t i = 0; i < envelope.forward_paths.size(); ++i) {
    const std::string& path = envelope.forward_paths[i];
    if (path.starts_with('d')) held.mta.removed.push_back(i);
    if (path.starts_with('a')) held.mta.added.push_back("x@own.example");
    if (path.starts_with('j')) held.mta.marking = penstock::flow::Marking::kJunk;
    if (path.starts_with('w')) held.mta.marking = penstock::flow::Marking::kBypassSpamCheck;
    if (path.starts_with('b')) held.reply = {550, {5, 7, 1}, path};
  }
  return held;
}

std::string Talk(std::string_view octets, std::size_t piece) {
  std::string said;
  std::string content;
  MilterSession session(
      kSettings, "milter", [](std::string_view address) { return address == "127.0.0.1"; },
      [](auto octets_said) -> std::optional<penstock::mail::SmtpReply> {
        if (octets_said.value_or(0) <= kSettings.message_octets_max) return std::nullopt;
        return penstock::mail::SmtpReply{552, {5, 3, 4}, "too big"};
      },
      [](const auto& /*client*/, const auto& /*envelope*/,
         std::string_view path) -> std::optional<penstock::mail::SmtpReply> {
        if (!path.starts_with('r')) return std::nullopt;
        return penstock::mail::SmtpReply{550, {5, 1, 1}, std::string(path)};
      });
  penstock::mail::MilterFrameReader reader;
  while (!octets.empty()) {
    const auto taken = reader.Feed(octets.substr(0, piece));
    if (!taken.ok()) return said + "[out of step]";
    PENSTOCK_CHECK(*taken > 0 && *taken <= octets.size());
    octets.remove_prefix(*taken);
    if (!reader.done()) continue;
    const auto event = penstock::mail::ParseMilterFrame(reader.command(), reader.data());
    reader.Next();
    if (!event.ok()) return said + "[out of step]";
    MilterSession::Step step = session.OnEvent(*event);
    content += step.content;
    if (step.next == MilterSession::Next::kMessage) {
      PENSTOCK_CHECK(step.reply.empty());
      CheckLineEnds(content);
      const auto held = Decide(session.envelope());
      step = session.EndMessage(held, content);
      PENSTOCK_CHECK(CountFrames(step.reply) >= 1);
    } else if (step.next == MilterSession::Next::kClose) {
      PENSTOCK_CHECK(step.reply.empty());
      return said + "[close]";
    } else {
      PENSTOCK_CHECK(CountFrames(step.reply) == (HasReply(*event) ? 1U : 0U));
    }
    if (step.next == MilterSession::Next::kForget) content.clear();
    said += step.reply;
  }
  return said;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view octets(reinterpret_cast<const char*>(data) + 1, size - 1);
  PENSTOCK_CHECK(Talk(octets, octets.size()) == Talk(octets, std::size_t{data[0]} % 32 + 1));
  return 0;
}
