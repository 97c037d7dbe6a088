// SPDX-License-Identifier: Apache-2.0
// A hook that keeps a small house's mail policy: ../README.md has its rules, README.md how to run
// it.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <hooks/sdk/server.h>

using namespace penstock::sdk;

namespace {

// Parts an address behind its last @, in lower case.
std::pair<std::string, std::string> Split(std::string address) {
  std::transform(address.begin(), address.end(), address.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  const std::size_t at = address.rfind('@') + 1;
  return {address.substr(0, at), address.substr(at)};
}

Answer Keep(const penstock::v1::Event& event, bool inbound) {
  const std::string sender_domain = Split(event.envelope().mail_from().address()).second;
  penstock::v1::Action everyone = Deliver();  // whom no other entry names
  if (inbound && event.subject().starts_with("[SPAM]")) {
    everyone = Junk();
  } else if (inbound && sender_domain == "partner.example") {
    everyone = BypassSpamCheck();
  } else if (!inbound && event.subject().starts_with("[internal]")) {
    everyone = Bounce("Mail marked [internal] stays inside.");
  }
  std::vector<std::string> copies;
  Answer others;
  for (const auto& recipient : event.envelope().recipients()) {
    const auto [local_part, domain] = Split(recipient.address());
    const std::string archive = "archive@" + (inbound ? domain : sender_domain);
    if (local_part == "closed@") {
      others.For({recipient.address()}, Bounce("This mailbox is closed. Write to help@" + domain));
    } else if (local_part == "noreply@") {
      others.For({recipient.address()}, Drop());
    } else if (everyone.type() == penstock::v1::Action::DEFAULT &&
               std::find(copies.begin(), copies.end(), archive) == copies.end()) {
      copies.push_back(archive);
    }
  }
  Answer answer;
  answer.ForAll(everyone, copies);
  return answer.Append(others);
}

}  // namespace

int main(int argc, char** argv) {
  ServeOptions options;
  std::chrono::milliseconds delay{0};  // of work for each answer, to try
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "--listen") options.listen = argv[i + 1];
    if (name == "--tls-certificate") options.tls_certificate_file = argv[i + 1];
    if (name == "--tls-key") options.tls_key_file = argv[i + 1];
    if (name == "--tls-ca") options.tls_ca_file = argv[i + 1];
    if (name == "--delay") delay = std::chrono::milliseconds(std::stoi(argv[i + 1]));
  }
  options.listening = [](const std::string& address) {
    std::cout << "listening on " + address + "\n" << std::flush;
  };
  const auto status = Serve(
      [delay](Invocation& invocation) -> penstock::StatusOr<Answer> {
        const std::string attempt = std::to_string(invocation.request().attempt());
        std::cout << invocation.id() + " attempt " + attempt + "\n" << std::flush;
        const auto ready = std::chrono::steady_clock::now() + delay;
        while (std::chrono::steady_clock::now() < ready) {
          std::this_thread::sleep_for(std::chrono::milliseconds(10));
          if (!invocation.cancelled()) continue;
          std::cout << "gave up " + invocation.id() + "\n" << std::flush;
          return penstock::Cancelled("nobody waits for this answer");
        }
        return Keep(invocation.event(), invocation.inbound());
      },
      options);
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
