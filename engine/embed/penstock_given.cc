// SPDX-License-Identifier: Apache-2.0
#include "engine/embed/penstock_given.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/strings.h"

namespace penstock::embed {
namespace {

using std::chrono::milliseconds;

static_assert(static_cast<int>(Direction::kAuto) == PENSTOCK_AUTO);
static_assert(static_cast<int>(StartTls::kVerify) == PENSTOCK_TLS_VERIFY);

Error Wrong(std::string_view what, std::string_view why) {
  return {ErrorCode::kInvalidArgument, Cat(what, ": ", why)};
}

// `given`, with what a smaller one has not got from `defaults`.
template <class Struct>
Result<Struct> Whole(const char* what, const Struct* given, const Struct& defaults) {
  Result<Struct> result{{}, defaults};
  if (given == nullptr || given->size < sizeof(given->size)) {
    result.error =
        Wrong(what, given == nullptr ? "null" : "its size is not set; begin with its initializer");
  } else if (given->size > sizeof(Struct)) {
    result.error = Wrong(what, "of a later version than the library; build both from one");
  } else {
    std::memcpy(&result.value, given, given->size);
  }
  return result;
}

// A value that engine.h has not got stays one, and is refused there. C may give any, and to read it
// as an enumerator would be undefined.
template <class To, class From>
To ToEnum(const From& given) {
  constexpr unsigned kNone = std::numeric_limits<std::uint8_t>::max();
  unsigned value = 0;
  static_assert(sizeof(value) == sizeof(given));
  std::memcpy(&value, &given, sizeof(value));
  return static_cast<To>(std::min(value, kNone));
}

// What is too long for any setting stays so, and is refused.
milliseconds ToMillis(std::uint64_t given) {
  constexpr auto kMost = static_cast<std::uint64_t>(milliseconds::max().count());
  return milliseconds(std::min(given, kMost));
}

// A content that a C function reads.
class ReadContent final : public Content {
 public:
  explicit ReadContent(const penstock_mail& mail)
      : octets_(mail.content_octets),
        read_(mail.read),
        data_(mail.read_data),
        release_(mail.release) {}

  ReadContent(const ReadContent&) = delete;
  ReadContent& operator=(const ReadContent&) = delete;

  ~ReadContent() override {
    if (release_ != nullptr) release_(data_);
  }

  [[nodiscard]] std::uint64_t octets() const override { return octets_; }

  std::int64_t Read(std::uint64_t offset, char* buffer, std::size_t size) const override {
    return read_ == nullptr ? -1 : read_(data_, offset, buffer, size);
  }

