// SPDX-License-Identifier: Apache-2.0
// A reply that a front door holds while its message is decided (A7), and what it can say then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/time.h"
#include "engine/flow/message_state.h"
#include "engine/mail/smtp_reply.h"

namespace penstock::runtime {

// How much a front door can say of a message's outcomes.
enum class HeldSays : std::uint8_t {
  kOneReply,   // SMTP: one for all recipients
  kEachReply,  // LMTP: one for each
  kMilter,     // a milter: what its MTA shall do itself
};

class HoldEnd;

struct Hold {
  Milliseconds time{
      0};  // from the end of the content; 0: what rules decide at once is all there is
  HeldSays says = HeldSays::kOneReply;
  std::shared_ptr<HoldEnd> end{};  // when it is raised the hold is over; null: nothing raises it
};

// The part of a message that stays with a milter's MTA. Everything else is with us: in our queue,
// dropped, or bounced.
struct MtaShare {
  std::vector<std::size_t> removed;  // places in the envelope's forward_paths: not for the MTA
  std::vector<std::string> added;    // by hooks (H9), for the MTA to deliver
  flow::Marking marking = flow::Marking::kNone;
};

struct HeldReply {
  // Not positive: the message was not accepted, or, 550 5.7.1, refused for all of its recipients by
  // BOUNCE, so that no DSN of ours leaves.
  mail::SmtpReply reply;
  // kEachReply, where `reply` is positive: for each of the envelope's forward_paths.
  std::vector<mail::SmtpReply> each;
  MtaShare mta;  // kMilter, where `reply` is positive
};

}  // namespace penstock::runtime
