// SPDX-License-Identifier: Apache-2.0
// Content calls beside bare streams of the same octets, on loopback (M1, M6). Server and client are
// in one process; the store is the real one.
//
//   get/MiB   GetRawMessageContent, beside a server that streams the octets from memory
//   put/MiB   PutRawMessageContent of an ASYNC attempt, which checks what it is given and makes it
//             durable, beside a server that writes what comes to a file and syncs that once
//
// Each iteration does both, one after the other: a pair sees the same machine. `share` is the
// median pair's bare time over our time, `mb_s` our median.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>

#include "engine/api/content_server.h"
#include "engine/base/check.h"
#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/runtime/system_clock.h"
#include "engine/store/sqlite_store.h"
#include "tests/support/store_samples.h"

#include "penstock/v1/message_flow.grpc.pb.h"

namespace penstock {
namespace {

namespace asio = async::asio;
using std::chrono::steady_clock;
using GetPiece = v1::GetRawMessageContentResponse;
using PutPiece = v1::PutRawMessageContentRequest;

template <class T>
T Await(const async::Executor& executor, asio::awaitable<T> work) {
  return asio::co_spawn(asio::make_strand(executor), std::move(work), asio::use_future).get();
}

std::string MakeContent(std::size_t octets) {
  std::string content =
      "From: a@example.com\r\nDate: Sat, 21 Nov 2026 19:48:00 +0000\r\nSubject: large\r\n\r\n";
  const std::string line = std::string(76, 'A') + "\r\n";
  while (content.size() < octets)
    content += line;
  return content;
}

// The rival: the same messages and pieces, and nothing else.
class BareService final : public v1::MessageFlowService::CallbackService {
 public:
  BareService(const std::string& content, std::string file)
      : content_(content), file_(std::move(file)) {}

  grpc::ServerWriteReactor<GetPiece>* GetRawMessageContent(
      grpc::CallbackServerContext* /*call*/,
      const v1::GetRawMessageContentRequest* /*request*/) override {
    return new Writer(content_);
  }

  grpc::ServerReadReactor<PutPiece>* PutRawMessageContent(
      grpc::CallbackServerContext* /*call*/,
      v1::PutRawMessageContentResponse* /*response*/) override {
    return new Reader(file_);
  }

 private:
  class Writer final : public grpc::ServerWriteReactor<GetPiece> {
   public:
    explicit Writer(const std::string& content) : content_(content) { Next(); }

   private:
    void Next() {
      if (offset_ == content_.size()) return Finish(grpc::Status::OK);
      piece_.set_data(content_.substr(offset_, limits::kContentPieceOctets));
      offset_ += piece_.data().size();
      StartWrite(&piece_);
    }

    void OnWriteDone(bool ok) override {
      PENSTOCK_CHECK(ok);
      Next();
    }

    void OnDone() override { delete this; }

    const std::string& content_;
    std::size_t offset_ = 0;
    GetPiece piece_;
  };

  class Reader final : public grpc::ServerReadReactor<PutPiece> {
   public:
    explicit Reader(const std::string& file)
        : fd_(open(file.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600)) {
      PENSTOCK_CHECK(fd_ >= 0);
      StartRead(&piece_);
    }

   private:
    void OnReadDone(bool ok) override {
      if (!ok) {
        PENSTOCK_CHECK(fdatasync(fd_) == 0);
        close(fd_);
        return Finish(grpc::Status::OK);
      }
      const std::string& data = piece_.data();
      PENSTOCK_CHECK(write(fd_, data.data(), data.size()) == static_cast<ssize_t>(data.size()));
      StartRead(&piece_);
    }

    void OnDone() override { delete this; }

    const int fd_;
    PutPiece piece_;
  };

  const std::string& content_;
  const std::string file_;
};

class World {
 public:
  explicit World(std::size_t octets) : content_(MakeContent(octets)) {
    std::string folder = (std::filesystem::temp_directory_path() / "penbenchXXXXXX").string();
    PENSTOCK_CHECK(mkdtemp(folder.data()) != nullptr);
    folder_ = folder;
    store_ = store::SqliteStore::Open(folder_ + "/store").value();
    directory_ = std::make_unique<runtime::DirectoryKeeper>(*store_, clock_);
    keeper_ = std::make_unique<runtime::CapabilityKeeper>(*store_, clock_, random_);
    desk_ = std::make_unique<runtime::ContentDesk>(*store_);
    desk_->SetContentOctetsMax(content_.size());
    Store();
    PENSTOCK_CHECK(Await(executor(), directory_->Load()).ok());
    PENSTOCK_CHECK(Await(executor(), keeper_->Load()).ok());
    server_ = api::ContentServer::Start({"127.0.0.1:0", "", std::nullopt}, *directory_, *keeper_,
                                        *desk_, clock_)
                  .value();
    keeper_->SetTarget(server_->target());
    ours_ = Connect(server_->target());
    bare_service_ = std::make_unique<BareService>(content_, folder_ + "/bare");
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(bare_service_.get());
    bare_server_ = builder.BuildAndStart();
    bare_ = Connect(Cat("127.0.0.1:", port));
    flow::Capability capability;
    capability.message = message_;
    capability.invocation = InvocationId("0123456789abcdef0123456789abcdef");
    capability.mode = rules::InvocationMode::kAsync;
    capability.hook = "bench";
    capability.organization = "default";
    capability.may_read = capability.may_replace = true;
    capability.expire_time = Time::max();
    token_ = Await(executor(), keeper_->Grant(std::move(capability)))->capability;
  }

