#!/usr/bin/env python3
"""Reports which clauses of the behaviour the test vectors cover, and fails where one is not covered.

A clause (R6, H3) is one numbered promise of what Penstock does. Counted are the vectors below
tests/data that name it in their field "clause", and the C++ tests that cite it in their names. A clause
of the decision core (R, E, H5 to H11) without a vector is a fault; so are a clause that there is not, and
vectors that no test reads.
Usage: check_clauses.py [ROOT]      Exits 1 if there is a fault.
"""
import collections
import json
import pathlib
import re
import sys

# What each clause is about. Those below CORE have to have vectors; the others are told only.
CORE = {
    "R1": "what a rule is made of", "R2": "patterns", "R3": "how addresses are compared",
    "R4": "Sender, then From", "R5": "each recipient by itself", "R6": "the most specific rule wins",
    "R7": "of equally specific rules the most restrictive", "R8": "actions of each direction",
    "R9": "no rule: DEFAULT", "R10": "what RUN_HOOK takes", "R11": "ASYNC changes nothing; no chains",
    "R12": "a rule's hook exists and is granted", "R13": "how many patterns", "R14": "changes are atomic and recorded",
    "R15": "why a rule wins",
    "E1": "fields and their names", "E2": "mailFrom and sender", "E3": "recipients", "E4": "subject",
    "E5": "131,072 octets", "E6": "ids", "E7": "the typed event's JSON",
    "H5": "what an answer is made of", "H6": "invalid answers", "H7": "who decides a recipient",
    "H8": "ten unique actions", "H9": "added recipients", "H10": "added recipients, inbound",
    "H11": "500 recipients, outbound",
}
OTHERS = {"O": 3, "H": 13, "M": 7, "P": 3, "A": 8}  # letter: its clauses are 1 to this
# A vector may be covered by a standard or an Internet-Draft instead.
DOCUMENT = re.compile(r"RFC \d+|UTS \d+|draft-[a-z0-9-]+")
CITED = re.compile(r"\b[A-Z]\d{1,2}\b")
TEST_CASE = re.compile(r'\bTEST_CASE\(\s*((?:"(?:\\.|[^"\\])*"\s*)+)')


def known():
    """Returns all clauses in the order of the report."""
    clauses = list(CORE)
    for letter, last in OTHERS.items():
        clauses += [clause for n in range(1, last + 1) if (clause := f"{letter}{n}") not in CORE]
    return clauses


def vectors(root):
    """Yields (file, name, clauses) of each vector below tests/data."""
    data = root / "tests" / "data"
    for path in sorted(data.rglob("*.json")):
        entries = json.loads(path.read_text(encoding="utf-8"))
        for entry in entries if isinstance(entries, list) else []:
            if isinstance(entry, dict) and "clause" in entry:
                clauses = entry["clause"]
                yield path.relative_to(data), entry.get("name", ""), [clauses] if isinstance(clauses, str) else clauses


def cited_in_names(root):
    """Returns {clause: how many C++ tests name it}."""
    counts = collections.Counter()
    for path in sorted((root / "tests").rglob("*_test.cc")):
        for name in TEST_CASE.findall(path.read_text(encoding="utf-8")):
            counts.update(set(CITED.findall(name)))
    return counts


def unread(root, paths):
    """Yields those of `paths`, below tests/data, that no source of a test names."""
    sources = [path for suffix in ("*.cc", "*.py") for path in (root / "tests").rglob(suffix)]
    texts = "".join(path.read_text(encoding="utf-8") for path in sources)
    return (path for path in paths if f'"{path}"' not in texts)


def report(root):
    """Returns (lines of the report, faults)."""
    files = collections.defaultdict(collections.Counter)  # clause: file: vectors
    faults = []
    order = known()
    files_of_vectors = set()
    for path, name, clauses in vectors(root):
        files_of_vectors.add(path)
        for clause in clauses:
            if clause in order:
                files[clause][path] += 1
            elif not DOCUMENT.match(clause):
                faults.append(f'tests/data/{path}: "{name}": there is no clause {clause}')
    faults += [f"tests/data/{path}: no test reads it" for path in sorted(unread(root, files_of_vectors))]
    tests = cited_in_names(root)
    lines = ["clause  vectors  tests  where"]
    for clause in order:
        where = ", ".join(f"{path.with_suffix('')} {count}" for path, count in sorted(files[clause].items()))
        lines.append(f"{clause:<6} {files[clause].total():8} {tests[clause]:6}  {where or '-'}")
        if clause in CORE and not files[clause]:
            faults.append(f"{clause} ({CORE[clause]}): no vector below tests/data names it; add one that can fail")
    return lines, faults


def main():
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[1]
    lines, faults = report(root)
    print("\n".join(lines + faults))
    print("clauses: " + (f"{len(faults)} faults" if faults else "ok"))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
