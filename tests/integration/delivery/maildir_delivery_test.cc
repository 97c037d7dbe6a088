// SPDX-License-Identifier: Apache-2.0
#include "engine/delivery/maildir_delivery.h"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "engine/delivery/delivery_router.h"
#include "tests/support/await.h"
#include "tests/support/memory_content.h"
#include "tests/support/temporary_folder.h"

using namespace penstock;            // NOLINT(google-build-using-namespace)
using namespace penstock::delivery;  // NOLINT(google-build-using-namespace)
using penstock::tests::Await;
using penstock::tests::Content;
using penstock::tests::TemporaryFolder;

namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;

using Lines = std::vector<std::string>;

constexpr char kTrace[] = "Received: by penstock\r\n";
constexpr char kMail[] = "Subject: s\r\n\r\n.body\r\n";

class StoppedClock final : public ports::Clock {
 public:
  [[nodiscard]] Time Now() const override { return FromUnixMillis(1'800'000'000'123); }
};

// The worst of luck: never another number.
class SameRandom final : public ports::Random {
 public:
  RandomBytes Bytes() override { return {}; }

  double Chance() override { return 0; }
};

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<fs::path> FilesIn(const fs::path& folder) {
  std::vector<fs::path> files;
  if (!fs::exists(folder)) return files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

ports::DeliveryRequest Request(Lines forward_paths, std::string octets = kMail) {
  ports::DeliveryRequest request;
  request.next_hop = "boxes";
  request.reverse_path = "s@a.example";
  request.forward_paths = std::move(forward_paths);
  request.trace_field = kTrace;
  request.content = Content(std::move(octets));
  return request;
}

struct Fixture {
  explicit Fixture(const std::string& below = "/mail/{domain}/{local_part}",
                   bool return_path = false) {
    MaildirDeliveryOptions options;
    auto path = MaildirPath::Parse(folder.path() + below);
    REQUIRE(path.ok());
    options.path = *std::move(path);
    options.host_name = "mx/own:example";
    options.marking = {{"X-Spam-Flag", "YES"}, {"X-No-Scan", "yes"}};
    options.return_path = return_path;
    delivery = std::make_unique<MaildirDelivery>(std::move(options), clock, random);
  }

  Lines Deliver(ports::DeliveryRequest request) {
    Lines replies;
    for (const auto& reply : Await(pool.get_executor(), delivery->Deliver(std::move(request)))) {
      replies.push_back(reply.ToString());
    }
    return replies;
  }

  [[nodiscard]] fs::path Box(const std::string& name) const {
    return fs::path(folder.path()) / "mail/own.example" / name;
  }

  TemporaryFolder folder;
  StoppedClock clock;
  SameRandom random;
  asio::thread_pool pool{1};
  std::unique_ptr<MaildirDelivery> delivery;
};

}  // namespace

TEST_CASE("MaildirDelivery: one file for each recipient, whole and private",
          "[delivery][maildir]") {
  Fixture f;
  const Lines replies = f.Deliver(Request({"Ann@own.example", "bob@own.example"}));
  REQUIRE(replies.size() == 2);
  for (const std::string name : {"ann", "bob"}) {
    CAPTURE(name);
    const auto files = FilesIn(f.Box(name) / "new");
    REQUIRE(files.size() == 1);
    CHECK(ReadFile(files[0]) == Cat(kTrace, kMail));
    CHECK(FilesIn(f.Box(name) / "tmp").empty());
    CHECK(fs::is_directory(f.Box(name) / "cur"));

    struct stat info {};

    REQUIRE(::stat(files[0].c_str(), &info) == 0);
    CHECK((info.st_mode & 0777U) == 0600U);
    REQUIRE(::stat(f.Box(name).c_str(), &info) == 0);
    CHECK((info.st_mode & 0777U) == 0700U);
    const std::string file_name = files[0].filename().string();
    CHECK(file_name.starts_with("1800000000.M123000P"));
    CHECK(file_name.ends_with(".mx_own_example"));
    CHECK(replies[name == "bob"] == Cat("250 2.0.0 saved as ", files[0].string()));
  }
}

TEST_CASE("MaildirDelivery: names differ though clock and chance stand still",
          "[delivery][maildir]") {
  Fixture f;
  std::vector<std::future<std::vector<mail::SmtpReply>>> running;
  for (int i = 0; i < 50; ++i) {
    running.push_back(asio::co_spawn(asio::make_strand(f.pool.get_executor()),
                                     f.delivery->Deliver(Request({"ann@own.example"})),
                                     asio::use_future));
  }
  for (auto& one : running)
    CHECK(one.get().at(0).code == 250);
  CHECK(FilesIn(f.Box("ann") / "new").size() == 50);
}

TEST_CASE("MaildirDelivery: junk goes to the junk folder, marked", "[delivery][maildir]") {
  Fixture f;
  auto request = Request({"ann@own.example"}, "X-No-Scan: yes\r\nSubject: s\r\n\r\nb\r\n");
  request.marking = flow::Marking::kJunk;
  CHECK(f.Deliver(std::move(request)).at(0).starts_with("250 "));
  CHECK(FilesIn(f.Box("ann") / "new").empty());
  const auto files = FilesIn(f.Box("ann") / ".Junk/new");
  REQUIRE(files.size() == 1);
  CHECK(ReadFile(files[0]) == Cat(kTrace, "X-Spam-Flag: YES\r\nSubject: s\r\n\r\nb\r\n"));
}

