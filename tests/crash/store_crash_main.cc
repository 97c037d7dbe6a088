// SPDX-License-Identifier: Apache-2.0
// Cuts the power of a store's disk after every operation of a workload, and fails every call.
//
//   store_crash power  [OPTIONS] [--operation I --kind KIND]
//   store_crash faults [OPTIONS] [--operation I]
//   store_crash rot    [OPTIONS] [--operation I]
//   OPTIONS: --seeds N, --first-seed S, --steps N, --every N
//
// power: for each seed a workload (workload.h) is done once; then, for each operation of the disk
//   and each kind of cut (power_cut.h), a store is opened on what is left and must show what was
//   promised (store_life.h). Every eighth cut is followed by another one during that start.
//   --operation and --kind repeat one cut of --first-seed; --every N cuts after each Nth only.
// faults: the workload is done again and again, each time with another call failing (EIO, once) or
//   with that call and the next five (ENOSPC); what is refused has not happened, and what comes
//   after it works. --every N fails each Nth call only.
// rot: the workload is done once; then in octets of each file of the closed store a bit is turned,
//   and the store is opened: what it shows is what was there, or whoever reads is told, or SQLite's
//   own check finds it.
//
// Progress and violations go to standard error, each with the options that repeat it; one line of
// JSON with the counts to standard output. Exit code: 0 nothing is wrong, 1 something is, 2 usage.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/log.h"
#include "engine/base/mutex.h"
#include "engine/base/strings.h"
#include "tests/crash/power_cut.h"
#include "tests/crash/store_life.h"

namespace penstock::tests {
namespace {

constexpr int kViolationsMax = 20;
constexpr std::uint64_t kSecondCutEvery = 8;
constexpr std::uint64_t kFullDiskCalls = 6;

struct Options {
  std::string mode;
  std::uint64_t seeds = 1;
  std::uint64_t first_seed = 1;
  std::uint64_t steps = 60;
  std::uint64_t every = 1;
  std::optional<std::uint64_t> operation;
  std::string kind;
};

struct Counts {
  std::map<std::string, std::uint64_t> operations;  // cuts after each kind of operation
  std::map<std::string, std::uint64_t> kinds;       // of cut, or of call that failed
  std::uint64_t cuts = 0;
  std::uint64_t commits = 0;
  std::uint64_t refused = 0;
  std::uint64_t violations = 0;
};

// Errors that the store logs: after a cut there is no reason for any.
class ErrorLog {
 public:
  ErrorLog() {
    SetLogSink([this](LogLevel level, std::string_view event, std::span<const LogField> fields) {
      // A bound of the async queue that is reached is nobody's failure.
      if (level != LogLevel::kError || event == "async_queue_full" ||
          event == "dead_letter_dropped") {
        return;
      }
      const MutexLock lock(mutex_);
      first_ = std::string(event);
      for (const LogField& field : fields)
        Append(first_, " ", field.name, "=", field.value);
    });
  }

  std::string Take() {
    const MutexLock lock(mutex_);
    return std::exchange(first_, {});
  }

 private:
  Mutex mutex_;
  std::string first_ ABSL_GUARDED_BY(mutex_);
};

void Say(const std::string& line) {
  std::fprintf(stderr, "%s\n", line.c_str());
}

// "write state.db-wal": numbers of segments are all one.
std::string Describe(const DiskOperation& operation) {
  std::string name = operation.path.substr(operation.path.rfind('/') + 1);
  if (name.ends_with(".segment")) name = "segment";
  return Cat(Name(operation.kind), " ", name);
}

class Sweep {
 public:
  explicit Sweep(const Options& options) : options_(options) {}

  void Power(std::uint64_t seed) {
    StoreLife life(MakeScript(seed, options_.steps, true));
    counts_.commits += life.commits();
    if (!life.error().empty()) return Violation(Cat("--first-seed ", seed), life.error());
    CheckLog(Cat("--first-seed ", seed));
    const std::vector<DiskOperation>& log = life.disk().log();
    PowerCut power(NewDisk(), log);
    while (power.position() < log.size() && counts_.violations < kViolationsMax) {
      power.Advance();
      const std::size_t position = power.position();
      if (options_.operation ? *options_.operation != position : position % options_.every != 0) {
        continue;
      }
      for (const CutKind kind : kCutKinds) {
        if (!options_.kind.empty() && options_.kind != Name(kind)) continue;
        ++counts_.operations[Describe(log[position - 1])];
        CutOnce(life, power, seed, kind);
      }
      Progress(Cat("seed ", seed, ", operation ", position, " of ", log.size()));
    }
  }

  void Faults(std::uint64_t seed) {
    std::uint64_t calls = 0;
    {
      StoreLife life(MakeScript(seed, options_.steps, false));
      calls = life.disk().calls();
    }
    for (std::uint64_t call = options_.operation.value_or(0);
         call < calls && counts_.violations < kViolationsMax; call += options_.every) {
      FailOnce(seed, {call, 1, SimulatedDisk::Fault::kInputOutput}, "EIO");
      FailOnce(seed, {call, kFullDiskCalls, SimulatedDisk::Fault::kNoSpace}, "ENOSPC");
      Progress(Cat("seed ", seed, ", call ", call, " of ", calls));
      if (options_.operation) return;
    }
  }

