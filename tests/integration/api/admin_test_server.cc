// SPDX-License-Identifier: Apache-2.0
// The admin services over a store in memory, for tests of the command line: no mail comes in and
// no hook is called.
//
//   api_admin_test_server SOCKET DATA_FOLDER [--samples]
//
// Prints "ready" when it listens, or says why it cannot and exits 1. Ends with its standard input.
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/thread_pool.hpp>

#include "engine/api/admin_server.h"
#include "engine/base/strings.h"
#include "engine/runtime/message_schedule.h"
#include "engine/store/memory_store.h"
#include "tests/integration/api/sample_messages.h"
#include "tests/support/await.h"

namespace {

using namespace penstock;  // NOLINT(google-build-using-namespace): one small program

// 00000000-0000-4000-8000-000000000001 and so on.
class CountingRandom final : public ports::Random {
 public:
  [[nodiscard]] RandomBytes Bytes() override {
    RandomBytes bytes{};
    bytes.back() = ++last_;
    return bytes;
  }

  [[nodiscard]] double Chance() override { return 0.5; }

 private:
  std::uint8_t last_ = 0;
};

class NoDelivery final : public ports::Delivery {
 public:
  async::asio::awaitable<std::vector<mail::SmtpReply>> Deliver(
      ports::DeliveryRequest request) override {
    co_return std::vector<mail::SmtpReply>(request.forward_paths.size(),
                                           mail::SmtpReply{451, {4, 4, 1}, "no next hop here"});
  }
};

class NoHooks final : public ports::HookCaller {
 public:
  async::Task<flow::Answer> Call(ports::HookCall) override {
    co_return Unavailable("no hooks here");
  }
};

flow::FlowSettings Settings() {
  flow::FlowSettings settings;
  settings.inbound_next_hop = "mailbox";
  settings.outbound_next_hop = "relay";
  settings.bounce_next_hop = "relay";
  return settings;
}

int Serve(const std::string& socket, const std::string& data_folder, bool samples) {
  boost::asio::thread_pool pool(2);
  async::TaskGroup tasks;
  store::MemoryStore store;
  tests::SettableClock clock(Time(std::chrono::seconds(1'790'000'000)));
  CountingRandom random;
  NoDelivery delivery;
  NoHooks hooks;
  runtime::DirectoryKeeper directory(store, clock);
  runtime::HookGate gate(hooks, directory, clock);
  runtime::SettingsKeeper settings(Settings());
  runtime::Context context{.store = store,
                           .delivery = delivery,
                           .clock = clock,
                           .random = random,
                           .directory = directory,
                           .hooks = gate,
                           .settings = settings,
                           .hostname = "mx.example.com",
                           .executor = pool.get_executor(),
                           .tasks = tasks};
  runtime::MessageSchedule schedule(context);
  const Status loaded = tests::Await(context.executor, directory.Load());
  if (!loaded.ok()) {
    std::cerr << Message(loaded) << "\n";
    return 1;
  }
  if (samples) tests::AddSampleMessages(context, clock);
  const Time started = clock.Now();
  clock.Set(started + std::chrono::minutes(90));

  api::AdminContext admin{directory, store, clock, random, gate, settings, context.executor, tasks};
  admin.schedule = &schedule;
  api::StatusSources sources{.version = "1.2.3",
                             .hostname = context.hostname,
                             .data_folder = data_folder,
                             .started = started,
                             .schedule = schedule,
                             .next_hops = context.next_hops,
                             .next_hop_names =
                                 [] {
                                   return std::vector<std::string>{"mailbox", "relay"};
                                 },
                             .listeners =
                                 [] {
                                   return std::vector<api::ListenerFigures>{
                                       {"smtp", "127.0.0.1:2525", 3, Milliseconds(0), {}}};
                                 }};
  auto server = api::AdminServer::Start(socket, api::MakeAdminServices(admin, std::move(sources)));
  if (!server.ok()) {
    std::cerr << Message(server.status()) << "\n";
    return 1;
  }
  std::cout << "ready" << std::endl;
  while (std::getchar() != EOF) {
  }
  (*server)->Stop();
  const bool idle = tasks.WaitIdle(std::chrono::seconds(5));
  pool.stop();
  pool.join();
  return idle ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() < 2) return 2;
  return Serve(words[0], words[1], words.size() > 2 && words[2] == "--samples");
}
