// SPDX-License-Identifier: Apache-2.0
// A mail server that answers as a script says and keeps what it was told: blocking sockets, a
// thread a connection, none of the code that is tested.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/raw_socket.h"

namespace penstock::tests {

// What one connection gets. Stages: "banner", "EHLO", "LHLO", "HELO", "MAIL", "RCPT", "DATA",
// "content" (when its first octets are there), ".", "RSET", "QUIT". The n-th time a stage is met
// its n-th reply counts, then the default.
//   Replies are sent with a CRLF at the end; or they are "!close", "!reset" or "!silent" (nothing
//   is sent, nothing read any more until the client closes). "TEXT!close" sends TEXT and closes.
struct SmtpPeerScript {
  std::map<std::string, std::vector<std::string>> replies;
  std::size_t chunk = 0;        // octets of a segment; 0: replies go out whole
  bool reply_to_group = false;  // holds the replies to MAIL and RCPT until DATA was read
  bool lmtp = false;            // "." is met once for each RCPT that was answered 2xx
  int delay_milliseconds = 0;   // before the reply to the final dot
};

struct SmtpPeerSession {
  std::vector<std::string> commands;  // without CRLF
  std::vector<std::string> contents;  // as on the wire, by DATA with the final dot
  bool ended = false;                 // the client closed, or the script did
};

class SmtpPeer {
 public:
  // The i-th connection gets scripts[i], further ones the last.
  explicit SmtpPeer(std::vector<SmtpPeerScript> scripts = {{}});
  SmtpPeer(const SmtpPeer&) = delete;
  SmtpPeer& operator=(const SmtpPeer&) = delete;
  // Waits for its connections to end.
  ~SmtpPeer();

  [[nodiscard]] std::uint16_t port() const { return port_; }

  // What happened so far, by connection.
  [[nodiscard]] std::vector<SmtpPeerSession> Sessions() const;

  // The largest number of connections at a time, so far.
  [[nodiscard]] std::size_t most_at_once() const;

  // The contents of all connections as they were before they left: dots taken out.
  [[nodiscard]] std::vector<std::string> Contents() const;

 private:
  class Talk;

  void AcceptAll();

  RawListener listener_;
  std::uint16_t port_;
  std::vector<SmtpPeerScript> scripts_;
  mutable std::mutex mutex_;
  std::vector<SmtpPeerSession> sessions_;
  std::size_t open_ = 0;
  std::size_t most_ = 0;
  std::vector<std::thread> talks_;
  std::thread acceptor_;
};

// What a strict receiver makes of content on the wire: the final dot and the dots of transparency
// taken out. Throws where the wire holds no content, or more than one.
std::string Unstuffed(std::string_view wire);

}  // namespace penstock::tests
