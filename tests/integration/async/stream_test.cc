// SPDX-License-Identifier: Apache-2.0
#include "engine/async/stream.h"

#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <catch2/catch.hpp>

#include "engine/async/deadline.h"
#include "engine/async/listener.h"
#include "engine/async/spawn.h"
#include "engine/base/limits.h"
#include "tests/support/await.h"
#include "tests/support/raw_socket.h"

using namespace penstock;         // NOLINT(google-build-using-namespace)
using namespace penstock::async;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;
using penstock::tests::Await;
using penstock::tests::RawListener;
using penstock::tests::RawSocket;

namespace {

asio::awaitable<StatusOr<std::unique_ptr<Stream>>> ConnectTo(Endpoint endpoint) {
  const auto addresses = co_await Resolve(std::move(endpoint));
  if (!addresses.ok()) co_return addresses.status();
  co_return co_await Stream::Connect(addresses->front(), After(5s));
}

Endpoint Loopback(std::uint16_t port) {
  Endpoint endpoint;
  endpoint.host = "127.0.0.1";
  endpoint.port = port;
  return endpoint;
}

asio::awaitable<std::string> ReadAll(Stream* stream) {
  std::string all;
  std::vector<char> buffer(7);
  while (true) {
    const auto octets = co_await stream->Read(buffer, After(5s));
    if (!octets.ok()) co_return all + std::string(CodeName(octets.status().code()));
    if (*octets == 0) co_return all;
    all.append(buffer.data(), *octets);
  }
}

asio::awaitable<StatusCode> TimedRead(Stream* stream, Milliseconds timeout) {
  std::vector<char> buffer(10);
  const auto octets = co_await stream->Read(buffer, After(timeout));
  co_return octets.status().code();
}

asio::awaitable<void> CancelSoon(Stream* stream) {
  co_await Sleep(30ms);
  stream->Cancel();
}

// The read runs on the stream's strand, and so does what cancels it.
asio::awaitable<StatusCode> CancelledRead(Stream* stream) {
  Spawn(co_await asio::this_coro::executor, CancelSoon(stream), "cancel");
  co_return co_await TimedRead(stream, 5s);
}

struct Pair {
  explicit Pair(asio::thread_pool& pool) {
    RawListener listener;
    auto connected = Await(pool.get_executor(), ConnectTo(Loopback(listener.port())));
    REQUIRE(connected.ok());
    ours = *std::move(connected);
    peer = std::make_unique<RawSocket>(listener.Accept());
  }

  std::unique_ptr<Stream> ours;
  std::unique_ptr<RawSocket> peer;
};

template <class T>
T OnStrand(Stream& stream, asio::awaitable<T> work) {
  return asio::co_spawn(stream.executor(), std::move(work), asio::use_future).get();
}

asio::awaitable<Status> WriteIt(Stream* stream, std::string octets, Milliseconds timeout) {
  co_return co_await stream->Write(octets, After(timeout));
}

}  // namespace

TEST_CASE("Stream: reads and writes until the peer ends its side", "[async][stream]") {
  asio::thread_pool pool(1);
  Pair pair(pool);
  pair.peer->Send("hello, world, in many pieces");
  pair.peer->ShutdownSend();
  CHECK(OnStrand(*pair.ours, ReadAll(pair.ours.get())) == "hello, world, in many pieces");
  CHECK(OnStrand(*pair.ours, WriteIt(pair.ours.get(), "bye\r\n", 1s)).ok());
  CHECK(pair.peer->ReadLine() == "bye\r\n");
}

TEST_CASE("Stream: a read ends at its deadline, and the next one works", "[async][stream]") {
  asio::thread_pool pool(1);
  Pair pair(pool);
  for (int i = 0; i < 3; ++i) {
    CHECK(OnStrand(*pair.ours, TimedRead(pair.ours.get(), 20ms)) == StatusCode::kDeadlineExceeded);
  }
  pair.peer->Send("x");
  CHECK(OnStrand(*pair.ours, TimedRead(pair.ours.get(), 5s)) == StatusCode::kOk);
  // The timer is armed for five seconds now; an earlier deadline has to arm it again.
  CHECK(OnStrand(*pair.ours, TimedRead(pair.ours.get(), 20ms)) == StatusCode::kDeadlineExceeded);
}

TEST_CASE("Stream: a write that the peer does not take ends at its deadline", "[async][stream]") {
  asio::thread_pool pool(1);
  Pair pair(pool);
  const std::string much(32U << 20U, 'x');
  CHECK(OnStrand(*pair.ours, WriteIt(pair.ours.get(), much, 50ms)).code() ==
        StatusCode::kDeadlineExceeded);
}

TEST_CASE("Stream: Cancel ends the read that runs and leaves the connection open",
          "[async][stream]") {
  asio::thread_pool pool(1);
  Pair pair(pool);
  CHECK(OnStrand(*pair.ours, CancelledRead(pair.ours.get())) == StatusCode::kCancelled);
  CHECK(pair.ours->IsQuiet());
  CHECK(OnStrand(*pair.ours, WriteIt(pair.ours.get(), "still here\r\n", 1s)).ok());
  CHECK(pair.peer->ReadLine() == "still here\r\n");
}

