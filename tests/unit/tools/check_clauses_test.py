import json
import unittest

import planted

clauses = planted.load("check_clauses")


def vector(*names, name="a vector"):
    return {"name": name, "clause": list(names) if len(names) != 1 else names[0]}


def report(files):
    """Returns (lines of the report, faults) of planted files; vectors as objects."""
    texts = {name: text if isinstance(text, str) else json.dumps(text) for name, text in files.items()}
    texts.setdefault("tests/unit/all_test.cc", 'LoadVectors("rules/all.json"); LoadVectors("wire/more.json");')
    with planted.Planted(texts) as root:
        return clauses.report(root)


def without(*names):
    """Vectors for every clause of the core but these."""
    return {"tests/data/rules/all.json": [vector(clause) for clause in clauses.CORE if clause not in names]}


class CheckClauses(unittest.TestCase):
    def line(self, lines, clause):
        found = [line for line in lines if line.startswith(f"{clause} ")]
        self.assertEqual(len(found), 1, lines)
        return found[0].split(maxsplit=3)

    def test_every_clause_of_the_core_is_covered(self):
        self.assertEqual(report(without())[1], [])

    def test_the_core(self):
        expected = [f"R{n}" for n in range(1, 16)] + [f"E{n}" for n in range(1, 8)] + [f"H{n}" for n in range(5, 12)]
        self.assertEqual(list(clauses.CORE), expected)

    def test_a_clause_of_the_core_without_a_vector(self):
        faults = report(without("R7", "H11"))[1]
        self.assertEqual([fault.split(" ")[0] for fault in faults], ["R7", "H11"])

    def test_other_clauses_are_told_only(self):
        lines, faults = report(without())
        self.assertEqual(faults, [])
        self.assertEqual(self.line(lines, "A5"), ["A5", "0", "0", "-"])

    def test_a_vector_of_several_clauses_counts_for_each(self):
        files = without("R7", "H7")
        files["tests/data/wire/more.json"] = [vector("R7", "H7", name="one"), vector("R7", name="two")]
        lines, faults = report(files)
        self.assertEqual(faults, [])
        self.assertEqual(self.line(lines, "R7"), ["R7", "2", "0", "wire/more 2"])
        self.assertEqual(self.line(lines, "H7"), ["H7", "1", "0", "wire/more 1"])

    def test_standards_are_no_clauses(self):
        files = without()
        files["tests/data/wire/more.json"] = [vector("RFC 5321 §4.1.2", "R1"), vector("UTS 46 §4", name="b")]
        self.assertEqual(report(files)[1], [])

    def test_a_clause_that_there_is_not(self):
        files = without()
        files["tests/data/wire/more.json"] = [vector("R16", name="late"), vector("r1", name="small")]
        self.assertEqual(report(files)[1], [
            'tests/data/wire/more.json: "late": there is no clause R16',
            'tests/data/wire/more.json: "small": there is no clause r1',
        ])

    def test_vectors_that_no_test_reads(self):
        files = without()
        files["tests/data/wire/unread.json"] = [vector("R1")]
        self.assertEqual(report(files)[1], ["tests/data/wire/unread.json: no test reads it"])

    def test_data_without_clauses_is_no_vector(self):
        files = without()
        files["tests/data/cli/snapshot.json"] = {"clause": "R1"}
        files["tests/data/cli/list.json"] = [1, {"name": "x"}]
        self.assertEqual(report(files)[1], [])

    def test_names_of_tests(self):
        files = without()
        files["tests/unit/rules/a_test.cc"] = (
            'TEST_CASE("Select: a tie, R7", "[rules]") {}\n'
            'TEST_CASE("Select: a long "\n          "name, R7 and R6", "[rules]") {}\n'
            "// R7\n")
        lines, _ = report(files)
        self.assertEqual(self.line(lines, "R7")[2], "2")
        self.assertEqual(self.line(lines, "R6")[2], "1")


if __name__ == "__main__":
    unittest.main()
