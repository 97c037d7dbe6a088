// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/resolve.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/flow/address_index.h"
#include "engine/mail/mailbox.h"

namespace penstock::flow {
namespace {

using rules::Action;
using rules::FlowDirection;
using rules::Verdict;

constexpr std::uint32_t kNoEntry = std::numeric_limits<std::uint32_t>::max();
constexpr Action kAnswerActions[] = {Action::kDrop, Action::kBounce, Action::kMoveToJunk,
                                     Action::kDefault, Action::kBypassSpamCheck};

// An entry once it is known to be valid.
struct JudgedEntry {
  Action action;
  std::string_view bounce_message;  // kBounce only; absent and empty are one text
  bool counts;                      // among the unique actions of H8
};

// What is known of a name that is no recipient of the message.
enum class Standing : std::uint8_t {
  kUnknown,
  kMailbox,
  kNotAnAddress,  // H9: left out
  kForeign,       // H10: left out
};

// What the answer says of one address, so far.
struct Mention {
  std::uint32_t entry = kNoEntry;  // that decides it; of several, the most restrictive (H7)
  Standing standing = Standing::kUnknown;
  bool surplus = false;   // named beyond the tenth unique action (H8)
  bool conflict = false;  // warned about
  bool ignored = false;   // warned about
};

// A field of the answer, for a warning or an error.
struct Field {
  static constexpr std::uint32_t kEntry = std::numeric_limits<std::uint32_t>::max();
  static constexpr std::uint32_t kAllRecipients = kEntry - 1;
  std::uint32_t entry;
  std::uint32_t name = kEntry;  // index into its recipients, or one of the above

  [[nodiscard]] std::string Path() const {
    if (name == kEntry) return Cat("actions[", entry, "]");
    if (name == kAllRecipients) return Cat("actions[", entry, "].allRecipients");
    return Cat("actions[", entry, "].recipients[", name, "]");
  }
};

bool IsSameAction(const JudgedEntry& a, const JudgedEntry& b) {
  return a.action == b.action && a.bounce_message == b.bounce_message;
}

// H9: the other two do not deliver, so they cannot add.
bool Adds(Action action) {
  return action != Action::kDrop && action != Action::kBounce;
}

std::string ActionNames(FlowDirection direction) {
  std::string names;
  for (const Action action : kAnswerActions) {
    if (!rules::IsAnswerAction(action, direction)) continue;
    Append(names, names.empty() ? "" : ", ", rules::Name(action));
  }
  return names;
}

// H6, for what a type can be wrong in.
StatusOr<Action> JudgeType(const AnswerEntry& entry, Field field, FlowDirection direction) {
  const std::optional<Action> action = rules::ParseAction(entry.type);
  if (action && rules::IsAnswerAction(*action, direction)) return *action;
  if (entry.type.empty()) {
    return InvalidArgument(
        Cat(field.Path(), ".action.type: missing; one of ", ActionNames(direction)));
  }
  return InvalidArgument(Cat(field.Path(), ".action.type: \"", Printable(entry.type), "\" is no ",
                             direction == FlowDirection::kInbound ? "inbound" : "outbound",
                             " action (", ActionNames(direction), ")"));
}

// One resolution in the making.
class Resolver {
 public:
  Resolver(const ResolveInput& input, const Answer& answer)
      : input_(input), answer_(answer), index_(ExpectedAddresses(input, answer)) {}

  StatusOr<Resolution> Run();

 private:
  // A name to be added: where it stands first with an action that adds.
  struct Stranger {
    Field field;
    std::uint32_t number;
  };

  static std::size_t ExpectedAddresses(const ResolveInput& input, const Answer& answer);
  Status JudgeEntries();
  Status JudgeTarget(const AnswerEntry& entry, Field field);
  void IndexRecipients();
  Status ReadNames(std::uint32_t entry);
  void Choose(Mention& mention, Field field);
  void LeaveToItsRule(Mention& mention, Field field);
  Status ReadStranger(const AddressIndex::Found& found, Field field);
  Status LeaveOutForeign(Mention& mention, Field field);
  [[nodiscard]] bool IsForeign(std::string_view key) const;
  std::uint32_t DecideAll();
  void DecideRecipients(std::uint32_t all);
  void AddStrangers();
  [[nodiscard]] Verdict VerdictOf(std::uint32_t entry) const;

