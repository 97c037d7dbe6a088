# SPDX-License-Identifier: Apache-2.0
"""Postfix set up as examples/mail_servers/postfix.md says. What each way does with held replies, crashes and odd mail:
lmtp_test.py, content_filter_test.py, milter_test.py."""
import re
import sys
import unittest

from dovecot_world import WithDovecot
from harness import BUILD, SOURCE, wait_until
from server_world import (DOMAIN, PATIENCE, SICK_HOOK, USERS, Actions, Gateways, Keeps, PastTheHold, SaysNotNow,
                          ServerWorld, Tried)

sys.path.insert(0, str(SOURCE / "tests/support"))
from postfix_instance import Postfix  # noqa: E402


class World(ServerWorld):
    theirs = ("postfix.md", "Content filter by LMTP")

    def make_server(self):
        server = Postfix(self.folder, BUILD, self.sink.port, [], DOMAIN)
        server.main = (f"mynetworks = {USERS}/32\nmydestination = {DOMAIN}\nrelay_domains =\n"
                       f"local_transport = smtp:[127.0.0.1]:{self.sink.port}\n"
                       + self.recipe("main.cf", section=("postfix.md", "Addresses within addresses")))
        return server

    def start_server(self):
        self.server.recipe = self.master(self.recipe("master.cf"))
        self.server.start()

    def master(self, text):
        for service, port in (("smtp", 25), ("submission", 587)):
            text = re.sub(rf"^{service} ", f"127.0.0.1:{self.ports[port]} ", text, flags=re.M)
        return text

    def retry_until(self, what, condition):
        wait_until(what, lambda: self.server.flush() or condition(), PATIENCE)


class FilterByLmtp(Actions, Tried, Gateways, Keeps, World):
    told_by = "postfix.example"

    def test_each_direction_is_a_message_of_its_own(self):
        self.decide()
        self.send_out("friend@else.example", "alice")
        self.came("friend@else.example", "alice", "archive")
        self.assertEqual(sorted(one["direction"] for one in self.messages()), ["INBOUND", "OUTBOUND"])


class FilterByLmtpPastTheHold(PastTheHold, World):
    def test_it_is_taken_out_again_while_mail_waits(self):
        """As the page says: first what hands over, the way back once Penstock has no mail any more."""
        sick = self.folder / "sick"
        sick.touch()
        self.register(self.hook(SICK_HOOK, "127.0.0.1:0", "--fail-while", sick).target)
        self.sync_rule()
        self.send("alice")
        self.queue_is_empty()
        without = re.sub(r"  -o content_filter=lmtp\S+\n", "", self.recipe("master.cf"))
        self.server.reload(self.master(without))
        self.send("bob")
        wait_until("mail to bob", lambda: self.sink.transactions, PATIENCE)
        self.assertNotIn("by mx.example.com", self.sink.transactions[0].data.decode())
        sick.unlink()
        self.assertIn("by mx.example.com", self.came("alice", "bob")["alice"])


class FilterByLmtpToDovecot(WithDovecot, World):
    told_by = "postfix.example"

    def start_server(self):
        self.start_dovecot()
        text = self.recipe("main.cf", {"127.0.0.1:24": f"127.0.0.1:{self.dovecot.lmtp}"},
                           ("dovecot.md", "Behind Postfix"))
        self.server.main += f"mydestination =\n{text}"
        super().start_server()


class BySmtp(World):
    def edit(self, config):
        return super().edit(config).replace("    protocol: lmtp\n", "")

    def master(self, text):
        return super().master(text).replace("lmtp:inet:127.0.0.1:", "smtp:[127.0.0.1]:")


class FilterBySmtp(Actions, Tried, Gateways, Keeps, BySmtp):
    pass


class FilterBySmtpPastTheHold(PastTheHold, BySmtp):
    pass


class BeforeQueue(World):
    ours = theirs = ("postfix.md", "Before-queue proxy")


class Proxy(Actions, Tried, SaysNotNow, BeforeQueue):
    also_told = ("postmaster@postfix.example",)  # of trouble with a proxy

    def test_a_bounce_of_all_is_refused_to_the_client(self):
        self.decide()
        code, text = self.send("closed")
        self.assertEqual((code, text.startswith("5.7.1 This mailbox is closed")), (550, True), text)
        self.assertEqual(self.send("noreply")[0], 250)
        self.came()

    def test_postfix_says_who_its_client_was(self):
        self.send("alice")
        self.assertIn("client.example", self.came("alice")["alice"])


class ProxyPastTheHold(PastTheHold, BeforeQueue):
    pass


class AsMilter(World):
    ours = theirs = ("postfix.md", "Milter")

    def edit(self, config):
        return super().edit(config).replace("192.0.2.0/24", f"{USERS}/32")


class Milter(Actions, Tried, Gateways, SaysNotNow, AsMilter):
    passes = {"other@else.example": 0, "archive": 0, "alice": 0}

    def test_who_comes_from_a_trusted_network_sends_outgoing_mail(self):
        self.decide()
        code, text = self.send_out("friend@else.example", subject="[internal] no")
        self.assertEqual((code, text), (550, "5.7.1 Mail marked [internal] stays inside."))
        self.assertEqual(self.send("alice", sender=f"user@{DOMAIN}", subject="[internal] no")[0], 250)  # says who he is
        self.came("alice", "archive")


class MilterPastTheHold(PastTheHold, AsMilter):
    pass


if __name__ == "__main__":
    unittest.main()
