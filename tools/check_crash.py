#!/usr/bin/python3
"""Cuts the power of the store's disk, fails its calls, and kills penstockd; then says what was lost.

Usage: tools/check crash [--seed S] [--cuts N] [--kills N] [--build FOLDER]
  --seed    of the first workload; others follow from it (default: a random one, printed)
  --cuts    power cuts of a simulated disk, at least (default 15000)
  --kills   kill -9 of a real penstockd under load (default 300)
  --build   where the programs are (default build/dev)
What runs: tests/crash/store_crash_main.cc and tests/crash/kill_daemon.py, which say what is checked.
Each violation is printed with the options that repeat it. Exit code: 0 nothing is wrong, 1 something is.
PENSTOCK_JOBS workloads run at a time (default: as many as there are cores).
"""
import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import random
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
STEPS = 60  # of a workload whose power is cut
FAULT_STEPS = 20  # of one whose calls fail, each once
FAULT_SEEDS = 2
ROT_STEPS, ROT_EVERY = 25, 199  # of one in whose files a bit of each so manieth octet is turned
# Where no workload's log has one of these, the sweep has not seen what it is for: of those with many cuts
# it goes on for them, to PATIENCE times as many.
PATIENCE = 4
WANTED = ("create segment", "write segment", "sync segment", "remove segment", "sync-folder content", "sync-folder store",
          "write state.db-wal", "sync state.db-wal", "create state.db-wal", "remove state.db-wal", "write state.db",
          "sync state.db", "write state.db-journal", "remove state.db-journal")


def run(command, build):
    """Runs one program; returns its counts, and what it is wrong about as violations."""
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True, env={**os.environ, "PENSTOCK_BUILD": str(build)})
    try:
        return json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        print(f"VIOLATION {' '.join(map(str, command))}: ended with {done.returncode}", flush=True)
        return {"violations": 1}


def table(title, counts):
    print(f"\n{title}")
    for name, count in sorted(counts.items(), key=lambda one: -one[1]):
        print(f"  {count:9,}  {name}")


class Totals:
    def __init__(self):
        self.sums = collections.Counter()
        self.operations = collections.defaultdict(collections.Counter)
        self.kinds = collections.defaultdict(collections.Counter)
        self.violations = 0

    def add(self, mode, counts):
        self.violations += counts["violations"]
        self.operations[mode].update(counts.get("operations", {}))
        self.kinds[mode].update(counts.get("kinds", {}))
        for name in ("cuts", "commits", "refused"):
            self.sums[mode, name] += counts.get(name, 0)


def unseen(totals, options):
    """After which operations that are wanted no cut came yet."""
    return [name for name in WANTED if not totals.operations["power"][name]] if options.cuts >= 10_000 else []


def simulate(totals, program, build, options, jobs):
    """Power cuts until there are enough, and failing calls, `jobs` workloads at a time."""
    seeds = iter(range(options.seed, options.seed + 1_000_000))

    def power():
        return "power", run([program, "power", "--first-seed", next(seeds), "--steps", STEPS], build)

    def faults():
        return "faults", run([program, "faults", "--first-seed", next(seeds), "--steps", FAULT_STEPS], build)

    def rot():
        return "rot", run([program, "rot", "--first-seed", next(seeds), "--steps", ROT_STEPS, "--every", ROT_EVERY], build)

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        running = {pool.submit(rot)} | {pool.submit(faults) for _ in range(FAULT_SEEDS)} | {pool.submit(power) for _ in range(jobs)}
        while running:
            done, running = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
            for future in done:
                mode, counts = future.result()
                totals.add(mode, counts)
                cuts = totals.sums["power", "cuts"]
                print(f"crash: {cuts:,} power cuts, {totals.sums['faults', 'cuts']:,} failed calls", flush=True)
                wanted = options.cuts * (PATIENCE if unseen(totals, options) else 1)
                if mode == "power" and cuts < wanted and totals.violations == 0:
                    running.add(pool.submit(power))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=random.randrange(1, 1_000_000))
    parser.add_argument("--cuts", type=int, default=15_000)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/dev")
    options = parser.parse_args()
    build = options.build.resolve()
    began = time.monotonic()
    print(f"crash: seed {options.seed}", flush=True)
    totals = Totals()
    if options.cuts > 0:
        simulate(totals, build / "tests/crash/store_crash", build, options, int(os.environ.get("PENSTOCK_JOBS", os.cpu_count())))
        for name in unseen(totals, options) if totals.violations == 0 else ():
            totals.violations += 1
            print(f"VIOLATION no cut came after: {name}")
        table("power cuts, after which operation of the disk", totals.operations["power"])
        table("power cuts, what was left of what no sync had covered", totals.kinds["power"])
        table("calls that failed", totals.operations["faults"])
        table("bits that turned", totals.kinds["rot"])
    kills = {}
    if options.kills > 0:
        kills = run([sys.executable, ROOT / "tests/crash/kill_daemon.py", "--kills", options.kills, "--seed", options.seed], build)
        totals.violations += kills.pop("violations")
        kills.pop("seed", None)
        table("kill -9 of penstockd under load", kills)
    print(f"\ncrash: {totals.sums['power', 'cuts']:,} power cuts over {totals.sums['power', 'commits']:,} commits, "
          f"{totals.sums['faults', 'cuts']:,} failed calls ({totals.sums['faults', 'refused']:,} steps refused, "
          f"{totals.kinds['faults']['refused, came back whole']:,} of them back after a cut before the next commit), "
          f"{totals.sums['rot', 'cuts']:,} bits, "
          f"{kills.get('kills', 0):,} kills; {totals.violations} violations; {time.monotonic() - began:.0f} s, seed {options.seed}")
    return 1 if totals.violations else 0


if __name__ == "__main__":
    sys.exit(main())
