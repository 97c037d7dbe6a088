// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/content_desk.h"

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "engine/base/limits.h"
#include "engine/base/log.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/mail/content_check.h"
#include "engine/mail/header_section.h"

namespace penstock::runtime {
namespace {

using rules::InvocationMode;

// M3.
Status MessageFrozen() {
  return FailedPrecondition(
      "MessageFrozen: the attempt that this capability was given to has ended; put content before "
      "answering, and within the deadline");
}

Status ContentGone(const MessageId& message) {
  return NotFound(Cat("the content of message ", message.text(),
                      " is no longer here: its time is over, or the disk was short"));
}

bool IsOpen(const flow::MessageState& state) {
  return Phase(state) != flow::MessagePhase::kClosed;
}

}  // namespace

struct ContentDesk::Running {
  Running(const ContentClaim& claim, ContentId original_in)
      : message(claim.message),
        key(claim.invocation, claim.attempt),
        run(claim.run),
        original(std::move(original_in)) {}

  const MessageId message;
  const AttemptKey key;
  const std::uint64_t run;
  const ContentId original;

  [[nodiscard]] bool Runs() const {
    const MutexLock lock(mutex_);
    return !ended_;
  }

  // False: too late, it has ended.
  bool Stage(StagedContent staged) {
    const MutexLock lock(mutex_);
    if (!ended_) staged_ = std::move(staged);
    return !ended_;
  }

  StagedContent End() {
    const MutexLock lock(mutex_);
    ended_ = true;
    return std::exchange(staged_, {});
  }

  // What it sees; nullopt: it has ended.
  std::optional<StatusOr<std::shared_ptr<ports::ContentReader>>> Open(ports::Store& store) const {
    const MutexLock lock(mutex_);
    if (ended_) return std::nullopt;
    return staged_.content != nullptr ? staged_.content->Open() : store.OpenContent(original);
  }