  // Of a store that was closed in order.
  void Rot(std::uint64_t seed) {
    StoreLife life(MakeScript(seed, options_.steps, false));
    counts_.commits += life.commits();
    if (!life.error().empty()) return Violation(Cat("--first-seed ", seed), life.error());
    PowerCut::Random random(seed);
    PowerCut power(NewDisk(), life.disk().log());
    while (power.position() < life.disk().log().size())
      power.Advance();
    const DiskImage image = power.Cut(CutKind::kKilled, random);
    for (const auto& [path, octets] : image.files) {
      for (std::uint64_t at = random() % options_.every; at < octets.size(); at += options_.every) {
        if (options_.operation && *options_.operation != at) continue;
        DiskImage rotten = image;
        rotten.files[path][at] ^= static_cast<char>(1U << random() % 8);
        RotOnce(life, std::move(rotten), path, seed, at);
        Progress(Cat("seed ", seed, ", octet ", at, " of ", path));
      }
    }
  }

  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  void RotOnce(StoreLife& life, DiskImage image, const std::string& path, std::uint64_t seed,
               std::uint64_t at) {
    const std::string file =
        path.ends_with(".segment") ? "segment" : path.substr(path.rfind('/') + 1);
    ++counts_.cuts;
    StoredDisk disk(std::move(image));
    const std::string found = PictureOf(disk, coroutines_);
    const bool started = !found.starts_with("open: ");
    if (started) {
      // What a reader found is parked, and said, before the next commit.
      static_cast<void>(coroutines_.Run(disk.store().Commit(ports::Transaction())));
    }
    const bool said = !errors_.Take().empty() || IsSaid(found);
    const std::string difference = life.JudgeEnd(found);
    std::string_view outcome = "SILENT";
    if (difference.empty()) {
      outcome = "no harm";
    } else if (!started) {
      outcome = "does not start";
    } else if (said) {
      outcome = "said";
    } else if (!Contains(found, life.last_audit())) {
      outcome = "a page of SQLite's, which only its own check sees";
    }
    ++counts_.kinds[Cat(file, ": ", outcome)];
    if (outcome == "SILENT") {
      Violation(Cat("--first-seed ", seed, " --operation ", at), Cat(file, ": ", difference));
    }
  }

  // Whether whoever read was told: by a checksum, by SQLite, or that what is listed is not there.
  static bool IsSaid(std::string_view picture) {
    return Contains(picture, "checksum") || Contains(picture, "sqlite: ") ||
           Contains(picture, "no such ");
  }

  static bool Contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
  }

  void CutOnce(StoreLife& life, const PowerCut& power, std::uint64_t seed, CutKind kind) {
    const std::size_t position = power.position();
    const std::string repeat =
        Cat("--first-seed ", seed, " --operation ", position, " --kind ", Name(kind));
    PowerCut::Random random(seed * 1'000'003 + position * 7 + static_cast<std::uint64_t>(kind));
    DiskImage image = power.Cut(kind, random);
    ++counts_.cuts;
    ++counts_.kinds[std::string(Name(kind))];
    StoredDisk disk(image);
    const std::string picture = PictureOf(disk, coroutines_);
    const std::size_t started = disk.disk().operations();
    if (const std::string wrong = life.Judge(position, picture); !wrong.empty()) {
      return Violation(repeat, wrong);
    }
    CheckLog(repeat);
    disk.Close();
    if (counts_.cuts % kSecondCutEvery != 0) return;
    // Again, during the start, or right after it: what a start has shown stays.
    PowerCut again(std::move(image), disk.disk().log());
    const std::size_t until = random() % 3 == 0 ? started : random() % (started + 1);
    while (again.position() < until)
      again.Advance();
    ++counts_.cuts;
    ++counts_.kinds["during a start"];
    StoredDisk second(again.Cut(kCutKinds[random() % kCutKinds.size()], random));
    const std::string after = PictureOf(second, coroutines_);
    std::string wrong = life.Judge(position, after);
    if (wrong.empty() && until == started) wrong = Difference(picture, after);
    if (!wrong.empty()) Violation(repeat, Cat("after a second cut during the start: ", wrong));
    CheckLog(repeat);
  }

