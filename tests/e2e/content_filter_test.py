# SPDX-License-Identifier: Apache-2.0
"""A content filter of a real Postfix by SMTP (by LMTP: lmtp_test.py): one reply for all recipients, so what differs
is ours to deliver and to bounce."""
import unittest

import lmtp_test
from harness import DOMAIN


class SmtpWorld(lmtp_test.PostfixWorld):
    listener_hold = ""

    def content_filter(self):
        return f"smtp:[127.0.0.1]:{self.daemon.ports['mx']}"

    def edit(self, config):
        return config.replace("{name: mx,", "{name: mx, " + self.listener_hold)


class BySmtp(SmtpWorld):
    def test_mixed_outcomes_and_a_bounce_of_ours(self):
        self.register(self.hook().target)
        self.sync_rule()
        self.send("alice", "closed", "noreply")
        mails = self.came(3)
        self.assertEqual(set(mails), {"alice", "archive", "s"})
        self.assertIn("Subject:  two spaces", mails["alice"])
        self.assertIn("by mx.org.example", mails["alice"])
        self.assertIn("This mailbox is closed", mails["s"])
        self.assertIn("Reporting-MTA: dns; mx.org.example", mails["s"])
        self.queue_is_empty()

    def test_many_mails(self):
        for number in range(20):
            self.send(f"reader{number}")
        mails = self.came(20)
        self.assertTrue(all("Subject:  two spaces" in mail for mail in mails.values()))
        self.queue_is_empty()


class BySmtpWithHold(SmtpWorld):
    listener_hold = "hold: 20s, "

    def test_a_bounce_of_all_is_told_by_postfix(self):
        self.register(self.hook().target)
        self.sync_rule()
        self.send("closed")
        bounce = self.came(1)["s"]
        self.assertIn("Reporting-MTA: dns; postfix.example", bounce)
        self.assertIn("550 5.7.1 This mailbox is closed", " ".join(bounce.split()))
        self.assertIn(f"Final-Recipient: rfc822; closed@{DOMAIN}", bounce)
        (message,) = self.messages()  # no bounce of ours beside it
        self.assertEqual(message["state"], "CLOSED")


if __name__ == "__main__":
    unittest.main()
