// SPDX-License-Identifier: Apache-2.0
// The embedded store: one folder on a local disk, state in SQLite, long contents beside it
// (FORMAT.md). One process at a time.
//
//   FOLDER/lock        held while the store is open; names the process
//   FOLDER/state.db    with -wal and -shm: everything but long contents
//   FOLDER/content/    segments of long contents
//
//   Commit ──► GroupCommit: one thread, one transaction for all that wait ──► state.db, content/
//   Load…, List… ──► ReadThread: one thread, a connection of its own
//   OpenContent, ContentReader::Read ──► the caller's thread, from the page cache as a rule
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/limits.h"
#include "engine/base/mutex.h"
#include "engine/ports/store.h"
#include "engine/store/content_segments.h"
#include "engine/store/file_system.h"
#include "engine/store/group_commit.h"
#include "engine/store/read_thread.h"
#include "engine/store/state_reader.h"

namespace penstock::store {

class SqliteStore final : public ports::Store {
 public:
  struct Options {
    FileSystem* files = nullptr;  // null: the operating system's; else outlives the store
    std::string vfs;              // name of a SQLite VFS; empty: SQLite's own
    std::size_t inline_content_octets_max = limits::kInlineContentOctetsMax;
    // Smaller ones let a test see many segments, and many moves of SQLite's log.
    std::size_t segment_octets = limits::kSegmentOctets;
    int write_ahead_pages_max = limits::kWriteAheadPagesMax;
  };

  // Creates what is missing: the folder (its parent exists) and an empty store in it. Removes
  // content that no open message refers to: what was never accepted.
  //   Errors: kFailedPrecondition if another process has it open, or a newer version wrote it,
  //   saying what to do; kDataLoss for a file that is no sound database; kUnavailable.
  static StatusOr<std::unique_ptr<SqliteStore>> Open(const std::string& folder, Options options);
  static StatusOr<std::unique_ptr<SqliteStore>> Open(const std::string& folder);

  ~SqliteStore() override;

  async::Task<void> Commit(ports::Transaction transaction) override;
  Status CheckRoom() override;
  StatusOr<std::unique_ptr<ports::ContentWriter>> NewContent() override;
  StatusOr<std::shared_ptr<ports::ContentReader>> OpenContent(const ContentId& id) override;
  async::Task<std::vector<ports::RetainedContent>> LoadRetained(MessageId message) override;
  async::Task<std::size_t> ReleaseRetained(Time before, std::size_t limit) override;
  async::Task<std::vector<ports::CapabilityKey>> LoadCapabilityKeys() override;
  async::Task<ports::StoredResources> LoadResources() override;
  async::Task<std::vector<ports::RecordedChange>> ListChanges(std::int64_t before,
                                                              std::size_t limit) override;
  async::Task<std::vector<ports::Wake>> LoadWakes() override;
  async::Task<flow::MessageState> LoadMessage(MessageId id) override;
  async::Task<ports::StoredMessage> LoadMessageWithHistory(MessageId id) override;
  async::Task<ports::MessagePage> ListMessages(ports::MessageFilter filter, std::size_t page_size,
                                               std::string page_token) override;
  async::Task<std::uint64_t> CountOpenMessages() override;
  async::Task<std::vector<ports::AsyncEvent>> LoadAsyncEvents(std::string hook,
                                                              std::size_t limit) override;
  async::Task<ports::DeadLetterPage> ListDeadLetters(ports::DeadLetterFilter filter,
                                                     std::size_t page_size,
                                                     std::string page_token) override;
  async::Task<ports::AsyncEvent> LoadDeadLetter(std::int64_t id) override;
  async::Task<std::vector<ports::AsyncQueueCounts>> CountAsyncEvents() override;
  async::Task<std::size_t> PurgeMessages(Time before, std::size_t limit) override;

  // What content takes beside state.db; for tests and figures.
  [[nodiscard]] ContentSegments::Usage content_usage() const { return segments_->usage(); }

 private:
  SqliteStore() = default;

  Status OpenFiles(const std::string& folder, const Options& options);
  Status OpenDatabase(const std::string& folder, const Options& options);
  template <class Result, class Read>
  async::asio::awaitable<Result> OnReadThread(Read read);
  async::Task<void> Write(WriteStep step);
  void Park(DamagedRecord damaged);

  std::string folder_;
  FileSystem* files_ = nullptr;
  std::unique_ptr<FileLock> lock_;
  std::shared_ptr<ContentSegments> segments_;
  std::size_t inline_content_octets_max_ = 0;
  std::atomic<std::uint64_t> next_content_{0};
  Mutex content_mutex_;
  std::unique_ptr<ContentIndex> content_index_ ABSL_GUARDED_BY(content_mutex_);
  std::unique_ptr<StateReader> reader_;  // used on the read thread
  // The read thread goes first: it may submit to the writer.
  std::unique_ptr<GroupCommit> writer_;
  std::unique_ptr<ReadThread> read_thread_;
};

}  // namespace penstock::store
