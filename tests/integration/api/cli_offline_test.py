#!/usr/bin/env python3
"""Runs the commands of `penstock` that need no daemon.
"""
import json
import os
import tempfile
import unittest

from cli_harness import DATA, main, run


class WithoutADaemon(unittest.TestCase):
    """What a transcript is too small for."""

    EVENT = os.path.join("input", "event.json")

    def offline(self, *words, stdin=""):
        return run(*words, stdin=stdin, cwd=DATA, PENSTOCK_SOCKET="/nowhere/admin.sock")

    def test_an_event_is_cut_to_131072_octets(self):
        recipients = [f"{'x' * 200}{number}@example.com" for number in range(1000)]
        rcpts = [word for one in recipients for word in ("--rcpt", one)]
        done = self.offline("event", "build", "--eml", "-", "--mail-from", "", *rcpts, "--direction", "inbound",
                            "--domain", "example.com", "-o", "json", stdin="Subject: hello\n\n")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        event = json.loads(done.stdout)
        listed = [one["address"] for one in event["envelope"]["recipients"]]
        self.assertTrue(event["truncated"])
        self.assertEqual(listed, recipients[:len(listed)])
        octets = len(done.stdout) - 1
        self.assertLessEqual(octets, 131_072)
        self.assertGreater(octets + len(f',{{"address":"{recipients[len(listed)]}"}}'), 131_072)
        # Whom the event leaves out the answer still covers.
        answer = self.file('{"actions": [{"action": {"type": "DROP"}, "allRecipients": true}]}')
        resolved = self.offline("answer", "resolve", "--event", "-", "--answer", answer, "--fallback", "default",
                                *rcpts, "-o", "json", stdin=done.stdout)
        self.assertEqual((resolved.returncode, resolved.stderr), (0, ""))
        self.assertEqual([one["address"] for one in json.loads(resolved.stdout)["recipients"]], recipients)

    def file(self, text):
        written = tempfile.NamedTemporaryFile("w", suffix=".json")  # pylint: disable=consider-using-with
        self.addCleanup(written.close)
        written.write(text)
        written.flush()
        return written.name

    def test_outbound_mail_takes_500_recipients(self):
        rcpts = [word for number in range(501) for word in ("--rcpt", f"{number}@example.com")]
        done = self.offline("event", "build", "--eml", "-", "--mail-from", "", *rcpts, "--direction", "outbound")
        self.assertEqual(done.returncode, 0)
        self.assertIn("501 recipients: outbound mail takes 500", done.stderr)

    def test_a_new_id_for_each_event(self):
        built = [json.loads(self.offline("event", "build", "--eml", "-", "--mail-from", "", "--rcpt", "b@example.com",
                                         "--direction", "outbound", "-o", "json").stdout) for _ in range(2)]
        for event in built:
            self.assertRegex(event["messageId"], r"\A[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")
            self.assertRegex(event["invocationId"], r"\A[0-9a-f]{32}\Z")
        self.assertNotEqual(built[0]["messageId"], built[1]["messageId"])
        self.assertNotEqual(built[0]["invocationId"], built[1]["invocationId"])

    def test_what_is_too_long(self):
        answer = '{"actions": [{"action": {"type": "DROP"}, "allRecipients": true}]}'
        for octets, code in ((262_144, 0), (262_145, 1)):
            done = self.offline("answer", "resolve", "--event", self.EVENT, "--answer", "-", "--fallback", "default",
                                stdin=answer.ljust(octets))
            self.assertEqual(done.returncode, code, done.stderr)
        self.assertIn("answer: 262145 octets, over the 262144 that are allowed", done.stderr)
        done = self.offline("answer", "resolve", "--event", self.EVENT, "--answer", "-", "--fallback", "default",
                            stdin=" " * 5_000_000)
        self.assertIn("--answer -: over 4194304 octets", done.stderr)
        done = self.offline("answer", "resolve", "--event", "-", "--answer", "/dev/null", "--fallback", "default",
                            stdin=" " * 1_048_577)
        self.assertEqual(done.returncode, 1)
        self.assertIn("--event -: over 1048576 octets", done.stderr)


if __name__ == "__main__":
    main()
