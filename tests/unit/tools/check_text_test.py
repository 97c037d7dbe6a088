import unittest

import planted

text = planted.load("check_text")

HEAD = "// SPDX-License-Identifier: Apache-2.0\n"


def found(check, files):
    """Returns (refused lines, told lines)."""
    with planted.Planted(files) as root:
        lines = list(check(root))
    return [line for line, bad in lines if bad], [line for line, bad in lines if not bad]


class Words(unittest.TestCase):
    def refused(self, line, name="engine/flow/a.cc"):
        refused, _ = found(text.words, {name: f"{HEAD}{line}\n"})
        self.assertEqual(len(refused), 1, (line, refused))
        self.assertTrue(refused[0].startswith(f"{name}:2: "), refused)

    def accepted(self, line, name="engine/flow/a.cc"):
        self.assertEqual(found(text.words, {name: f"{HEAD}{line}\n"})[0], [])

    def test_words_with_one_home(self):
        self.refused("absl::Mutex mutex;")
        self.refused("void F(absl::string_view s);")
        self.accepted("inline absl::string_view ToAbsl(std::string_view s);", "engine/base/strings.cc")
        self.refused("std::atomic<std::shared_ptr<int>> a;")
        self.refused("auto t = std::chrono::system_clock::now();")
        self.accepted("auto t = std::chrono::system_clock::now();", "engine/runtime/system_clock.cc")
        self.accepted("auto t = std::chrono::system_clock::now();", "tests/integration/a_test.cc")
        self.refused("asio::co_spawn(executor, F(), asio::detached);")
        self.refused("auto rest = std::ranges::unique(found);")
        self.accepted("std::ranges::sort(found);")
        self.accepted("asio::co_spawn(executor, F(), handler);", "engine/async/spawn.cc")

    def test_nothing_is_left_for_later(self):
        self.refused("// TO" + "DO: later")
        self.refused("# FIX" + "ME", "tools/a.py")

    def test_paths_of_one_machine(self):
        self.refused('open("/home/me/mail");')
        self.accepted('open("/var/lib/penstock/work/mail");')
        self.accepted("$dir/root/x and ${a}/home/b", "tools/a.md")

    def test_form(self):
        self.refused("int a; ")
        self.refused("\tint a;")
        refused, _ = found(text.words, {"engine/flow/a.cc": HEAD + "int a;"})
        self.assertIn("has no end", refused[0])
        refused, _ = found(text.words, {"engine/flow/a.h": "#pragma once\n"})
        self.assertEqual(len(refused), 2, refused)

    def test_data_may_be_odd(self):
        self.assertEqual(found(text.words, {"tests/data/mail/odd.eml": "TO" + "DO \t "})[0], [])


class Length(unittest.TestCase):
    def test_files(self):
        self.assertEqual(found(text.length, {"engine/flow/a.cc": "\n" * 500}), ([], []))
        refused, told = found(text.length, {"engine/flow/a.cc": "\n" * 501})
        self.assertEqual((len(refused), len(told)), (0, 1))
        refused, told = found(text.length, {"engine/flow/a.cc": "\n" * 601})
        self.assertEqual((len(refused), len(told)), (1, 0))

    def test_functions(self):
        def of(lines, head="int F() {"):
            return found(text.length, {"engine/flow/a.cc": f"namespace a {{\n{head}\n" + "  x;\n" * (lines - 2) + "}\n}  // namespace a\n"})
        self.assertEqual(of(70), ([], []))
        self.assertEqual([len(part) for part in of(71)], [0, 1])
        self.assertEqual([len(part) for part in of(81)], [1, 0])
        self.assertEqual([len(part) for part in of(81, "int F(int a,\n      int b) {")], [1, 0])

    def test_a_raw_string_is_no_code(self):
        sql = 'int F() {\n  G(R"(\n' + "a\n" * 90 + ')");\n}\n\n' + "int H() {\n" + "  x;\n" * 90 + "}\n"
        refused, _ = found(text.length, {"engine/flow/a.cc": sql})
        self.assertEqual(refused, ["engine/flow/a.cc:96: a function of 92 lines; one is under 70"])

    def test_a_class_is_no_function(self):
        self.assertEqual(found(text.length, {"engine/flow/a.cc": "class A {\n" + "  int F() {\n  }\n" * 60 + "};\n"}), ([], []))


class Links(unittest.TestCase):
    def test_an_attempt_names_its_test(self):
        head = "# Security\n\n## What was tried\n\n| who | tried | what happened | test |\n|---|---|---|---|\n"
        files = {"tests/a_test.py": "def test_a():\n    pass\n"}

        def refused(cell):
            return found(text.links, {**files, "SECURITY.md": f"{head}| client | x | no | {cell} |\n"})[0]

        self.assertEqual(refused("[a](tests/a_test.py): `test_a`"), [])
        self.assertEqual(len(refused("[a](tests/a_test.py)")), 1)
        self.assertEqual(refused("[a](tests/a_test.py): `test_a`, `test_b`"),
                         ["SECURITY.md:7: tests/a_test.py has no test_b"])
        self.assertEqual(len(refused("[a](tests/b_test.py): `test_a`")), 2)  # and a link that leads nowhere

    def refused(self, page, files=()):
        return found(text.links, {"README.md": page, **dict(files)})[0]

    def test_files(self):
        self.assertEqual(self.refused("[a](b.md)\n", {"b.md": "\n"}), [])
        self.assertEqual(len(self.refused("[a](b.md)\n")), 1)
        self.assertEqual(self.refused("[a](https://example.com/b.md)\n"), [])

    def test_headings(self):
        page = "# The way, of a message\n"
        self.assertEqual(self.refused("[a](b.md#the-way-of-a-message)\n", {"b.md": page}), [])
        self.assertEqual(len(self.refused("[a](b.md#the-way)\n", {"b.md": page})), 1)
        self.assertEqual(self.refused("# One\n[a](#one)\n"), [])

    def test_paths_of_ours(self):
        self.assertEqual(len(self.refused("see `engine/mail/a.h`\n")), 1)
        self.assertEqual(self.refused("see `engine/mail/a.h`\n", {"engine/mail/a.h": HEAD}), [])
        self.assertEqual(self.refused("see `engine/<room>/x.h` and `tests/unit/…`\n"), [])


if __name__ == "__main__":
    unittest.main()
