# SPDX-License-Identifier: Apache-2.0
"""A7 as a milter of a real Postfix: what its protocol can say is said by it, the rest goes by our queue and comes
back by a port without a milter. Postfix is Debian's package, unpacked below the build folder; without it, or
without root, these tests are skipped."""
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
from postfix_instance import Postfix  # noqa: E402

MAIL = "From: s@else.example\r\nDate: Sun, 22 Nov 2026 04:00:00 +0000\r\nSubject:  two spaces\r\n{more}\r\nbody\r\n"
SICK_HOOK = SOURCE / "tests/e2e/sick_hook.py"


class World(PenstockTest):
    hold = "20s"

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="penstock-e2e-")
        self.addCleanup(folder.cleanup)
        pathlib.Path(folder.name).chmod(0o755)
        self.sink = NextHop()
        self.addCleanup(self.sink.stop)
        try:
            self.postfix = Postfix(folder.name, BUILD, self.sink.port, [], DOMAIN)
        except (OSError, subprocess.CalledProcessError, RuntimeError) as error:
            self.skipTest(f"SKIPPED: no Postfix: {error}")
        self.daemon = Daemon(folder.name, self.postfix.plain, inbound="relay")
        self.addCleanup(self._stop)
        text = self.daemon.config.read_text().replace(
            "listeners:\n", 'listeners:\n  - {name: milter, protocol: milter, listen: "127.0.0.1:0", direction: inbound, '
            f"hold: {self.hold}}}\n")
        self.daemon.config.write_text(text)
        self.daemon.start()
        self.daemon.penstock_ok("org", "add-domain", "default", DOMAIN)
        self.postfix.options = [f"smtpd_milters=inet:127.0.0.1:{self.daemon.ports['milter']}"]
        self.addCleanup(self.postfix.stop)
        self.postfix.start()

    def rule(self, name, action, recipient=None):
        self.daemon.penstock_ok("rule", "create", name, "--direction", "inbound", "--sender", "*",
                                "--recipient", recipient or f"{name}@{DOMAIN}", "--action", action)

    def send(self, names, more="", sender="s@else.example"):
        """The reply to the message."""
        with smtplib.SMTP("127.0.0.1", self.postfix.port, timeout=60) as client:
            client.ehlo("client.example")
            client.mail(sender)
            for name in names:
                code, text = client.rcpt(f"{name}@{DOMAIN}")
                self.assertEqual(code, 250, text)
            code, text = client.data(MAIL.format(more=more).encode())
        return code, text.decode()

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

    def nothing_came(self):
        time.sleep(1)
        self.assertEqual(self.sink.transactions, [])
        self.assertEqual(self.postfix.queue(), [])


