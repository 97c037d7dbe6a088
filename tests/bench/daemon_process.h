// SPDX-License-Identifier: Apache-2.0
// penstockd on a folder, from its start to the end of the object.
#pragma once

#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/check.h"
#include "engine/base/strings.h"
#include "tests/bench/loopback.h"

extern char** environ;

namespace penstock::bench {

class DaemonProcess {
 public:
  // Its store is FOLDER/data, its log FOLDER/log. What comes in goes to the SMTP server on
  // `next_hop`.
  DaemonProcess(const std::string& folder, std::uint16_t next_hop) : port_(FreePort()) {
    const std::string config = folder + "/penstock.yaml";
    std::ofstream(config) << Cat(
        "hostname: mx.org.example\ndata_folder: ", folder,
        "/data\nlisteners: [{name: mx, listen: \"127.0.0.1:", port_,
        "\", direction: inbound}]\nadmin: {socket: ", folder,
        "/admin/admin.sock}\nnext_hops: [{name: relay, smtp: {host: 127.0.0.1, port: ", next_hop,
        "}}]\nroutes: {inbound: relay, outbound: relay, bounces: relay}\n",
        // What a benchmark has put into the store may wait for hours.
        "retry: {backoff_max: 4h}\n");
    std::string program = PENSTOCKD;
    std::string option = "--config";
    std::string argument = config;
    std::array<char*, 4> arguments = {program.data(), option.data(), argument.data(), nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, (folder + "/log").c_str(),
                                     O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    setenv("PENSTOCK_ALLOW_ROOT", "1", 0);  // it may run as root
    PENSTOCK_CHECK(
        posix_spawn(&process_, PENSTOCKD, &actions, nullptr, arguments.data(), environ) == 0);
    posix_spawn_file_actions_destroy(&actions);
  }

  DaemonProcess(const DaemonProcess&) = delete;
  DaemonProcess& operator=(const DaemonProcess&) = delete;

  ~DaemonProcess() {
    kill(process_, SIGTERM);
    waitpid(process_, nullptr, 0);
  }

  // Whether it greeted in time.
  [[nodiscard]] bool WaitReady() const {
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(2);
    while (std::chrono::steady_clock::now() < end) {
      const int socket = Connect(port_);
      if (socket < 0) {
        if (waitpid(process_, nullptr, WNOHANG) != 0) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        continue;
      }
      std::array<char, 64> greeting{};
      const ssize_t octets = read(socket, greeting.data(), greeting.size());
      close(socket);
      return octets >= 4 && std::string_view(greeting.data(), 4) == "220 ";
    }
    return false;
  }

  // Of its SMTP listener.
  [[nodiscard]] std::uint16_t port() const { return port_; }

  [[nodiscard]] double ResidentOctets() const {
    std::ifstream file(Cat("/proc/", process_, "/statm"));
    std::uint64_t size = 0;
    std::uint64_t resident = 0;
    file >> size >> resident;
    return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE));
  }

  [[nodiscard]] double ProcessorSeconds() const {
    std::ifstream file(Cat("/proc/", process_, "/stat"));
    const std::string text(std::istreambuf_iterator<char>(file), {});
    // After "pid (name) ", utime and stime are the 12th and 13th.
    const std::vector<std::string_view> fields =
        Split(std::string_view(text).substr(text.rfind(')') + 2), ' ');
    const auto ticks =
        ParseInt<std::int64_t>(fields[11]).value() + ParseInt<std::int64_t>(fields[12]).value();
    return static_cast<double>(ticks) / static_cast<double>(sysconf(_SC_CLK_TCK));
  }

 private:
  const std::uint16_t port_;
  pid_t process_ = 0;
};

}  // namespace penstock::bench