TEST_CASE("MaildirDelivery: what bypasses the spam check is marked and stays in the inbox",
          "[delivery][maildir]") {
  Fixture f("/inbox");
  auto request = Request({"ann@own.example"});
  request.marking = flow::Marking::kBypassSpamCheck;
  CHECK(f.Deliver(std::move(request)).at(0).starts_with("250 "));
  const auto files = FilesIn(fs::path(f.folder.path()) / "inbox/new");
  REQUIRE(files.size() == 1);
  CHECK(ReadFile(files[0]) == Cat(kTrace, "X-No-Scan: yes\r\n", kMail));
}

TEST_CASE("MaildirDelivery: a Return-Path only where it is asked for", "[delivery][maildir]") {
  Fixture f("/inbox", true);
  CHECK(f.Deliver(Request({"ann@own.example"})).at(0).starts_with("250 "));
  const auto files = FilesIn(fs::path(f.folder.path()) / "inbox/new");
  REQUIRE(files.size() == 1);
  CHECK(ReadFile(files[0]) == Cat("Return-Path: <s@a.example>\r\n", kTrace, kMail));
}

TEST_CASE("MaildirDelivery: a hostile recipient stays below the folder", "[delivery][maildir]") {
  Fixture f;
  const Lines replies = f.Deliver(Request(
      {"\"../../../escaped\"@own.example", "/etc/x@own.example", "ann@own.example", "Postmaster"}));
  REQUIRE(replies.size() == 4);
  CHECK(replies[0].starts_with("250 "));
  CHECK(replies[1].starts_with("250 "));
  CHECK(replies[2].starts_with("250 "));
  CHECK(replies[3].starts_with("550 5.1.1 "));
  std::set<std::string> top;
  for (const auto& entry : fs::directory_iterator(f.folder.path()))
    top.insert(entry.path().filename().string());
  CHECK(top == std::set<std::string>{"mail"});
  std::set<std::string> boxes;
  for (const auto& entry : fs::directory_iterator(fs::path(f.folder.path()) / "mail/own.example"))
    boxes.insert(entry.path().filename().string());
  CHECK(boxes == std::set<std::string>{"\"..%2F..%2F..%2Fescaped\"", "%2Fetc%2Fx", "ann"});
}

TEST_CASE("MaildirDelivery: what the disk refuses comes again, and leaves nothing behind",
          "[delivery][maildir]") {
  Fixture f;
  SECTION("a file stands where the folder should be") {
    fs::create_directories(fs::path(f.folder.path()) / "mail");
    std::ofstream(fs::path(f.folder.path()) / "mail/own.example") << "x";
    const Lines replies = f.Deliver(Request({"ann@own.example"}));
    CHECK(replies.at(0).starts_with("451 4.3.0 "));
    CHECK(replies.at(0).find("Not a directory") != std::string::npos);
  }
  SECTION("the folder new is gone after the file was written") {
    CHECK(f.Deliver(Request({"ann@own.example"})).at(0).starts_with("250 "));
    fs::remove_all(f.Box("ann") / "new");
    std::ofstream(f.Box("ann") / "new") << "x";
    const Lines replies = f.Deliver(Request({"ann@own.example"}));
    CHECK(replies.at(0).starts_with("451 4.3.0 rename "));
    CHECK(FilesIn(f.Box("ann") / "tmp").empty());
  }
  SECTION("no more room") {
    const rlimit before = [] {
      rlimit limit{};
      ::getrlimit(RLIMIT_FSIZE, &limit);
      return limit;
    }();
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{100'000, before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
    const Lines replies = f.Deliver(Request({"ann@own.example"}, std::string(200'000, 'x')));
    ::setrlimit(RLIMIT_FSIZE, &before);
    CHECK(replies.at(0).starts_with("452 4.3.1 write "));
    CHECK(FilesIn(f.Box("ann") / "tmp").empty());
    CHECK(FilesIn(f.Box("ann") / "new").empty());
  }
  SECTION("the content is damaged") {
    auto request = Request({"ann@own.example"});
    const auto damaged = Content(Cat(kMail, std::string(200'000, 'x')));
    damaged->fail_at = 100'000;
    damaged->at_once = 50'000;
    request.content = damaged;
    CHECK(f.Deliver(std::move(request)) == Lines{"451 4.3.0 content is damaged"});
    CHECK(FilesIn(f.Box("ann") / "tmp").empty());
    CHECK(FilesIn(f.Box("ann") / "new").empty());
  }
}

TEST_CASE("DeliveryRouter: each next hop has its adapter, an unknown one is a 4xx",
          "[delivery][router]") {
  Fixture f;
  DeliveryRouter::NextHops next_hops;
  next_hops.emplace("boxes", std::shared_ptr<ports::Delivery>(std::move(f.delivery)));
  DeliveryRouter router;
  router.Replace(std::move(next_hops));
  CHECK(router.Has("boxes"));
  CHECK_FALSE(router.Has("elsewhere"));
  auto known = Await(f.pool.get_executor(), router.Deliver(Request({"ann@own.example"})));
  CHECK(known.at(0).code == 250);
  auto request = Request({"ann@own.example", "bob@own.example"});
  request.next_hop = "elsewhere";
  const auto unknown = Await(f.pool.get_executor(), router.Deliver(std::move(request)));
  REQUIRE(unknown.size() == 2);
  CHECK(unknown[1].ToString() == "451 4.3.5 no next hop \"elsewhere\" in the configuration");
}
