// SPDX-License-Identifier: Apache-2.0
#include "engine/store/sqlite_store.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/store/await_done.h"
#include "engine/store/content.h"
#include "engine/store/names.h"
#include "engine/store/prepared_transaction.h"
#include "engine/store/schema.h"

namespace penstock::store {
namespace {

// A content's number: the count of starts, then the count of contents since.
constexpr unsigned kStartShift = 32;

StatusOr<Database> Connect(const std::string& path, const std::string& vfs) {
  PENSTOCK_ASSIGN_OR_RETURN(Database database, Database::Open(path, vfs));
  PENSTOCK_RETURN_IF_ERROR(Configure(database));
  return database;
}

// The folder that `path`, a folder, stands in.
std::string ParentOf(std::string_view path) {
  while (path.size() > 1 && path.back() == '/')
    path.remove_suffix(1);
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return std::string(path.substr(0, slash == 0 ? 1 : slash));
}

}  // namespace

StatusOr<std::unique_ptr<SqliteStore>> SqliteStore::Open(const std::string& folder) {
  return Open(folder, Options());
}

StatusOr<std::unique_ptr<SqliteStore>> SqliteStore::Open(const std::string& folder,
                                                         Options options) {
  std::unique_ptr<SqliteStore> store(new SqliteStore());
  store->inline_content_octets_max_ = options.inline_content_octets_max;
  store->folder_ = folder;
  store->files_ = options.files != nullptr ? options.files : &RealFileSystem();
  PENSTOCK_RETURN_IF_ERROR(Annotate(store->OpenFiles(folder, options), Cat("store ", folder)));
  PENSTOCK_RETURN_IF_ERROR(Annotate(store->OpenDatabase(folder, options), Cat("store ", folder)));
  return store;
}

SqliteStore::~SqliteStore() {
  read_thread_.reset();
  writer_.reset();
}

Status SqliteStore::OpenFiles(const std::string& folder, const Options& options) {
  FileSystem& files = *files_;
  PENSTOCK_RETURN_IF_ERROR(files.CreateFolder(folder));
  PENSTOCK_RETURN_IF_ERROR(files.SyncFolder(ParentOf(folder)));
  StatusOr<std::unique_ptr<FileLock>> lock = files.Lock(Cat(folder, "/lock"));
  if (lock.status().code() == StatusCode::kFailedPrecondition) {
    return Annotate(lock.status(),
                    "in use by another penstockd; stop that one, or name another folder");
  }
  PENSTOCK_RETURN_IF_ERROR(lock.status());
  lock_ = *std::move(lock);
  const std::string content = Cat(folder, "/content");
  PENSTOCK_RETURN_IF_ERROR(files.CreateFolder(content));
  // SQLite would create it readable for others.
  const auto created = files.Create(Cat(folder, "/state.db"));
  if (!created.ok() && created.status().code() != StatusCode::kAlreadyExists) {
    return created.status();
  }
  PENSTOCK_RETURN_IF_ERROR(files.SyncFolder(folder));
  segments_ = std::make_shared<ContentSegments>(files, content, options.segment_octets);
  return OkStatus();
}

Status SqliteStore::OpenDatabase(const std::string& folder, const Options& options) {
  const std::string path = Cat(folder, "/state.db");
  PENSTOCK_ASSIGN_OR_RETURN(Database database, Connect(path, options.vfs));
  PENSTOCK_RETURN_IF_ERROR(Migrate(database, path));
  // What an earlier run left in the log may be in the page cache alone, if its sync failed: it
  // would be read now, and taken for durable. Moved to the database it is written, and synced,
  // anew.
  PENSTOCK_RETURN_IF_ERROR(database.Execute("PRAGMA wal_checkpoint(TRUNCATE)"));
  database.WatchLog();
  PENSTOCK_RETURN_IF_ERROR(
      database.Execute("UPDATE counters SET value = value + 1 WHERE name = 'starts'"));
  // The log is there now, and no journal any more. SQLite syncs their folder itself, but passes
  // over a sync that fails.
  PENSTOCK_RETURN_IF_ERROR(files_->SyncFolder(folder));
  PENSTOCK_ASSIGN_OR_RETURN(const std::int64_t starts,
                            database.QueryInt("SELECT value FROM counters WHERE name = 'starts'"));
  next_content_ = static_cast<std::uint64_t>(starts) << kStartShift;
  {
    const MutexLock lock(content_mutex_);
    PENSTOCK_ASSIGN_OR_RETURN(Database contents, Connect(path, options.vfs));
    PENSTOCK_ASSIGN_OR_RETURN(content_index_, ContentIndex::Open(std::move(contents), segments_));
    PENSTOCK_RETURN_IF_ERROR(content_index_->AdoptAll());
  }
  PENSTOCK_RETURN_IF_ERROR(segments_->Recover());
  PENSTOCK_ASSIGN_OR_RETURN(Database reading, Connect(path, options.vfs));
  PENSTOCK_ASSIGN_OR_RETURN(
      reader_, StateReader::Open(std::move(reading),
                                 [this](DamagedRecord damaged) { Park(std::move(damaged)); }));
  PENSTOCK_ASSIGN_OR_RETURN(std::unique_ptr<StateTables> tables,
                            StateTables::Open(std::move(database)));
  writer_ =
      std::make_unique<GroupCommit>(std::move(tables), segments_, options.write_ahead_pages_max);
  read_thread_ = std::make_unique<ReadThread>();
  return OkStatus();
}

async::Task<void> SqliteStore::Write(WriteStep step) {
  auto start = [this, &step](Done<Status> done) {
    step.done = std::move(done);
    writer_->Submit(std::move(step));
  };
  co_return co_await AwaitDone<Status>(start);
}

async::Task<void> SqliteStore::Commit(ports::Transaction transaction) {
  auto prepared = Prepare(std::move(transaction));
  PENSTOCK_CO_RETURN_IF_ERROR(prepared.status());
  WriteStep step;
  step.segments = prepared->segments;
  step.patient = prepared->only_closes();
  step.apply = [prepared = *std::move(prepared)](StateTables& tables) {
    return tables.Apply(prepared);
  };
  co_return co_await Write(std::move(step));
}

async::Task<std::size_t> SqliteStore::PurgeMessages(Time before, std::size_t limit) {
  std::size_t purged = 0;
  WriteStep step;
  step.apply = [&purged, before, limit](StateTables& tables) {
    const StatusOr<std::size_t> result = tables.Purge(before, limit);
    if (result.ok()) purged = *result;
    return result.status();
  };
  const Status status = co_await Write(std::move(step));
  PENSTOCK_CO_RETURN_IF_ERROR(status);
  co_return purged;
}

async::Task<std::size_t> SqliteStore::ReleaseRetained(Time before, std::size_t limit) {
  std::size_t released = 0;
  WriteStep step;
  step.apply = [&released, before, limit](StateTables& tables) {
    const StatusOr<std::size_t> result = tables.ReleaseRetained(before, limit);
    if (result.ok()) released = *result;
    return result.status();
  };
  const Status status = co_await Write(std::move(step));
  PENSTOCK_CO_RETURN_IF_ERROR(status);
  co_return released;
}

// A reader has found it. Nobody waits for it: who reads it again finds it again.
void SqliteStore::Park(DamagedRecord damaged) {
  WriteStep step;
  step.apply = [damaged = std::move(damaged)](StateTables& tables) { return tables.Park(damaged); };
  step.done = [](Status) {};
  writer_->Submit(std::move(step));
}

Status SqliteStore::CheckRoom() {
  PENSTOCK_ASSIGN_OR_RETURN(const Space space, files_->SpaceAt(folder_));
  const std::uint64_t reserve =
      std::min(limits::kDiskReserveOctets, space.total / limits::kDiskReservePart);
  if (space.available >= reserve) return OkStatus();
  return ResourceExhausted(Cat("store ", folder_, ": ", space.available, " octets left of ",
                               space.total, "; ", reserve,
                               " are kept for mail that is here already; make room there"));
}

StatusOr<std::unique_ptr<ports::ContentWriter>> SqliteStore::NewContent() {
  return std::make_unique<StagedContent>(++next_content_, inline_content_octets_max_, segments_);
}

StatusOr<std::shared_ptr<ports::ContentReader>> SqliteStore::OpenContent(const ContentId& id) {
  const std::optional<std::uint64_t> number = ParseContentId(id);
  if (!number) return ContentNotFound(id);
  if (auto recent = writer_->recent().Find(*number)) return recent;
  const MutexLock lock(content_mutex_);
  return content_index_->OpenContent(id, *number);
}

template <class Result, class Read>
async::asio::awaitable<Result> SqliteStore::OnReadThread(Read read) {
  auto start = [this, &read](Done<Result> done) {
    read_thread_->Submit([this, &read, done = std::move(done)](Status status) mutable {
      if (status.ok()) {
        done(read(*reader_));
      } else {
        done(std::move(status));
      }
    });
  };
  co_return co_await AwaitDone<Result>(start);
}

async::Task<ports::StoredResources> SqliteStore::LoadResources() {
  const auto read = [](StateReader& reader) { return reader.LoadResources(); };
  co_return co_await OnReadThread<StatusOr<ports::StoredResources>>(read);
}

async::Task<std::vector<ports::RecordedChange>> SqliteStore::ListChanges(std::int64_t before,
                                                                         std::size_t limit) {
  const auto read = [before, limit](StateReader& reader) {
    return reader.ListChanges(before, limit);
  };
  co_return co_await OnReadThread<StatusOr<std::vector<ports::RecordedChange>>>(read);
}

async::Task<std::vector<ports::RetainedContent>> SqliteStore::LoadRetained(MessageId message) {
  const auto read = [&message](StateReader& reader) { return reader.LoadRetained(message); };
  co_return co_await OnReadThread<StatusOr<std::vector<ports::RetainedContent>>>(read);
}

async::Task<std::vector<ports::CapabilityKey>> SqliteStore::LoadCapabilityKeys() {
  const auto read = [](StateReader& reader) { return reader.LoadCapabilityKeys(); };
  co_return co_await OnReadThread<StatusOr<std::vector<ports::CapabilityKey>>>(read);
}

async::Task<std::vector<ports::Wake>> SqliteStore::LoadWakes() {
  const auto read = [](StateReader& reader) { return reader.LoadWakes(); };
  co_return co_await OnReadThread<StatusOr<std::vector<ports::Wake>>>(read);
}

async::Task<flow::MessageState> SqliteStore::LoadMessage(MessageId id) {
  const auto read = [&id](StateReader& reader) { return reader.LoadMessage(id); };
  co_return co_await OnReadThread<StatusOr<flow::MessageState>>(read);
}

async::Task<ports::StoredMessage> SqliteStore::LoadMessageWithHistory(MessageId id) {
  const auto read = [&id](StateReader& reader) { return reader.LoadMessageWithHistory(id); };
  co_return co_await OnReadThread<StatusOr<ports::StoredMessage>>(read);
}

async::Task<ports::MessagePage> SqliteStore::ListMessages(ports::MessageFilter filter,
                                                          std::size_t page_size,
                                                          std::string page_token) {
  const auto read = [&filter, page_size, &page_token](StateReader& reader) {
    return reader.ListMessages(filter, page_size, page_token);
  };
  co_return co_await OnReadThread<StatusOr<ports::MessagePage>>(read);
}

async::Task<std::vector<ports::AsyncEvent>> SqliteStore::LoadAsyncEvents(std::string hook,
                                                                         std::size_t limit) {
  const auto read = [&hook, limit](StateReader& reader) {
    return reader.LoadAsyncEvents(hook, limit);
  };
  co_return co_await OnReadThread<StatusOr<std::vector<ports::AsyncEvent>>>(read);
}

async::Task<ports::DeadLetterPage> SqliteStore::ListDeadLetters(ports::DeadLetterFilter filter,
                                                                std::size_t page_size,
                                                                std::string page_token) {
  const auto read = [&filter, page_size, &page_token](StateReader& reader) {
    return reader.ListDeadLetters(filter, page_size, page_token);
  };
  co_return co_await OnReadThread<StatusOr<ports::DeadLetterPage>>(read);
}

async::Task<ports::AsyncEvent> SqliteStore::LoadDeadLetter(std::int64_t id) {
  const auto read = [id](StateReader& reader) { return reader.LoadDeadLetter(id); };
  co_return co_await OnReadThread<StatusOr<ports::AsyncEvent>>(read);
}

async::Task<std::uint64_t> SqliteStore::CountOpenMessages() {
  co_return writer_->counts().open_messages();
}

async::Task<std::vector<ports::AsyncQueueCounts>> SqliteStore::CountAsyncEvents() {
  co_return writer_->counts().async_events();
}

}  // namespace penstock::store
