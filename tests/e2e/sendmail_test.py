# SPDX-License-Identifier: Apache-2.0
"""A7 as a milter of a real Sendmail, set up as examples/mail_servers/sendmail.md says. The same of Postfix:
milter_test.py, postfix_recipes_test.py."""
import smtplib
import sys
import unittest

from harness import BUILD, SOURCE
from server_world import (DOMAIN, PATIENCE, SICK_HOOK, USERS, Actions, Gateways, PastTheHold, SaysNotNow, ServerWorld,
                          Tried, mail)

sys.path.insert(0, str(SOURCE / "tests/support"))
from sendmail_instance import Sendmail  # noqa: E402


class World(ServerWorld):
    ours = theirs = ("sendmail.md", "Sendmail")

    def make_server(self):
        return Sendmail(self.folder, BUILD, self.sink.port, DOMAIN)

    def start_server(self):
        text = self.recipe("sendmail.mc", {f"0.0.0.0, Port={number}": f"127.0.0.1, Port={self.ports[number]}"
                                           for number in (25, 587)})
        self.server.start(self.ports[25], text, self.recipe("sendmail.mc, at the end"))

    def edit(self, config):
        return super().edit(config).replace("192.0.2.0/24", f"{USERS}/32")


class BesideSendmail(Actions, Tried, Gateways, SaysNotNow, World):
    passes = {"other@else.example": 0, "archive": 0, "alice": 0}

    def test_who_differs_gets_a_copy_by_the_way_back(self):
        self.rule("junk", "move-to-junk")
        self.assertEqual(self.send("alice", "junk")[0], 250)
        mails = self.came("alice", "junk")
        self.assertEqual([mails[name].count("by mx.example.com") for name in ("alice", "junk")], [0, 1])

    def test_what_all_share_is_said_by_the_protocol(self):
        self.decide()
        code, text = self.send("closed")
        self.assertEqual((code, text), (550, f"5.7.1 This mailbox is closed. Write to help@{DOMAIN}"))
        self.assertEqual(self.send("noreply")[0], 250)
        self.assertEqual(self.send("alice", subject="[SPAM] buy")[0], 250)
        mails = self.came("alice")
        self.assertIn("X-Penstock-Junk: yes", mails["alice"])
        self.assertNotIn("by mx.example.com", mails["alice"])

    def test_who_comes_from_a_trusted_network_sends_outgoing_mail(self):
        self.decide()
        code, text = self.send_out("friend@else.example", subject="[internal] no")
        self.assertEqual((code, text), (550, "5.7.1 Mail marked [internal] stays inside."))
        self.assertEqual(self.send("alice", sender=f"user@{DOMAIN}", subject="[internal] no")[0], 250)  # says who he is
        self.came("alice", "archive")

    def test_an_address_within_an_address_is_refused(self):
        """Sendmail would deliver to the inner one where the domain is in class w."""
        with smtplib.SMTP("127.0.0.1", self.ports[25], timeout=PATIENCE) as client:
            client.ehlo("client.example")
            client.mail("s@else.example")
            replies = [client.docmd("RCPT", f"TO:<{local}@{DOMAIN}>")[0]
                       for local in ("void", f"void%{DOMAIN}", f"{DOMAIN}!void", f'"void%{DOMAIN}"', f'"void@{DOMAIN}"')]
        self.assertEqual(replies, [250, 553, 553, 553, 553])

    def test_what_is_held_is_not_accepted(self):
        """kill -9 while the reply is held: the client is told to come again, and once it does, all is well."""
        hook = self.hook(SICK_HOOK, "127.0.0.1:0", "--delay", "14")
        self.register(hook.target)
        self.sync_rule()
        with smtplib.SMTP("127.0.0.1", self.ports[25], timeout=PATIENCE) as client:
            client.ehlo("client.example")
            client.mail("s@else.example")
            client.rcpt(f"alice@{DOMAIN}")
            client.docmd("DATA")
            client.send(mail() + b".\r\n")
            hook.wait_called()
            self.daemon.kill()
            self.assertEqual(client.getreply()[0], 451)
        self.assertEqual(self.server.queue(), [])
        self.daemon.start()
        self.assertEqual(self.messages(), [])
        self.daemon.penstock_ok("rule", "delete", "ask", "--direction", "inbound")
        self.assertEqual(self.send("alice")[0], 250)
        self.came("alice")


class BesideSendmailPastTheHold(PastTheHold, World):
    pass


if __name__ == "__main__":
    unittest.main()
