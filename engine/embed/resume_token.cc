// SPDX-License-Identifier: Apache-2.0
#include "engine/embed/resume_token.h"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/flow/mac.h"
#include "engine/store/record.h"

namespace penstock::embed {
namespace {

constexpr char kVersion = 1;
constexpr std::size_t kLengthOctets = 4;

void AppendLength(std::string& body, std::size_t octets) {
  for (int shift = (kLengthOctets - 1) * 8; shift >= 0; shift -= 8)
    body.push_back(static_cast<char>(static_cast<std::uint8_t>(octets >> shift)));
}

std::size_t LengthOf(std::string_view octets) {
  std::size_t length = 0;
  for (const char octet : octets)
    length = (length << 8U) | static_cast<std::uint8_t>(octet);
  return length;
}

Status DiskError(std::string_view path) {
  return Unavailable(Cat(path, ": ", std::strerror(errno)));
}

// A descriptor that closes itself.
class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}

  File(const File&) = delete;
  File& operator=(const File&) = delete;

  ~File() {
    if (descriptor_ >= 0) close(descriptor_);
  }

  [[nodiscard]] int get() const { return descriptor_; }

 private:
  const int descriptor_;
};

Status WriteKey(const std::string& data_folder, const std::string& path, std::string_view key) {
  const std::string aside = path + ".new";
  const File file(open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (file.get() < 0) return DiskError(aside);
  if (write(file.get(), key.data(), key.size()) != static_cast<ssize_t>(key.size()) ||
      fsync(file.get()) != 0 || rename(aside.c_str(), path.c_str()) != 0) {
    return DiskError(aside);
  }
  const File folder(open(data_folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0 || fsync(folder.get()) != 0) return DiskError(data_folder);
  return OkStatus();
}

}  // namespace

std::string SealToken(std::string_view secret,
                      std::span<const flow::MessageState* const> messages) {
  std::string token(1, kVersion);
  for (const flow::MessageState* message : messages) {
    const std::string record = store::EncodeMessage(*message);
    AppendLength(token, record.size());
    token += record;
  }
  const flow::Mac mac = flow::MacOf(secret, kResumeTokenDomain, token);
  token.append(reinterpret_cast<const char*>(mac.data()), mac.size());
  return token;
}

StatusOr<std::vector<flow::MessageState>> OpenToken(std::string_view secret,
                                                    std::string_view token) {
  const Status refused = InvalidArgument(
      "token: it is none of this engine's, or was changed; give it back octet for octet, to the "
      "data folder that it came from or to one of the same token_key");
  if (token.size() <= flow::kMacOctets || token.size() > limits::kResumeTokenOctetsMax)
    return refused;
  std::string_view body = token.substr(0, token.size() - flow::kMacOctets);
  if (!flow::IsMac(token.substr(body.size()), flow::MacOf(secret, kResumeTokenDomain, body)))
    return refused;
  const Status other_version = FailedPrecondition(
      "token: written by another version of Penstock, which alone can go on with it; ask anew, "
      "without it");
  if (body.front() != kVersion) return other_version;
  body.remove_prefix(1);
  std::vector<flow::MessageState> messages;
  while (!body.empty()) {
    if (body.size() < kLengthOctets) return other_version;
    const std::size_t octets = LengthOf(body.substr(0, kLengthOctets));
    body.remove_prefix(kLengthOctets);
    if (octets > body.size()) return other_version;
    auto message = store::DecodeMessage(body.substr(0, octets));
    if (!message.ok()) return other_version;
    messages.push_back(*std::move(message));
    body.remove_prefix(octets);
  }
  if (messages.empty()) return other_version;
  return messages;
}

StatusOr<std::string> LoadTokenKey(const std::string& data_folder) {
  const std::string path = data_folder + "/resume.key";
  const File file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, limits::kResumeKeyOctetsMin> key{};
  if (file.get() < 0) {
    if (errno != ENOENT) return DiskError(path);
    if (getrandom(key.data(), key.size(), 0) != static_cast<ssize_t>(key.size()))
      return DiskError("getrandom");
    std::string made(key.data(), key.size());
    PENSTOCK_RETURN_IF_ERROR(WriteKey(data_folder, path, made));
    return made;
  }

  struct stat facts {};

  if (fstat(file.get(), &facts) != 0) return DiskError(path);
  if (facts.st_size != static_cast<off_t>(key.size()) ||
      read(file.get(), key.data(), key.size()) != static_cast<ssize_t>(key.size())) {
    return DataLoss(Cat(path, ": has not ", key.size(),
                        " octets; remove it, and tokens made before are refused"));
  }
  return std::string(key.data(), key.size());
}

}  // namespace penstock::embed
