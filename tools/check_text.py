#!/usr/bin/env python3
"""Checks the text of the house: words, lengths, links.

Usage: check_text.py words|length|links [ROOT]
  words   what no file may contain, and what stands in one file alone
  length  files over 600 lines, functions over 80 (500 and 70 are the aim: those are told, not refused)
  links   links in *.md that lead nowhere, paths of ours in backticks that do not exist, and attempts of
          SECURITY.md that name no test, or one that is not in its file
Prints FILE:LINE: what; exits 1 if anything is refused.
"""
import os
import pathlib
import re
import subprocess
import sys

import check_floors

CODE = (".h", ".cc")
TEXT = CODE + (".md", ".py", ".cmake", ".proto", ".txt", ".yaml", ".yml", ".sh", "")
SOURCE_ROOMS = ("engine/", "hooks/", "tools/")

RAW_STRING = re.compile(r'R"([^(\s]*)\(.*?\)\1"', re.S)

FILE_LINES_AIM, FILE_LINES_MAX = 500, 600
FUNCTION_LINES_AIM, FUNCTION_LINES_MAX = 70, 80
PAGE_LINES_MAX = 200  # a *.md page; CHANGELOG.md grows


class Word:
    """A pattern, the files it is refused in, and what to write instead."""

    def __init__(self, pattern, mend, suffixes=CODE, rooms=("",), but=()):
        self.pattern = re.compile(pattern)
        self.mend, self.suffixes, self.rooms, self.but = mend, suffixes, rooms, but

    def applies(self, name):
        return (os.path.splitext(name)[1] in self.suffixes and name.startswith(self.rooms)
                and name not in self.but)


WORDS = (
    Word(r"\babsl::(Mutex|MutexLock|CondVar)\b|absl/synchronization/",
         "use penstock::Mutex of engine/base/mutex.h: ThreadSanitizer cannot see into Debian's absl::Mutex",
         but=("engine/base/mutex.h", "tools/penstockd/main.cc", "tests/bench/decision_house.h")),
    Word(r"\babsl::string_view\b",
         "use std::string_view; engine/base/strings.h is the one door to Abseil's",
         but=("engine/base/strings.h", "engine/base/strings.cc")),
    Word(r"std::atomic<\s*std::shared_ptr",
         "use a shared_ptr behind a penstock::Mutex: libstdc++ 12's atomic one is a hidden spin lock"),
    Word(r"\bsystem_clock::now\(",
         "ask a ports::Clock; only a file named system_clock.cc reads the clock", rooms=SOURCE_ROOMS),
    Word(r"\b(asio::detached|co_spawn\()",
         "use async::Spawn or a TaskGroup: counted, named, and an escaped exception ends the process",
         rooms=SOURCE_ROOMS, but=("engine/async/run_on.h", "engine/async/spawn.cc", "engine/embed/assembly.cc")),
    Word(r"std::views::|std::ranges::(unique|remove|remove_if|rotate|partition|stable_partition|subrange"
         r"|search|equal_range|find_end|find_last|\w+_view)\b",
         "use the algorithm of two iterators: clang 14 cannot compile libstdc++ 12's views and subranges"),
    Word(r"\b(TODO|FIXME|XXX|HACK)\b", "finish it, or open an issue", suffixes=TEXT),
    Word(r"(?<![\w.$}/])/(work|home|root|Users)/\w", "a path of one machine", suffixes=TEXT),
    Word(r"\t", "a tab", suffixes=CODE + (".md", ".py", ".cmake", ".proto", ".yaml", ".yml")),
    Word(r"[ \t\r]+$", "white space at the end of a line", suffixes=TEXT),
)
SELF = ("tools/check_text.py", "tests/unit/tools/check_text_test.py", "LICENSE")


