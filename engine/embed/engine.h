// SPDX-License-Identifier: Apache-2.0
// The engine within a mail server: flow rules and hooks decide what becomes of its mail, recipient
// by recipient. C programs take penstock.h, which is the same.
//
//   Two ways to use it, which may be mixed:
//     Decide   the caller keeps the message in its own queue; it is told the outcomes, or "try
//              again at T with this token" (Resume). Nothing is delivered.
//     Accept   the engine stores the message, asks, asks again, and delivers: by SMTP, into
//              Maildirs, or by a function of the caller's. What it has taken it never loses (A5).
//
//   auto opened = penstock::Engine::Open(options);
//   penstock::Decision decision = opened.value->Decide(mail);
//   while (decision.error.ok() && !decision.final) {
//     … keep decision.token beside the message, until decision.retry_at …
//     decision = opened.value->Resume(token);
//   }
//
// THREADS. All functions are safe from any thread. The engine has threads of its own; callbacks,
// and Content::Read, run on one of these, several at a time, and hold up other mail for as long as
// they take: a callback hands on and returns. The blocking forms are refused there
// (kFailedPrecondition). Each is called once, and what it gets is its own, also when the engine has
// gone. Once the engine has been stopped, a callback runs before the call that it was given to
// returns. An empty one is not called.
// PROCESSES. Several engines may be open, each on its own folder. After fork() an engine is its
// parent's: in the child its calls are refused (kFailedPrecondition) and its end does nothing, but
// until the child ends, or calls exec, it holds the data folder. Fork first, or fork to exec.
// ERRORS are values. No exception leaves the engine; one that leaves a callback ends the process,
// as does memory that is not to be had.
// Letters in brackets (A5, H3) are clauses of the behaviour; ARCHITECTURE.md names the place of
// each.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace penstock {

enum class ErrorCode : std::uint8_t {
  kOk,
  kInvalidArgument,     // what was given is wrong, also later: an address, too large a message, a
                        // rule, a token that was changed
  kNotFound,            // there is no such file
  kFailedPrecondition,  // not as things are: a mail loop (A4), another process has the folder open
  kResourceExhausted,   // over a limit, or the disk is short: later
  kUnavailable,         // disk error, or the engine stops: later
  kDataLoss,            // stored data cannot be read
  kInternal,
};

// `what: why`, and how to mend it; no content of mail.
struct Error {
  ErrorCode code = ErrorCode::kOk;
  std::string text;

  [[nodiscard]] bool ok() const { return code == ErrorCode::kOk; }
};

template <class T>
struct Result {
  Error error;
  T value{};  // of use if error.ok()

  [[nodiscard]] bool ok() const { return error.ok(); }
};

// The octets of a message, RFC 5322 with CRLF line ends. Threads: const, safe from any.
class Content {
 public:
  virtual ~Content() = default;
  [[nodiscard]] virtual std::uint64_t octets() const = 0;
  // Reads up to `size` octets from `offset` on; returns how many, 0 at the end, -1 if it cannot.
  virtual std::int64_t Read(std::uint64_t offset, char* buffer, std::size_t size) const = 0;

  static std::shared_ptr<const Content> FromText(std::string octets);
  // The file as it is now; it must not change while it is in use.
  static Result<std::shared_ptr<const Content>> FromFile(const std::string& path);

  // All of it. Errors: kDataLoss.
  [[nodiscard]] Result<std::string> ReadAll() const;
};

// Which rules a message meets (O3).
enum class Direction : std::uint8_t {
  kInbound,   // those of the organizations that own its recipients
  kOutbound,  // those of the organization that owns its sender's domain, else of Mail::organization
  kAuto,      // outbound if the client is trusted or logged in and the sender is ours, else inbound
};

// Who handed the message to the caller. For the Received field and kAuto; all may be empty.
struct Client {
  std::string address;   // "192.0.2.1"
  std::string helo;      // what it called itself
  std::string with;      // "ESMTP" (RFC 3848)
  std::string login;     // what it authenticated as (SMTP AUTH), checked by the caller
  bool trusted = false;  // whether it is one of ours, by address or certificate
};

