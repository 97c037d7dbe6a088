// SPDX-License-Identifier: Apache-2.0
// TCP on 127.0.0.1, blocking.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/base/check.h"

namespace penstock::bench {

inline sockaddr_in Loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

inline void SetTcp(int socket, int option) {
  const int on = 1;
  setsockopt(socket, IPPROTO_TCP, option, &on, sizeof on);
}

// -1: nobody listens.
inline int Connect(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(port);
  if (connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    close(socket);
    return -1;
  }
  SetTcp(socket, TCP_NODELAY);
  return socket;
}

// On `port`, or any if it is 0.
inline int Listen(std::uint16_t port) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const sockaddr_in address = Loopback(port);
  PENSTOCK_CHECK(bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  PENSTOCK_CHECK(listen(listener, 512) == 0);
  return listener;
}

inline std::uint16_t PortOf(int listener) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  PENSTOCK_CHECK(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  return ntohs(address.sin_port);
}

inline std::uint16_t FreePort() {
  const int listener = Listen(0);
  const std::uint16_t port = PortOf(listener);
  close(listener);
  return port;
}

// False: the peer is gone.
inline bool SendAll(int socket, std::string_view octets) {
  while (!octets.empty()) {
    const ssize_t sent = send(socket, octets.data(), octets.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    octets.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

// What has come, acknowledged at once: a peer that writes in small pieces without TCP_NODELAY is
// not kept waiting. 0 or less: the peer is gone.
inline ssize_t Receive(int socket, char* buffer, std::size_t size) {
  const ssize_t got = recv(socket, buffer, size, 0);
  SetTcp(socket, TCP_QUICKACK);  // the kernel forgets it
  return got;
}

}  // namespace penstock::bench
