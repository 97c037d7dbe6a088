// SPDX-License-Identifier: Apache-2.0
// A peer that does exactly what a test says, octet by octet: blocking sockets on loopback, without
// the code that is tested. Every wait gives up after ten seconds by throwing std::runtime_error.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::tests {

class RawSocket {
 public:
  // Connects to 127.0.0.1:`port`.
  static RawSocket Connect(std::uint16_t port);
  static RawSocket ConnectUnix(const std::string& path);

  explicit RawSocket(int descriptor) : descriptor_(descriptor) {}

  RawSocket(RawSocket&& other) noexcept;
  RawSocket& operator=(RawSocket&&) = delete;
  ~RawSocket();

  // Sends all of it; each call is one segment, as TCP_NODELAY has it. False: the peer is gone.
  bool Send(std::string_view octets);
  // Sends it `chunk` octets at a time.
  bool SendInChunks(std::string_view octets, std::size_t chunk);

  // Returns all up to and with `end`, and leaves what follows for the next call.
  std::string ReadUntil(std::string_view end);

  // So many octets.
  std::string ReadOctets(std::size_t octets);

  // A line with its CRLF.
  std::string ReadLine() { return ReadUntil("\n"); }

  // An SMTP reply, all its lines.
  std::string ReadReply();
  // All up to the end of the stream; "(reset)" is appended if it ended by a reset.
  std::string ReadAll();
  // What one read gives: one segment, if it is awaited before the next is sent.
  std::string ReadOnce();
  // As Send, but gives up when the peer takes nothing for 50 ms; false: the peer is gone.
  bool SendForAWhile(std::string_view octets);
  // What has come so far, without waiting for more than `milliseconds`.
  std::string ReadFor(int milliseconds);

  void ShutdownSend();
  void Close();
  // Closes with a reset.
  void Reset();

 private:
  // False at the end of the stream.
  bool Fill();

  int descriptor_;
  bool reset_ = false;
  std::string buffer_;
};

class RawListener {
 public:
  // Listens on 127.0.0.1, on a free port.
  RawListener();
  RawListener(const RawListener&) = delete;
  RawListener& operator=(const RawListener&) = delete;
  ~RawListener();

  [[nodiscard]] std::uint16_t port() const { return port_; }

  RawSocket Accept();
  void Close();
  // Makes the Accept that another thread waits in throw, and every later one.
  void Shutdown();

  [[nodiscard]] bool is_shut_down() const { return shut_down_; }

 private:
  int descriptor_;
  std::uint16_t port_ = 0;
  std::atomic<bool> shut_down_{false};
};

}  // namespace penstock::tests
