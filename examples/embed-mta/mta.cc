// SPDX-License-Identifier: Apache-2.0
// A mail server with the engine in it and a queue of its own: SMTP on loopback in, Maildirs out.
// A message is on disk, with its token, before any hook is asked. What hooks decide within five
// seconds is the reply; what they leave open is answered 250 and asked again from the queue.
//
//   mta PORT FOLDER MANIFEST      port 0: any; prints "listening 127.0.0.1:PORT"
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/embed/engine.h"

namespace fs = std::filesystem;
using penstock::Action, penstock::Decision, penstock::ErrorCode;
using Clock = std::chrono::system_clock;

std::string Read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Whole, and on disk, when it returns. `due`: when the queue looks at it, kept as the file's time.
void Write(const fs::path& path, const std::string& octets, Clock::time_point due = {}) {
  const std::string aside = path.string() + ".new";
  std::ofstream(aside, std::ios::binary) << octets << std::flush;
  fs::last_write_time(aside, std::chrono::file_clock::from_sys(due));
  for (const auto& name : {aside, path.parent_path().string()}) {
    const int file = open(name.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0 || fsync(file) != 0) throw std::runtime_error("no disk: " + name);
    close(file);
    if (name == aside && fs::file_size(aside) == octets.size()) fs::rename(aside, path);
  }
  if (!fs::exists(path)) throw std::runtime_error("no disk: " + path.string());
}

// What strangers wrote, for a reply or a file name.
std::string Safe(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return c < ' ' || c > '~' || c == '/'; }, '_');
  return text;
}

class Mta {
 public:
  Mta(fs::path folder, const std::string& manifest) : folder_(std::move(folder)) {
    fs::create_directories(queue_);
    penstock::EngineOptions options;
    options.data_folder = folder_ / "engine";
    options.hostname = "mx.example.com";
    options.manifest = Read(manifest);
    auto opened = penstock::Engine::Open(std::move(options));
    if (!opened.ok()) throw std::runtime_error(opened.error.text);
    engine_ = std::move(opened.value);
  }

  // The end of DATA: what to answer.
  std::string Take(penstock::Mail mail, std::string content) {
    mail.content = penstock::Content::FromText(content);
    const Decision planned = engine_->Decide(mail, {.only_plan = true});
    const auto& [code, why] = planned.error;
    const bool later = code == ErrorCode::kUnavailable || code == ErrorCode::kResourceExhausted;
    if (code != ErrorCode::kOk) return (later ? "451 4.3.0 " : "554 5.6.0 ") + Safe(why);
    const fs::path entry = queue_ / planned.messages.at(0).id;
    Write(entry.string() + ".eml", content);
    if (planned.final) return Finish(entry, planned, true);
    // The queue leaves it alone while this session asks.
    Write(entry.string() + ".token", planned.token, Clock::now() + std::chrono::minutes(1));
    return Ask(entry, std::chrono::seconds(5), true);
  }

  // Asks again what is due, until the process ends; after a start that is everything.
  void RunQueue() {
    for (;; std::this_thread::sleep_for(std::chrono::milliseconds(200))) {
      for (const auto& file : std::vector(fs::directory_iterator(queue_), {})) {
        std::error_code gone;  // its session has just finished it
        const bool due = fs::last_write_time(file, gone) <= std::chrono::file_clock::now() && !gone;
        if (due && file.path().extension() == ".token") Ask(queue_ / file.path().stem(), {}, false);
      }
    }
  }

 private:
  std::string Ask(const fs::path& entry, std::chrono::milliseconds patience, bool in_session) {
    const std::string token = Read(entry.string() + ".token");
    const Decision decision = engine_->Resume(token, {.patience = patience});
    if (decision.error.ok() && decision.final) return Finish(entry, decision, in_session);
    const bool ok = decision.error.ok();  // else the token is as good as before
    const auto due = ok ? decision.retry_at : Clock::now() + std::chrono::minutes(1);
    Write(entry.string() + ".token", ok ? decision.token : token, due);
    return "250 2.0.0 queued";
  }

