# SPDX-License-Identifier: Apache-2.0
"""No configuration of examples/mail_servers that no test runs, and none of another version than its page says."""
import pathlib
import re
import subprocess
import sys
import unittest

from harness import BUILD, SOURCE

sys.path.insert(0, str(SOURCE / "tests/support"))
import recipes  # noqa: E402
import unpacked  # noqa: E402

HERE = pathlib.Path(__file__).parent
# The package whose version counts, and the folder that the tests unpack it into with the others they need.
SERVERS = {"Postfix": ("postfix", ["postfix"]), "Exim": ("exim", ["exim4-daemon-light"]),
           "OpenSMTPD": ("opensmtpd", ["opensmtpd"]), "Sendmail": ("sendmail", ["sendmail-bin"]),
           "Dovecot": ("dovecot", ["dovecot-lmtpd", "dovecot-imapd", "dovecot-sieve"])}


def text_of(path):
    """A test with the worlds that it imports."""
    text = path.read_text()
    worlds = re.findall(r"^from (\w+_world) import", text, re.M)
    return text + "".join((HERE / f"{world}.py").read_text() for world in worlds)


def unused(tests):
    """[page, section and name] of each block that none of these texts runs."""
    return [" / ".join((page.name, section, name)) for page in sorted(recipes.FOLDER.glob("*.md"))
            for section, name, _ in recipes.blocks(page.name)
            if not any(f'"{page.name}", "{section}"' in text and f'"{name}"' in text for text in tests)]


class Recipes(unittest.TestCase):
    def test_every_block_is_run(self):
        tests = [text_of(path) for path in HERE.glob("*_test.py") if path != pathlib.Path(__file__)]
        self.assertEqual(unused(tests), [])
        self.assertEqual(unused([re.sub(r'"exim\.conf, transports"', '""', text) for text in tests]),
                         ["dovecot.md / Behind Exim / exim.conf, transports", "exim.md / Exim / exim.conf, transports"])

    def test_commands_begin_with_what_is_typed(self):
        for page in recipes.FOLDER.glob("*.md"):
            for _, name, text in recipes.blocks(page.name):
                for line in [] if name else text.replace("\\\n", " ").splitlines():
                    self.assertTrue(line.startswith("penstock "), f"{page.name}: {line}: no name, and no command")

    def test_versions_are_those_that_are_run(self):
        named = [found for page in recipes.FOLDER.glob("*.md")
                 for found in re.findall(r"Run with (\w+) ([\d.]+\d)", " ".join(page.read_text().split()))]
        self.assertEqual({server for server, _ in named}, set(SERVERS))
        for server, version in named:
            folder, packages = SERVERS[server]
            try:
                root = unpacked.unpack(BUILD, folder, *packages)
            except (OSError, subprocess.CalledProcessError) as error:
                self.skipTest(f"SKIPPED: no packages of {server}: {error}")
            (package,) = root.glob(f"{packages[0]}_*.deb")
            self.assertRegex(package.name, rf"_(\d+%3a)?{re.escape(version)}[.+-]")


if __name__ == "__main__":
    unittest.main()
