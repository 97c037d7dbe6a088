# SPDX-License-Identifier: Apache-2.0
"""The story of tools/quickstart is what happened: another course of events is another story."""
import subprocess
import unittest

from harness import PYTHON, SOURCE


class Quickstart(unittest.TestCase):
    def story(self, *options):
        done = subprocess.run([PYTHON, SOURCE / "tools/quickstart_story.py", *options],
                              capture_output=True, text=True, timeout=100)
        self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr[-3000:])
        return done.stdout

    def test_the_hook_decides(self):
        story = self.story()
        for words in ("This mailbox is closed", "DROPPED", "added by the hook as BCC", "attempt 1",
                      "Auto-Submitted: auto-replied", '"flowDirection": "INBOUND"', "is CLOSED"):
            self.assertIn(words, story)
        self.assertNotIn("UNAVAILABLE", story)

    def test_without_the_hook_the_mail_waits(self):
        story = self.story("--stop-hook")
        for words in ("UNAVAILABLE", "It is asked again", "is WAITING"):
            self.assertIn(words, story)
        for words in ("This mailbox is closed", "DROPPED", "added by the hook"):
            self.assertNotIn(words, story)


if __name__ == "__main__":
    unittest.main()
