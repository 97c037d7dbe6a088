// SPDX-License-Identifier: Apache-2.0
#include "tests/support/smtp_peer.h"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <stdexcept>
#include <utility>

#include <sys/socket.h>

namespace penstock::tests {
namespace {

const std::map<std::string, std::string> kDefaults = {
    {"banner", "220 peer ESMTP"},
    {"EHLO", "250-peer\r\n250-PIPELINING\r\n250-SIZE 1000000000\r\n250-8BITMIME\r\n250 SMTPUTF8"},
    {"LHLO", "250-peer\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES"},
    {"HELO", "250 peer"},
    {"MAIL", "250 2.1.0 sender"},
    {"RCPT", "250 2.1.5 recipient"},
    {"DATA", "354 go"},
    {"content", ""},
    {".", "250 2.0.0 queued"},
    {"RSET", "250 2.0.0 reset"},
    {"QUIT", "221 2.0.0 bye!close"}};

// The script ended the connection.
struct Closed {};

}  // namespace

class SmtpPeer::Talk {
 public:
  Talk(SmtpPeer& peer, std::size_t number, RawSocket socket)
      : peer_(peer),
        number_(number),
        script_(peer.scripts_[std::min(number, peer.scripts_.size() - 1)]),
        socket_(std::move(socket)) {}

  void Run() {
    try {
      Say("banner");
      Flush();
      while (true) {
        std::string line = socket_.ReadLine();
        line.resize(line.size() - 2);
        Note([&](SmtpPeerSession& session) { session.commands.push_back(line); });
        if (line.starts_with("BDAT ")) {
          ReadChunk(std::stoul(line.substr(5)));
        } else {
          Answer(line.substr(0, 4));
        }
      }
    } catch (const Closed&) {
    } catch (const std::runtime_error&) {  // the client closed, or said nothing for too long
    }
    socket_.Close();
    const std::lock_guard lock(peer_.mutex_);
    peer_.sessions_[number_].ended = true;
    --peer_.open_;
  }

 private:
  template <class What>
  void Note(What what) {
    const std::lock_guard lock(peer_.mutex_);
    what(peer_.sessions_[number_]);
  }

  void Answer(const std::string& verb) {
    const std::string reply = Say(verb);
    if (verb == "MAIL" || verb == "RSET") taken_ = 0;
    if (verb == "RCPT" && reply.starts_with("2")) ++taken_;
    const bool in_group = verb == "MAIL" || verb == "RCPT";
    if (!(script_.reply_to_group && in_group)) Flush();
    if (verb == "DATA" && reply.starts_with("354")) ReadContent();
  }

  void ReadContent() {
    std::string content;
    while (content != ".\r\n" && !content.ends_with("\r\n.\r\n")) {
      content += socket_.ReadLine();
      if (script_.replies.contains("content")) Say("content");
    }
    Note([&](SmtpPeerSession& session) { session.contents.push_back(content); });
    if (script_.delay_milliseconds > 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(script_.delay_milliseconds));
    }
    SayVerdicts();
  }

  void ReadChunk(std::size_t octets) {
    std::string content = socket_.ReadOctets(octets);
    Note([&](SmtpPeerSession& session) { session.contents.push_back(std::move(content)); });
    SayVerdicts();
  }

  void SayVerdicts() {
    for (int i = 0; i < (script_.lmtp ? taken_ : 1); ++i) {
      Say(".");
      Flush();
    }
  }

  std::string Say(const std::string& stage) {
    std::string reply = Reply(stage);
    if (reply == "!silent") {
      socket_.ReadAll();
      throw Closed();
    }
    if (reply == "!reset") {
      socket_.Reset();
      throw Closed();
    }
    const bool close = reply.ends_with("!close");
    if (close) reply.resize(reply.size() - 6);
    if (!reply.empty()) out_ += reply + "\r\n";
    if (close) {
      Flush();
      throw Closed();
    }
    return reply;
  }

  std::string Reply(const std::string& stage) {
    const auto default_reply = kDefaults.find(stage);
    const auto scripted = script_.replies.find(stage);
    const std::size_t nth = met_[stage]++;
    if (scripted != script_.replies.end() && nth < scripted->second.size()) {
      return scripted->second[nth];
    }
    return default_reply == kDefaults.end() ? "500 5.5.1 unknown" : default_reply->second;
  }

  void Flush() {
    if (script_.chunk == 0) {
      socket_.Send(out_);
    } else {
      socket_.SendInChunks(out_, script_.chunk);
    }
    out_.clear();
  }

  SmtpPeer& peer_;
  std::size_t number_;
  SmtpPeerScript script_;
  RawSocket socket_;
  std::map<std::string, std::size_t> met_;
  int taken_ = 0;  // recipients of the transaction
  std::string out_;
};

SmtpPeer::SmtpPeer(std::vector<SmtpPeerScript> scripts)
    : port_(listener_.port()), scripts_(std::move(scripts)), acceptor_([this] { AcceptAll(); }) {}

SmtpPeer::~SmtpPeer() {
  listener_.Shutdown();
  acceptor_.join();
  for (std::thread& talk : talks_)
    talk.join();
}

void SmtpPeer::AcceptAll() {
  while (true) {
    try {
      RawSocket socket = listener_.Accept();
      const std::lock_guard lock(mutex_);
      sessions_.emplace_back();
      most_ = std::max(most_, ++open_);
      talks_.emplace_back(
          [talk = Talk(*this, sessions_.size() - 1, std::move(socket))]() mutable { talk.Run(); });
    } catch (const std::runtime_error&) {
      if (listener_.is_shut_down()) return;
    }
  }
}

std::vector<SmtpPeerSession> SmtpPeer::Sessions() const {
  const std::lock_guard lock(mutex_);
  return sessions_;
}

std::size_t SmtpPeer::most_at_once() const {
  const std::lock_guard lock(mutex_);
  return most_;
}

std::vector<std::string> SmtpPeer::Contents() const {
  std::vector<std::string> contents;
  for (const SmtpPeerSession& session : Sessions()) {
    for (const std::string& wire : session.contents)
      contents.push_back(Unstuffed(wire));
  }
  return contents;
}

std::string Unstuffed(std::string_view wire) {
  std::string out;
  while (true) {
    const std::size_t end = wire.find("\r\n");
    if (end == std::string_view::npos) throw std::runtime_error("content without final dot");
    const std::string_view line = wire.substr(0, end);
    wire.remove_prefix(end + 2);
    if (line == ".") break;
    out += line.substr(line.starts_with('.') ? 1 : 0);
    out += "\r\n";
  }
  if (!wire.empty()) throw std::runtime_error("octets behind the final dot");
  return out;
}

}  // namespace penstock::tests
