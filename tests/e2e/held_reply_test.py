# SPDX-License-Identifier: Apache-2.0
"""A7 by SMTP: what all recipients share is the reply to the message, and no bounce of ours leaves then."""
import smtplib
import time
import unittest

from harness import DOMAIN, SOURCE, PenstockTest

SICK_HOOK = SOURCE / "tests/e2e/sick_hook.py"
MAIL = b"From: s@else.example\r\nDate: Sun, 22 Nov 2026 04:00:00 +0000\r\nSubject: held\r\n\r\nbody\r\n"


class World(PenstockTest):
    hold = "20s"

    def configure(self, config):
        return config.replace("direction: inbound,", "direction: inbound, hold: 2s,")

    def send(self, *names):
        with self.daemon.smtp() as client:
            client.ehlo("client.example")
            client.mail("s@else.example")
            for name in names:
                self.assertEqual(client.rcpt(f"{name}@{DOMAIN}")[0], 250)
            code, text = client.data(MAIL)
        return code, text.decode()

    def messages(self):
        return self.daemon.penstock_json("message", "list").get("messages", [])


class HeldReply(World):
    def test_a_bounce_of_all_is_the_reply(self):
        self.register(self.hook().target)
        self.sync_rule()
        code, text = self.send("closed")
        self.assertEqual((code, text.startswith("5.7.1 This mailbox is closed")), (550, True), text)
        (message,) = self.messages()  # on record (A6), and no DSN beside it
        self.assertEqual(message["state"], "CLOSED")
        time.sleep(0.5)
        self.assertEqual(self.next_hop.transactions, [])

    def test_outcomes_that_differ_are_accepted_and_a_bounce_leaves(self):
        self.register(self.hook().target)
        self.sync_rule()
        self.assertEqual(self.send("alice", "closed")[0], 250)
        (bounce,) = self.next_hop.wait(1)
        self.assertEqual((bounce.mail_from, bounce.recipients), ("", ["s@else.example"]))

    def test_a_client_that_is_cut_off_has_not_been_accepted(self):
        hook = self.hook(SICK_HOOK, "127.0.0.1:0", "--delay", "14")
        self.register(hook.target)
        self.sync_rule()
        with self.daemon.smtp() as client:
            client.ehlo("client.example")
            client.mail("s@else.example")
            client.rcpt(f"alice@{DOMAIN}")
            client.docmd("DATA")
            client.send(MAIL + b".\r\n")
            hook.wait_called()
            self.daemon.kill()
            with self.assertRaises(smtplib.SMTPServerDisconnected):
                client.getreply()
        self.daemon.start()
        self.assertEqual(self.messages(), [])


class PastTheHold(World):
    hold = "1s"

    def test_what_outlasts_the_hold_is_accepted_and_its_hook_not_asked_twice(self):
        hook = self.hook(SICK_HOOK, "127.0.0.1:0", "--delay", "6")
        self.register(hook.target)
        self.sync_rule()
        code, text = self.send("alice")
        self.assertEqual(code, 250, text)
        self.assertEqual(self.daemon.mail_of("alice"), [])  # the hook is at it still
        self.daemon.wait_closed(text.split()[-1])
        self.assertEqual(sum(line.startswith("called") for line in hook.lines()), 1)
        self.assertEqual(len(self.daemon.mail_of("alice")), 1)


if __name__ == "__main__":
    unittest.main()