struct Mail {
  Direction direction = Direction::kInbound;
  std::string organization = "default";  // see Direction; outbound it has to be there
  Client client;
  std::string reverse_path;                // without angle brackets; empty: the null path
  std::vector<std::string> forward_paths;  // without angle brackets; at least one
  bool smtputf8 = false;                   // RFC 6531; without it addresses are ASCII
  bool body_8bit = false;                  // RFC 6152
  // What the sender asked for by DSN (RFC 3461), as the client gave it: of MAIL, "RET=HDRS
  // ENVID=QQ314159"; of each RCPT, "NOTIFY=NEVER ORCPT=rfc822;a@example.com", by the place in
  // `forward_paths`, those behind the end have asked for nothing. Accept heeds them; of Decide they
  // change Outcome::tell_sender alone.
  std::string mail_parameters;
  std::vector<std::string> rcpt_parameters;
  std::shared_ptr<const Content> content;
};

enum class Action : std::uint8_t {
  kDrop,             // not to be delivered, nobody is told
  kBounce,           // not to be delivered, the sender is told
  kMoveToJunk,       // into the junk folder
  kRouteToGateway,   // by the gateway that Outcome::gateway names
  kDefault,          // as if there were no rules
  kBypassSpamCheck,  // past the spam filter
};

// "DROP" and the like.
std::string_view Name(Action action);

// What a hook put in the place of the message as received (M2).
struct ReplacedContent {
  std::shared_ptr<const Content> content;
  bool smtputf8 = false;   // it needs SMTPUTF8 (RFC 6531)
  bool body_8bit = false;  // it has octets over 127
};

inline constexpr std::size_t kUnchanged = static_cast<std::size_t>(-1);

// One recipient's fate.
struct Outcome {
  // As given, or as a hook named it. Of one that was given twice, whatever the case of its letters,
  // the first (E3); "postmaster" has the domain that it stands for.
  std::string recipient;
  bool added = false;    // by a hook, to be delivered as BCC (H9)
  bool decided = false;  // false: wait for it; what follows is empty then
  Action action = Action::kDefault;
  // kBounce: text for the sender, UTF-8, without control characters but line ends (\n), at most
  // 1,024 characters (A3); may be empty.
  std::string bounce_message;
  // kBounce: whether a report may be sent (A3, RFC 3461 §4.1); a reply always may.
  bool tell_sender = false;
  std::string gateway;               // kRouteToGateway
  std::size_t content = kUnchanged;  // of Decision::contents; kUnchanged: as received
  std::string rule;                  // the rule that won (R6); empty: none
  std::string why;                   // by what it won
  std::string decided_by;   // "rule", "named" and the like, the words of `penstock message show`
  std::size_t message = 0;  // of Decision::messages
};

// Mail for several organizations is several messages (O1).
struct DecidedMessage {
  std::string id;  // what hooks know it by (E6)
  std::string organization;
  std::string trace_field;  // our Received field with its CRLF, to go above what is sent (A4)
};

// How far a message is. All outcomes so far are told each time.
struct Decision {
  Error error;                    // not ok: nothing else is of use
  bool final = false;             // every outcome is decided; else try again
  std::vector<Outcome> outcomes;  // by message, in the order of recipients, then those added
  std::vector<ReplacedContent> contents;
  std::vector<DecidedMessage> messages;
  std::chrono::system_clock::time_point retry_at;  // not final: when Resume has something to do
  std::string token;  // not final: for Resume; any octets, at most 16 MiB
  // What happened in this call, a line each: "TIME KIND message=ID recipients=… rule=… hook=…
  // action=… attempt=… code=… detail=…", without what is empty. All calls of a message together are
  // its record (A6), which is the caller's to keep: the engine has none of what it does not
  // deliver.
  std::vector<std::string> history;
};

