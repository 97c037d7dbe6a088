// SPDX-License-Identifier: Apache-2.0
// The simulator's own books: what clients were told, what is durable, what hooks and next hops saw.
// Every entry is held against the clauses as it is made; the first that breaks one ends the
// simulation. It knows the engine's ports and values, of its runtime the words of a content call
// alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/flow/directory.h"
#include "engine/flow/message_state.h"
#include "engine/ports/delivery.h"
#include "engine/ports/hook_caller.h"
#include "engine/ports/store.h"
#include "engine/runtime/content_desk.h"
#include "tests/sim/sim_store.h"
#include "tests/sim/trace.h"
#include "tests/sim/world.h"

namespace penstock::sim {

// One transaction of a client.
struct Submission {
  std::string msg_id;  // in its header; no other has it
  std::string reverse_path;
  std::vector<std::string> recipients;
  std::string content;
};

class Ledger {
 public:
  // All outlive it.
  Ledger(const World& world, const SimClock& clock, const Scheduler& scheduler, Trace& trace);

  // ---- clients
  void OnSubmitted(const Submission& submission);
  void OnReplied(const std::string& msg_id, const mail::SmtpReply& reply);

  // ---- the operator
  // Returns a message that is open, drawn by `dice`.
  std::optional<MessageId> OnIntervention(Dice& dice, bool cancel);

  // ---- the disk
  void OnDurable(const Durable& durable);

  // ---- hooks. `directory`: the one in force. Returns a number for OnCallEnded.
  std::size_t OnCall(const ports::HookCall& call, const flow::Directory& directory);
  void OnCallEnded(std::size_t number, const StatusOr<flow::Answer>& answer);

  // ---- content calls of hooks
  // What put number `number` brings: fit to replace what was received, and like no other.
  [[nodiscard]] std::string MakePut(const runtime::ContentClaim& claim, std::size_t number) const;
  void OnGet(const runtime::ContentClaim& claim, const ports::ContentReader& seen);
  void OnPut(const runtime::ContentClaim& claim, const std::string& octets, const Status& status);

  // ---- next hops
  std::size_t OnDelivery(const ports::DeliveryRequest& request);
  // `told`: the replies as the engine gets them.
  void OnDeliveryEnded(std::size_t number, const std::vector<mail::SmtpReply>& told);

  // ---- the process
  void OnProcessBegins(bool disk_is_sound);
  void OnProcessEnds();

  // From now on the disk has faults at times: nothing is prompt any more.
  void OnDiskFault() { disk_is_sound_ = false; }

  // Nothing can run before time moves on. `waiting` and `active`: the schedule's figures.
  void OnQuiet(std::size_t waiting, std::size_t active);
  // Nothing is left to do.
  void OnEnd(const std::vector<ports::AsyncQueueCounts>& counts);

  [[nodiscard]] std::size_t open_messages() const { return open_messages_; }

 private:
  struct Handover {  // of one recipient
    bool running = false;
    bool taken = false;  // in this life of the process, and it was told so
    int last_code = 0;   // that it was told in this life
    std::size_t times = 0;
  };

  struct Message {
    flow::MessageState state;
    const Submission* submission = nullptr;  // null: a bounce
    std::map<flow::Index, Handover> handovers;
    SteadyClock::time_point durable_since;
    std::size_t process = 0;  // that accepted it
  };

  struct Invocation {
    std::string event_json;
    bool running = false;
    std::uint32_t last_attempt = 0;  // that was called in this life
    Time last_started;
    std::optional<flow::Answer> valid_answer;     // given in this life
    std::map<std::uint32_t, std::string> staged;  // by attempt, in this life
    std::optional<std::string> replaced;          // durable: by an accepted answer
  };

  struct Event {
    ports::AsyncEvent event;
    bool running = false;
    bool succeeded = false;
    bool done = false;
  };

  struct Call {
    InvocationId id;
    std::string hook;
    bool sync = false;
    std::int64_t event = 0;
    Time started;
    std::size_t process = 0;
  };

  struct Delivery {
    MessageId message;
    std::vector<flow::Index> recipients;
    std::size_t process = 0;
  };

  void Violate(const char* clause, std::string text);

  // ledger_durable.cc
  void TakeNew(const ports::MessageWrite& write, const Durable& durable);
  void TakeChange(Message& message, const ports::MessageWrite& write);
  void CheckIdentity(const flow::MessageState& before, const flow::MessageState& after);
  void CheckRecipients(const Message& message, const flow::MessageState& after);
  void CheckProgress(const Message& message, const flow::MessageState& after, flow::Index i);
  void CheckInvocation(const Message& message, const ports::MessageWrite& write, flow::Index i);
  void CheckFallback(const flow::InvocationState& before, const ports::MessageWrite& write,
                     flow::Index i);
  void CheckAnswer(const flow::MessageState& after, flow::Index i);
  void CheckAsyncQueued(const flow::MessageState& state, const Durable& durable);
  void CheckBounces(const std::map<MessageId, std::size_t>& failures, const Durable& durable);
  void TakeEvents(const Durable& durable);

  // ledger_content.cc
  void CheckReplaced(const flow::MessageState& after, flow::Index i);
  [[nodiscard]] const Invocation* Replaced(const Message& message, flow::Index recipient) const;
  void CheckContent(const Message& message, const ports::DeliveryRequest& request,
                    const std::vector<flow::Index>& recipients);

  // ledger_calls.cc
  void CheckSyncCall(const ports::HookCall& call);
  void CheckAsyncCall(const ports::HookCall& call, Call& entry);
  std::optional<flow::Index> PendingRecipient(const Message& message,
                                              const ports::DeliveryRequest& request,
                                              const std::string& forward_path) const;
  void CheckPrompt(const Message& message, flow::Index recipient);
  [[nodiscard]] std::optional<std::vector<std::string>> Judge(const flow::MessageState& state,
                                                              flow::Index invocation,
                                                              const flow::Answer& answer) const;

  const World& world_;
  const SimClock& clock_;
  const Scheduler& scheduler_;
  Trace& trace_;
  std::map<std::string, Submission> submissions_;  // by msg_id
  std::map<std::string, std::vector<MessageId>> messages_of_;
  std::map<MessageId, Message> messages_;
  std::map<InvocationId, Invocation> invocations_;
  std::map<std::int64_t, Event> events_;
  std::map<InvocationId, std::int64_t> event_of_;
  std::set<MessageId> cancelled_;                     // by the operator, or at least he tried
  std::map<std::string, std::size_t> running_calls_;  // by hook
  std::vector<Call> calls_;
  std::vector<Delivery> deliveries_;
  std::size_t open_messages_ = 0;
  std::size_t process_ = 0;  // which life of it; calls of an earlier one end unheard
  bool disk_is_sound_ = true;
};

}  // namespace penstock::sim