class Milter(World):
    def test_what_all_share_is_said_by_the_protocol(self):
        self.rule("junk", "move-to-junk")
        self.rule("other", "move-to-junk")
        self.assertEqual(self.send(["alice"])[0], 250)
        self.assertEqual(self.send(["junk", "other"], "X-Penstock-Junk: no\r\n")[0], 250)
        mails = self.came(3)
        self.assertNotIn("X-Penstock", mails["alice"])
        self.assertIn("Subject:  two spaces", mails["alice"])
        self.assertIn("X-Penstock-Junk: yes", mails["junk"])
        self.assertNotIn("X-Penstock-Junk: no", mails["junk"])
        self.assertNotIn("by mx.org.example", mails["junk"])  # it never left the MTA

    def test_mixed_outcomes_and_an_added_recipient(self):
        hook = self.hook()
        self.register(hook.target)
        self.sync_rule()
        self.rule("junk", "move-to-junk")
        self.assertEqual(self.send(["alice", "closed", "noreply", "junk"])[0], 250)
        mails = self.came(4)
        self.assertEqual(set(mails), {"alice", "archive", "junk", "s"})
        self.assertNotIn("by mx.org.example", mails["alice"])
        self.assertIn("X-Penstock-Junk: yes", mails["junk"])
        self.assertIn("by mx.org.example", mails["junk"])
        self.assertNotIn("X-Penstock", mails["alice"])
        self.assertIn("This mailbox is closed", mails["s"])
        self.assertEqual(self.postfix.queue(), [])

    def test_refused_for_everybody_at_once(self):
        self.register(self.hook().target)
        self.sync_rule()
        code, text = self.send(["closed"])
        self.assertEqual((code, text.startswith("5.7.1 This mailbox is closed")), (550, True), text)
        self.nothing_came()

    def test_dropped_for_all_is_no_message_without_recipients(self):
        self.rule("void", "drop")
        self.assertEqual(self.send(["void", "VOID"])[0], 250)
        self.nothing_came()
        self.assertNotIn("no recipients", self.postfix.log())
        self.assertIn("milter-discard", self.postfix.log())

    def test_a_repeated_recipient_in_another_spelling_is_dropped_too(self):
        self.rule("void", "drop")
        self.assertEqual(self.send(["alice", "void", "Void"])[0], 250)
        self.assertEqual(set(self.came(1)), {"alice"})

    def test_a_recipient_is_known_however_its_client_wrote_it(self):
        """Postfix takes all of these, and hands them on as they came."""
        self.rule("void", "drop")
        paths = ("@a.example,@b.example:void@{}", '"A" <void@{}>', "void @ {}", "void%{}", "{}!void", r"v\oid@{}",
                 "void(a comment)@{}", "void@{}.")
        with smtplib.SMTP("127.0.0.1", self.postfix.port, timeout=60) as client:
            client.ehlo("client.example")
            for path in paths:
                client.mail("s@else.example")
                for to in (path, "alice@{}"):
                    client.send(f"RCPT TO:<{to.format(DOMAIN)}>\r\n")
                    self.assertEqual(client.getreply()[0], 250, to)
                self.assertEqual(client.data(MAIL.format(more="").encode())[0], 250)
        wait_until("Postfix's queue to be empty", lambda: self.postfix.queue() == [])
        self.assertEqual([one.recipients for one in self.sink.wait(len(paths))], [[f"alice@{DOMAIN}"]] * len(paths))


class ShortHold(World):
    hold = "1s"

    def test_what_outlasts_the_hold_goes_by_our_queue(self):
        self.register(self.hook(SICK_HOOK, "127.0.0.1:0", "--delay", "4").target)
        self.sync_rule()
        self.assertEqual(self.send(["alice"])[0], 250)
        mails = self.came(1)
        self.assertIn("by mx.org.example", mails["alice"])

    def test_a_hook_that_is_down_is_waited_for_by_our_queue(self):
        hook = self.hook(SICK_HOOK)
        self.register(hook.target)
        self.sync_rule()
        hook.stop()
        self.assertEqual(self.send(["alice"])[0], 250)
        self.assertEqual(self.sink.transactions, [])
        self.addCleanup(Hook(SICK_HOOK, hook.target).stop)
        self.assertIn("by mx.org.example", self.came(1)["alice"])


class LongHold(World):
    hold = "60s"

    def test_what_is_held_is_not_accepted(self):
        """kill -9: the client is told to come again, and nothing is left behind."""
        hook = self.hook(SICK_HOOK, "127.0.0.1:0", "--delay", "14")
        self.register(hook.target)
        self.sync_rule()
        with smtplib.SMTP("127.0.0.1", self.postfix.port, timeout=60) as client:
            client.ehlo("client.example")
            client.mail("s@else.example")
            client.rcpt(f"alice@{DOMAIN}")
            client.docmd("DATA")
            client.send(MAIL.format(more="").encode() + b".\r\n")
            hook.wait_called()
            self.daemon.kill()
            code, text = client.getreply()
        self.assertEqual(code, 451, text)
        self.daemon.start()
        self.assertEqual(self.daemon.penstock_json("message", "list").get("messages", []), [])
        self.nothing_came()


if __name__ == "__main__":
    unittest.main()
