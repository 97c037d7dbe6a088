#!/usr/bin/python3
"""Runs the simulator over many seeds, or one seed again with its trace.

Usage: check_sim.py [--seeds N] [--first S] [--jobs N] [--preset NAME]
       check_sim.py --seed S

Builds tests/sim (preset release: the simulator is three times as fast there), runs one process for
each job over its part of the seeds, prints seeds a second while it goes on, and at the end how often
each fault, retry, crash and outcome happened. From 1000 seeds on, each that tests/sim/must_happen.txt
names must have. A seed that breaks an invariant ends the run with its trace.
Exit code: 0 no invariant was broken, 1 one was or something never happened, 2 wrong usage.
"""
import argparse
import collections
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
MUST_HAPPEN = ROOT / "tests" / "sim" / "must_happen.txt"
ENOUGH_SEEDS = 1000  # for everything to happen
SHOWN_LINES = 200  # of the trace of a seed that failed


def build(preset, jobs):
    """Builds the simulator and returns its path."""
    log = subprocess.DEVNULL
    subprocess.run(["cmake", "--preset", preset], cwd=ROOT, check=True, stdout=log)
    subprocess.run(["cmake", "--build", f"build/{preset}", "-j", str(jobs), "--target", "penstock_sim"],
                   cwd=ROOT, check=True)
    return ROOT / "build" / preset / "tests" / "sim" / "penstock_sim"


def start(program, first, seeds, folder):
    """Starts one process over `seeds` seeds; returns it and the file that it writes to."""
    path = pathlib.Path(folder) / f"{first}.txt"
    with path.open("wb") as out:
        command = [str(program), "--first", str(first), "--seeds", str(seeds)]
        return subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT), path


def done(path):
    """Returns how many seeds a process has behind it."""
    lines = [line for line in path.read_text(errors="replace").splitlines() if line.startswith("seeds ")]
    return int(lines[-1].split()[1]) if lines else 0


def watch(running, total):
    """Waits for all processes, or for the first that fails; prints how far they are."""
    began = shown = time.monotonic()
    while True:
        codes = [process.poll() for process, _ in running]
        if all(code is not None for code in codes) or any(codes):
            return time.monotonic() - began
        time.sleep(0.2)
        if time.monotonic() - shown >= 10:
            shown = time.monotonic()
            seeds = sum(done(path) for _, path in running)
            print(f"{seeds} of {total} seeds, {seeds / (shown - began):.0f} a second", flush=True)


def read_counts(running):
    counts = collections.Counter()
    for _, path in running:
        for line in path.read_text(errors="replace").splitlines():
            if line.startswith("count "):
                _, times, what = line.split(" ", 2)
                counts[what] += int(times)
    return counts


def run(program, options):
    share, rest = divmod(options.seeds, options.jobs)
    running, first = [], options.first
    with tempfile.TemporaryDirectory() as folder:
        for job in range(options.jobs):
            seeds = share + (job < rest)
            if seeds > 0:
                running.append(start(program, first, seeds, folder))
            first += seeds
        try:
            seconds = watch(running, options.seeds)
        finally:
            for process, _ in running:
                process.terminate()
                process.wait()
        failed = [path for process, path in running if process.returncode not in (0, -15)]
        for path in failed:
            print("\n".join(path.read_text(errors="replace").splitlines()[-SHOWN_LINES:]))
        if failed:
            return 1
        counts = read_counts(running)
    for what, times in sorted(counts.items()):
        print(f"{times:12}  {what}")
    print(f"sim: {counts['seed']} seeds from {options.first} on, {counts['step']} steps, in {seconds:.0f} s "
          f"({counts['seed'] / max(seconds, 0.001):.0f} seeds a second): no invariant was broken")
    never = [what for what in MUST_HAPPEN.read_text(encoding="utf-8").splitlines() if what and not counts[what]]
    if options.seeds >= ENOUGH_SEEDS and never:
        print(f"sim: never happened: {', '.join(never)}; the simulator does not test it any more")
        return 1
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=ENOUGH_SEEDS)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--seed", type=int, help="runs this one and prints its trace")
    parser.add_argument("--jobs", type=int, default=int(os.environ.get("PENSTOCK_JOBS", os.cpu_count())))
    parser.add_argument("--preset", default="release")
    options = parser.parse_args()
    program = build(options.preset, options.jobs)
    if options.seed is not None:
        return subprocess.run([str(program), "--seed", str(options.seed)]).returncode
    return run(program, options)


if __name__ == "__main__":
    sys.exit(main())
