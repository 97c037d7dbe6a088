// SPDX-License-Identifier: Apache-2.0
// Blocking SMTP clients that send one message after the other and wait for each reply. Anything
// unexpected ends the process.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <sys/resource.h>
#include <sys/time.h>

#include "engine/base/check.h"
#include "tests/bench/loopback.h"

namespace penstock::bench {

using std::chrono::steady_clock;

class SmtpClient {
 public:
  explicit SmtpClient(std::uint16_t port) : socket_(Connect(port)) {
    PENSTOCK_CHECK(socket_ >= 0);
    const timeval limit{60, 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    Expect("220");
    Say("EHLO client.example\r\n", "250");
  }

  SmtpClient(const SmtpClient&) = delete;
  SmtpClient& operator=(const SmtpClient&) = delete;

  ~SmtpClient() { close(socket_); }

  // `content` ends with its final dot.
  void Deliver(std::string_view content) {
    Say("MAIL FROM:<ann@sender.example>\r\n", "250");
    Say("RCPT TO:<bob@example.com>\r\n", "250");
    Say("DATA\r\n", "354");
    Say(content, "250");
  }

  void Quit() { Say("QUIT\r\n", "221"); }

 private:
  void Say(std::string_view octets, std::string_view code) {
    PENSTOCK_CHECK(SendAll(socket_, octets));
    Expect(code);
  }

  // Reads one reply, however many lines it has.
  void Expect(std::string_view code) {
    std::string reply;
    for (std::size_t line = 0;;) {
      char buffer[2048];
      const ssize_t got = Receive(socket_, buffer, sizeof buffer);
      PENSTOCK_CHECK(got > 0);
      reply.append(buffer, static_cast<std::size_t>(got));
      for (std::size_t end; (end = reply.find('\n', line)) != std::string::npos; line = end + 1) {
        if (reply[line + 3] != ' ') continue;
        if (reply.compare(line, code.size(), code) == 0) return;
        std::fprintf(stderr, "wanted %s: %s\n", std::string(code).c_str(), reply.c_str());
        PENSTOCK_CHECK(!"the reply that is wanted");
      }
    }
  }

  const int socket_;
};

// A message of at least so many octets, with its final dot, one line of it stuffed. `field`: a
// further header field, with its line end.
inline std::string ContentOf(std::size_t octets, std::string_view field = "") {
  std::string content =
      "From: Ann <ann@sender.example>\r\nTo: bob@example.com\r\nSubject: Minutes of Tuesday\r\n"
      "Date: Sat, 21 Nov 2026 19:48:00 +0000\r\nMessage-ID: <1@sender.example>\r\n";
  content += field;
  content += "\r\n..and so it began.\r\n";
  while (content.size() < octets)
    content += "What was said on Tuesday, and by whom, in lines of seventy-two octets.\r\n";
  return content + ".\r\n";
}

// Seconds on processors. `who`: of getrusage.
inline double CpuSecondsOf(int who) {
  rusage usage{};
  getrusage(who, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Seconds that `threads` threads take for `work(thread)` side by side, from a common start.
// `cpu_seconds`: what they take of processors, all of them.
template <class Work>
double Together(std::size_t threads, double& cpu_seconds, Work work) {
  std::atomic<bool> go = false;
  std::vector<double> cpu(threads);
  std::vector<std::thread> running;
  for (std::size_t i = 0; i < threads; ++i) {
    running.emplace_back([&, i] {
      go.wait(false);
      work(i);
      cpu[i] = CpuSecondsOf(RUSAGE_THREAD);
    });
  }
  const auto start = steady_clock::now();
  go = true;
  go.notify_all();
  for (std::thread& thread : running)
    thread.join();
  const double seconds = std::chrono::duration<double>(steady_clock::now() - start).count();
  cpu_seconds = std::accumulate(cpu.begin(), cpu.end(), 0.0);
  return seconds;
}

}  // namespace penstock::bench
