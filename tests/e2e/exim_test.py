# SPDX-License-Identifier: Apache-2.0
"""Exim hands mail to Penstock by LMTP and takes it back, both ways and without going round."""
import sys
import unittest

from dovecot_world import WithDovecot
from harness import BUILD, SOURCE
from server_world import DOMAIN, Actions, Gateways, Keeps, PastTheHold, ServerWorld, Tried

sys.path.insert(0, str(SOURCE / "tests/support"))
from exim_instance import Exim  # noqa: E402


class World(ServerWorld):
    theirs = ("exim.md", "Exim")
    told_by = "exim.example"

    def make_server(self):
        return Exim(self.folder, BUILD, self.sink.port, DOMAIN)

    def start_server(self, routers="", transports=""):
        listen = {f"0.0.0.0.{number}": f"127.0.0.1.{self.ports[number]}" for number in (25, 587)}
        self.server.start(self.ports[25],
                          main=self.recipe("exim.conf, main section", listen),
                          acl=self.recipe("exim.conf, first in acl_smtp_rcpt"),
                          routers=self.recipe("exim.conf, first of the routers") + routers,
                          transports=self.recipe("exim.conf, transports") + transports)


class BesideExim(Actions, Tried, Gateways, Keeps, World):
    passes = {"other@else.example": 1, "archive": 2, "alice": 2}

    def test_what_users_send_is_decided_and_a_bounce_of_exim_meets_no_rule(self):
        self.decide()
        self.send_out("friend@else.example", "alice")
        self.came("friend@else.example", "alice", "archive")
        self.assertEqual(sorted(one["direction"] for one in self.messages()), ["INBOUND", "OUTBOUND"])
        self.send_out("friend@else.example", subject="[internal] no")
        mails = self.came("friend@else.example", "alice", "archive", "user")
        self.check_bounce(mails["user"], "friend@else.example", "exim.example", "stays inside")

    def test_a_bounce_from_outside_meets_rules(self):
        self.decide()
        self.send("alice", sender="")
        self.came("alice", "archive")


class BesideEximPastTheHold(PastTheHold, World):
    pass


class EximToDovecot(WithDovecot, World):
    def start_server(self):
        self.start_dovecot()
        page = ("dovecot.md", "Behind Exim")
        super().start_server(self.recipe("exim.conf, last of the routers", section=page),
                             self.recipe("exim.conf, transports", {"port = 24": f"port = {self.dovecot.lmtp}"}, page))


if __name__ == "__main__":
    unittest.main()
