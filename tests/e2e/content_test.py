# SPDX-License-Identifier: Apache-2.0
"""Hooks read and replace the mail they are asked about (M, P1, P2), by the real daemon over real gRPC."""
import base64
import hashlib
import json
import sys
import unittest

from harness import DOMAIN, SOURCE, STUBS, PenstockTest, wait_until

sys.path.insert(0, str(STUBS))
from content_hook import Client, GetRequest, refusal  # noqa: E402
import grpc  # noqa: E402

HOOK = SOURCE / "tests/e2e/content_hook.py"
EDIT_HOOK = SOURCE / "examples/python_hook/edit_hook.py"
MAIL = (b"From: sender@elsewhere.example\r\nDate: Sat, 21 Nov 2026 19:48:00 +0000\r\nSubject:  hello\r\n"
        b"X-Odd:\ta  b \r\n\r\nhello \r\n\r\nand bye\r\n")


class Content(PenstockTest):
    def begin(self, mode="sync", grants=("--read", "--replace"), script=HOOK):
        self.process = self.hook(script)
        self.daemon.penstock_ok("hook", "register", "edit", "--target", self.process.target)
        self.daemon.penstock_ok("hook", "add-permission", "edit", "--statement-id", "content",
                                "--principal", "default", *grants)
        self.daemon.penstock_ok(
            "rule", "create", "ask", "--direction", "inbound", "--sender", "*", "--recipient", "*",
            "--hook", "edit", "--mode", mode,
            *(["--fallback", "default", "--timeout", "5m"] if mode == "sync" else []))

    def said(self, count, **about):
        """The first `count` lines of the hook that say so, once they are there."""
        def lines():
            found = [json.loads(line) for line in self.process.lines() if line.startswith("{")]
            found = [one for one in found if about.items() <= one.items()]
            return found[:count] if len(found) >= count else None
        return wait_until(f"{count} lines of the hook about {about}", lines)

    def client(self, said):
        target = self.daemon.penstock_json("status")["contentTarget"]
        return Client(target, said["message"], base64.b64decode(said["capability"]))

    def mail(self, local_part):
        """What a recipient got, behind the Received field that SMTP asks for."""
        (path,) = self.daemon.mail_of(local_part)
        octets = path.read_bytes()
        end = octets.index(b"\r\n" if b"\r\n" in octets else b"\n")
        while octets[end:].lstrip(b"\r\n")[:1] in (b"\t", b" "):
            end = octets.index(b"\n", end + 2)
        self.assertTrue(octets.startswith(b"Received:"), octets[:80])
        return octets[end:].lstrip(b"\r\n")

    def digest(self, octets):
        return hashlib.sha256(octets).hexdigest()

    def test_what_is_put_goes_to_whom_the_invocation_delivers(self):
        self.begin()
        self.daemon.penstock_ok("rule", "create", "direct", "--direction", "inbound", "--sender", "*",
                                "--recipient", f"direct@{DOMAIN}", "--action", "default")
        (message,) = self.daemon.send([f"{one}@{DOMAIN}" for one in ("edit", "direct", "dropped", "other")], MAIL)
        self.daemon.wait_closed(message)
        (said,) = self.said(1)
        edited = b"X-Attempt: 1\r\n" + MAIL
        self.assertEqual((said["put"], said["read"], said["read_again"]),
                         ("STAGED", self.digest(MAIL), self.digest(edited)))
        for recipient, want in (("edit", edited), ("other", edited), ("added", edited), ("direct", MAIL)):
            self.assertEqual(self.mail(recipient), want, recipient)
        self.assertEqual(self.daemon.mail_of("dropped"), [])

    def test_a_failed_attempt_leaves_nothing(self):
        self.begin()
        for what, want in (("flaky", b"X-Attempt: 2\r\n" + MAIL), ("forgets", MAIL), ("invalid", MAIL)):
            (message,) = self.daemon.send([f"{what}@{DOMAIN}"], MAIL)
            self.daemon.wait_closed(message)
            first, second = self.said(2, what=what)
            self.assertEqual((first["put"], first["read"]), ("STAGED", self.digest(MAIL)))
            if what == "flaky":
                self.assertEqual(second["read"], self.digest(MAIL))
            self.assertEqual(self.mail(what), want, what)

    def test_a_put_after_the_answer_is_frozen(self):
        self.begin()
        (message,) = self.daemon.send([f"late@{DOMAIN}"], MAIL)
        self.daemon.wait_closed(message)
        (said,) = [one for one in self.said(2, what="late") if "put_late" in one]
        self.assertEqual(said["put_late"][:2], ["FAILED_PRECONDITION", "MessageFrozen"])
        self.assertEqual(self.mail("late"), MAIL)
        self.assertEqual(self.client(said).get(), MAIL)  # readable for a day (M5)

    def test_an_async_hook_changes_what_it_reads_and_no_mail(self):
        self.begin(mode="async")
        (message,) = self.daemon.send([f"edit@{DOMAIN}"], MAIL)
        self.daemon.wait_closed(message)
        (said,) = self.said(1)
        edited = b"X-Attempt: 1\r\n" + MAIL
        self.assertEqual((said["put"], said["read_again"]), ("READABLE_ONLY", self.digest(edited)))
        self.assertEqual(self.mail("edit"), MAIL)
        self.assertEqual(self.client(said).get(), edited)

    def test_a_refusal_names_what_is_wrong(self):
        self.begin(mode="async")
        (message,) = self.daemon.send([f"plain@{DOMAIN}"], MAIL)
        (said,) = self.said(1)
        client = self.client(said)
        for content, word in ((MAIL.replace(b"Date", b"Dates"), "Date"), (b"X: " + b"x" * 1100 + b"\r\n" + MAIL, "line"),
                              (MAIL + b"\0\r\n", "NUL")):
            code, reason, text = client.put(content)
            self.assertEqual((code, reason), ("INVALID_ARGUMENT", "MessageRejected"), text)
            self.assertIn(word, text)
        self.assertEqual(client.get(), MAIL)

    def test_grants_reach_the_hook_and_go_at_once(self):
        self.begin(grants=("--read",))
        (message,) = self.daemon.send([f"plain@{DOMAIN}"], MAIL)
        (said,) = self.said(1)
        self.assertEqual(said["may"], [True, False])
        client = self.client(said)
        self.assertEqual(client.get(part=GetRequest.HEADER_SECTION), MAIL[:MAIL.index(b"\r\n\r\n") + 4])
        self.assertEqual(client.put(MAIL)[0], "PERMISSION_DENIED")
        self.daemon.penstock_ok("hook", "remove-permission", "edit", "--statement-id", "content")
        with self.assertRaises(grpc.RpcError) as raised:
            client.get()
        self.assertEqual(refusal(raised.exception)[:2], ["PERMISSION_DENIED"] * 2)
        self.daemon.penstock_ok("hook", "add-permission", "edit", "--statement-id", "bare", "--principal", "default")
        self.daemon.send([f"plain@{DOMAIN}"], MAIL)
        self.assertEqual(self.said(2)[1]["target"], "")

    def test_a_daemon_that_is_killed_while_content_comes_in(self):
        self.begin()
        (message,) = self.daemon.send([f"stall@{DOMAIN}"], MAIL)
        (said,) = self.said(1, stalls=True)
        self.daemon.kill()
        self.daemon.start()
        self.assertEqual(self.client(said).get(), MAIL)  # the capability outlives a restart
        self.daemon.wait_closed(message, timeout=60)  # the attempt is repeated (H4), times out, and the next answers
        self.assertEqual(self.mail("stall"), MAIL)

    def test_the_example(self):
        self.begin(script=EDIT_HOOK)
        (message,) = self.daemon.send([f"alice@{DOMAIN}"], MAIL)
        self.daemon.wait_closed(message)
        self.assertEqual(self.mail("alice"), MAIL.replace(b"Subject:  hello", b"Subject: [EXT]  hello"))


if __name__ == "__main__":
    unittest.main()