struct DecideOptions {
  // How long hooks are asked again before the caller is told to come back. Calls that run then are
  // awaited, at most 15 s more (H2). 0: one attempt of each hook that is due. At most 5 h.
  std::chrono::milliseconds patience = std::chrono::seconds(20);
  // Calls no hook: the token comes at once. Who has it on disk before hooks are called calls them
  // under the same invocation ids after a crash (E6).
  bool only_plan = false;
};

// RFC 5321 §4.2.
struct Reply {
  int code = 0;        // 250
  std::string status;  // "2.0.0" (RFC 2034); may be empty
  std::string text;
};

enum class Marking : std::uint8_t { kNone, kJunk, kBypassSpamCheck };

// One transaction for a next hop of the caller's.
struct Delivery {
  std::string next_hop;
  std::string message_id;
  std::string reverse_path;
  std::vector<std::string> forward_paths;
  bool smtputf8 = false;
  bool body_8bit = false;
  std::string mail_parameters;               // of DSN, as Mail has them: to go on (RFC 3461 §5.2)
  std::vector<std::string> rcpt_parameters;  // one for each forward-path, which may be empty
  Marking marking = Marking::kNone;          // not applied to the content: the caller's to do (A1)
  std::string trace_field;                   // goes above the content
  std::shared_ptr<const Content> content;
};

// To be called once, from any thread, with one reply for each forward-path: 2xx taken, 4xx try
// again later, 5xx refused for good. After 10 min it is too late: tried again.
using DeliveryDone = std::function<void(std::vector<Reply>)>;
using Deliver = std::function<void(Delivery, DeliveryDone)>;

enum class StartTls : std::uint8_t { kNone, kMay, kEncrypt, kVerify };  // as config.proto says

struct SmtpNextHop {
  bool lmtp = false;      // RFC 2033 instead of RFC 5321
  std::string unix_path;  // absolute; instead of host and port
  std::string host;
  std::uint16_t port = 25;
  StartTls starttls = StartTls::kMay;
  std::string ca_file;           // kVerify; empty: the system's
  std::string server_name;       // that the certificate must carry; empty: `host`
  std::string certificate_file;  // ours, with `key_file`; empty: none
  std::string key_file;
  // "host:port", "unix:/path", at most 16: taken instead, in this order, while those before cannot
  // be reached or refuse the session.
  std::vector<std::string> fallbacks;
  std::string user;           // our login there (RFC 4954), within TLS or loopback; empty: none
  std::string password_file;  // its first line; nobody else may read it
};

struct MaildirNextHop {
  std::string path;  // absolute; {domain} and {local_part} stand for those of the recipient
  bool return_path = false;
};

struct NextHop {
  std::string name;
  std::variant<SmtpNextHop, MaildirNextHop, Deliver> means;
};

// Names of next hops, for Accept.
struct Routes {
  std::string inbound;            // DEFAULT of inbound mail; none: only Decide is of use
  std::string outbound;           // empty: `inbound`
  std::string bounces;            // our reports; empty: `outbound`, else `inbound`
  std::string junk;               // empty: `inbound`, marked
  std::string bypass_spam_check;  // empty: `inbound`, marked
};

struct EngineOptions {
  std::string data_folder;  // REQUIRED; made with mode 0700; one engine at a time
  std::string hostname;     // in Received fields and reports; empty: the name of the machine
  std::string manifest;     // if not empty: for Apply, before any mail
  std::vector<NextHop> next_hops;
  Routes routes;
  std::size_t threads = 0;  // 0: one for each processor; at most 1,024
  // Where hooks read and replace content (M): "host:port", "unix:/path"; empty: nowhere. Plain
  // text, so loopback and unix sockets alone (P3).
  std::string content_listen = "127.0.0.1:0";
  std::string content_target;  // what hooks are told; empty: where it listens
  std::chrono::milliseconds delivery_expiry = std::chrono::hours(120);  // A8; at most a year
  bool strict = false;                                                  // H10
  std::uint64_t message_octets_max = 40U
                                     << 20U;  // of a content that is given, or put by a hook, M5
  // Signs tokens; at least 32 octets. Empty: a key of this data folder's own. Engines that share
  // it take each other's tokens, but have not each other's content: elsewhere than where a message
  // began hooks cannot read it (NOT_FOUND), and what one has put is kDataLoss.
  std::string token_key;
  // Gets each line of the log: event, then fields by name. The log is one for the process: it goes
  // to one open engine that has this, the first, until that one has stopped. `severity`: 0 debug, 1
  // info, 2 warning, 3 error.
  using LogFields = std::vector<std::pair<std::string_view, std::string_view>>;
  std::function<void(int severity, std::string_view event, const LogFields& fields)> log;
};