 private:
  mutable Mutex mutex_;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  StagedContent staged_ ABSL_GUARDED_BY(mutex_);
};

ContentDesk::ContentDesk(ports::Store& store) : store_(store), room_(store) {}

ContentDesk::Attempt::~Attempt() {
  if (running_ == nullptr) return;
  TakeStaged();
  desk_->End(*running_);
}

StagedContent ContentDesk::Attempt::TakeStaged() {
  return running_->End();
}

ContentDesk::Attempt ContentDesk::Begin(const ContentClaim& claim, ContentId original) {
  auto running = std::make_shared<Running>(claim, std::move(original));
  const MutexLock lock(mutex_);
  running_.insert_or_assign(running->key, running);
  return {this, std::move(running)};
}

void ContentDesk::End(const Running& running) {
  const MutexLock lock(mutex_);
  const auto found = running_.find(running.key);
  if (found != running_.end() && found->second.get() == &running) running_.erase(found);
}

void ContentDesk::Freeze(const InvocationId& invocation) {
  std::vector<std::shared_ptr<Running>> all;
  {
    const MutexLock lock(mutex_);
    for (auto next = running_.lower_bound({invocation, 0});
         next != running_.end() && next->first.first == invocation; ++next) {
      all.push_back(next->second);
    }
  }
  for (const std::shared_ptr<Running>& running : all)
    running->End();
}

std::shared_ptr<ContentDesk::Running> ContentDesk::Find(const ContentClaim& claim) const {
  if (claim.mode != InvocationMode::kSync) return nullptr;
  const MutexLock lock(mutex_);
  const auto found = running_.find({claim.invocation, claim.attempt});
  if (found == running_.end()) return nullptr;
  const Running& running = *found->second;
  // A repeated attempt has its number again; what was given to the run before it counts no more.
  if (running.message != claim.message || running.run != claim.run) return nullptr;
  return found->second;
}

async::Task<std::shared_ptr<ports::ContentReader>> ContentDesk::Open(ContentClaim claim) {
  if (const std::shared_ptr<Running> running = Find(claim)) {
    auto content = running->Open(store_);
    if (content) co_return *std::move(content);
  }
  const auto kept = co_await FindKept(std::move(claim), false);
  PENSTOCK_CO_RETURN_IF_ERROR(kept.status());
  co_return store_.OpenContent(kept->content);
}

async::Task<Time> ContentDesk::KeptUntil(ContentClaim claim) {
  const auto kept = co_await FindKept(std::move(claim), true);
  PENSTOCK_CO_RETURN_IF_ERROR(kept.status());
  co_return kept->until;
}

// What the store has for an invocation; `as_received`: whatever was put in its place.
async::Task<ContentDesk::Kept> ContentDesk::FindKept(ContentClaim claim, bool as_received) {
  const auto retained = co_await store_.LoadRetained(claim.message);
  PENSTOCK_CO_RETURN_IF_ERROR(retained.status());
  const ports::RetainedContent* received = nullptr;
  for (const ports::RetainedContent& one : *retained) {
    if (one.invocation.empty()) received = &one;
    if (!as_received && one.invocation == claim.invocation) co_return Kept{one.content, one.until};
  }
  const bool sync = claim.mode == InvocationMode::kSync;
  if (received != nullptr && !sync) co_return Kept{received->content, received->until};
  // What is open has its contents, retained or not.
  const auto state = co_await store_.LoadMessage(claim.message);
  if (state.ok() && IsOpen(*state)) {
    const Time until = state->received + retention();
    for (const flow::InvocationState& invocation : state->invocations) {
      if (as_received || invocation.id != claim.invocation || !invocation.replaced) continue;
      co_return Kept{invocation.replaced->id, until};
    }
    co_return Kept{state->content, until};
  }
  if (received != nullptr) co_return Kept{received->content, received->until};
  if (state.ok() || state.status().code() == StatusCode::kNotFound) {
    co_return ContentGone(claim.message);
  }
  co_return state.status();
}

async::Task<std::unique_ptr<Replacement>> ContentDesk::Replace(ContentClaim claim) {
  std::shared_ptr<Running> running;
  Kept original;
  if (claim.mode == InvocationMode::kSync) {
    running = Find(claim);
    if (running == nullptr) co_return MessageFrozen();
    original.content = running->original;
  } else {
    auto kept = co_await FindKept(claim, true);
    PENSTOCK_CO_RETURN_IF_ERROR(kept.status());
    original = *std::move(kept);
  }
  const Status room = co_await MakeRoom();
  PENSTOCK_CO_RETURN_IF_ERROR(room);
  auto content = store_.NewContent();
  PENSTOCK_CO_RETURN_IF_ERROR(content.status());
  std::unique_ptr<Replacement> replacement(
      new Replacement(this, std::move(claim), std::move(running), std::move(original.content),
                      original.until, *std::move(content)));
  const Status counts = replacement->CheckRunning();
  PENSTOCK_CO_RETURN_IF_ERROR(counts);
  co_return replacement;
}

Status Replacement::CheckRunning() const {
  return running_ == nullptr || running_->Runs() ? OkStatus() : MessageFrozen();
}

Status Replacement::Write(std::string_view octets) {
  PENSTOCK_RETURN_IF_ERROR(CheckRunning());
  const std::uint64_t octets_max = desk_.content_octets_max_;
  if (octets.size() > octets_max || content_->octets() > octets_max - octets.size()) {
    return ResourceExhausted(Cat("content of more than ", octets_max, " octets"));
  }
  scan_.Feed(octets);
  return content_->Write(octets);
}

// The facts of what was received; of its header section alone, or the whole of it.
async::Task<mail::ContentFacts> Replacement::ScanOriginal(bool whole) const {
  const auto content = desk_.store_.OpenContent(original_);
  PENSTOCK_CO_RETURN_IF_ERROR(content.status());
  const async::Executor executor = co_await async::asio::this_coro::executor;
  const std::uint64_t end =
      whole ? (*content)->octets()
            : std::min<std::uint64_t>((*content)->octets(), limits::kHeaderSectionOctetsMax);
  std::string slice(std::min<std::uint64_t>(end, limits::kContentScanSlice), '\0');
  mail::ContentScan scan(*rules_);
  for (std::uint64_t at = 0; at < end;) {
    const std::size_t wanted = std::min<std::uint64_t>(slice.size(), end - at);
    const auto read = (*content)->Read(at, std::span(slice).first(wanted));
    PENSTOCK_CO_RETURN_IF_ERROR(read.status());
    if (*read == 0) break;
    std::string_view octets = std::string_view(slice).substr(0, *read);
    if (!whole) octets = mail::HeaderSection::Scan(octets).octets();
    scan.Feed(octets);
    if (!whole) break;
    at += *read;
    co_await async::asio::post(executor, async::asio::use_awaitable);  // others' turn
  }
  co_return scan.Finish();
}

async::Task<PutEffect> Replacement::Finish() {
  const mail::ContentFacts facts = scan_.Finish();
  const bool flawless = facts.defects.empty() && facts.overflowed.empty();
  const auto original = co_await ScanOriginal(!flawless);
  PENSTOCK_CO_RETURN_IF_ERROR(original.status());
  const Status fit = CheckReplacement(*original, facts);
  if (!fit.ok()) co_return Annotate(fit, "MessageRejected");
  const Status room = co_await desk_.MakeRoom();  // others may have filled the disk meanwhile
  PENSTOCK_CO_RETURN_IF_ERROR(room);
  const StagedContent staged = {content_, facts.header_eight_bit, facts.body_eight_bit};
  if (running_ != nullptr) {
    if (!running_->Stage(staged)) co_return MessageFrozen();
    Report();
    co_return PutEffect::kStaged;
  }
  ports::Transaction transaction;
  transaction.contents.push_back(content_);
  transaction.retained.push_back({claim_.message, claim_.invocation, content_->id(), until_});
  const Status committed = co_await desk_.store_.Commit(std::move(transaction));
  PENSTOCK_CO_RETURN_IF_ERROR(committed);
  Report();
  co_return PutEffect::kMailKept;
}

void Replacement::Report() const {
  Log(LogLevel::kInfo, "content_put",
      {{"message", claim_.message.text()},
       {"invocation", claim_.invocation.text()},
       {"attempt", Cat(claim_.attempt)},
       {"mode", std::string(Name(claim_.mode))},
       {"octets", Cat(content_->octets())}});
}

}  // namespace penstock::runtime
