# SPDX-License-Identifier: Apache-2.0
"""LMTP (RFC 2033): each recipient has its own reply (A7), said by a client of ours and by a real Postfix with
`content_filter=lmtp:`. Postfix is Debian's package, unpacked below the build folder; without it, or without root,
its tests are skipped."""
import pathlib
import smtplib
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from harness import BUILD, DOMAIN, SOURCE, Daemon, Hook, PenstockTest, wait_until  # noqa: E402
from next_hop import NextHop  # noqa: E402
from mail_room import free_port  # noqa: E402
from postfix_instance import Postfix  # noqa: E402

MAIL = b"From: s@else.example\r\nDate: Sun, 22 Nov 2026 04:00:00 +0000\r\nSubject:  two spaces\r\n\r\nbody\r\n"
SICK_HOOK = SOURCE / "tests/e2e/sick_hook.py"


class World(PenstockTest):
    """A daemon with a listener that speaks LMTP and holds its replies for `hold`."""
    hold = "20s"

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="penstock-e2e-")
        self.addCleanup(folder.cleanup)
        pathlib.Path(folder.name).chmod(0o755)
        self.sink = NextHop()
        self.addCleanup(self.sink.stop)
        self.daemon = Daemon(folder.name, self.relay_port(folder.name), inbound="relay")
        self.addCleanup(self._stop)
        text = self.daemon.config.read_text().replace(
            "listeners:\n", 'listeners:\n  - {name: lmtp, protocol: lmtp, direction: inbound, '
            f"listen: 127.0.0.1:{free_port()}, hold: {self.hold}}}\n")
        self.daemon.config.write_text(self.edit(text))
        self.daemon.start()
        self.daemon.penstock_ok("org", "add-domain", "default", DOMAIN)

    def edit(self, config):
        return config

    def relay_port(self, folder):
        return self.sink.port

    def messages(self):
        return self.daemon.penstock_json("message", "list").get("messages", [])

    def came(self, count, rest=0.7):
        """{recipient: content} of exactly so many recipients, by now and a little later."""
        def all_here():
            return sum(len(one.recipients) for one in list(self.sink.transactions)) >= count
        wait_until(f"{count} recipients", all_here, 120)
        time.sleep(rest)
        mails = {name.split("@")[0]: one.data.decode() for one in self.sink.transactions for name in one.recipients}
        self.assertEqual(len(mails), sum(len(one.recipients) for one in self.sink.transactions))
        self.assertEqual(len(mails), count)
        return mails


class ByClient(World):
    def client(self):
        client = smtplib.LMTP("127.0.0.1", self.daemon.ports["lmtp"], timeout=60)
        self.addCleanup(client.close)
        client.ehlo("client.example")  # smtplib says LHLO
        return client

    def send(self, *names):
        """The reply to each recipient."""
        client = self.client()
        client.mail("s@else.example")
        for name in names:
            self.assertEqual(client.rcpt(f"{name}@{DOMAIN}")[0], 250)
        self.assertEqual(client.docmd("DATA")[0], 354)
        client.send(MAIL + b".\r\n")
        return [client.getreply() for _ in names]


class Lmtp(ByClient):
    def test_each_recipient_has_its_own_reply_and_no_bounce_leaves(self):
        self.register(self.hook().target)
        self.sync_rule()
        replies = self.send("alice", "closed", "noreply", "CLOSED")
        self.assertEqual([code for code, _ in replies], [250, 550, 250, 550], replies)
        self.assertTrue(replies[1][1].startswith(b"5.7.1 This mailbox is closed"), replies)
        self.assertEqual(set(self.came(2)), {"alice", "archive"})
        (message,) = self.messages()
        self.assertEqual(message["state"], "CLOSED")

    def test_a_client_that_is_cut_off_has_not_been_accepted(self):
        hook = self.hook(SICK_HOOK, "127.0.0.1:0", "--delay", "14")
        self.register(hook.target)
        self.sync_rule()
        client = self.client()
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

    def test_content_that_is_refused_is_refused_to_each(self):
        client = self.client()
        client.mail("s@else.example")
        for name in ("alice", "bob"):
            client.rcpt(f"{name}@{DOMAIN}")
        client.docmd("DATA")
        client.send(b"Subject: x\n.\nforged\r\n.\r\n")
        self.assertEqual([client.getreply()[0] for _ in range(2)], [550, 550])
        self.assertEqual(client.noop()[0], 250)  # in step
        self.assertEqual(self.messages(), [])

    def test_a_client_of_smtp_is_told_what_is_spoken_here(self):
        with smtplib.SMTP("127.0.0.1", self.daemon.ports["lmtp"], timeout=60) as client:
            self.assertEqual(client.docmd("EHLO", "client.example"), (500, b"5.5.1 this is LMTP; send LHLO"))
            self.assertEqual(client.docmd("MAIL", "FROM:<s@else.example>")[0], 503)
            self.assertEqual(client.docmd("LHLO", "client.example")[0], 250)


