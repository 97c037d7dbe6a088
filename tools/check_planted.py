#!/usr/bin/python3
"""Plants bugs, one at a time, and demands that the tests which should catch them do.

Usage: check_planted.py [--list] [--jobs N] [NAME...]

tests/planted/bugs.json is an array of bugs, each an object:
  name      what the bug does; NAME on the command line is any part of it
  clause    the clause that it breaks
  file      the source file; `old`, which stands there exactly once, becomes `new` (text, or its lines)
  targets   what ninja builds
  command   what must fail then: a list of words, {build} and {source} stand for the folders
  want      a regular expression that its output must have: the right reason
  seconds   how long the command may take (default 600)

Works on a copy of the sources below build/planted, so that no plant ever gets into the tree. Each
command is run without a bug first and must pass. Exit code: 0 all were caught, 1 some were not,
2 wrong usage or a bug that no longer fits the source.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCE = ROOT / "build" / "planted"
BUILD = SOURCE / "build" / "dev"
BUGS = "tests/planted/bugs.json"
FIELDS = {"name", "clause", "file", "old", "new", "targets", "command", "want"}


def text(value):
    return value if isinstance(value, str) else "\n".join(value)


def read_bugs(names):
    """Returns the bugs whose name has one of `names` in it; all if there are none."""
    bugs = json.loads((ROOT / BUGS).read_text(encoding="utf-8"))
    for bug in bugs:
        missing, unknown = FIELDS - set(bug), set(bug) - FIELDS - {"seconds", "note"}
        if missing or unknown:
            sys.exit(f"{BUGS}: {bug.get('name')}: missing {sorted(missing)}, unknown {sorted(unknown)}")
    for name in names:
        if not any(name in bug["name"] for bug in bugs):
            sys.exit(f"{BUGS}: no bug has \"{name}\" in its name; --list shows them")
    return [bug for bug in bugs if not names or any(name in bug["name"] for name in names)]


def planted(bug, source):
    """Returns the text of the bug's file with the bug in it."""
    if source.count(text(bug["old"])) != 1:
        sys.exit(f"{BUGS}: {bug['name']}: `old` stands {source.count(text(bug['old']))} times in "
                 f"{bug['file']}, not once; make it fit the source again")
    return source.replace(text(bug["old"]), text(bug["new"]))


def copy_sources():
    """Makes SOURCE equal to the tree; a file that is equal keeps its time, so it is not rebuilt."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True,
                            stdout=subprocess.PIPE).stdout.decode().split("\0")
    wanted = {name for name in listed if name and (ROOT / name).is_file()}
    for name in wanted:
        to = SOURCE / name
        octets = (ROOT / name).read_bytes()
        if to.is_file() and to.read_bytes() == octets:
            continue
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes(octets)
        shutil.copymode(ROOT / name, to)
    for path in SOURCE.rglob("*"):
        name = path.relative_to(SOURCE).as_posix()
        if path.is_file() and not name.startswith("build/") and name not in wanted:
            path.unlink()


def build(targets, jobs):
    """Returns whether the targets of the copy build; ccache finds what the tree itself has built."""
    environment = os.environ | {"CCACHE_NOHASHDIR": "1"}
    environment.setdefault("CCACHE_BASEDIR", str(ROOT))
    if not (BUILD / "build.ninja").is_file():
        subprocess.run(["cmake", "--preset", "dev"], cwd=SOURCE, env=environment, check=True,
                       stdout=subprocess.DEVNULL)
    done = subprocess.run(["ninja", "-C", str(BUILD), f"-j{jobs}", *targets], env=environment,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        print(done.stdout.decode(errors="replace")[-6000:])
    return done.returncode == 0


def run(bug):
    """Runs the bug's command; returns its exit code (None: it took too long) and its output."""
    words = [word.replace("{build}", str(BUILD)).replace("{source}", str(SOURCE)) for word in bug["command"]]
    try:
        done = subprocess.run(words, cwd=SOURCE, timeout=bug.get("seconds", 600), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout.decode(errors="replace")
    except subprocess.TimeoutExpired as late:
        return None, (late.stdout or b"").decode(errors="replace")


def check(bug, jobs):
    """Plants, builds, runs; returns why the bug was not caught, or None if it was."""
    path = SOURCE / bug["file"]
    sound = path.read_text(encoding="utf-8")
    path.write_text(planted(bug, sound), encoding="utf-8")
    try:
        if not build(bug["targets"], jobs):
            return "it does not build"
        code, output = run(bug)
    finally:
        path.write_text(sound, encoding="utf-8")
    if code == 0:
        return "not caught"
    if not re.search(bug["want"], output):
        return f"exit code {code}, but nothing matches /{bug['want']}/:\n{output[-3000:]}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="names the bugs and ends")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    bugs = read_bugs(options.names)
    for bug in bugs:
        planted(bug, (ROOT / bug["file"]).read_text(encoding="utf-8"))
    if options.list:
        for bug in bugs:
            print(f"{bug['clause']:8} {bug['name']}")
        return 0
    if not bugs:
        sys.exit(f"{BUGS}: has no bug")
    copy_sources()
    print("building without a bug", flush=True)
    if not build(sorted({target for bug in bugs for target in bug["targets"]}), options.jobs):
        return 1
    sound = {}
    for bug in bugs:
        key = tuple(bug["command"])
        if key not in sound:
            sound[key] = run(bug)
            if sound[key][0] != 0:
                print(f"fails without a bug: {' '.join(key)}\n{sound[key][1][-3000:]}")
                return 1
    missed = 0
    for bug in bugs:
        began = time.monotonic()
        why = check(bug, options.jobs)
        missed += why is not None
        print(f"{'caught' if why is None else 'MISSED'}  {time.monotonic() - began:6.1f} s  {bug['name']} "
              f"({bug['clause']}){'' if why is None else ': ' + why}", flush=True)
    print(f"planted: {len(bugs) - missed} of {len(bugs)} bugs were caught")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
