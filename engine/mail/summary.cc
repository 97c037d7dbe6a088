// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/summary.h"

#include <iterator>
#include <string_view>

#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/mail/address_list.h"
#include "engine/mail/gmime_library.h"
#include "engine/mail/subject.h"

namespace penstock::mail {
namespace {

// Gathers the mailboxes of several fields of one name. Together they have the limit of one: so many
// fields cost no more than one does.
class Originators {
 public:
  explicit Originators(std::vector<Mailbox>& mailboxes) : mailboxes_(mailboxes) {}

  void Add(const HeaderField& field) {
    if (field.body.size() > octets_left_) return;
    octets_left_ -= field.body.size();
    std::vector<Mailbox> found = ParseAddressList(field.body);
    mailboxes_.insert(mailboxes_.end(), std::make_move_iterator(found.begin()),
                      std::make_move_iterator(found.end()));
  }

 private:
  std::vector<Mailbox>& mailboxes_;
  std::size_t octets_left_ = limits::kAddressFieldOctetsMax;
};

// Returns `body` without comments (RFC 5322 §3.2.2) and without white space at its ends.
std::string WithoutComments(std::string_view body) {
  std::string text;
  std::size_t depth = 0;
  for (std::size_t i = 0; i < body.size(); ++i) {
    if (body[i] == '(') {
      ++depth;
    } else if (body[i] == ')' && depth > 0) {
      --depth;
    } else if (depth > 0 && body[i] == '\\') {
      ++i;
    } else if (depth == 0) {
      text += body[i];
    }
  }
  return std::string(TrimAsciiSpace(text));
}

// RFC 3834 §5: a keyword, perhaps with parameters. A field without a keyword says nothing.
bool SaysAutoSubmitted(std::string_view body) {
  const std::string value = WithoutComments(body);
  const std::string_view keyword =
      TrimAsciiSpace(std::string_view(value).substr(0, value.find(';')));
  return !keyword.empty() && !EqualsIgnoreAsciiCase(keyword, "no");
}

// RFC 3464 §2: multipart/report; report-type=delivery-status. Reports of dispositions (RFC 8098) or
// abuse (RFC 5965) are something else; a report that does not say what it is may be a DSN.
bool SaysDsn(std::string_view body) {
  const std::string text = Unfold(body.substr(0, limits::kAddressFieldOctetsMax));
  if (!StartsWithIgnoreAsciiCase(WithoutComments(text), "multipart")) return false;
  const GmimeObject<GMimeContentType> type(g_mime_content_type_parse(GmimeOptions(), text.c_str()));
  if (!type || !g_mime_content_type_is_type(type.get(), "multipart", "report")) return false;
  const char* report = g_mime_content_type_get_parameter(type.get(), "report-type");
  return report == nullptr || EqualsIgnoreAsciiCase(report, "delivery-status");
}

}  // namespace

Summary Summarize(const HeaderSection& header) {
  Summary summary;
  Originators sender(summary.sender);
  Originators from(summary.from);
  bool has_msg_id = false;
  bool has_content_type = false;
  for (const HeaderField& field : header.fields()) {
    const auto is = [&](std::string_view name) { return EqualsIgnoreAsciiCase(field.name, name); };
    if (is("From")) {
      from.Add(field);
    } else if (is("Sender")) {
      sender.Add(field);
    } else if (is("Subject")) {
      if (!summary.subject) summary.subject = DecodeSubject(field.body);
    } else if (is("Message-ID")) {
      if (!has_msg_id) summary.msg_id = Printable(Unfold(field.body), limits::kMsgIdOctetsMax);
      has_msg_id = true;
    } else if (is("Received")) {
      ++summary.received_count;
    } else if (is("Auto-Submitted")) {
      summary.auto_submitted = summary.auto_submitted || SaysAutoSubmitted(field.body);
    } else if (is("Content-Type")) {
      if (!has_content_type) summary.is_dsn = SaysDsn(field.body);
      has_content_type = true;
    }
  }
  return summary;
}

}  // namespace penstock::mail
