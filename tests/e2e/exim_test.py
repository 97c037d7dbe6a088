# SPDX-License-Identifier: Apache-2.0
"""Exim hands mail to Penstock by LMTP and takes it back, both ways and without going round."""
import sys
import unittest

from harness import BUILD, SOURCE, Hook
from server_world import DOMAIN, SICK_HOOK, ServerWorld

sys.path.insert(0, str(SOURCE / "tests/support"))
from exim_instance import Exim  # noqa: E402


class BesideExim(ServerWorld):
    theirs = ("exim.md", "Exim")

    def make_server(self):
        return Exim(self.folder, BUILD, self.sink.port, DOMAIN)

    def start_server(self):
        listen = {f"0.0.0.0.{number}": f"127.0.0.1.{self.ports[number]}" for number in (25, 587)}
        self.server.start(self.ports[25],
                          main=self.recipe("exim.conf, main section", listen),
                          acl=self.recipe("exim.conf, first in acl_smtp_rcpt"),
                          routers=self.recipe("exim.conf, first of the routers"),
                          transports=self.recipe("exim.conf, transports"))

    def test_mixed_outcomes_keep_apart_and_exim_tells_the_sender(self):
        self.decide()
        self.assertEqual(self.send("alice", "closed", "noreply")[0], 250)
        mails = self.came("alice", "archive", "s@else.example")
        self.assertIn("by mx.example.com", mails["alice"])
        self.check_bounce(mails["s@else.example"], f"closed@{DOMAIN}", "exim.example", "This mailbox is closed")
        self.queue_is_empty()
        (message,) = self.messages()  # no bounce of ours beside it
        self.assertEqual(message["state"], "CLOSED")

    def test_mail_of_users_goes_out_and_what_is_for_inside_comes_in(self):
        self.decide()
        self.assertEqual(self.send_out("friend@else.example", "alice")[0], 250)
        mails = self.came("friend@else.example", "alice", "archive")
        for name, passes in (("friend@else.example", 1), ("alice", 2), ("archive", 2)):
            self.assertEqual(mails[name].count("by mx.example.com"), passes, mails[name])
        self.assertEqual(sorted(one["direction"] for one in self.messages()), ["INBOUND", "OUTBOUND"])
        self.send_out("friend@else.example", subject="[internal] no")
        # A bounce is incoming mail as any other, of which archive@ has a copy.
        mails = self.came("friend@else.example", "alice", "archive", "user", "archive")
        self.check_bounce(mails["user"], "friend@else.example", "exim.example", "stays inside")
        self.queue_is_empty()

    def test_a_restart_of_either_side_loses_nothing_and_repeats_nothing(self):
        hook = self.hook(SICK_HOOK)
        self.register(hook.target)
        self.sync_rule()
        self.daemon.kill()
        self.assertEqual(self.send("alice")[0], 250)
        self.assertEqual(len(self.server.queue()), 1)
        self.daemon.start()
        self.came("alice")
        self.queue_is_empty()
        hook.stop()
        self.send("bob")
        self.queue_is_empty()  # past the hold it is in our queue
        self.server.stop()
        self.daemon.kill()
        self.daemon.start()
        self.addCleanup(Hook(SICK_HOOK, hook.target).stop)
        self.start_server()
        self.came("alice", "bob")
        self.all_closed()

    def edit(self, config):
        return config.replace("direction: inbound", "direction: inbound\n    hold: 2s")


if __name__ == "__main__":
    unittest.main()