// What became of a message that was given away.
struct Accepted {
  Error error;  // not ok: it was not taken, and `reply` is empty
  // What to tell the client. 250: it is on disk, and the engine's. 4xx: not taken, give it again
  // later. 5xx: refused for good: for all recipients by BOUNCE (A7), or a mail loop (A4).
  Reply reply;
};

class Engine {
 public:
  // Opens the data folder, takes up what an earlier run left, listens for content calls.
  //   Errors: kInvalidArgument, kFailedPrecondition, kUnavailable, kDataLoss.
  static Result<std::unique_ptr<Engine>> Open(EngineOptions options) noexcept;

  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  // Stop, if it was not called. Where that fails, what runs is left to run until the process ends.
  ~Engine();

  // Replaces organizations, hooks and rules by those of a manifest (manifest.proto), YAML, at once
  // and atomically (R14). Messages keep the rules that they began with.
  //   Errors: kInvalidArgument, one line a fault: "manifest:12:13: rules[3].name: …".
  Error Apply(std::string_view manifest, std::string_view who) noexcept;

  // Asks what becomes of `mail`. Events for ASYNC hooks are on disk before it returns (H12).
  //   Errors: kInvalidArgument (an address, no recipient, no content or too large a one),
  //   kResourceExhausted (too many recipients (H11): give the rest as another mail; too much at a
  //   time, disk), kFailedPrecondition (a mail loop), kUnavailable, kDataLoss (content that cannot
  //   be read).
  void Decide(Mail mail, DecideOptions options, std::function<void(Decision)> done) noexcept;
  Decision Decide(Mail mail, DecideOptions options = {}) noexcept;

  // Goes on with a message. Early is no fault, late neither: past the rule timeout the fallback is
  // applied (H3). Attempts count on, under the same invocation id. An older token of a message
  // repeats what came after it, also after the end. Decision::messages says whose it was.
  //   Errors: kInvalidArgument (not a token of ours, or changed), kFailedPrecondition (of another
  //   version), kDataLoss (content that a hook put is gone: it is kept for 24 h), and those above.
  //   The token is good for another try after kResourceExhausted and kUnavailable.
  void Resume(std::string token, DecideOptions options,
              std::function<void(Decision)> done) noexcept;
  Decision Resume(std::string token, DecideOptions options = {}) noexcept;

  // Gives `mail` away. `hold`: how long hooks are asked before the reply is given, so that a BOUNCE
  // of all recipients can be said in it instead of in a report (A7); not for hooks that may read
  // content. At most 240 s.
  //   Errors: as Decide's, and kFailedPrecondition where Routes names no next hop for it.
  void Accept(Mail mail, std::chrono::milliseconds hold,
              std::function<void(Accepted)> done) noexcept;
  Accepted Accept(Mail mail, std::chrono::milliseconds hold = {}) noexcept;

  // Starts nothing any more. Decisions that run are cut off and told to try again, replies that are
  // held are given: nothing is lost by that. Waits at most `limit`; false: something still runs,
  // such as a delivery. One at a time: a second call waits for the first. From a callback: false at
  // once.
  bool Stop(std::chrono::milliseconds limit) noexcept;

 private:
  struct Parts;
  explicit Engine(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace penstock