TEST_CASE("Stream: a reset is kUnavailable", "[async][stream]") {
  asio::thread_pool pool(1);
  Pair pair(pool);
  pair.peer->Reset();
  CHECK(OnStrand(*pair.ours, TimedRead(pair.ours.get(), 5s)) == StatusCode::kUnavailable);
  CHECK_FALSE(pair.ours->IsQuiet());
}

TEST_CASE("Stream: it is quiet until the peer sends or closes", "[async][stream]") {
  asio::thread_pool pool(1);
  Pair pair(pool);
  CHECK(pair.ours->IsQuiet());
  SECTION("sends") {
    pair.peer->Send("421 going\r\n");
  }
  SECTION("closes") {
    pair.peer->Close();
  }
  for (int i = 0; i < 200 && pair.ours->IsQuiet(); ++i)
    std::this_thread::sleep_for(5ms);
  CHECK_FALSE(pair.ours->IsQuiet());
}

TEST_CASE("Stream: Linger lets the peer read our last words before it has stopped sending",
          "[async][stream]") {
  asio::thread_pool pool(1);
  Pair pair(pool);
  const std::string unread(500'000, 'x');
  std::thread sender([&] {
    pair.peer->Send(unread);
    pair.peer->ShutdownSend();
  });
  REQUIRE(OnStrand(*pair.ours, WriteIt(pair.ours.get(), "221 bye\r\n", 1s)).ok());
  OnStrand(*pair.ours, pair.ours->Linger(After(5s)));
  sender.join();
  CHECK(pair.peer->ReadAll() == "221 bye\r\n");
}

TEST_CASE("Stream: a refused connection names the address", "[async][stream]") {
  asio::thread_pool pool(1);
  RawListener listener;
  const std::uint16_t port = listener.port();
  listener.Close();
  const auto stream = Await(pool.get_executor(), ConnectTo(Loopback(port)));
  CHECK(stream.status().code() == StatusCode::kUnavailable);
  CHECK(Message(stream.status()) ==
        "connect to 127.0.0.1:" + std::to_string(port) + ": Connection refused");
}

TEST_CASE("Resolve: a host name gives addresses, an unknown one says so", "[async][endpoint]") {
  asio::thread_pool pool(1);
  Endpoint endpoint = Loopback(25);
  endpoint.host = "localhost";
  const auto found = Await(pool.get_executor(), Resolve(endpoint));
  REQUIRE(found.ok());
  CHECK(found->size() <= limits::kAddressesMax);
  endpoint.host = "no-such-host.invalid";
  const auto unknown = Await(pool.get_executor(), Resolve(endpoint));
  CHECK(unknown.status().code() == StatusCode::kUnavailable);
  CHECK(Message(unknown.status()).starts_with("host no-such-host.invalid: "));
}

TEST_CASE("Listener: accepts over TCP on the port it took", "[async][listener]") {
  asio::thread_pool pool(1);
  auto listener = Listener::Open(pool.get_executor(), Loopback(0));
  REQUIRE(listener.ok());
  CHECK((*listener)->endpoint().port != 0);
  RawSocket client = RawSocket::Connect((*listener)->endpoint().port);
  const auto accepted =
      asio::co_spawn((*listener)->executor(), (*listener)->Accept(), asio::use_future).get();
  REQUIRE(accepted.ok());
  CHECK(IpAddressOf((*accepted)->peer()) == "127.0.0.1");
  (*accepted)->TryWrite("220 hello\r\n");
  CHECK(client.ReadLine() == "220 hello\r\n");
  const auto twice = Listener::Open(pool.get_executor(), (*listener)->endpoint());
  CHECK(twice.status().code() == StatusCode::kUnavailable);
  CHECK(Message(twice.status()).find("another process uses this address") !=
        std::string_view::npos);
}

TEST_CASE("Listener: a unix socket replaces a stale one, not a live one", "[async][listener]") {
  asio::thread_pool pool(1);
  const auto folder =
      std::filesystem::temp_directory_path() / ("penstock-listener-" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  Endpoint endpoint;
  endpoint.unix_path = (folder / "smtp").string();
  {
    auto first = Listener::Open(pool.get_executor(), endpoint);
    REQUIRE(first.ok());

    struct stat info {};

    REQUIRE(::stat(endpoint.unix_path.c_str(), &info) == 0);
    CHECK((info.st_mode & 0777U) == 0660U);
    const auto second = Listener::Open(pool.get_executor(), endpoint);
    CHECK(second.status().code() == StatusCode::kUnavailable);
    RawSocket client = RawSocket::ConnectUnix(endpoint.unix_path);
    const auto accepted =
        asio::co_spawn((*first)->executor(), (*first)->Accept(), asio::use_future).get();
    REQUIRE(accepted.ok());
    CHECK(IpAddressOf((*accepted)->peer()).empty());
    // What a daemon that was killed leaves behind: the file, and nobody who listens.
    std::filesystem::create_hard_link(endpoint.unix_path, endpoint.unix_path + ".left");
  }
  CHECK_FALSE(std::filesystem::exists(endpoint.unix_path));
  std::filesystem::rename(endpoint.unix_path + ".left", endpoint.unix_path);
  {
    const auto third = Listener::Open(pool.get_executor(), endpoint);
    INFO(third.status());
    CHECK(third.ok());
  }
  std::filesystem::remove_all(folder);
}