  std::string Finish(const fs::path& entry, const Decision& decision, bool in_session) {
    const auto is_bounced = [](const auto& one) { return one.action == Action::kBounce; };
    const bool refuse = in_session && std::ranges::all_of(decision.outcomes, is_bounced);
    const std::string original = Read(entry.string() + ".eml");
    for (const penstock::Outcome& one : decision.outcomes) {
      std::cout << Safe(one.recipient) << ' ' << penstock::Name(one.action) << std::endl;
      if (one.tell_sender && !refuse)  // a real one sends a report (RFC 3464)
        std::cout << "bounce: " << Safe(one.bounce_message) << std::endl;
      if (one.action == Action::kDrop || one.action == Action::kBounce) continue;
      const std::string& field = decision.messages.at(one.message).trace_field;
      const bool same = one.content == penstock::kUnchanged;
      const auto replaced = same ? penstock::Result<std::string>{}
                                 : decision.contents.at(one.content).content->ReadAll();
      if (!replaced.ok()) throw std::runtime_error(replaced.error.text);
      Deliver(one, entry.filename(), field + (same ? original : replaced.value));
    }
    fs::remove(entry.string() + ".token");
    fs::remove(entry.string() + ".eml");
    return refuse ? "550 5.7.1 " + Safe(decision.outcomes.at(0).bounce_message) : "250 2.0.0 taken";
  }

  void Deliver(const penstock::Outcome& one, const std::string& name, const std::string& octets) {
    fs::path box = folder_ / "mail" / Safe(one.recipient);
    if (one.action == Action::kMoveToJunk) box /= ".Junk";
    fs::create_directories(box / "new");
    Write(box / "new" / name, octets);
  }

  const fs::path folder_;
  const fs::path queue_ = folder_ / "queue";
  std::unique_ptr<penstock::Engine> engine_;
};

// A line without its CRLF, at most 1 MiB; false at the end of the connection.
bool ReadLine(FILE* in, std::string& line) {
  line.clear();
  for (int octet = 0; line.size() < (1U << 20U) && (octet = getc(in)) != EOF;) {
    line.push_back(static_cast<char>(octet));
    if (line.ends_with("\r\n")) return line.resize(line.size() - 2), true;
  }
  return false;
}

std::string Path(const std::string& line) {
  return line.substr(line.find('<') + 1, line.find('>') - line.find('<') - 1);
}

void Serve(int socket, Mta& mta) {
  const auto say = [socket](const std::string& text) {
    const std::string line = text + "\r\n";
    send(socket, line.data(), line.size(), MSG_NOSIGNAL);
  };
  FILE* const in = fdopen(socket, "r");
  std::string line;
  penstock::Mail mail;
  say("220 mx.example.com ESMTP");
  while (ReadLine(in, line)) {
    const auto is = [&line](const char* verb) { return strncasecmp(line.c_str(), verb, 4) == 0; };
    if (is("QUIT")) break;
    if (is("MAIL")) mail = {}, mail.reverse_path = Path(line);
    if (is("RCPT")) mail.forward_paths.push_back(Path(line));
    if (!is("DATA")) {
      say("250 2.0.0 ok");
      continue;
    }
    say("354 go on");
    std::string content;
    while (content.size() < (64U << 20U) && ReadLine(in, line) && line != ".")
      content += (line.starts_with('.') ? line.substr(1) : line) + "\r\n";
    if (line != ".") break;
    say(mta.Take(std::move(mail), std::move(content)));
  }
  fclose(in);
}

int main(int argc, char** argv) {
  if (argc != 4) throw std::runtime_error("usage: mta PORT FOLDER MANIFEST");
  Mta mta(fs::absolute(argv[2]), argv[3]);
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(argv[1])));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener, any, size) != 0 || listen(listener, 16) != 0)
    throw std::runtime_error(argv[1]);
  getsockname(listener, any, &size);
  std::cout << "listening 127.0.0.1:" << ntohs(address.sin_port) << std::endl;
  std::thread([&mta] { mta.RunQueue(); }).detach();
  for (;;) {
    const int socket = accept(listener, nullptr, nullptr);
    if (socket >= 0) std::thread(Serve, socket, std::ref(mta)).detach();
  }
}
