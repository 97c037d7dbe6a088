// SPDX-License-Identifier: Apache-2.0
#include "tests/support/raw_socket.h"

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace penstock::tests {
namespace {

constexpr int kPatienceMilliseconds = 10'000;

[[noreturn]] void Fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

sockaddr_in Loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

void WaitReadable(int descriptor, const char* what) {
  pollfd wait{descriptor, POLLIN, 0};
  const int ready = ::poll(&wait, 1, kPatienceMilliseconds);
  if (ready < 0) Fail("poll");
  if (ready == 0) throw std::runtime_error(std::string(what) + ": nothing came in ten seconds");
}

}  // namespace

RawSocket RawSocket::Connect(std::uint16_t port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) Fail("socket");
  RawSocket socket(descriptor);
  const int one = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  const sockaddr_in address = Loopback(port);
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    Fail("connect");
  }
  return socket;
}

RawSocket RawSocket::ConnectUnix(const std::string& path) {
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) Fail("socket");
  RawSocket socket(descriptor);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    Fail("connect");
  }
  return socket;
}

RawSocket::RawSocket(RawSocket&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      reset_(other.reset_),
      buffer_(std::move(other.buffer_)) {}

RawSocket::~RawSocket() {
  Close();
}

bool RawSocket::Send(std::string_view octets) {
  while (!octets.empty()) {
    pollfd wait{descriptor_, POLLOUT, 0};
    if (::poll(&wait, 1, kPatienceMilliseconds) == 0) {
      throw std::runtime_error("send: the peer took nothing in ten seconds");
    }
    const ssize_t sent = ::send(descriptor_, octets.data(), octets.size(), MSG_NOSIGNAL);
    if (sent < 0) return false;
    octets.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool RawSocket::SendInChunks(std::string_view octets, std::size_t chunk) {
  for (; !octets.empty(); octets.remove_prefix(std::min(chunk, octets.size()))) {
    if (!Send(octets.substr(0, chunk))) return false;
  }
  return true;
}

bool RawSocket::Fill() {
  WaitReadable(descriptor_, "read");
  char chunk[65536];
  const ssize_t got = ::recv(descriptor_, chunk, sizeof chunk, 0);
  if (got < 0) reset_ = true;
  if (got <= 0) return false;
  buffer_.append(chunk, static_cast<std::size_t>(got));
  return true;
}

std::string RawSocket::ReadUntil(std::string_view end) {
  std::size_t found = 0;
  while ((found = buffer_.find(end)) == std::string::npos) {
    if (!Fill()) throw std::runtime_error("the stream ended after: " + buffer_);
  }
  std::string out = buffer_.substr(0, found + end.size());
  buffer_.erase(0, out.size());
  return out;
}

std::string RawSocket::ReadOctets(std::size_t octets) {
  while (buffer_.size() < octets) {
    if (!Fill()) throw std::runtime_error("the stream ended after: " + buffer_);
  }
  std::string out = buffer_.substr(0, octets);
  buffer_.erase(0, octets);
  return out;
}

std::string RawSocket::ReadReply() {
  std::string reply;
  while (true) {
    const std::string line = ReadLine();
    reply += line;
    if (line.size() < 4 || line[3] != '-') return reply;
  }
}

std::string RawSocket::ReadAll() {
  while (Fill()) {
  }
  std::string out = std::exchange(buffer_, {});
  return reset_ ? out + "(reset)" : out;
}

std::string RawSocket::ReadOnce() {
  if (buffer_.empty()) Fill();
  return std::exchange(buffer_, {});
}

bool RawSocket::SendForAWhile(std::string_view octets) {
  while (!octets.empty()) {
    pollfd wait{descriptor_, POLLOUT, 0};
    if (::poll(&wait, 1, 50) == 0) return true;
    const ssize_t sent = ::send(descriptor_, octets.data(), octets.size(), MSG_NOSIGNAL);
    if (sent < 0) return false;
    octets.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::string RawSocket::ReadFor(int milliseconds) {
  pollfd wait{descriptor_, POLLIN, 0};
  while (::poll(&wait, 1, milliseconds) == 1 && Fill()) {
  }
  return std::exchange(buffer_, {});
}

void RawSocket::ShutdownSend() {
  ::shutdown(descriptor_, SHUT_WR);
}

void RawSocket::Close() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

void RawSocket::Reset() {
  const linger hard{1, 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  Close();
}

RawListener::RawListener() : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (descriptor_ < 0) Fail("socket");
  sockaddr_in address = Loopback(0);
  socklen_t length = sizeof address;
  if (::bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(descriptor_, 64) != 0 ||
      ::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    Fail("listen");
  }
  port_ = ntohs(address.sin_port);
}

RawListener::~RawListener() {
  Close();
}

RawSocket RawListener::Accept() {
  WaitReadable(descriptor_, "accept");
  const int descriptor = ::accept4(descriptor_, nullptr, nullptr, SOCK_CLOEXEC);
  if (descriptor < 0) Fail("accept");
  const int one = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return RawSocket(descriptor);
}

void RawListener::Shutdown() {
  shut_down_ = true;
  ::shutdown(descriptor_, SHUT_RDWR);
}

void RawListener::Close() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

}  // namespace penstock::tests
