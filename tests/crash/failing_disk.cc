// SPDX-License-Identifier: Apache-2.0
// To be preloaded (LD_PRELOAD) into a process whose disk is to fail. While the file that
// PENSTOCK_DISK_FAULT names holds a number, a call that changes a file below
// PENSTOCK_DISK_FAULT_BELOW fails with it as errno; otherwise nothing is changed.
#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <cstring>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

namespace {

template <class Function>
Function Next(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

using OpenCall = int (*)(const char*, int, ...);

// The errno that is asked for; 0: none.
int Fault() {
  static const auto real_open = Next<OpenCall>("open");
  static const char* const path = std::getenv("PENSTOCK_DISK_FAULT");
  if (path == nullptr) return 0;
  const int file = real_open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  char text[8] = {};
  const ssize_t octets = read(file, text, sizeof(text) - 1);
  close(file);
  return octets > 0 ? std::atoi(text) : 0;
}

bool IsBelow(const char* path) {
  static const char* const below = std::getenv("PENSTOCK_DISK_FAULT_BELOW");
  return below != nullptr && std::strncmp(path, below, std::strlen(below)) == 0;
}

bool Fails(const char* path) {
  const int before = errno;
  const int fault = IsBelow(path) ? Fault() : 0;
  errno = fault != 0 ? fault : before;
  return fault != 0;
}

bool Fails(int file) {
  char link[64] = "/proc/self/fd/";
  char digits[16];
  int count = 0;
  for (int rest = file; rest > 0 || count == 0; rest /= 10)
    digits[count++] = static_cast<char>('0' + rest % 10);
  char* end = link + std::strlen(link);
  while (count > 0)
    *end++ = digits[--count];
  char path[4096] = {};
  const int before = errno;
  const ssize_t octets = readlink(link, path, sizeof(path) - 1);
  errno = before;
  return octets > 0 && Fails(path);
}

}  // namespace

extern "C" {

ssize_t pwrite64(int file, const void* octets, size_t count, off64_t offset) {
  static const auto real = Next<ssize_t (*)(int, const void*, size_t, off64_t)>("pwrite64");
  return Fails(file) ? -1 : real(file, octets, count, offset);
}

ssize_t pwrite(int file, const void* octets, size_t count, off_t offset) {
  static const auto real = Next<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite");
  return Fails(file) ? -1 : real(file, octets, count, offset);
}

int fdatasync(int file) {
  static const auto real = Next<int (*)(int)>("fdatasync");
  return Fails(file) ? -1 : real(file);
}

int fsync(int file) {
  static const auto real = Next<int (*)(int)>("fsync");
  return Fails(file) ? -1 : real(file);
}

int ftruncate64(int file, off64_t octets) {
  static const auto real = Next<int (*)(int, off64_t)>("ftruncate64");
  return Fails(file) ? -1 : real(file, octets);
}

int unlink(const char* path) {
  static const auto real = Next<int (*)(const char*)>("unlink");
  return Fails(path) ? -1 : real(path);
}

int open(const char* path, int flags, ...) {
  static const auto real = Next<OpenCall>("open");
  va_list rest;
  va_start(rest, flags);
  const auto mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  if ((flags & O_CREAT) != 0 && Fails(path)) return -1;
  return real(path, flags, mode);
}

}  // extern "C"
