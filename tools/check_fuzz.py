#!/usr/bin/env python3
"""Runs the fuzzers of tests/fuzz under clang's libFuzzer, AddressSanitizer and UBSan.

Usage: check_fuzz.py [--seconds N] [--jobs N] [--list] [NAME...]
  NAME       tests/fuzz/NAME_fuzz.cc; default: all of them
  --seconds  how long each runs (default 60)
  --jobs     how many run at a time (default: as many as there are cores)
Starts from tests/fuzz/corpus/NAME and from what earlier runs found (build/fuzz/corpus/NAME). Prints for
each how many inputs it ran, and how many lines of the files on its "// Covers:" line they reached:
under 80 % of one file the fuzzer does not test what it says, and the exit code is 1.
A finding is stored as a case in tests/fuzz/corpus/NAME, where ctest replays it; then the exit code is 1.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "fuzz"
INPUT_OCTETS_MAX = 16384
RSS_MB_MAX = 2048
INPUT_SECONDS_MAX = 10  # one input that takes longer is a finding
LINES_REACHED_MIN = 0.8  # of each file that a fuzzer says it covers


def targets():
    return sorted(path.name[:-len("_fuzz.cc")] for path in (ROOT / "tests/fuzz").glob("*_fuzz.cc"))


def covers(name):
    """Returns the files that the target names as under test."""
    text = (ROOT / "tests/fuzz" / f"{name}_fuzz.cc").read_text(encoding="utf-8")
    files = [file for line in re.findall(r"^// Covers:(.*)$", text, re.M) for file in line.split()]
    if not files:
        sys.exit(f"tests/fuzz/{name}_fuzz.cc: no line // Covers: FILE...")
    for file in files:
        if not (ROOT / file).exists():
            sys.exit(f"tests/fuzz/{name}_fuzz.cc: covers {file}, which does not exist")
    return files


def build(names, jobs):
    for command in (["cmake", "--preset", "fuzz"],
                    ["cmake", "--build", "build/fuzz", "-j", str(jobs), "--target"] + [f"{n}_fuzz" for n in names]):
        if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
            sys.exit("fuzz: the build failed")


def lines_reached(name, profile):
    """Returns {file: (reached, all)} lines after a run."""
    merged = profile.with_suffix(".profdata")
    subprocess.run(["llvm-profdata-14", "merge", "-sparse", profile, "-o", merged], check=True)
    done = subprocess.run(
        ["llvm-cov-14", "export", "-summary-only", f"-instr-profile={merged}", BUILD / "tests/fuzz" / f"{name}_fuzz"]
        + [ROOT / file for file in covers(name)], stdout=subprocess.PIPE, check=True)
    found = {}
    for file in json.loads(done.stdout)["data"][0]["files"]:  # all, if the compiler saw relative paths
        lines = file["summary"]["lines"]
        found[os.path.relpath(file["filename"], ROOT)] = (lines["covered"], lines["count"])
    return {file: found[file] for file in covers(name) if file in found}


def under_goal(name, reached):
    """Returns the files that the target covers, of which it reached too few lines."""
    def share(file):
        covered, count = reached.get(file, (0, 1))
        return covered / count

    return [file for file in covers(name) if share(file) < LINES_REACHED_MIN]


def store(name, folder):
    """Copies what the fuzzer left into the corpus; returns the new cases."""
    cases = []
    for finding in sorted(folder.iterdir()):
        kind = finding.name.split("-")[0]  # crash, timeout, oom, leak; slow is none
        if kind == "slow":
            continue
        digest = hashlib.sha256(finding.read_bytes()).hexdigest()[:12]
        case = ROOT / "tests/fuzz/corpus" / name / f"{kind}-{digest}"
        case.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(finding, case)
        cases.append(case.relative_to(ROOT))
    return cases


def run(name, seconds):
    """Runs one fuzzer; returns (its row of the table, text of a failure or "")."""
    findings, grown = BUILD / "findings" / name, BUILD / "corpus" / name
    shutil.rmtree(findings, ignore_errors=True)
    for folder in (findings, grown):
        folder.mkdir(parents=True, exist_ok=True)
    profile = BUILD / f"{name}.profraw"
    profile.unlink(missing_ok=True)
    command = [BUILD / "tests/fuzz" / f"{name}_fuzz", f"-max_total_time={seconds}", f"-max_len={INPUT_OCTETS_MAX}",
               f"-rss_limit_mb={RSS_MB_MAX}", f"-timeout={INPUT_SECONDS_MAX}", "-print_final_stats=1",
               f"-artifact_prefix={findings}/", grown, ROOT / "tests/fuzz/corpus" / name]
    words = ROOT / "tests/fuzz" / f"{name}.dict"
    if words.exists():
        command.append(f"-dict={words}")
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env={**os.environ, "LLVM_PROFILE_FILE": str(profile),
                               "ASAN_OPTIONS": "strict_string_checks=1:detect_stack_use_after_return=1",
                               "UBSAN_OPTIONS": "print_stacktrace=1"}, check=False)
    log = done.stdout.decode("utf-8", "replace")
    runs = re.search(r"^stat::number_of_executed_units:\s+(\d+)", log, re.M)
    failure = ""
    if done.returncode != 0:
        cases = store(name, findings)
        at = re.search(r"check failed|runtime error|ERROR: |==\d+==", log)
        failure = log[max(0, at.start() - 200) if at else -4000:][:6000]
        failure += "".join(f"\nstored as {case}" for case in cases)
    reached = lines_reached(name, profile) if profile.exists() and profile.stat().st_size else {}
    return (int(runs.group(1)) if runs else 0, reached), failure


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--list", action="store_true")
    parser.add_argument("name", nargs="*")
    arguments = parser.parse_args()
    if arguments.list:
        for name in targets():
            print(f"{name:<16} {' '.join(covers(name))}")
        return 0
    names = arguments.name or targets()
    for name in names:
        if name not in targets():
            sys.exit(f"fuzz: no fuzzer {name}; there are: {' '.join(targets())}")
        covers(name)
    build(names, arguments.jobs)
    failed, below = [], []
    print(f"\nfuzz: {len(names)} fuzzers, {arguments.seconds} s each, {arguments.jobs} at a time", flush=True)
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        started = {pool.submit(run, name, arguments.seconds): name for name in names}
        for future in concurrent.futures.as_completed(started):
            name = started[future]
            (runs, reached), failure = future.result()
            print(f"\n{name}: {runs:,} runs, {'FINDING' if failure else 'no finding'}")
            for file, (covered, count) in sorted(reached.items()):
                print(f"  {100 * covered / count if count else 0:5.1f} % of {count:4} lines  {file}")
            if failure:  # it ended early: what it reached says nothing
                failed.append(name)
                print(failure)
            else:
                below += [f"{name}: {file}" for file in under_goal(name, reached)]
            sys.stdout.flush()
    print(f"\nfuzz: {'findings: ' + ' '.join(sorted(failed)) if failed else 'no findings'}")
    if below:
        print(f"fuzz: under {100 * LINES_REACHED_MIN:.0f} % of the lines, so these want more cases in their corpus:")
        print("".join(f"  {line}\n" for line in sorted(below)), end="")
    return 1 if failed or below else 0


if __name__ == "__main__":
    sys.exit(main())