class PastTheHold(ByClient):
    hold = "1s"

    def test_what_outlasts_the_hold_is_accepted_and_its_hook_not_asked_twice(self):
        hook = self.hook(SICK_HOOK, "127.0.0.1:0", "--delay", "6")
        self.register(hook.target)
        self.sync_rule()
        replies = self.send("alice", "bob")
        self.assertEqual([code for code, _ in replies], [250, 250], replies)
        self.assertEqual(self.sink.transactions, [])  # the hook is at it still
        self.came(2)
        self.assertEqual(sum(line.startswith("called") for line in hook.lines()), 1)

    def test_a_hook_that_is_down_is_no_4xx(self):
        hook = self.hook(SICK_HOOK)
        self.register(hook.target)
        self.sync_rule()
        hook.stop()
        self.assertEqual([code for code, _ in self.send("alice")], [250])
        self.assertEqual(self.sink.transactions, [])
        self.addCleanup(Hook(SICK_HOOK, hook.target).stop)
        self.assertEqual(set(self.came(1)), {"alice"})


class WithoutHold(ByClient):
    hold = "0s"

    def test_what_rules_decide_is_told_and_hooks_are_not_waited_for(self):
        self.register(self.hook(SICK_HOOK, "127.0.0.1:0", "--delay", "6").target)
        self.sync_rule()
        self.daemon.penstock_ok("rule", "create", "gone", "--direction", "inbound", "--sender", "*",
                                "--recipient", f"gone@{DOMAIN}", "--action", "bounce")
        replies = self.send("alice", "gone")
        self.assertEqual(self.sink.transactions, [])  # the hook is at it still
        self.assertEqual([code for code, _ in replies], [250, 550], replies)
        self.assertEqual(set(self.came(1)), {"alice"})


class PostfixWorld(World):
    """Postfix hands us what comes to `port`, and takes back what we deliver."""

    def relay_port(self, folder):
        try:
            self.postfix = Postfix(folder, BUILD, self.sink.port, [], DOMAIN)
        except (OSError, subprocess.CalledProcessError, RuntimeError) as error:
            self.skipTest(f"SKIPPED: no Postfix: {error}")
        return self.postfix.plain

    def setUp(self):
        super().setUp()
        self.postfix.options = [f"content_filter={self.content_filter()}"]
        self.addCleanup(self.postfix.stop)
        self.postfix.start()

    def content_filter(self):
        return f"lmtp:inet:127.0.0.1:{self.daemon.ports['lmtp']}"

    def send(self, *names):
        with smtplib.SMTP("127.0.0.1", self.postfix.port, timeout=60) as client:
            self.assertEqual(client.sendmail("s@else.example", [f"{name}@{DOMAIN}" for name in names], MAIL), {})

    def queue_is_empty(self):
        wait_until("Postfix's queue to be empty", lambda: self.postfix.queue() == [])


class BesidePostfix(PostfixWorld):
    def test_mixed_outcomes_keep_apart_and_postfix_tells_the_sender(self):
        self.register(self.hook().target)
        self.sync_rule()
        self.send("alice", "closed", "noreply")
        mails = self.came(3)
        self.assertEqual(set(mails), {"alice", "archive", "s"})
        self.assertIn("Subject:  two spaces", mails["alice"])
        bounce = mails["s"]
        self.assertIn("<MAILER-DAEMON@postfix.example>", bounce)
        self.assertIn("550 5.7.1 This mailbox is closed", " ".join(bounce.split()))
        self.assertEqual(bounce.count("Final-Recipient:"), 1)
        self.queue_is_empty()
        (message,) = self.messages()  # no bounce of ours beside it
        self.assertEqual(message["state"], "CLOSED")

    def test_what_is_held_is_not_accepted_and_comes_again(self):
        """kill -9 while the reply is held: Postfix has the mail still, and it arrives once."""
        hook = self.hook(SICK_HOOK, "127.0.0.1:0", "--delay", "6")
        self.register(hook.target)
        self.sync_rule()
        self.send("alice")
        hook.wait_called()
        self.daemon.kill()
        self.daemon.start()

        def comes_again():
            self.postfix.flush()
            time.sleep(1)
            return self.sink.transactions
        wait_until("Postfix to try again", comes_again)
        self.assertEqual(set(self.came(1, rest=3)), {"alice"})
        self.queue_is_empty()
        self.assertEqual(len(self.messages()), 1)


class BesidePostfixShortHold(PostfixWorld):
    hold = "1s"

    def test_past_the_hold_nothing_waits_at_postfix(self):
        """Its retry would begin anew: another invocation id, another rule timeout."""
        hook = self.hook(SICK_HOOK)
        self.register(hook.target)
        self.sync_rule()
        hook.stop()
        self.send("alice", "bob")
        (message,) = wait_until("the message", self.messages)
        self.queue_is_empty()
        self.assertNotEqual(message["state"], "CLOSED")
        self.assertEqual(self.sink.transactions, [])
        self.addCleanup(Hook(SICK_HOOK, hook.target).stop)
        self.assertEqual(set(self.came(2)), {"alice", "bob"})


if __name__ == "__main__":
    unittest.main()
