# SPDX-License-Identifier: Apache-2.0
"""Postfix set up as examples/mail_servers/postfix.md says. What each way does with held replies, crashes and odd mail:
lmtp_test.py, content_filter_test.py, milter_test.py."""
import re
import sys
import unittest

from harness import BUILD, SOURCE, Hook
from server_world import DOMAIN, SICK_HOOK, USERS, ServerWorld

sys.path.insert(0, str(SOURCE / "tests/support"))
from postfix_instance import Postfix  # noqa: E402


class World(ServerWorld):
    theirs = ("postfix.md", "Content filter by LMTP")

    def make_server(self):
        return Postfix(self.folder, BUILD, self.sink.port, [], DOMAIN)

    def start_server(self):
        text = self.recipe("master.cf")
        for service, port in (("smtp", 25), ("submission", 587)):
            text = re.sub(rf"^{service} ", f"127.0.0.1:{self.ports[port]} ", text, flags=re.M)
        self.server.recipe = self.edit_master(text)
        self.server.start()

    def edit_master(self, text):
        return text

    def both_ways(self, passes):
        """Mail of a user to inside and outside; `passes`: how often each meets Penstock's queue."""
        self.decide()
        self.assertEqual(self.send_out("friend@else.example", "alice")[0], 250)
        mails = self.came("friend@else.example", "alice", "archive")
        for name, count in passes.items():
            self.assertEqual(mails[name].count("by mx.example.com"), count, mails[name])
        self.queue_is_empty()


class FilterByLmtp(World):
    def test_mixed_outcomes_keep_apart_and_postfix_tells_the_sender(self):
        self.decide()
        self.send("alice", "closed", "noreply")
        mails = self.came("alice", "archive", "s@else.example")
        self.check_bounce(mails["s@else.example"], f"closed@{DOMAIN}", "postfix.example", "This mailbox is closed")
        self.queue_is_empty()

    def test_mail_of_users_goes_out_and_what_is_for_inside_comes_in(self):
        self.both_ways({"friend@else.example": 2, "alice": 2})
        self.assertEqual(sorted(one["direction"] for one in self.messages()), ["INBOUND", "OUTBOUND"])

    def test_a_restart_of_postfix_loses_nothing_and_repeats_nothing(self):
        hook = self.hook(SICK_HOOK)
        self.register(hook.target)
        self.sync_rule()
        hook.stop()
        self.send("alice", "bob")
        self.queue_is_empty()  # past the hold it is in our queue
        self.server.stop()
        again = Hook(SICK_HOOK, hook.target)
        self.addCleanup(again.stop)
        self.an_attempt_fails()
        self.start_server()
        self.came("alice", "bob")
        self.all_closed()

    def edit(self, config):
        return config.replace("direction: inbound", "direction: inbound\n    hold: 2s")


class FilterBySmtp(World):
    def edit(self, config):
        return config.replace("    protocol: lmtp\n", "")

    def edit_master(self, text):
        return text.replace("lmtp:inet:127.0.0.1:", "smtp:[127.0.0.1]:")

    def test_mixed_outcomes_and_penstock_tells_the_sender(self):
        self.decide()
        self.send("alice", "closed", "noreply")
        mails = self.came("alice", "archive", "s@else.example")
        self.check_bounce(mails["s@else.example"], f"closed@{DOMAIN}", "mx.example.com", "This mailbox is closed")
        self.queue_is_empty()

    def test_mail_of_users_goes_out_and_what_is_for_inside_comes_in(self):
        self.both_ways({"friend@else.example": 2, "alice": 2})


class Proxy(World):
    ours = theirs = ("postfix.md", "Before-queue proxy")

    def test_a_bounce_of_all_is_refused_to_the_client(self):
        self.decide()
        code, text = self.send("closed")
        self.assertEqual((code, text.startswith("5.7.1 This mailbox is closed")), (550, True), text)
        self.assertEqual(self.send("noreply")[0], 250)
        self.came()
        self.queue_is_empty()

    def test_mixed_outcomes_and_penstock_tells_the_sender(self):
        self.decide()
        self.assertEqual(self.send("alice", "closed", "noreply")[0], 250)
        mails = self.came("alice", "archive", "s@else.example")
        self.assertIn("client.example", mails["alice"])  # Postfix's own trace of its client is kept
        self.check_bounce(mails["s@else.example"], f"closed@{DOMAIN}", "mx.example.com", "This mailbox is closed")
        self.queue_is_empty()

    def test_a_penstock_that_is_down_is_told_to_the_client_as_not_now(self):
        self.daemon.kill()
        self.assertEqual(self.send("alice")[0], 451)
        self.daemon.start()
        self.assertEqual(self.send("alice")[0], 250)
        self.came("alice", "postmaster@postfix.example")  # Postfix tells its postmaster of trouble with a proxy


class Milter(World):
    ours = theirs = ("postfix.md", "Milter")

    def edit(self, config):
        return config.replace("192.0.2.0/24", f"{USERS}/32")

    def test_who_comes_from_a_trusted_network_sends_outgoing_mail(self):
        self.decide()
        code, text = self.send_out("friend@else.example", subject="[internal] no")
        self.assertEqual((code, text), (550, "5.7.1 Mail marked [internal] stays inside."))
        self.assertEqual(self.send("alice", sender=f"user@{DOMAIN}", subject="[internal] no")[0], 250)  # says who he is
        self.came("alice", "archive")
        self.assertEqual(self.send_out("friend@else.example", "bob")[0], 250)
        self.came("alice", "archive", "friend@else.example", "bob", "archive")

    def test_mixed_outcomes_and_penstock_tells_the_sender(self):
        self.decide()
        self.assertEqual(self.send("alice", "closed", "noreply")[0], 250)
        mails = self.came("alice", "archive", "s@else.example")
        self.check_bounce(mails["s@else.example"], f"closed@{DOMAIN}", "mx.example.com", "This mailbox is closed")
        self.queue_is_empty()


if __name__ == "__main__":
    unittest.main()