  void FailOnce(std::uint64_t seed, CallFaults faults, std::string_view name) {
    const std::string repeat =
        Cat("--first-seed ", seed, " --operation ", faults.first_call, " (", name, ")");
    StoreLife life(MakeScript(seed, options_.steps, false), faults);
    ++counts_.cuts;
    ++counts_.kinds[std::string(name)];
    std::string call = life.disk().failed_call();
    if (call.empty()) call = "none: it was over before";
    if (call.ends_with(".segment")) call = call.substr(0, call.find(' ')) + " segment";
    ++counts_.operations[call];
    counts_.refused += life.refusals().size();
    counts_.commits += life.commits();
    static_cast<void>(errors_.Take());  // of course it says so
    if (!life.error().empty()) return Violation(repeat, life.error());
    // And the power goes: somewhere, when the last was said to be done, and at the end.
    PowerCut::Random random(seed + faults.first_call);
    const std::vector<DiskOperation>& log = life.disk().log();
    PowerCut power(NewDisk(), log);
    std::size_t until = random() % (log.size() + 1);
    if (!life.refusals().empty()) {
      // Where what was refused may come back.
      const Refusal& refusal = life.refusals()[random() % life.refusals().size()];
      const std::size_t end = std::min(refusal.end_operation, log.size());
      until = refusal.first_operation + random() % (end - refusal.first_operation + 1);
    }
    while (power.position() < log.size()) {
      power.Advance();
      const bool told = power.position() == life.last_told() || power.position() == log.size();
      if (power.position() != until && !told) continue;
      const CutKind kind = told ? CutKind::kDropped : kCutKinds[random() % kCutKinds.size()];
      StoredDisk disk(power.Cut(kind, random));
      const std::string picture = PictureOf(disk, coroutines_);
      if (life.IsOfRefused(power.position(), picture)) ++counts_.kinds["refused, came back whole"];
      const std::string wrong = power.position() == log.size()
                                    ? life.JudgeEnd(picture)
                                    : life.Judge(power.position(), picture);
      if (!wrong.empty()) {
        return Violation(repeat,
                         Cat("after a cut (", Name(kind), ") at ", power.position(), ": ", wrong));
      }
    }
  }

  void CheckLog(const std::string& repeat) {
    const std::string line = errors_.Take();
    if (!line.empty()) Violation(repeat, Cat("the store logged: ", line));
  }

  void Violation(const std::string& repeat, const std::string& what) {
    ++counts_.violations;
    Say(Cat("VIOLATION ", options_.mode, " --steps ", options_.steps, " ", repeat, ": ", what));
  }

  void Progress(const std::string& where) {
    const auto now = std::chrono::steady_clock::now();
    if (now - last_progress_ < std::chrono::seconds(10)) return;
    last_progress_ = now;
    Say(Cat("store_crash ", options_.mode, ": ", counts_.cuts, " so far, ", where));
  }

  const Options& options_;
  ErrorLog errors_;
  Coroutines coroutines_;
  Counts counts_;
  std::chrono::steady_clock::time_point last_progress_ = std::chrono::steady_clock::now();
};

std::string ToJson(const std::map<std::string, std::uint64_t>& counts) {
  std::string text;
  for (const auto& [name, count] : counts)
    Append(text, text.empty() ? "" : ", ", "\"", name, "\": ", count);
  return Cat("{", text, "}");
}

std::optional<Options> ParseOptions(int argc, char** argv) {
  Options options;
  if (argc < 2) return std::nullopt;
  options.mode = argv[1];
  if (options.mode != "power" && options.mode != "faults" && options.mode != "rot")
    return std::nullopt;
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--kind") {
      options.kind = argv[i + 1];
      continue;
    }
    const std::optional<std::int64_t> value = ParseInt<std::int64_t>(argv[i + 1]);
    if (!value || *value < 0) return std::nullopt;
    const auto number = static_cast<std::uint64_t>(*value);
    if (name == "--seeds") {
      options.seeds = number;
    } else if (name == "--first-seed") {
      options.first_seed = number;
    } else if (name == "--steps") {
      options.steps = number;
    } else if (name == "--every" && number > 0) {
      options.every = number;
    } else if (name == "--operation") {
      options.operation = number;
    } else {
      return std::nullopt;
    }
  }
  return argc % 2 == 0 ? std::optional(options) : std::nullopt;
}

}  // namespace
}  // namespace penstock::tests

int main(int argc, char** argv) {
  using namespace penstock;         // NOLINT(google-build-using-namespace)
  using namespace penstock::tests;  // NOLINT(google-build-using-namespace)
  const auto options = ParseOptions(argc, argv);
  if (!options) {
    std::fprintf(stderr,
                 "usage: store_crash power|faults|rot [--seeds N] [--first-seed S] [--steps N]"
                 " [--every N] [--operation I] [--kind KIND]\n");
    return 2;
  }
  Sweep sweep(*options);
  for (std::uint64_t i = 0; i < options->seeds; ++i) {
    if (options->mode == "power") {
      sweep.Power(options->first_seed + i);
    } else if (options->mode == "rot") {
      sweep.Rot(options->first_seed + i);
    } else {
      sweep.Faults(options->first_seed + i);
    }
  }
  const Counts& counts = sweep.counts();
  std::printf(
      "{\"mode\": \"%s\", \"cuts\": %llu, \"commits\": %llu, \"refused\": %llu, \"violations\": "
      "%llu, "
      "\"operations\": %s, \"kinds\": %s}\n",
      options->mode.c_str(), static_cast<unsigned long long>(counts.cuts),
      static_cast<unsigned long long>(counts.commits),
      static_cast<unsigned long long>(counts.refused),
      static_cast<unsigned long long>(counts.violations), ToJson(counts.operations).c_str(),
      ToJson(counts.kinds).c_str());
  return counts.violations == 0 ? 0 : 1;
}