 private:
  const std::uint64_t octets_;
  const penstock_read read_;
  void* const data_;
  void (*const release_)(void*);
};

Result<std::shared_ptr<const Content>> ToContent(const penstock_mail& mail) {
  Result<std::shared_ptr<const Content>> result;
  // Released also where it is not read.
  const auto read = std::make_shared<const ReadContent>(mail);
  if (mail.content != nullptr) {
    if (mail.content_octets > limits::kGivenContentOctetsMax) {
      result.error = Wrong("content", "too large to be copied; give a file or a function");
      return result;
    }
    result.value =
        Content::FromText(std::string(static_cast<const char*>(mail.content), mail.content_octets));
  } else if (mail.content_file != nullptr) {
    return Content::FromFile(mail.content_file);
  } else if (mail.read != nullptr) {
    result.value = read;
  }
  return result;
}

Result<NextHop> ToNextHop(const penstock_next_hop* handed, const ToDeliver& to_deliver) {
  static constexpr penstock_next_hop kDefaults = PENSTOCK_NEXT_HOP;
  Result<NextHop> result;
  const auto whole = Whole("penstock_next_hop", handed, kDefaults);
  result.error = whole.error;
  if (!whole.ok()) return result;
  const penstock_next_hop& given = whole.value;
  result.value.name = TextOf(given.name);
  if (given.maildir != nullptr) {
    result.value.means =
        MaildirNextHop{.path = given.maildir, .return_path = given.return_path != 0};
    return result;
  }
  if (given.deliver != nullptr) {
    result.value.means = to_deliver(given.deliver, given.deliver_data);
    return result;
  }
  if (given.fallbacks == nullptr && given.fallback_count > 0) {
    result.error = Wrong("penstock_next_hop", "fallbacks: null");
    return result;
  }
  SmtpNextHop smtp = {.lmtp = given.lmtp != 0,
                      .unix_path = TextOf(given.unix_path),
                      .host = TextOf(given.smtp_host),
                      .port = given.smtp_port,
                      .starttls = ToEnum<StartTls>(given.starttls),
                      .ca_file = TextOf(given.ca_file),
                      .server_name = TextOf(given.server_name),
                      .certificate_file = TextOf(given.certificate_file),
                      .key_file = TextOf(given.key_file),
                      .fallbacks = {},
                      .user = TextOf(given.user),
                      .password_file = TextOf(given.password_file)};
  for (std::size_t i = 0; i < given.fallback_count; ++i)
    smtp.fallbacks.push_back(TextOf(given.fallbacks[i]));
  result.value.means = std::move(smtp);
  return result;
}

decltype(EngineOptions::log) ToLog(penstock_log log, void* data) {
  if (log == nullptr) return {};
  return [log, data](int severity, std::string_view event, const EngineOptions::LogFields& fields) {
    std::string line(event);
    for (const auto& [name, value] : fields) {
      if (!value.empty()) Append(line, " ", name, "=", Printable(value, limits::kLogLineOctetsMax));
    }
    log(data, severity, line.c_str());
  };
}

}  // namespace

std::string TextOf(const char* text) {
  return text == nullptr ? std::string() : std::string(text);
}

Result<Mail> GivenMail(const penstock_mail* handed) {
  static constexpr penstock_mail kDefaults = PENSTOCK_MAIL;
  Result<Mail> result;
  const auto whole = Whole("penstock_mail", handed, kDefaults);
  result.error = whole.error;
  if (!whole.ok()) return result;
  const penstock_mail& given = whole.value;
  auto content = ToContent(given);  // first, for its release
  result.error = std::move(content.error);
  if (given.forward_paths == nullptr && given.forward_path_count > 0)
    result.error = Wrong("forward_paths", "null");
  if (!result.ok()) return result;
  result.value = {.direction = ToEnum<Direction>(given.direction),
                  .organization = TextOf(given.organization),
                  .client = {.address = TextOf(given.client_address),
                             .helo = TextOf(given.client_helo),
                             .with = TextOf(given.client_with),
                             .login = TextOf(given.client_login),
                             .trusted = given.client_trusted != 0},
                  .reverse_path = TextOf(given.reverse_path),
                  .forward_paths = {},
                  .smtputf8 = given.smtputf8 != 0,
                  .body_8bit = given.body_8bit != 0,
                  .mail_parameters = TextOf(given.mail_parameters),
                  .rcpt_parameters = {},
                  .content = std::move(content.value)};
  for (std::size_t i = 0; i < given.forward_path_count; ++i) {
    result.value.forward_paths.push_back(TextOf(given.forward_paths[i]));
    if (given.rcpt_parameters != nullptr)
      result.value.rcpt_parameters.push_back(TextOf(given.rcpt_parameters[i]));
  }
  return result;
}

Result<DecideOptions> GivenOptions(const penstock_decide_options* handed) {
  static constexpr penstock_decide_options kDefaults = PENSTOCK_DECIDE_OPTIONS;
  static_assert(milliseconds(kDefaults.patience) == DecideOptions{}.patience);
  Result<DecideOptions> result;
  if (handed == nullptr) return result;
  const auto whole = Whole("penstock_decide_options", handed, kDefaults);
  result.error = whole.error;
  result.value = {.patience = ToMillis(whole.value.patience),
                  .only_plan = whole.value.only_plan != 0};
  return result;
}

Result<EngineOptions> GivenEngineOptions(const penstock_options* handed,
                                         const ToDeliver& to_deliver) {
  static constexpr penstock_options kDefaults = PENSTOCK_OPTIONS;
  Result<EngineOptions> result;
  const auto whole = Whole("penstock_options", handed, kDefaults);
  result.error = whole.error;
  if (!whole.ok()) return result;
  const penstock_options& given = whole.value;
  if ((given.token_key == nullptr && given.token_key_octets > 0) ||
      given.token_key_octets > limits::kGivenContentOctetsMax) {
    result.error = Wrong("token_key", "null, or too long");
    return result;
  }
  if (given.next_hops == nullptr && given.next_hop_count > 0) {
    result.error = Wrong("next_hops", "null");
    return result;
  }
  result.value = {.data_folder = TextOf(given.data_folder),
                  .hostname = TextOf(given.hostname),
                  .manifest = TextOf(given.manifest),
                  .next_hops = {},
                  .routes = {.inbound = TextOf(given.route_inbound),
                             .outbound = TextOf(given.route_outbound),
                             .bounces = TextOf(given.route_bounces),
                             .junk = TextOf(given.route_junk),
                             .bypass_spam_check = TextOf(given.route_bypass_spam_check)},
                  .threads = given.threads,
                  .content_listen = TextOf(given.content_listen),
                  .content_target = TextOf(given.content_target),
                  .delivery_expiry = ToMillis(given.delivery_expiry),
                  .strict = given.strict != 0,
                  .message_octets_max = given.message_octets_max,
                  .token_key = {},
                  .log = ToLog(given.log, given.log_data)};
  if (given.token_key_octets > 0)
    result.value.token_key.assign(static_cast<const char*>(given.token_key),
                                  given.token_key_octets);
  for (std::size_t i = 0; i < given.next_hop_count; ++i) {
    auto next_hop = ToNextHop(given.next_hops[i], to_deliver);
    result.error = std::move(next_hop.error);
    if (!result.ok()) break;
    result.value.next_hops.push_back(std::move(next_hop.value));
  }
  return result;
}

}  // namespace penstock::embed
