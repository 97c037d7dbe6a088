// SPDX-License-Identifier: Apache-2.0
// What a store is given in the crash tests: by seed, steps of the lives of messages, events and
// resources; each can be done to any store. A store that did the same steps shows the same picture.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "engine/ports/store.h"

namespace penstock::tests {

struct Step {
  enum class Kind {
    kAccept,        // one or two messages that share a content, with async events
    kDecide,        // outcome and delivery; sometimes with content of a hook's making
    kWait,          // for the next attempt
    kDeliver,       // to its next hop: taken, or deferred
    kBounce,        // closed, with a message to the sender
    kClose,         // dropped
    kPut,           // content of an ASYNC hook's making, for its own reading
    kAddHistory,    // outside of a commit
    kEndEvent,      // an async event is done
    kRetryEvent,    // or tried again later
    kGiveUpEvent,   // or a dead letter
    kRedriveEvent,  // or taken back from there
    kPutResource,
    kRemoveResource,
    kPurge,
    kRelease,  // of what is retained, some
    kReopen,   // the store is closed and opened
  };

  Kind kind = Kind::kAccept;
  std::uint64_t number = 0;   // of the step; contents and times follow from it
  std::uint64_t message = 0;  // which message: that of the step with this number
  bool in_flight_with_next = false;
};

std::string_view Name(Step::Kind kind);

// Steps for `seed`. `grouped`: some are in flight at the same time.
std::vector<Step> MakeScript(std::uint64_t seed, std::size_t steps, bool grouped);

// Dead letters that a store has, by message: the port names them to nobody else.
using DeadLetters = std::map<std::string, std::int64_t>;

// What the step commits, made of what the store has. Not for kReopen, kPurge, kRelease and
// kAddHistory.
//   Errors: those of reading; kNotFound for a step that has lost its object.
async::Task<ports::Transaction> Prepare(ports::Store* store, Step step, DeadLetters* dead);

// Does a step that Prepare is not for.
async::Task<void> Perform(ports::Store* store, Step step);

// Everything that the port shows, line by line, names of contents and of events left out.
async::asio::awaitable<std::string> Picture(ports::Store* store);

// The first line in which they differ, for a person.
std::string Difference(std::string_view want, std::string_view found);

}  // namespace penstock::tests
