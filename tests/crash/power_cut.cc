// SPDX-License-Identifier: Apache-2.0
#include "tests/crash/power_cut.h"

#include <algorithm>
#include <utility>

namespace penstock::tests {
namespace {

using Kind = DiskOperation::Kind;

constexpr std::size_t kSector = 512;

bool Chance(PowerCut::Random& random, std::uint64_t one_in) {
  return random() % one_in == 0;
}

void Grow(std::string& octets, std::uint64_t length) {
  if (octets.size() < length) octets.resize(static_cast<std::size_t>(length));
}

void Put(std::string& octets, std::uint64_t offset, std::string_view data) {
  if (data.empty()) return;
  Grow(octets, offset + data.size());
  data.copy(octets.data() + offset, data.size());
}

void Apply(std::string& octets, const DiskOperation& operation) {
  if (operation.kind == Kind::kWrite) {
    Put(octets, operation.offset, operation.data);
  } else if (operation.kind == Kind::kTruncate) {
    octets.resize(static_cast<std::size_t>(operation.octets));
  } else {
    const std::size_t begin = std::min<std::size_t>(operation.offset, octets.size());
    const std::size_t end =
        std::min<std::size_t>(operation.offset + operation.octets, octets.size());
    std::fill(octets.begin() + static_cast<std::ptrdiff_t>(begin),
              octets.begin() + static_cast<std::ptrdiff_t>(end), '\0');
  }
}

// A write of which each sector comes with three chances in four, unless `whole`.
void ApplyPart(std::string& octets, const DiskOperation& operation, PowerCut::Random& random,
               bool whole) {
  if (operation.kind != Kind::kWrite || whole) {
    Apply(octets, operation);
    return;
  }
  const std::string_view data = operation.data;
  for (std::size_t begin = 0; begin < data.size();) {
    const std::size_t to_border = kSector - (operation.offset + begin) % kSector;
    const std::size_t count = std::min(to_border, data.size() - begin);
    if (!Chance(random, 4)) Put(octets, operation.offset + begin, data.substr(begin, count));
    begin += count;
  }
}

bool IsOfNames(Kind kind) {
  return kind == Kind::kCreate || kind == Kind::kRemove || kind == Kind::kCreateFolder;
}

}  // namespace

std::string_view Name(CutKind kind) {
  switch (kind) {
    case CutKind::kKilled:
      return "killed";
    case CutKind::kDropped:
      return "dropped";
    case CutKind::kTorn:
      return "torn";
    case CutKind::kReordered:
      break;
  }
  return "reordered";
}

PowerCut::PowerCut(DiskImage image, const std::vector<DiskOperation>& log)
    : log_(log), folders_(std::move(image.folders)) {
  // As SimulatedDisk numbers them.
  std::uint32_t number = 0;
  for (auto& [path, octets] : image.files) {
    names_[path] = ++number;
    files_[number].durable = std::move(octets);
  }
}

void PowerCut::Advance() {
  const DiskOperation& operation = log_[position_++];
  if (IsOfNames(operation.kind)) {
    changed_names_.push_back(&operation);
  } else if (operation.kind == Kind::kSyncFolder) {
    if (operation.failed) return;
    std::erase_if(changed_names_, [&](const DiskOperation* change) {
      if (FolderOf(change->path) != operation.path) return false;
      ApplyName(*change, names_, folders_);
      return true;
    });
  } else if (operation.kind == Kind::kSync) {
    SettleFile(files_[operation.file], operation.failed);
  } else {
    files_[operation.file].changes.push_back({&operation});
  }
}

void PowerCut::SettleFile(File& file, bool failed) {
  for (Change& change : file.changes) {
    if (change.settled || change.forgotten) continue;
    (failed ? change.forgotten : change.settled) = true;
  }
  const auto uncertain = std::find_if(file.changes.begin(), file.changes.end(),
                                      [](const Change& change) { return !change.settled; });
  for (auto change = file.changes.begin(); change != uncertain; ++change)
    Apply(file.durable, *change->operation);
  file.changes.erase(file.changes.begin(), uncertain);
}

void PowerCut::ApplyName(const DiskOperation& operation,
                         std::map<std::string, std::uint32_t>& names,
                         std::set<std::string>& folders) const {
  if (operation.kind == Kind::kCreateFolder) {
    folders.insert(operation.path);
  } else if (operation.kind == Kind::kCreate) {
    names[operation.path] = operation.file;
  } else {
    names.erase(operation.path);
  }
}

DiskImage PowerCut::Cut(CutKind kind, Random& random) const {
  std::map<std::string, std::uint32_t> names = names_;
  DiskImage image;
  image.folders = folders_;
  for (const DiskOperation* change : changed_names_) {
    if (kind == CutKind::kDropped) continue;
    if (kind == CutKind::kReordered && Chance(random, 2)) continue;
    ApplyName(*change, names, image.folders);
  }
  const DiskOperation* last = position_ == 0 ? nullptr : &log_[position_ - 1];
  for (const auto& [path, number] : names) {
    if (!image.folders.contains(FolderOf(path))) continue;
    const auto found = files_.find(number);
    std::string octets;
    if (found != files_.end()) {
      octets = found->second.durable;
      for (const Change& change : found->second.changes) {
        const DiskOperation& operation = *change.operation;
        if (change.settled || kind == CutKind::kKilled) {
          Apply(octets, operation);
        } else if (kind == CutKind::kTorn) {
          if (&operation != last) {
            Apply(octets, operation);
          } else if (Chance(random, 2)) {
            Put(octets, operation.offset,
                std::string_view(operation.data).substr(0, random() % (operation.data.size() + 1)));
          } else {
            ApplyPart(octets, operation, random, false);
          }
        } else if (kind == CutKind::kReordered) {
          if (Chance(random, 2)) {
            ApplyPart(octets, operation, random, Chance(random, 2));
          } else if (operation.kind == Kind::kWrite && Chance(random, 3)) {
            Grow(octets, operation.offset + operation.data.size());
          }
        }
      }
    }
    image.files.emplace(path, std::move(octets));
  }
  return image;
}

}  // namespace penstock::tests
