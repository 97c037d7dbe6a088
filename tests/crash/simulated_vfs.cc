// SPDX-License-Identifier: Apache-2.0
#include "tests/crash/simulated_vfs.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <new>
#include <span>
#include <utility>
#include <vector>

#include <sqlite3.h>

#include "engine/base/mutex.h"
#include "engine/base/strings.h"

namespace penstock::tests {
namespace {

using Fault = SimulatedDisk::Fault;

// `failed`: the code for an input or output error of the call.
int ToCode(Fault fault, int failed) {
  switch (fault) {
    case Fault::kNone:
      return SQLITE_OK;
    case Fault::kNoSpace:
      return SQLITE_FULL;
    default:
      return failed;
  }
}

struct Connection;

// What the connections to one database share.
struct Shared {
  std::vector<Connection*> connections;
  std::vector<std::unique_ptr<std::array<char, 32'768>>> regions;
};

struct Connection {
  sqlite3_file base;
  SimulatedVfs::Impl* vfs;
  std::uint32_t file;
  bool folder_is_to_be_synced;
  Shared* shared;
  int lock;          // SQLITE_LOCK_…
  unsigned sharing;  // of the slots of the shared memory
  unsigned holding;
  std::string* path;
};

Connection& Of(sqlite3_file* file) {
  return *reinterpret_cast<Connection*>(file);
}

}  // namespace

class SimulatedVfs::Impl {
 public:
  explicit Impl(SimulatedDisk& disk) : disk_(disk) {
    static std::atomic<int> number{0};
    name_ = Cat("simulated-", ++number);
    vfs_ = {.iVersion = 2,
            .szOsFile = static_cast<int>(sizeof(Connection)),
            .mxPathname = 512,
            .pNext = nullptr,
            .zName = name_.c_str(),
            .pAppData = this,
            .xOpen = Open,
            .xDelete = Delete,
            .xAccess = Access,
            .xFullPathname =
                [](sqlite3_vfs*, const char* name, int size, char* out) {
                  sqlite3_snprintf(size, out, "%s", name);
                  return SQLITE_OK;
                },
            .xDlOpen = nullptr,
            .xDlError = nullptr,
            .xDlSym = nullptr,
            .xDlClose = nullptr,
            .xRandomness =
                [](sqlite3_vfs*, int octets, char* out) {
                  std::fill_n(out, octets, '\x5a');
                  return octets;
                },
            .xSleep = [](sqlite3_vfs*, int) { return 0; },
            .xCurrentTime = nullptr,
            .xGetLastError = [](sqlite3_vfs*, int, char*) { return 0; },
            .xCurrentTimeInt64 =
                [](sqlite3_vfs*, sqlite3_int64* time) {
                  *time = 212'570'000'000'000;
                  return SQLITE_OK;
                },
            .xSetSystemCall = nullptr,
            .xGetSystemCall = nullptr,
            .xNextSystemCall = nullptr};
    sqlite3_vfs_register(&vfs_, 1);
    sqlite3_randomness(0, nullptr);
  }

  ~Impl() { sqlite3_vfs_unregister(&vfs_); }

  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  static Impl& Of(sqlite3_vfs* vfs) { return *static_cast<Impl*>(vfs->pAppData); }

