#!/usr/bin/env python3
"""Runs the real `penstock` against the admin services, and compares what it says.

Usage: cli_transcripts_test.py PENSTOCK ADMIN_TEST_SERVER DATA_FOLDER [--update] [TEST...]
DATA_FOLDER holds transcripts, *.txt: each runs against a server of its own, from the top. A line that
begins with `$ ` is a command line as a shell reads it, bash's `<<< TEXT` included; what follows is what
it must print, errors marked `! `, and its exit code where that is not 0. It runs in DATA_FOLDER, whose
folder `input` has files to name. `--update` writes what was printed instead.
"""
import difflib
import os
import pathlib
import pwd
import re
import shlex
import sys
import unittest

from cli_harness import DATA, Daemon, main

UPDATE = "--update" in sys.argv


def transcript_of(command, daemon):
    """Returns what a transcript says about one command."""
    words = shlex.split(command)
    if words[0] != "penstock":
        raise AssertionError(f"not ours: {command}")
    stdin = ""
    if "<<<" in words:
        at = words.index("<<<")
        stdin = words[at + 1] + "\n"
        del words[at:]
    done = daemon.run(*words[1:], stdin=stdin, cwd=DATA)
    lines = [f"$ {command}"] + done.stdout.splitlines()
    lines += [f"! {line}" for line in done.stderr.splitlines()
              # Whether a hook is there is a matter of the machine that the test runs on.
              if not line.startswith(("warning: nobody answers at ", "found at "))]
    if done.returncode:
        lines.append(f"exit {done.returncode}")
    free = [line for line in lines if line.startswith("Disk:") or "disk_free_octets" in line
            or "diskFreeOctets" in line]
    for line in free:  # the one thing here that no test can know
        lines[lines.index(line)] = "(free disk)"
    if words[1:2] == ["change"]:  # nor how wide the user's name is
        lines[1:] = [re.sub("(?<=\\S)  +", "  ", line) for line in lines[1:]]
    me = pwd.getpwuid(os.geteuid()).pw_name
    return [line.replace(daemon.socket, "SOCKET").replace(f"unproven:{me}", "unproven:USER")
            .replace(f"{me} (unproven)", "USER (unproven)").rstrip() for line in lines]


class Transcripts(unittest.TestCase):
    maxDiff = None


def add_transcript(path):
    def test(self):
        want = path.read_text(encoding="utf-8").splitlines()
        got = []
        with Daemon("--samples") as daemon:
            for line in want:
                if line.startswith("#") or not line:
                    got.append(line)
                elif line.startswith("$ "):
                    got += transcript_of(line[2:], daemon)
                    got.append("")
        # One empty line between commands.
        got = [line for i, line in enumerate(got) if line or (i and got[i - 1])]
        while got and not got[-1]:
            got.pop()
        if UPDATE:
            path.write_text("\n".join(got) + "\n", encoding="utf-8")
            return
        want = [line for i, line in enumerate(want) if line or (i and want[i - 1])]
        if want != got:
            self.fail("\n".join(difflib.unified_diff(want, got, path.name, "printed", lineterm="")))
    setattr(Transcripts, f"test_{path.stem}", test)


if __name__ == "__main__":
    paths = sorted(pathlib.Path(DATA).glob("*.txt"))
    if not paths:
        sys.exit(f"no transcripts in {DATA}")
    for one in paths:
        add_transcript(one)
    if UPDATE:
        sys.argv.remove("--update")
    main()
