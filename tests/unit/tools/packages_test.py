"""tools/packages.txt and tools/install_packages; apt and sudo are small programs of this test's own."""
import os
import re
import subprocess
import unittest

import planted

PACKAGES = planted.ROOT / "tools" / "packages.txt"
GROUPS = {"build", "hook", "test", "lang", "check", "clang", "fuzz", "bench", "bare"}
APT = """#!/bin/sh
echo "$@" >>"$LOG"
case " $* " in *" install "*) [ -z "$REFUSES" ] || exit 100; for p in "$@"; do touch "$HAVE/$p"; done ;; esac
"""
DPKG_QUERY = """#!/bin/sh
for p in "$@"; do :; done
[ -e "$HAVE/$p" ] && echo installed
"""
SUDO = """#!/bin/sh
[ "$1" = -n ] && shift
exec "$@"
"""


class Packages(unittest.TestCase):
    def test_each_line_has_groups_and_a_reason(self):
        names = []
        for line in PACKAGES.read_text(encoding="utf-8").splitlines():
            if line.startswith("#") or not line:
                continue
            match = re.fullmatch(r"([a-z0-9.+-]+)(?:\|[a-z]+)? +([a-z,]+) +# \S.*", line)
            self.assertTrue(match, line)
            names.append(match.group(1))
            self.assertLessEqual(set(match.group(2).split(",")), GROUPS, line)
        self.assertEqual(len(names), len(set(names)))

    def run_with(self, have, groups, refuses=""):
        """Returns (exit code, output, what apt-get was told) on a machine that has these packages."""
        tools = {"apt-get": APT, "dpkg-query": DPKG_QUERY, "sudo": SUDO}
        with planted.Planted({f"bin/{name}": script for name, script in tools.items()}) as root:
            for name in tools:
                (root / "bin" / name).chmod(0o755)
            (root / "have").mkdir()
            for name in have:
                (root / "have" / name).touch()
            (root / "packages.txt").write_text(
                "# list\none  build  # 1\ntwo  test,build  # 2\nthree  test  # 3\nfour|bash  build  # 4\n")
            done = subprocess.run(
                ["bash", "-c",
                 f'. "{planted.ROOT}/tools/install_packages"; PENSTOCK_PACKAGES_FILE={root}/packages.txt;'
                 f' PENSTOCK_POLICY_FILE={root}/policy; install_packages "$@"', "bash", *groups],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                env={"PATH": f"{root}/bin:{os.environ['PATH']}", "HAVE": f"{root}/have", "LOG": f"{root}/log",
                     "REFUSES": refuses})
            log = (root / "log").read_text() if (root / "log").exists() else ""
            self.assertFalse((root / "policy").exists(), "the daemons' policy was left behind")
            return done.returncode, done.stdout, log

    def test_nothing_missing_touches_nothing(self):
        self.assertEqual(self.run_with(["one", "two"], ["build"]), (0, "", ""))

    def test_what_is_missing_is_said_and_installed(self):
        code, output, log = self.run_with(["one"], ["build"])
        self.assertEqual(code, 0, output)
        self.assertIn("1 are missing: two", output)
        self.assertRegex(log, r"update\n.*install -y --no-install-recommends two\n")

    def test_groups_add_up(self):
        self.assertIn("3 are missing: one two three", self.run_with([], ["build", "test"])[1])

    def test_a_refusal_says_what_is_missing_and_what_mends_it(self):
        code, output, _ = self.run_with([], ["test"], refuses="yes")
        self.assertEqual(code, 1)
        self.assertIn("still missing: two three", output)
        self.assertIn("apt-get install -y --no-install-recommends two three", output)


if __name__ == "__main__":
    unittest.main()
