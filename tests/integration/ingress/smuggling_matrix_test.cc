// SPDX-License-Identifier: Apache-2.0
// Smuggling from end to end: every end-of-data variant through every front door, and what a door
// took out by every way: one message stays one message for a next hop that takes CRLF, LF or CR for
// a line end, and no octet of it is another.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "engine/delivery/maildir_delivery.h"
#include "engine/delivery/smtp_delivery.h"
#include "engine/ingress/milter_server.h"
#include "tests/integration/ingress/server_fixture.h"
#include "tests/support/await.h"
#include "tests/support/memory_content.h"
#include "tests/support/smtp_peer.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/vectors.h"
#include "tests/unit/mail/octets.h"

using namespace penstock;  // NOLINT(google-build-using-namespace)
using penstock::tests::Octets;
using penstock::tests::RawSocket;
using penstock::tests::ServerFixture;

namespace {

namespace fs = std::filesystem;

constexpr char kHead[] = "Subject: first\r\n\r\nbody";
constexpr char kBehind[] =
    "MAIL FROM:<evil@a.example>\r\nRCPT TO:<victim@own.example>\r\nDATA\r\n"
    "Subject: second\r\n\r\nforged\r\n";
constexpr char kTrace[] = "Received: by penstock\r\n";

bool HasBareLineEnd(std::string_view octets) {
  for (std::size_t i = 0; i < octets.size(); ++i) {
    if (octets[i] == '\r' && !octets.substr(i).starts_with("\r\n")) return true;
    if (octets[i] == '\n' && (i == 0 || octets[i - 1] != '\r')) return true;
  }
  return false;
}

// What a door made of a variant.
struct Taken {
  std::string content;
  bool binary = false;
};

// One front door; `Send` gives it a variant and returns what it took for messages.
class Door {
 public:
  virtual ~Door() = default;
  virtual std::string name() const = 0;
  virtual std::vector<Taken> Send(const tests::Vector& v) = 0;
};

class WireDoor : public Door {
 public:
  enum class How { kData, kBdat, kBinary };

  WireDoor(bool lmtp, How how) : lmtp_(lmtp), how_(how) {
    fixture_.options.connection.session.lmtp = lmtp;
  }

  std::string name() const override {
    constexpr const char* kNames[] = {" DATA", " BDAT", " BINARYMIME"};
    return Cat(lmtp_ ? "LMTP" : "SMTP", kNames[static_cast<int>(how_)]);
  }

  std::vector<Taken> Send(const tests::Vector& v) override {
    const std::string want = v.want;
    const std::string octets = Octets(v.input);
    const std::size_t before = fixture_.intake.accepted().size();
    RawSocket client = fixture_.Connect();
    client.Send(Cat(lmtp_ ? "LHLO" : "EHLO", " a.example\r\nMAIL FROM:<s@a.example>",
                    how_ == How::kBinary ? " BODY=BINARYMIME" : "",
                    "\r\nRCPT TO:<r@own.example>\r\n"));
    for (int i = 0; i < 3; ++i)
      client.ReadReply();
    const std::string content = Cat(kHead, octets, kBehind);
    if (how_ == How::kData) {
      client.Send("DATA\r\n");
      CHECK(client.ReadReply().starts_with("354 "));
      client.Send(Cat(content, ".\r\nQUIT\r\n"));
    } else {
      client.Send(Cat("BDAT ", content.size(), " LAST\r\n", content, "QUIT\r\n"));
    }
    client.ReadAll();
    std::vector<Taken> taken;
    const auto accepted = fixture_.intake.accepted();
    for (std::size_t i = before; i < accepted.size(); ++i)
      taken.push_back({accepted[i].content, how_ == How::kBinary});
    CheckCount(want, content, taken);
    return taken;
  }

 private:
  // DATA: as the vector says. A chunk has its length: it is one message or none.
  void CheckCount(const std::string& want, const std::string& content,
                  const std::vector<Taken>& taken) const {
    if (how_ == How::kData) {
      REQUIRE(taken.size() == (want == "content"        ? 1
                               : want == "end"          ? 2
                               : want == "refused, end" ? 1
                                                        : 0));
      if (want == "content") CHECK(taken[0].content == tests::Unstuffed(Cat(content, ".\r\n")));
      return;
    }
    const bool refused = how_ == How::kBdat && HasBareLineEnd(content);
    REQUIRE(taken.size() == (refused ? 0 : 1));
    if (!refused) CHECK(taken[0].content == content);
  }

  bool lmtp_;
  How how_;
  ServerFixture fixture_;
};

// The milter's wire has its own line ends: LF, too, is one. Two messages on one connection of an
// MTA: the body in one piece, and octet by octet.
class MilterDoor final : public Door {
 public:
  MilterDoor() {
    options_.listen.host = "127.0.0.1";
    options_.connection.session.message_octets_max = 1'000'000;
    options_.connection.session.junk = {"X-Junk", "yes"};
    options_.connection.session.bypass_spam_check = {"X-No-Spam-Check", "yes"};
    options_.mta_networks = *ingress::NetworkSet::Parse({"127.0.0.1"});
    server_.emplace(pool_.get_executor(), options_, intake_, clock_);
    const auto endpoint = server_->Start();
    REQUIRE(endpoint.ok());
    port_ = endpoint->port;
  }

