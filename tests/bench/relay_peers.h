// SPDX-License-Identifier: Apache-2.0
// SMTP servers that keep nothing: a sink, which counts and compares what comes, and a proxy, which
// adds a field and passes on. A thread for each connection; any break of the protocol ends that.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "engine/base/strings.h"
#include "tests/bench/loopback.h"

namespace penstock::bench {

// As they came on the wire.
struct WireMessage {
  std::vector<std::string> envelope;  // MAIL and each RCPT, without line ends
  std::string content;                // stuffed, with its final dot
};

// Lines and contents out of a connection.
class WireReader {
 public:
  explicit WireReader(int socket) : socket_(socket), chunk_(new char[kChunk]) {}

  // Without its line end. False: the peer is gone.
  bool Line(std::string& line) {
    for (std::size_t scan = at_;;) {
      const std::size_t end = octets_.find('\n', scan);
      if (end != std::string::npos) {
        line.assign(octets_, at_, end - at_);
        if (line.ends_with('\r')) line.pop_back();
        at_ = end + 1;
        return true;
      }
      scan = octets_.size() - at_;
      if (!Fill()) return false;
    }
  }

  // Up to its final dot, which more may follow.
  bool Content(std::string& content) {
    for (std::size_t scan = at_;;) {
      const std::size_t end = octets_.find("\r\n.\r\n", scan);
      if (end != std::string::npos) {
        content.assign(octets_, at_, end + 5 - at_);
        at_ = end + 5;
        return true;
      }
      const std::size_t kept = octets_.size() - at_;
      scan = kept > 4 ? kept - 4 : 0;
      if (!Fill()) return false;
    }
  }

  // The last line of a reply.
  bool Reply(std::string& line) {
    do {
      if (!Line(line)) return false;
    } while (line.size() > 3 && line[3] == '-');
    return true;
  }

  // Something is here already: a reply may go with the next.
  [[nodiscard]] bool HasMore() const { return at_ < octets_.size(); }

 private:
  static constexpr std::size_t kChunk = 256 * 1024;

  bool Fill() {
    octets_.erase(0, std::exchange(at_, 0));
    const ssize_t got = Receive(socket_, chunk_.get(), kChunk);
    if (got <= 0) return false;
    octets_.append(chunk_.get(), static_cast<std::size_t>(got));
    return true;
  }

  const int socket_;
  const std::unique_ptr<char[]> chunk_;
  std::string octets_;
  std::size_t at_ = 0;
};

// Takes a message; returns the reply to its final dot, without its line end.
using TakeMessage = std::function<std::string(const WireMessage&)>;

inline void ServeSmtp(int socket, const TakeMessage& take) {
  SetTcp(socket, TCP_NODELAY);
  WireReader reader(socket);
  WireMessage message;
  std::string replies = "220 peer.example ESMTP\r\n";
  std::string line;
  while (true) {
    if (!reader.HasMore() && !SendAll(socket, std::exchange(replies, {}))) break;
    if (!reader.Line(line)) break;
    const std::string verb = AsciiLower(std::string_view(line).substr(0, 4));
    if (verb == "ehlo") {
      replies += "250-peer.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 52428800\r\n";
    } else if (verb == "data") {
      replies += "354 go on\r\n";
      if (!SendAll(socket, std::exchange(replies, {})) || !reader.Content(message.content)) break;
      replies += take(message);
      replies += "\r\n";
      message.envelope.clear();
    } else if (verb == "quit") {
      replies += "221 bye\r\n";
      SendAll(socket, replies);
      break;
    } else {
      if (verb == "mail" || verb == "rset") message.envelope.clear();
      if (verb == "mail" || verb == "rcpt") message.envelope.push_back(line);
      replies += "250 ok\r\n";
    }
  }
  close(socket);
}

// Serves connections to `listener` for good, each with what `make` makes for it.
inline void ServeAll(int listener, const std::function<TakeMessage()>& make) {
  while (true) {
    const int socket = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) continue;
    std::thread([socket, take = make()] { ServeSmtp(socket, take); }).detach();
  }
}

// Lives as long as the process.
class RelaySink {
 public:
  // On `port`, or any if it is 0.
  explicit RelaySink(std::uint16_t port) : listener_(Listen(port)) {
    std::thread([this] {
      ServeAll(listener_,
               [this] { return [this](const WireMessage& message) { return Take(message); }; });
    }).detach();
  }