def files(root):
    """Yields the names of the project's files: git's, or, in a folder without git, all but builds."""
    listed = None
    if (root / ".git").exists():
        git = subprocess.run(
            ["git", "-C", str(root), "ls-files", "-z", "-co", "--exclude-standard"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        if git.returncode == 0:
            listed = sorted(name for name in git.stdout.decode().split("\0") if name)
    if listed is None:
        listed = []
        for folder, folders, names in os.walk(root):
            folders[:] = sorted(f for f in folders if f not in ("build", ".git", "__pycache__"))
            listed += [os.path.relpath(os.path.join(folder, name), root) for name in sorted(names)]
    for name in listed:
        path = root / name
        if path.is_file() and not path.is_symlink():
            yield name


def text_of(root, name):
    """Returns the file's text, or None for one that is not text or is test data, which may be odd."""
    if name.startswith(("tests/data/", "tests/fuzz/corpus/")):
        return None
    data = (root / name).read_bytes()
    if b"\0" in data:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def words(root):
    for name in files(root):
        if name in SELF:
            continue
        text = text_of(root, name)
        if not text:
            continue
        rules = [word for word in WORDS if word.applies(name)]
        clock = os.path.basename(name) == "system_clock.cc"
        for number, line in enumerate(text.split("\n"), 1):
            for word in rules:
                match = word.pattern.search(line)
                if match and not (clock and "clock::now" in match.group(0)):
                    yield f"{name}:{number}: {match.group(0).strip() or 'white space'}: {word.mend}", True
        if os.path.splitext(name)[1] in TEXT and not text.endswith("\n"):
            yield f"{name}:{text.count(chr(10)) + 1}: the last line has no end", True
        if name.endswith(CODE):
            if not text.startswith("// SPDX-License-Identifier: Apache-2.0\n"):
                yield f"{name}:1: the first line is // SPDX-License-Identifier: Apache-2.0", True
            if name.endswith(".h") and "\n#pragma once\n" not in text and "extern \"C\"" not in text:
                yield f"{name}:1: no #pragma once", True


def without_raw_strings(text):
    """Returns the text with the lines of raw strings taken out (SQL and the like is data), and for each
    line that is left its number."""
    numbers, number = [], 0
    kept = RAW_STRING.sub(lambda match: "\0" * match.group(0).count("\n"), text)
    lines = kept.split("\n")
    for line in lines:
        number += 1
        numbers.append(number)
        number += line.count("\0")
    return lines, numbers


def functions(text):
    """Yields (first line, number of lines) of each body that closes with a lone } at column 0.

    Classes, enums and tables close with }; and namespaces with a comment; so they are not counted.
    """
    lines, numbers = without_raw_strings(text)
    start = None
    for index, line in enumerate(lines):
        if start is None and line.endswith("{") and not line.startswith(("namespace", "extern")):
            start = index
        elif line.startswith("}"):
            if start is not None and line == "}":
                yield numbers[start], index - start + 1
            start = None


def length(root):
    for name in files(root):
        text = text_of(root, name)
        if not text:
            continue
        count = text.count("\n")
        if name.endswith(".md"):
            if count > PAGE_LINES_MAX and name != "CHANGELOG.md":
                yield f"{name}:{PAGE_LINES_MAX}: {count} lines; a page is under {PAGE_LINES_MAX}", True
            continue
        if not name.endswith(CODE + (".py", ".cmake", ".proto")) and not text.startswith("#!"):
            continue
        if count > FILE_LINES_AIM:
            refused = count > FILE_LINES_MAX
            yield f"{name}:{FILE_LINES_AIM}: {count} lines; a file is under {FILE_LINES_AIM}", refused
        if name.endswith(".cc") and not name.startswith("tests/"):
            for start, lines in functions(text):
                if lines > FUNCTION_LINES_AIM:
                    refused = lines > FUNCTION_LINES_MAX
                    yield f"{name}:{start}: a function of {lines} lines; one is under {FUNCTION_LINES_AIM}", refused


def slug(heading):
    """Returns the anchor that GitHub gives a heading."""
    heading = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading.strip().lower())
    return re.sub(r"[^\w\- ]", "", heading).replace(" ", "-")


def anchors(text):
    found, fenced = set(), False
    for line in text.split("\n"):
        if line.startswith("```"):
            fenced = not fenced
        match = re.match(r"#{1,6}\s+(.*)", line)
        if match and not fenced:
            found.add(slug(match.group(1)))
    return found


LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
OUR_PATH = re.compile(r"`((?:engine|hooks|proto|tests|tools|examples)/[\w./+-]+)`")


ATTEMPTS = "## What was tried"
NAMED_TEST = re.compile(r"\[[^\]]*\]\(([^)\s]+)\):((?:,? `[^`]+`)+)")  # "[file](path): `name`, `name`"


def attempts(root):
    """What is wrong with the tests that SECURITY.md says were made of what was tried."""
    page = root / "SECURITY.md"
    if not page.exists():
        return
    before, _, behind = page.read_text(encoding="utf-8").partition(ATTEMPTS)
    for number, line in enumerate(behind.split("\n"), before.count("\n") + 1):
        if not line.startswith("| ") or line.startswith(("| who ", "|---")):
            continue
        named = NAMED_TEST.findall(line)
        if not named:
            yield f"SECURITY.md:{number}: an attempt without a test; write [FILE](PATH): `NAME`", True
        for path, tests in named:
            text = (root / path).read_text(encoding="utf-8") if (root / path).is_file() else ""
            for test in re.findall(r"`([^`]+)`", tests):
                if test not in text:
                    yield f"SECURITY.md:{number}: {path} has no {test}", True


def links(root):
    yield from attempts(root)
    planned = set(check_floors.FLOOR) | set(check_floors.ONLY)  # a room may be named before it is furnished
    for name in files(root):
        text = text_of(root, name) if name.endswith(".md") else None
        if not text:
            continue
        folder = (root / name).parent
        for number, line in enumerate(text.split("\n"), 1):
            for target in LINK.findall(line):
                if re.match(r"[a-z]+:", target):
                    continue
                path, _, anchor = target.partition("#")
                page = (folder / path) if path else root / name
                if not page.exists():
                    yield f"{name}:{number}: link to {target}: there is no {path}", True
                elif anchor and page.suffix == ".md" and anchor not in anchors(page.read_text(encoding="utf-8")):
                    yield f"{name}:{number}: link to {target}: no such heading", True
            for path in OUR_PATH.findall(line):
                if path not in planned and "NAME" not in path and not (root / path.rstrip(".")).exists():
                    yield f"{name}:{number}: {path} does not exist", True


def main():
    checks = {"words": words, "length": length, "links": links}
    if len(sys.argv) < 2 or sys.argv[1] not in checks:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    root = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else ".")
    refused = 0
    for line, bad in checks[sys.argv[1]](root):
        refused += bad
        print(line if bad else line + " (told, not refused)")
    print(f"{sys.argv[1]}: {refused} refused" if refused else f"{sys.argv[1]}: ok")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