  [[nodiscard]] const std::string& NameAt(Field field) const {
    return answer_.actions[field.entry].recipients[field.name];
  }

  // `text` is a function, for an answer may bring more warnings than anyone will read.
  template <class Text>
  void Warn(Reason reason, Field field, const Text& text) {
    if (result_.warnings.size() < limits::kAnswerWarningsMax) {
      result_.warnings.push_back({reason, field.Path(), text()});
    } else {
      ++result_.warnings_left_out;
    }
  }

  const ResolveInput& input_;
  const Answer& answer_;
  AddressIndex index_;
  std::vector<JudgedEntry> judged_;     // one for each entry
  std::vector<std::uint32_t> numbers_;  // one for each recipient of the invocation
  std::size_t own_end_ = 0;             // numbers below are recipients of the invocation
  std::size_t message_end_ = 0;         // numbers below are recipients of the message
  std::vector<Mention> mentions_;       // by number
  std::vector<Stranger> strangers_;     // in order of appearance
  Resolution result_;
};

std::size_t Resolver::ExpectedAddresses(const ResolveInput& input, const Answer& answer) {
  std::size_t names = 0;
  for (const AnswerEntry& entry : answer.actions)
    names += entry.recipients.size();
  // Usually the names are the recipients once more.
  return std::max(input.recipients.size() + input.other_recipients.size(), names);
}

StatusOr<Resolution> Resolver::Run() {
  PENSTOCK_RETURN_IF_ERROR(JudgeEntries());
  IndexRecipients();
  for (std::uint32_t entry = 0; entry < judged_.size(); ++entry)
    PENSTOCK_RETURN_IF_ERROR(ReadNames(entry));
  DecideRecipients(DecideAll());
  AddStrangers();
  return std::move(result_);
}

// H6, and which actions count (H8).
Status Resolver::JudgeEntries() {
  if (answer_.actions.empty()) {
    return InvalidArgument("actions: empty; an answer has one entry at least");
  }
  judged_.reserve(answer_.actions.size());
  std::vector<JudgedEntry> unique;
  for (const AnswerEntry& entry : answer_.actions) {
    const Field field{static_cast<std::uint32_t>(judged_.size())};
    PENSTOCK_ASSIGN_OR_RETURN(const Action action, JudgeType(entry, field, input_.direction));
    PENSTOCK_RETURN_IF_ERROR(JudgeTarget(entry, field));
    JudgedEntry judged{action, {}, true};
    if (action == Action::kBounce && entry.bounce_message) {
      judged.bounce_message = *entry.bounce_message;
    }
    // An entry that names nobody takes its place among the ten as well: it was sent.
    const bool known =
        std::any_of(unique.begin(), unique.end(),
                    [&judged](const JudgedEntry& other) { return IsSameAction(judged, other); });
    if (!known && unique.size() == limits::kAnswerActionsMax) {
      judged.counts = false;
      Warn(Reason::kSurplusAction, field, [] {
        return Cat("beyond the ", limits::kAnswerActionsMax,
                   " unique actions of an answer; recipients named only here get the fallback");
      });
    } else if (!known) {
      unique.push_back(judged);
    }
    judged_.push_back(judged);
  }
  return OkStatus();
}

Status Resolver::JudgeTarget(const AnswerEntry& entry, Field field) {
  if (entry.all_recipients || !entry.recipients.empty()) return OkStatus();
  if (answer_.typed) {
    Warn(Reason::kNoRecipients, field,
         [] { return "names no recipients and not all of them; without effect"; });
    return OkStatus();
  }
  if (entry.has_recipients) return OkStatus();
  return InvalidArgument(Cat(field.Path(), ".recipients: missing, and allRecipients is not true"));
}

// Numbers the addresses of the message: first those of the invocation, then its others. What is
// numbered later is a stranger.
void Resolver::IndexRecipients() {
  numbers_.reserve(input_.recipients.size());
  for (const std::string& recipient : input_.recipients)
    numbers_.push_back(index_.Insert(recipient).number);
  own_end_ = index_.size();
  for (const std::string& recipient : input_.other_recipients)
    index_.Insert(recipient);
  message_end_ = index_.size();
  mentions_.resize(message_end_);
}

Status Resolver::ReadNames(std::uint32_t entry) {
  const std::vector<std::string>& names = answer_.actions[entry].recipients;
  for (std::uint32_t name = 0; name < names.size(); ++name) {
    const AddressIndex::Found found = index_.Insert(names[name]);
    if (found.inserted) mentions_.emplace_back();
    Mention& mention = mentions_[found.number];
    const Field field{entry, name};
    if (!judged_[entry].counts) {
      mention.surplus = true;
    } else if (found.number < own_end_) {
      Choose(mention, field);
    } else if (found.number < message_end_) {
      LeaveToItsRule(mention, field);
    } else {
      PENSTOCK_RETURN_IF_ERROR(ReadStranger(found, field));
    }
  }
  return OkStatus();
}

// H7: the most restrictive of two actions; of two bounce texts the first.
void Resolver::Choose(Mention& mention, Field field) {
  if (mention.entry == kNoEntry) {
    mention.entry = field.entry;
    return;
  }
  const JudgedEntry& before = judged_[mention.entry];
  const JudgedEntry& now = judged_[field.entry];
  if (IsSameAction(before, now)) return;
  if (!mention.conflict) {
    mention.conflict = true;
    const bool all = field.name == Field::kAllRecipients;
    Warn(all ? Reason::kAllConflict : Reason::kConflict, field, [&] {
      const std::string who =
          all ? std::string("allRecipients") : Cat("\"", Printable(NameAt(field)), "\"");
      if (before.action == now.action)
        return Cat(who, " has two bounce messages; the first counts");
      return Cat(who, " has ", rules::Name(before.action), " and ", rules::Name(now.action),
                 "; the most restrictive counts");
    });
  }
  if (now.action < before.action) mention.entry = field.entry;
}

void Resolver::LeaveToItsRule(Mention& mention, Field field) {
  if (mention.ignored) return;
  mention.ignored = true;
  Warn(Reason::kUnderAnotherRule, field, [&] {
    return Cat("\"", Printable(NameAt(field)),
               "\" is a recipient of the message that this answer does not decide; ignored");
  });
}

// H9, H10: a name that is no recipient of the message.
Status Resolver::ReadStranger(const AddressIndex::Found& found, Field field) {
  Mention& mention = mentions_[found.number];
  if (mention.standing == Standing::kUnknown) {
    const StatusOr<mail::Mailbox> mailbox = mail::Mailbox::Parse(NameAt(field));
    mention.standing = mailbox.ok() ? Standing::kMailbox : Standing::kNotAnAddress;
    if (!mailbox.ok()) {
      Warn(Reason::kNotAnAddress, field,
           [&] { return Cat(Message(mailbox.status()), "; left out"); });
    }
  }
  if (mention.standing == Standing::kNotAnAddress) return OkStatus();
  const Action action = judged_[field.entry].action;
  if (!Adds(action)) {
    if (!mention.ignored) {
      Warn(Reason::kStrangerNotRefused, field, [&] {
        return Cat("\"", Printable(NameAt(field)), "\" is no recipient; nothing to ",
                   rules::Name(action));
      });
    }
    mention.ignored = true;
    return OkStatus();
  }
  if (mention.standing == Standing::kForeign) return OkStatus();
  if (mention.entry == kNoEntry) {
    if (IsForeign(found.key)) return LeaveOutForeign(mention, field);
    strangers_.push_back({field, found.number});
  }
  Choose(mention, field);
  return OkStatus();
}

bool Resolver::IsForeign(std::string_view key) const {
  if (input_.direction != FlowDirection::kInbound) return false;
  return !input_.owns_domain || !input_.owns_domain(key.substr(key.rfind('@') + 1));
}

Status Resolver::LeaveOutForeign(Mention& mention, Field field) {
  const auto text = [&] {
    return Cat("\"", Printable(NameAt(field)), "\" is outside the organization; not added");
  };
  if (input_.strict) return InvalidArgument(Cat(field.Path(), ": ", text(), " (strict)"));
  mention.standing = Standing::kForeign;
  Warn(Reason::kForeignAddition, field, text);
  return OkStatus();
}

// Returns the entry that decides for allRecipients, or kNoEntry.
std::uint32_t Resolver::DecideAll() {
  Mention all;
  for (std::uint32_t entry = 0; entry < judged_.size(); ++entry) {
    if (!answer_.actions[entry].all_recipients || !judged_[entry].counts) continue;
    Choose(all, {entry, Field::kAllRecipients});
  }
  return all.entry;
}

Verdict Resolver::VerdictOf(std::uint32_t entry) const {
  return {judged_[entry].action, {}, std::string(judged_[entry].bounce_message)};
}

// H7's order; for a recipient named only beyond the tenth action, H8's fallback comes before
// allRecipients.
void Resolver::DecideRecipients(std::uint32_t all) {
  result_.recipients.reserve(numbers_.size());
  for (const std::uint32_t number : numbers_) {
    const Mention& mention = mentions_[number];
    if (mention.entry != kNoEntry) {
      result_.recipients.push_back({VerdictOf(mention.entry), Basis::kNamed});
    } else if (mention.surplus) {
      result_.recipients.push_back({input_.fallback, Basis::kSurplus});
    } else if (all != kNoEntry) {
      result_.recipients.push_back({VerdictOf(all), Basis::kAllRecipients});
    } else {
      result_.recipients.push_back({input_.fallback, Basis::kFallback});
    }
  }
}

// H9, H11.
void Resolver::AddStrangers() {
  for (const Stranger& stranger : strangers_) {
    const std::string& address = NameAt(stranger.field);
    if (result_.additions.size() >= input_.room) {
      Warn(Reason::kNoRoom, stranger.field, [&address] {
        return Cat("\"", Printable(address), "\" is beyond the ", limits::kOutboundRecipientsMax,
                   " recipients of a message; not added");
      });
      continue;
    }
    result_.additions.push_back({address, VerdictOf(mentions_[stranger.number].entry)});
  }
}

}  // namespace

std::string_view Name(Basis basis) {
  switch (basis) {
    case Basis::kNamed:
      return "NAMED";
    case Basis::kAllRecipients:
      return "ALL_RECIPIENTS";
    case Basis::kFallback:
      return "FALLBACK";
    case Basis::kSurplus:
      return "SURPLUS";
  }
  return "?";
}

std::string_view Name(Reason reason) {
  switch (reason) {
    case Reason::kConflict:
      return "CONFLICT";
    case Reason::kAllConflict:
      return "ALL_CONFLICT";
    case Reason::kSurplusAction:
      return "SURPLUS_ACTION";
    case Reason::kNoRecipients:
      return "NO_RECIPIENTS";
    case Reason::kNotAnAddress:
      return "NOT_AN_ADDRESS";
    case Reason::kStrangerNotRefused:
      return "STRANGER_NOT_REFUSED";
    case Reason::kUnderAnotherRule:
      return "UNDER_ANOTHER_RULE";
    case Reason::kForeignAddition:
      return "FOREIGN_ADDITION";
    case Reason::kNoRoom:
      return "NO_ROOM";
  }
  return "?";
}

std::size_t RoomForAdditions(FlowDirection direction, std::size_t recipients) {
  if (direction == FlowDirection::kInbound) return kUnlimitedRoom;
  return limits::kOutboundRecipientsMax - std::min(recipients, limits::kOutboundRecipientsMax);
}

StatusOr<Resolution> Resolve(const ResolveInput& input, const Answer& answer) {
  return Resolver(input, answer).Run();
}

}  // namespace penstock::flow
