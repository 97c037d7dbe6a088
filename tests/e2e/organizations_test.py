# SPDX-License-Identifier: Apache-2.0
"""O1 to O3 with real connections: whose mail it is, in which direction it goes, and who may send whither."""
import smtplib
import tempfile
import unittest

from harness import DOMAIN, Daemon, PenstockTest
from next_hop import NextHop

SALES = "sales.example"  # owned by a second organization
USERS = "127.0.0.2"      # a client of `trusted_networks`
STRANGER = "127.0.0.1"
FOREIGN = "friend@else.example"


class Organizations(PenstockTest):
    """Two organizations, a listener that finds the direction by itself, and one next hop a direction."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="penstock-e2e-")
        self.addCleanup(folder.cleanup)
        self.inside, self.outside = NextHop(), NextHop()
        self.addCleanup(self.inside.stop)
        self.addCleanup(self.outside.stop)
        self.daemon = Daemon(folder.name, self.outside.port, inbound="inside")
        self.addCleanup(self._stop)
        text = self.daemon.config.read_text().replace(
            "listeners:\n",
            f'listeners:\n  - {{name: any, listen: "127.0.0.1:0", direction: auto, trusted_networks: ["{USERS}/32"]}}\n')
        text = text.replace("next_hops:\n",
                            f"next_hops:\n  - {{name: inside, smtp: {{host: 127.0.0.1, port: {self.inside.port}}}}}\n")
        self.daemon.config.write_text(text)
        self.daemon.start()
        self.daemon.penstock_ok("org", "add-domain", "default", DOMAIN)
        self.daemon.penstock_ok("org", "create", "sales")
        self.daemon.penstock_ok("org", "add-domain", "sales", SALES)

    def client(self, address, listener="any", xclient=None):
        client = smtplib.SMTP("127.0.0.1", self.daemon.ports[listener], timeout=60, source_address=(address, 0))
        self.addCleanup(client.close)
        client.ehlo("client.example")
        if xclient:
            self.assertEqual(client.docmd("XCLIENT", xclient)[0], 220)
            client.ehlo("client.example")
        return client

    def send(self, address, sender, recipients, header_from=None, **options):
        """The replies to each RCPT; the mail goes to those that were taken."""
        client = self.client(address, **options)
        self.assertEqual(client.mail(sender)[0], 250)
        codes = [client.rcpt(recipient)[0] for recipient in recipients]
        if 250 in codes:
            header = f"From: {header_from or sender}\r\nDate: Sun, 22 Nov 2026 04:00:00 +0000\r\nSubject: x\r\n\r\nbody\r\n"
            self.assertEqual(client.data(header.encode())[0], 250)
        return codes

    def story(self, count):
        """{(organization, direction): [recipient]} of so many messages."""
        messages = self.daemon.penstock_json("message", "list")["messages"]
        found = {}
        for one in messages:
            self.daemon.wait_closed(one["name"].split("/")[1])
            found[one["organization"], one["direction"]] = [to["address"] for to in one["recipients"]]
        self.assertEqual((len(messages), len(found)), (count, count), messages)
        return found

    def test_mail_to_two_organizations_becomes_one_message_each(self):
        """O1: each meets its own rules."""
        self.daemon.penstock_ok("rule", "create", "gone", "--org", "sales", "--direction", "inbound", "--sender", "*",
                                "--recipient", "*", "--action", "drop")
        recipients = [f"a@{DOMAIN}", f"b@{SALES}", f"c@{DOMAIN.upper()}"]
        self.assertEqual(self.send(STRANGER, FOREIGN, recipients), [250, 250, 250])
        self.assertEqual(self.story(2), {("default", "INBOUND"): [recipients[0], recipients[2]],
                                         ("sales", "INBOUND"): [recipients[1]]})
        self.assertEqual([one.recipients for one in self.inside.wait(1)], [[recipients[0], recipients[2]]])

    def test_owned_and_foreign_recipients_mixed(self):
        """O3: of a trusted client foreign recipients go on untouched, of a stranger they are refused."""
        self.daemon.penstock_ok("rule", "create", "all", "--direction", "inbound", "--sender", "*", "--recipient", "*",
                                "--action", "drop")
        recipients = [f"a@{DOMAIN}", FOREIGN, f"b@{SALES}"]
        self.assertEqual(self.send(STRANGER, "s@else.example", recipients), [250, 550, 250])
        self.assertEqual(self.send(USERS, "s@else.example", recipients), [250, 250, 250])
        self.assertEqual([one.recipients for one in self.inside.wait(2)], [[recipients[2]]] * 2)
        self.assertEqual([one.recipients for one in self.outside.wait(1)], [[FOREIGN]])

    def test_direction_by_client_and_sender(self):
        cases = [  # (client, MAIL FROM, From) and what it is
            ((USERS, f"u@{DOMAIN}", None), ("default", "OUTBOUND")),
            ((USERS, f"u@{SALES}", None), ("sales", "OUTBOUND")),
            ((USERS, "", f"u@{SALES}"), ("sales", "OUTBOUND")),
            ((USERS, "u@else.example", f"u@{DOMAIN}"), ("default", "INBOUND")),
            ((STRANGER, f"u@{DOMAIN}", None), ("default", "INBOUND")),
        ]
        seen = set()
        for (client, sender, header_from), want in cases:
            self.assertEqual(self.send(client, sender, [f"a@{DOMAIN}"], header_from), [250])
            newest = {one["name"]: one for one in self.daemon.penstock_json("message", "list")["messages"]}
            (new,) = newest.keys() - seen
            seen |= {new}
            self.assertEqual((newest[new]["organization"], newest[new]["direction"]), want, (client, sender, header_from))

    def test_who_may_relay(self):
        """O3: trusted or authenticated; never by saying so, and never by a sender's address."""
        for options, code in [
                ({"address": STRANGER, "sender": f"u@{DOMAIN}"}, 550),
                ({"address": STRANGER, "sender": f"u@{DOMAIN}", "listener": "mx"}, 550),
                ({"address": USERS, "sender": "s@else.example"}, 250),
                ({"address": USERS, "sender": f"u@{DOMAIN}", "xclient": "ADDR=203.0.113.5"}, 550),
                ({"address": USERS, "sender": f"u@{DOMAIN}", "xclient": "ADDR=203.0.113.5 LOGIN=u"}, 250),
                ({"address": USERS, "sender": f"u@{DOMAIN}", "xclient": f"ADDR={USERS}"}, 250)]:
            self.assertEqual(self.send(recipients=[FOREIGN], **options), [code], options)
        stranger = self.client(STRANGER)
        self.assertFalse(stranger.has_extn("xclient"))
        self.assertEqual(stranger.docmd("XCLIENT", f"ADDR={USERS}")[0], 502)


if __name__ == "__main__":
    unittest.main()