  std::string name() const override { return "milter"; }

  std::vector<Taken> Send(const tests::Vector& v) override {
    const std::string body = Cat("body", Octets(v.input), kBehind);
    RawSocket mta = RawSocket::Connect(port_);
    CHECK(Ask(mta, Cat("O", Number(6), Number(0x1ff), Number(0x1fffff)))[0] == 'O');
    const std::size_t before = intake_.accepted().size();
    const bool whole = SendMessage(mta, body, body.size());
    const bool pieces = SendMessage(mta, body, 1);
    mta.Send(Frame("Q"));
    CHECK(mta.ReadAll().empty());
    const auto accepted = intake_.accepted();
    CHECK(whole == pieces);
    REQUIRE(accepted.size() - before == (whole ? 2 : 0));
    if (!whole) return {};
    CHECK(accepted[before].content == accepted[before + 1].content);
    // What it took is what was said, with one kind of line end.
    std::string said = Cat("Subject: first\r\n\r\n", body);
    for (std::size_t at = 0; (at = said.find('\n', at)) != std::string::npos; ++at) {
      if (at == 0 || said[at - 1] != '\r') said.insert(at++, "\r");
    }
    CHECK(accepted[before].content == said);
    CHECK_FALSE(HasBareLineEnd(said));
    return {{said, false}};
  }

 private:
  static std::string Number(std::uint32_t number) {
    std::string octets;
    for (const unsigned shift : {24U, 16U, 8U, 0U})
      octets.push_back(static_cast<char>(number >> shift & 0xffU));
    return octets;
  }

  static std::string Frame(std::string_view frame) {
    return Cat(Number(static_cast<std::uint32_t>(frame.size())), frame);
  }

  // The frame that answers `frame`.
  static std::string Ask(RawSocket& mta, std::string_view frame) {
    mta.Send(Frame(frame));
    std::uint32_t octets = 0;
    for (const char c : mta.ReadOctets(4))
      octets = octets << 8U | static_cast<unsigned char>(c);
    return mta.ReadOctets(octets);
  }

  // Whether it was taken; the MTA says no more of what was refused.
  static bool SendMessage(RawSocket& mta, const std::string& body, std::size_t piece) {
    using std::string_literals::operator""s;
    std::vector<std::string> events = {"M<s@a.example>\0"s, "R<r@own.example>\0"s,
                                       "LSubject\0 first\0"s, "N"};
    for (std::size_t at = 0; at < body.size(); at += piece)
      events.push_back(Cat("B", body.substr(at, piece)));
    events.emplace_back("E");
    for (const std::string& event : events) {
      const std::string reply = Ask(mta, event);
      if (reply == "c") continue;
      CHECK(reply.starts_with("y550 5.5.2 "));
      return false;
    }
    return true;
  }

  boost::asio::thread_pool pool_{2};
  tests::FakeIntake intake_;
  tests::StoppedClock clock_;
  ingress::MilterServerOptions options_;
  std::uint16_t port_ = 0;
  std::optional<ingress::MilterServer> server_;  // last: gone before what it uses
};

// One way out; `Deliver` hands over what was taken, and checks what arrives.
class Way {
 public:
  virtual ~Way() = default;
  virtual std::string name() const = 0;
  virtual void Deliver(const Taken& taken) = 0;

 protected:
  static ports::DeliveryRequest Request(const Taken& taken) {
    ports::DeliveryRequest request;
    request.reverse_path = "s@a.example";
    request.forward_paths = {"r@own.example"};
    request.body_8bit = true;
    request.trace_field = kTrace;
    request.content = tests::Content(taken.content);
    return request;
  }

  boost::asio::thread_pool pool_{1};
};

class WireWay final : public Way {
 public:
  WireWay(bool lmtp, bool chunking) : lmtp_(lmtp), chunking_(chunking), peer_({Script()}) {
    delivery::SmtpDeliveryOptions options;
    options.endpoint.host = "127.0.0.1";
    options.endpoint.port = peer_.port();
    options.client.helo_name = "penstock.example";
    options.client.lmtp = lmtp;
    delivery_ = std::make_unique<delivery::SmtpDelivery>(pool_.get_executor(), options);
  }

  ~WireWay() override {
    delivery_.reset();
    pool_.join();
  }

  std::string name() const override {
    return Cat(lmtp_ ? "LMTP" : "SMTP", chunking_ ? " with BINARYMIME" : " with DATA alone");
  }