  ~World() {
    server_.reset();
    bare_server_->Shutdown();
    desk_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  double Get(bool ours) {
    v1::GetRawMessageContentRequest request;
    request.set_message_id(message_.text());
    request.set_capability(token_);
    grpc::ClientContext context;
    GetPiece piece;
    std::size_t octets = 0;
    const auto begin = steady_clock::now();
    const auto stream = (ours ? ours_ : bare_)->GetRawMessageContent(&context, request);
    while (stream->Read(&piece))
      octets += piece.data().size();
    const grpc::Status status = stream->Finish();
    if (!status.ok()) std::fprintf(stderr, "%s\n", status.error_message().c_str());
    PENSTOCK_CHECK(status.ok());
    PENSTOCK_CHECK(octets == content_.size());
    return Since(begin);
  }

  double Put(bool ours) {
    PutPiece piece;
    piece.mutable_start()->set_message_id(message_.text());
    piece.mutable_start()->set_capability(token_);
    grpc::ClientContext context;
    v1::PutRawMessageContentResponse response;
    const auto begin = steady_clock::now();
    const auto stream = (ours ? ours_ : bare_)->PutRawMessageContent(&context, &response);
    if (ours) stream->Write(piece);
    for (std::size_t offset = 0; offset < content_.size();) {
      piece.set_data(content_.substr(offset, limits::kContentPieceOctets));
      offset += piece.data().size();
      if (!stream->Write(piece)) break;
    }
    stream->WritesDone();
    const grpc::Status status = stream->Finish();
    if (!status.ok()) std::fprintf(stderr, "%s\n", status.error_message().c_str());
    PENSTOCK_CHECK(status.ok());
    return Since(begin);
  }

  [[nodiscard]] std::size_t octets() const { return content_.size(); }

 private:
  static double Since(steady_clock::time_point begin) {
    return std::chrono::duration<double>(steady_clock::now() - begin).count();
  }

  static std::unique_ptr<v1::MessageFlowService::Stub> Connect(const std::string& target) {
    return v1::MessageFlowService::NewStub(
        grpc::CreateChannel(target, grpc::InsecureChannelCredentials()));
  }

  // The message, open, and a hook that may read and replace it.
  void Store() {
    auto writer = store_->NewContent().value();
    PENSTOCK_CHECK(writer->Write(content_).ok());
    ports::Transaction transaction;
    flow::MessageState state = tests::ActiveMessage(message_.text(), writer->id());
    state.received = clock_.Now();
    transaction.contents.push_back(std::move(writer));
    transaction.messages.push_back({std::move(state), {}});
    flow::Hook hook;
    hook.name = "bench";
    hook.target = "127.0.0.1:1";
    hook.permissions.resize(1);
    hook.permissions[0].statement_id = "s";
    hook.permissions[0].organization = "default";
    hook.permissions[0].read = hook.permissions[0].replace = true;
    transaction.resources.push_back({std::move(hook), false, "bench", clock_.Now()});
    PENSTOCK_CHECK(Await(executor(), store_->Commit(std::move(transaction))).ok());
  }

  async::Executor executor() { return pool_.get_executor(); }

  const std::string content_;
  const MessageId message_{"7a3c0f6e-3b1d-4a52-9c07-5f6d1e2b8a90"};
  std::string folder_;
  std::string token_;
  boost::asio::thread_pool pool_{2};
  runtime::SystemClock clock_;
  runtime::SystemRandom random_;
  std::unique_ptr<store::SqliteStore> store_;
  std::unique_ptr<runtime::DirectoryKeeper> directory_;
  std::unique_ptr<runtime::CapabilityKeeper> keeper_;
  std::unique_ptr<runtime::ContentDesk> desk_;
  std::unique_ptr<api::ContentServer> server_;
  std::unique_ptr<v1::MessageFlowService::Stub> ours_;
  std::unique_ptr<BareService> bare_service_;
  std::unique_ptr<grpc::Server> bare_server_;
  std::unique_ptr<v1::MessageFlowService::Stub> bare_;
};

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

void Run(benchmark::State& state, double (World::*call)(bool)) {
  World world(static_cast<std::size_t>(state.range(0)) << 20U);
  (world.*call)(true);  // connections, and pages of the disk
  (world.*call)(false);
  std::vector<double> shares;
  std::vector<double> times;
  for (auto _ : state) {
    const double ours = (world.*call)(true);
    const double bare = (world.*call)(false);
    state.SetIterationTime(ours);
    shares.push_back(bare / ours);
    times.push_back(ours);
  }
  state.counters["share"] = Median(shares);
  state.counters["mb_s"] = static_cast<double>(world.octets()) / 1e6 / Median(times);
}

void Get(benchmark::State& state) {
  Run(state, &World::Get);
}

void Put(benchmark::State& state) {
  Run(state, &World::Put);
}

BENCHMARK(Get)->Name("Ours/get")->Arg(1)->Arg(64)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(Put)->Name("Ours/put")->Arg(1)->Arg(64)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace penstock