  static int Open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out) {
    Impl& impl = Of(vfs);
    auto* connection = new (file) Connection();
    connection->base.pMethods = nullptr;
    if (name == nullptr) return SQLITE_CANTOPEN;  // temporary files are to be in memory
    Fault fault = impl.disk_.Open(name, connection->file);
    if (fault == Fault::kNotThere && (flags & SQLITE_OPEN_CREATE) != 0) {
      fault = impl.disk_.Create(name, connection->file);
      connection->folder_is_to_be_synced =
          (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0;
    }
    if (fault != Fault::kNone) return ToCode(fault, SQLITE_CANTOPEN);
    connection->vfs = &impl;
    connection->path = new std::string(name);
    connection->base.pMethods = &Methods();
    if (out != nullptr) *out = flags;
    const MutexLock lock(impl.mutex_);
    connection->shared = &impl.shared_[name];
    connection->shared->connections.push_back(connection);
    return SQLITE_OK;
  }

  static int Close(sqlite3_file* file) {
    Connection& connection = tests::Of(file);
    const MutexLock lock(connection.vfs->mutex_);
    std::erase(connection.shared->connections, &connection);
    delete connection.path;
    return SQLITE_OK;
  }

  static int Delete(sqlite3_vfs* vfs, const char* name, int sync_folder) {
    SimulatedDisk& disk = Of(vfs).disk_;
    const Fault fault = disk.Remove(name);
    if (fault == Fault::kNotThere) return SQLITE_IOERR_DELETE_NOENT;
    if (fault != Fault::kNone || sync_folder == 0) return ToCode(fault, SQLITE_IOERR_DELETE);
    return ToCode(disk.SyncFolder(FolderOf(name)), SQLITE_IOERR_DIR_FSYNC);
  }

  static int Access(sqlite3_vfs* vfs, const char* name, int, int* there) {
    std::uint64_t octets = 0;
    const Fault fault = Of(vfs).disk_.Find(name, octets);
    *there = fault == Fault::kNone && octets > 0 ? 1 : 0;
    return fault == Fault::kNotThere ? SQLITE_OK : ToCode(fault, SQLITE_IOERR_ACCESS);
  }

  static int Read(sqlite3_file* file, void* octets, int count, sqlite3_int64 offset) {
    const Connection& connection = tests::Of(file);
    const std::span<char> buffer(static_cast<char*>(octets), static_cast<std::size_t>(count));
    std::size_t read = 0;
    const Fault fault = connection.vfs->disk_.Read(
        connection.file, static_cast<std::uint64_t>(offset), buffer, read);
    if (fault != Fault::kNone) return SQLITE_IOERR_READ;
    if (read == buffer.size()) return SQLITE_OK;
    std::fill(buffer.begin() + static_cast<std::ptrdiff_t>(read), buffer.end(), '\0');
    return SQLITE_IOERR_SHORT_READ;
  }

  static int Write(sqlite3_file* file, const void* octets, int count, sqlite3_int64 offset) {
    const Connection& connection = tests::Of(file);
    return ToCode(connection.vfs->disk_.Write(
                      connection.file, static_cast<std::uint64_t>(offset),
                      {static_cast<const char*>(octets), static_cast<std::size_t>(count)}),
                  SQLITE_IOERR_WRITE);
  }

  static int Truncate(sqlite3_file* file, sqlite3_int64 octets) {
    const Connection& connection = tests::Of(file);
    return ToCode(
        connection.vfs->disk_.Truncate(connection.file, static_cast<std::uint64_t>(octets)),
        SQLITE_IOERR_TRUNCATE);
  }

  static int Sync(sqlite3_file* file, int) {
    Connection& connection = tests::Of(file);
    SimulatedDisk& disk = connection.vfs->disk_;
    const Fault fault = disk.Sync(connection.file);
    if (fault != Fault::kNone) return SQLITE_IOERR_FSYNC;
    if (!std::exchange(connection.folder_is_to_be_synced, false)) return SQLITE_OK;
    // SQLite's own VFS passes this over if it fails as well.
    static_cast<void>(disk.SyncFolder(FolderOf(*connection.path)));
    return SQLITE_OK;
  }

  static int FileSize(sqlite3_file* file, sqlite3_int64* size) {
    const Connection& connection = tests::Of(file);
    std::uint64_t octets = 0;
    const Fault fault = connection.vfs->disk_.Length(connection.file, octets);
    *size = static_cast<sqlite3_int64>(octets);
    return ToCode(fault, SQLITE_IOERR_FSTAT);
  }

  static int Lock(sqlite3_file* file, int level) {
    Connection& connection = tests::Of(file);
    const MutexLock lock(connection.vfs->mutex_);
    if (connection.lock >= level) return SQLITE_OK;
    for (const Connection* other : connection.shared->connections) {
      if (other == &connection) continue;
      const bool free = level == SQLITE_LOCK_SHARED     ? other->lock < SQLITE_LOCK_PENDING
                        : level == SQLITE_LOCK_RESERVED ? other->lock < SQLITE_LOCK_RESERVED
                                                        : other->lock == SQLITE_LOCK_NONE;
      if (!free) return SQLITE_BUSY;
    }
    connection.lock = level;
    return SQLITE_OK;
  }

  static int Unlock(sqlite3_file* file, int level) {
    Connection& connection = tests::Of(file);
    const MutexLock lock(connection.vfs->mutex_);
    connection.lock = std::min(connection.lock, level);
    return SQLITE_OK;
  }

  static int CheckReservedLock(sqlite3_file* file, int* held) {
    const Connection& connection = tests::Of(file);
    const MutexLock lock(connection.vfs->mutex_);
    *held =
        std::any_of(connection.shared->connections.begin(), connection.shared->connections.end(),
                    [](const Connection* one) { return one->lock >= SQLITE_LOCK_RESERVED; })
            ? 1
            : 0;
    return SQLITE_OK;
  }

  static int ShmMap(sqlite3_file* file, int region, int size, int extend, volatile void** out) {
    Connection& connection = tests::Of(file);
    const MutexLock lock(connection.vfs->mutex_);
    auto& regions = connection.shared->regions;
    *out = nullptr;
    if (size != 32'768) return SQLITE_IOERR_SHMMAP;
    while (regions.size() <= static_cast<std::size_t>(region) && extend != 0) {
      regions.push_back(std::make_unique<std::array<char, 32'768>>());
      regions.back()->fill('\0');
    }
    if (static_cast<std::size_t>(region) < regions.size()) {
      *out = regions[static_cast<std::size_t>(region)]->data();
    }
    return SQLITE_OK;
  }

  static int ShmLock(sqlite3_file* file, int offset, int count, int flags) {
    Connection& connection = tests::Of(file);
    const MutexLock lock(connection.vfs->mutex_);
    const unsigned slots = ((1U << static_cast<unsigned>(count)) - 1U)
                           << static_cast<unsigned>(offset);
    if ((flags & SQLITE_SHM_UNLOCK) != 0) {
      connection.sharing &= ~slots;
      connection.holding &= ~slots;
      return SQLITE_OK;
    }
    const bool alone = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
    for (const Connection* other : connection.shared->connections) {
      if (other == &connection) continue;
      if ((slots & (other->holding | (alone ? other->sharing : 0U))) != 0) return SQLITE_BUSY;
    }
    (alone ? connection.holding : connection.sharing) |= slots;
    return SQLITE_OK;
  }

  static int ShmUnmap(sqlite3_file* file, int erase) {
    Connection& connection = tests::Of(file);
    const MutexLock lock(connection.vfs->mutex_);
    connection.sharing = 0;
    connection.holding = 0;
    if (erase != 0 && connection.shared->connections.size() == 1) {
      connection.shared->regions.clear();
    }
    return SQLITE_OK;
  }

  static const sqlite3_io_methods& Methods() {
    static const sqlite3_io_methods methods = {
        .iVersion = 2,  // no memory mapping
        .xClose = Close,
        .xRead = Read,
        .xWrite = Write,
        .xTruncate = Truncate,
        .xSync = Sync,
        .xFileSize = FileSize,
        .xLock = Lock,
        .xUnlock = Unlock,
        .xCheckReservedLock = CheckReservedLock,
        .xFileControl = [](sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; },
        .xSectorSize = [](sqlite3_file*) { return 4096; },
        .xDeviceCharacteristics = [](sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; },
        .xShmMap = ShmMap,
        .xShmLock = ShmLock,
        .xShmBarrier = [](sqlite3_file*) { std::atomic_thread_fence(std::memory_order_seq_cst); },
        .xShmUnmap = ShmUnmap,
        .xFetch = nullptr,
        .xUnfetch = nullptr,
    };
    return methods;
  }

  SimulatedDisk& disk_;
  std::string name_;
  sqlite3_vfs vfs_{};
  Mutex mutex_;
  std::map<std::string, Shared> shared_;  // by path; its contents under mutex_
};

SimulatedVfs::SimulatedVfs(SimulatedDisk& disk) : impl_(std::make_unique<Impl>(disk)) {}

SimulatedVfs::~SimulatedVfs() = default;

const std::string& SimulatedVfs::name() const {
  return impl_->name();
}

}  // namespace penstock::tests
