// SPDX-License-Identifier: Apache-2.0
#include "tools/penstock/interruption.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/base/check.h"

namespace penstock::cli {
namespace {

// An eventfd that is written to when a signal comes, in whatever thread that is.
std::atomic<int> signalled = -1;

void OnSignal(int) {
  const int before = errno;
  eventfd_write(signalled, 1);
  errno = before;
}

void Handle(int signal, struct sigaction& before) {
  sigaction(signal, nullptr, &before);
  if (before.sa_handler == SIG_IGN) return;

  struct sigaction action {};

  action.sa_handler = OnSignal;
  action.sa_flags = SA_RESTART;
  sigaction(signal, &action, nullptr);
}

}  // namespace

Interruption::Interruption(std::function<void()> end) : end_(std::move(end)) {
  signalled = eventfd(0, EFD_CLOEXEC);
  done_ = eventfd(0, EFD_CLOEXEC);
  PENSTOCK_CHECK(signalled >= 0 && done_ >= 0);
  Handle(SIGINT, interrupt_before_);
  Handle(SIGTERM, terminate_before_);
  thread_ = std::thread([this] { Wait(); });
}

Interruption::~Interruption() {
  eventfd_write(done_, 1);
  thread_.join();
  sigaction(SIGINT, &interrupt_before_, nullptr);
  sigaction(SIGTERM, &terminate_before_, nullptr);
  close(signalled.exchange(-1));
  close(done_);
}

void Interruption::Wait() {
  // Of standard output nothing is asked: that nobody reads it is told without.
  std::array<struct pollfd, 3> watched{
      {{signalled, POLLIN, 0}, {done_, POLLIN, 0}, {STDOUT_FILENO, 0, 0}}};
  while (poll(watched.data(), watched.size(), -1) < 0) {
    if (errno != EINTR) return;
  }
  if (watched[1].revents == 0) end_();
}

}  // namespace penstock::cli
