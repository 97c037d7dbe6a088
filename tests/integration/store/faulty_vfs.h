// SPDX-License-Identifier: Apache-2.0
// SQLite's own VFS with faults on demand: writes that find the disk full, writes and syncs that
// fail. Reads, locks and shared memory are passed on.
#pragma once

#include <atomic>
#include <new>

#include <sqlite3.h>

namespace penstock::tests {

// One for the process: SQLite keeps what is registered.
class FaultyVfs {
 public:
  enum class Fault { kNone, kFullOnWrite, kErrorOnWrite, kErrorOnSync };

  static constexpr char kName[] = "penstock-faulty";

  static FaultyVfs& Get() {
    static FaultyVfs vfs;
    return vfs;
  }

  // From now on, in the write-ahead log alone or in the database alone.
  enum class Where { kLog, kDatabase };

  void Set(Fault fault, Where where = Where::kLog) {
    where_ = where;
    fault_ = fault;
  }

  [[nodiscard]] int faults() const { return faults_; }

 private:
  struct File {
    sqlite3_file base;
    bool is_log;
    sqlite3_file* real;  // behind this struct
  };

  FaultyVfs() : real_(sqlite3_vfs_find(nullptr)), vfs_(*real_) {
    vfs_.zName = kName;
    vfs_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
    vfs_.pNext = nullptr;
    vfs_.xOpen = Open;
    sqlite3_vfs_register(&vfs_, 0);
  }

  static File* Of(sqlite3_file* file) { return reinterpret_cast<File*>(file); }

  static sqlite3_file* Real(sqlite3_file* file) { return Of(file)->real; }

  static bool Fails(sqlite3_file* file, Fault fault) {
    FaultyVfs& vfs = Get();
    if (vfs.fault_ != fault) return false;
    if (Of(file)->is_log != (vfs.where_ == Where::kLog)) return false;
    ++vfs.faults_;
    return true;
  }

  static int Open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out) {
    File* ours = new (file) File();
    ours->real = reinterpret_cast<sqlite3_file*>(ours + 1);
    ours->is_log = (flags & SQLITE_OPEN_WAL) != 0;
    const int result = Get().real_->xOpen(Get().real_, name, ours->real, flags, out);
    ours->base.pMethods = result == SQLITE_OK ? &Methods() : nullptr;
    return result;
  }

  static int Write(sqlite3_file* file, const void* octets, int count, sqlite3_int64 offset) {
    if (Fails(file, Fault::kFullOnWrite)) return SQLITE_FULL;
    if (Fails(file, Fault::kErrorOnWrite)) return SQLITE_IOERR_WRITE;
    return Real(file)->pMethods->xWrite(Real(file), octets, count, offset);
  }

  static int Sync(sqlite3_file* file, int flags) {
    if (Fails(file, Fault::kErrorOnSync)) return SQLITE_IOERR_FSYNC;
    return Real(file)->pMethods->xSync(Real(file), flags);
  }

  static const sqlite3_io_methods& Methods() {
    static const sqlite3_io_methods methods = {
        .iVersion = 2,  // no memory mapping
        .xClose = [](sqlite3_file* f) { return Real(f)->pMethods->xClose(Real(f)); },
        .xRead =
            [](sqlite3_file* f, void* octets, int count, sqlite3_int64 offset) {
              return Real(f)->pMethods->xRead(Real(f), octets, count, offset);
            },
        .xWrite = Write,
        .xTruncate = [](sqlite3_file* f,
                        sqlite3_int64 size) { return Real(f)->pMethods->xTruncate(Real(f), size); },
        .xSync = Sync,
        .xFileSize =
            [](sqlite3_file* f, sqlite3_int64* size) {
              return Real(f)->pMethods->xFileSize(Real(f), size);
            },
        .xLock = [](sqlite3_file* f, int lock) { return Real(f)->pMethods->xLock(Real(f), lock); },
        .xUnlock = [](sqlite3_file* f,
                      int lock) { return Real(f)->pMethods->xUnlock(Real(f), lock); },
        .xCheckReservedLock =
            [](sqlite3_file* f, int* out) {
              return Real(f)->pMethods->xCheckReservedLock(Real(f), out);
            },
        .xFileControl =
            [](sqlite3_file* f, int operation, void* argument) {
              return Real(f)->pMethods->xFileControl(Real(f), operation, argument);
            },
        .xSectorSize = [](sqlite3_file* f) { return Real(f)->pMethods->xSectorSize(Real(f)); },
        .xDeviceCharacteristics =
            [](sqlite3_file* f) { return Real(f)->pMethods->xDeviceCharacteristics(Real(f)); },
        .xShmMap =
            [](sqlite3_file* f, int page, int size, int extend, volatile void** out) {
              return Real(f)->pMethods->xShmMap(Real(f), page, size, extend, out);
            },
        .xShmLock =
            [](sqlite3_file* f, int offset, int count, int flags) {
              return Real(f)->pMethods->xShmLock(Real(f), offset, count, flags);
            },
        .xShmBarrier = [](sqlite3_file* f) { Real(f)->pMethods->xShmBarrier(Real(f)); },
        .xShmUnmap = [](sqlite3_file* f,
                        int erase) { return Real(f)->pMethods->xShmUnmap(Real(f), erase); },
        .xFetch = nullptr,
        .xUnfetch = nullptr,
    };
    return methods;
  }

  sqlite3_vfs* const real_;
  sqlite3_vfs vfs_;
  std::atomic<Fault> fault_{Fault::kNone};
  std::atomic<Where> where_{Where::kLog};
  std::atomic<int> faults_{0};
};

}  // namespace penstock::tests
