# SPDX-License-Identifier: Apache-2.0
"""OpenSMTPD hands mail to Penstock, Penstock brings it to Dovecot by LMTP, and IMAP shows where it lies."""
import sys
import unittest

from dovecot_world import Mailboxes
from harness import BUILD, SOURCE, wait_until
from server_world import DOMAIN, PATIENCE, USERS, ServerWorld, Spellings, Tried

sys.path.insert(0, str(SOURCE / "tests/support"))
from opensmtpd_instance import OpenSmtpd  # noqa: E402


class ToDovecot(Mailboxes, Spellings, Tried, ServerWorld):
    ours = theirs = ("opensmtpd.md", "OpenSMTPD")

    def make_server(self):
        self.make_dovecot()
        text = self.daemon.config.read_text().replace("port: 24}", f"port: {self.dovecot.lmtp}}}")
        self.daemon.config.write_text(text)
        return OpenSmtpd(self.folder, BUILD)

    def start_server(self):
        self.start_dovecot()
        self.start_opensmtpd()

    def start_opensmtpd(self):
        text = self.recipe("/etc/smtpd.conf", {
            "relay\n": f"relay host smtp://127.0.0.1:{self.sink.port}\n",
            "match auth tag outgoing from any": f"match tag outgoing from src {USERS}"})
        for number in (25, 587):
            text = text.replace(f"0.0.0.0 port {number} ", f"127.0.0.1 port {self.ports[number]} ")
        self.server.start(self.ports[25], text)

    def test_each_action_in_one_mail(self):
        self.decide()
        self.rule("spammed", "move-to-junk")
        self.rule("trusting", "bypass-spam-check")
        self.send("alice", "closed", "noreply", "spammed", "trusting")
        (content,) = self.lies("alice")
        self.assertIn("by mx.example.com", content)
        self.assertNotIn("X-Penstock-", content)
        self.lies("archive")  # a blind copy
        self.lies("spammed", "Junk")
        self.assertIn("X-Penstock-Bypass-Spam-Check: yes", self.lies("trusting")[0])
        bounce = self.came("s@else.example")["s@else.example"]
        self.check_bounce(bounce, f"closed@{DOMAIN}", "mx.example.com", "This mailbox is closed")
        (message,) = [one for one in self.messages() if len(one["recipients"]) > 1]  # the other is the bounce
        self.assertEqual({one["address"].split("@")[0]: one["state"] for one in message["recipients"]},
                         {"alice": "DELIVERED", "archive": "DELIVERED", "spammed": "DELIVERED", "trusting": "DELIVERED",
                          "closed": "BOUNCED", "noreply": "DROPPED"})

    def test_a_full_mailbox_keeps_mail_from_nobody_else(self):
        self.send("alice", "full", "nobody", "bob")
        self.lies("alice")
        self.lies("bob")
        bounces = "".join(self.came("s@else.example").values())  # one, of both
        self.assertIn("5.2.2", bounces)
        self.assertIn("5.1.1", bounces)
        self.settle()

    def test_outgoing_mail_by_a_gateway_and_what_is_for_inside(self):
        self.decide()
        self.rule("friend", "route-to-gateway", "outbound", "friend@else.example", "--gateway", "partners")
        self.send_out("friend@else.example", "other@else.example", "alice")
        self.assertEqual([one.recipients for one in self.gateway.wait(1, PATIENCE)], [["friend@else.example"]])
        self.came("other@else.example")
        self.assertEqual(self.lies("alice")[0].count("by mx.example.com"), 2)
        self.lies("archive")
        self.assertEqual(sorted(one["direction"] for one in self.messages()), ["INBOUND", "OUTBOUND"])
        self.send_out("other@else.example", subject="[internal] no")
        self.check_bounce(self.lies("user")[0], "other@else.example", "mx.example.com", "stays inside")

    def test_a_bounce_of_opensmtpd_is_incoming_mail(self):
        self.sink.reply_to_rcpt = "550 5.1.1 nobody of that name"
        self.send_out("gone@else.example")
        (bounce,) = self.lies("user")
        self.assertIn("nobody of that name", bounce)
        (message,) = [one for one in self.messages() if one["direction"] == "INBOUND"]
        self.assertEqual(message.get("reversePath", ""), "")

    def test_a_restart_of_either_side_loses_nothing_and_repeats_nothing(self):
        self.dovecot.stop()
        self.send("alice", "bob")
        self.queue_is_empty()
        self.an_attempt_fails()
        self.daemon.kill()
        self.daemon.start()
        self.start_dovecot()
        self.lies("alice")
        self.lies("bob")
        self.settle()
        self.daemon.kill()
        self.send("alice")
        self.assertEqual(len(self.server.queue()), 1)
        self.server.stop()
        self.start_opensmtpd()
        self.daemon.start()
        wait_until("OpenSMTPD to try again", lambda: self.server.retry() or self.server.queue() == [], PATIENCE)
        self.lies("alice", count=2)


if __name__ == "__main__":
    unittest.main()