  [[nodiscard]] std::uint16_t port() const { return PortOf(listener_); }

  // The field by which a message says which of a run it is; the number has kDigits digits.
  static constexpr std::string_view kField = "X-Number: ";
  static constexpr std::size_t kDigits = 10;

  // From now on `count` messages with this body come, numbered from the return value on.
  std::uint64_t Expect(std::size_t count, std::string_view body) {
    const std::lock_guard lock(mutex_);
    first_ += came_.size();
    came_.assign(count, false);
    left_ = count;
    body_ = body;
    return first_;
  }

  // When the last one came. What is lost, comes twice or is altered is told, and ends the process.
  std::chrono::steady_clock::time_point WaitAll() {
    std::unique_lock lock(mutex_);
    // As long as something comes.
    for (std::size_t before = left_ + 1; left_ > 0 && left_ < before;) {
      before = left_;
      all_.wait_for(lock, std::chrono::seconds(60), [this] { return left_ == 0; });
    }
    if (left_ > 0) std::fprintf(stderr, "%zu of %zu messages are lost\n", left_, came_.size());
    PENSTOCK_CHECK(left_ == 0);
    return last_;
  }

 private:
  std::string Take(const WireMessage& message) {
    const std::string_view content = message.content;
    const std::size_t header = content.find("\r\n\r\n");
    const std::size_t field = content.find(kField);
    PENSTOCK_CHECK(header != std::string_view::npos && field < header);
    const auto number =
        ParseInt<std::uint64_t>(content.substr(field + kField.size(), kDigits)).value();
    const bool whole = content.substr(header + 4) == body_;
    const std::lock_guard lock(mutex_);
    if (number < first_ || number - first_ >= came_.size() || came_[number - first_] || !whole) {
      std::fprintf(stderr, "message %s %s\n", std::to_string(number).c_str(),
                   whole ? "came twice" : "was altered");
      PENSTOCK_CHECK(!"each message once, and whole");
    }
    came_[number - first_] = true;
    last_ = std::chrono::steady_clock::now();
    if (--left_ == 0) all_.notify_all();
    return "250 2.0.0 taken";
  }

  const int listener_;
  std::mutex mutex_;
  std::condition_variable all_;
  std::string_view body_;
  std::uint64_t first_ = 0;
  std::vector<bool> came_;  // of this run
  std::size_t left_ = 0;
  std::chrono::steady_clock::time_point last_;
};

// One session with the next server, for one session with us.
class PassThrough {
 public:
  explicit PassThrough(std::uint16_t next) : next_(next) {}

  PassThrough(const PassThrough&) = delete;
  PassThrough& operator=(const PassThrough&) = delete;

  ~PassThrough() { Close(); }

  std::string Pass(const WireMessage& message) {
    std::string reply;
    if (socket_ < 0 && !Open()) return "451 4.4.1 no next server";
    std::string lines;
    for (const std::string& line : message.envelope)
      Append(lines, line, "\r\n");
    lines += "DATA\r\n";
    bool alive = SendAll(socket_, lines);
    for (std::size_t i = 0; alive && i < message.envelope.size(); ++i)
      alive = reader_->Reply(reply) && reply[0] == '2';
    alive = alive && reader_->Reply(reply) && reply[0] == '3';
    alive = alive && SendAll(socket_, Cat("X-Passed: through\r\n", message.content));
    alive = alive && reader_->Reply(reply);
    if (alive) return reply;
    Close();
    return "451 4.4.2 the next server is gone";
  }

 private:
  bool Open() {
    socket_ = Connect(next_);
    if (socket_ < 0) return false;
    reader_ = std::make_unique<WireReader>(socket_);
    std::string reply;
    return reader_->Reply(reply) && SendAll(socket_, "EHLO proxy.example\r\n") &&
           reader_->Reply(reply);
  }

  void Close() {
    if (socket_ >= 0) close(std::exchange(socket_, -1));
  }

  const std::uint16_t next_;
  int socket_ = -1;
  std::unique_ptr<WireReader> reader_;
};

// What a connection to the proxy is served with.
inline TakeMessage MakePassThrough(std::uint16_t next) {
  auto session = std::make_shared<PassThrough>(next);
  return [session](const WireMessage& message) { return session->Pass(message); };
}

}  // namespace penstock::bench