  void Deliver(const Taken& taken) override {
    const auto replies = tests::Await(pool_.get_executor(), delivery_->Deliver(Request(taken)));
    std::vector<std::string> contents;
    for (const auto& session : peer_.Sessions())
      contents.insert(contents.end(), session.contents.begin(), session.contents.end());
    const bool needs_binary = HasBareLineEnd(taken.content);
    if (needs_binary && !chunking_) {
      CHECK(replies.at(0).ToString().starts_with("554 5.6.3 "));
      CHECK(contents.size() == seen_);
      return;
    }
    CHECK(replies.at(0).code == 250);
    REQUIRE(contents.size() == ++seen_);
    const std::string sent = Cat(kTrace, taken.content);
    if (needs_binary) {
      CHECK(contents.back() == sent);  // as many octets as BDAT said, whatever they are
      return;
    }
    CHECK(tests::Unstuffed(contents.back()) == sent);
    CheckOneEnd(contents.back());
  }

 private:
  tests::SmtpPeerScript Script() const {
    tests::SmtpPeerScript script;
    script.lmtp = lmtp_;
    if (chunking_) {
      script.replies[lmtp_ ? "LHLO" : "EHLO"] = {
          "250-peer\r\n250-8BITMIME\r\n250-CHUNKING\r\n250 BINARYMIME"};
    }
    return script;
  }

  // By every idea of a line end that a server may have, the first line of a dot alone is the last.
  static void CheckOneEnd(const std::string& wire) {
    for (const bool lf : {false, true}) {
      for (const bool cr : {false, true}) {
        std::string lines;
        for (std::size_t i = 0; i < wire.size(); ++i) {
          const bool crlf = wire.compare(i, 2, "\r\n") == 0;
          if (crlf) ++i;
          const bool end = crlf || (lf && wire[i] == '\n') || (cr && wire[i] == '\r');
          lines += end ? '\n' : wire[i] == '\n' ? ' ' : wire[i];
        }
        CHECK(lines.find("\n.\n") == lines.size() - 3);
      }
    }
  }

  bool lmtp_;
  bool chunking_;
  tests::SmtpPeer peer_;
  std::unique_ptr<delivery::SmtpDelivery> delivery_;
  std::size_t seen_ = 0;
};

class SameRandom final : public ports::Random {
 public:
  RandomBytes Bytes() override { return {}; }

  double Chance() override { return 0; }
};

class MaildirWay final : public Way {
 public:
  MaildirWay() {
    delivery::MaildirDeliveryOptions options;
    options.path = *delivery::MaildirPath::Parse(folder_.path() + "/{local_part}");
    options.host_name = "mx.example";
    delivery_ = std::make_unique<delivery::MaildirDelivery>(std::move(options), clock_, random_);
  }

  std::string name() const override { return "Maildir"; }

  void Deliver(const Taken& taken) override {
    const auto replies = tests::Await(pool_.get_executor(), delivery_->Deliver(Request(taken)));
    REQUIRE(replies.at(0).code == 250);
    const fs::path box = fs::path(folder_.path()) / "r/new";
    REQUIRE(std::distance(fs::directory_iterator(box), fs::directory_iterator()) == 1);
    const fs::path file = fs::directory_iterator(box)->path();
    std::ifstream in(file, std::ios::binary);
    const std::string octets((std::istreambuf_iterator<char>(in)),
                             std::istreambuf_iterator<char>());
    CHECK(octets == Cat(kTrace, taken.content));
    fs::remove(file);
  }

 private:
  tests::TemporaryFolder folder_;
  tests::StoppedClock clock_;
  SameRandom random_;
  std::unique_ptr<delivery::MaildirDelivery> delivery_;
};

}  // namespace

TEST_CASE("Smuggling: every variant, through every front door, out by every way",
          "[ingress][smuggling]") {
  using How = WireDoor::How;
  std::vector<std::unique_ptr<Door>> doors;
  for (const bool lmtp : {false, true}) {
    for (const How how : {How::kData, How::kBdat, How::kBinary})
      doors.push_back(std::make_unique<WireDoor>(lmtp, how));
  }
  doors.push_back(std::make_unique<MilterDoor>());
  std::vector<std::unique_ptr<Way>> ways;
  for (const bool lmtp : {false, true}) {
    for (const bool chunking : {false, true})
      ways.push_back(std::make_unique<WireWay>(lmtp, chunking));
  }
  ways.push_back(std::make_unique<MaildirWay>());

  const auto vectors = tests::LoadVectors("ingress/smuggling.json");
  CHECK(vectors.size() >= 32);
  std::vector<std::size_t> taken_by(doors.size());
  for (const tests::Vector& v : vectors) {
    for (std::size_t i = 0; i < doors.size(); ++i) {
      CAPTURE(v.name, doors[i]->name());
      const std::vector<Taken> taken = doors[i]->Send(v);
      taken_by[i] += taken.size();
      for (const Taken& one : taken) {
        for (const auto& way : ways) {
          CAPTURE(way->name());
          way->Deliver(one);
        }
      }
    }
  }
  // No door that refuses everything, and the one for any octets refuses nothing.
  for (std::size_t i = 0; i < doors.size(); ++i) {
    CAPTURE(doors[i]->name());
    CHECK(taken_by[i] >= 20);
    if (doors[i]->name().ends_with("BINARYMIME")) CHECK(taken_by[i] == vectors.size());
  }
}
