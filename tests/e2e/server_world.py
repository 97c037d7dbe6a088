# SPDX-License-Identifier: Apache-2.0
"""A real mail server, penstockd and hooks, set up as the pages of examples/mail_servers say. What leaves the house comes
to a sink. The servers are Debian's packages, unpacked below the build folder; without them, or without root, tests
are skipped. What every server has to do is said once: the classes below ServerWorld, which its tests mix in."""
import email
import pathlib
import re
import shlex
import smtplib
import subprocess
import sys
import tempfile
import time

from harness import SOURCE, Daemon, PenstockTest, wait_until
from next_hop import NextHop

sys.path.insert(0, str(SOURCE / "tests/support"))
import recipes  # noqa: E402
from mail_room import free_port  # noqa: E402

DOMAIN = "example.com"
SENDER = "s@else.example"
SICK_HOOK = SOURCE / "tests/e2e/sick_hook.py"
USERS = "127.0.0.2"  # the client that a mail server of these tests takes for one of its users
STRANGER = "127.0.0.3"  # and one that it does not know
PATIENCE = 120  # seconds: servers have a pace of their own, and the machine may be busy

# What tests need beside a recipe.
BESIDE = """
admin: {{socket: {folder}/admin/admin.sock}}
metrics: {{listen: "127.0.0.1:0"}}
delivery: {{backoff_first: 200ms, backoff_max: 1s}}
retry: {{backoff_first: 300ms, backoff_max: 300ms}}
"""


def mail(subject="hello", sender=SENDER):
    return (f"From: {sender}\r\nDate: Sun, 22 Nov 2026 04:00:00 +0000\r\nMessage-ID: <{time.time_ns()}@else.example>\r\n"
            f"Subject: {subject}\r\n\r\nbody\r\n").encode()


class ServerWorld(PenstockTest):
    """`self.ports` has a free port for each that the pages name."""
    ours = ("README.md", "Penstock")  # the page and its section that has penstock.yaml
    theirs = ()  # the same for the mail server's files
    told_by = "mx.example.com"  # who tells the sender of a bounce, where outcomes differ

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="penstock-e2e-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.folder.chmod(0o755)
        self.sink, self.gateway = NextHop(), NextHop()
        self.addCleanup(self.sink.stop)
        self.addCleanup(self.gateway.stop)
        self.ports = {number: free_port() for number in (25, 587, 10024, 10025, 10026, 10027)}
        self.daemon = Daemon(folder.name, self.sink.port)
        self.addCleanup(self._stop)
        config = self.recipe("penstock.yaml", {
            "/var/lib/penstock": self.folder / "data",
            "next_hops:": f"next_hops:\n  - {{name: partners, smtp: {{host: 127.0.0.1, port: {self.gateway.port}}}}}"}, self.ours)
        self.daemon.config.write_text(self.edit(config) + BESIDE.format(folder=folder.name))
        try:
            self.server = self.make_server()
        except (OSError, subprocess.CalledProcessError, RuntimeError) as error:
            self.skipTest(f"SKIPPED: no mail server: {error}")
        self.daemon.start()
        for arguments in self.commands("README.md", "Ports"):
            self.daemon.penstock_ok(*arguments)
        self.addCleanup(self.server.stop)
        self.start_server()

    def recipe(self, name, changes=None, section=None):
        """A block of a page with the ports of this test. `changes` are the others that it needs."""
        text = recipes.block(*(section or self.theirs), name)
        ports = {number: port for number, port in self.ports.items() if number > 10000 and str(number) in text}
        return recipes.replaced(text, {**ports, **(changes or {})})

    @staticmethod
    def commands(page, section):
        """The arguments of each `penstock` that a page has typed."""
        lines = recipes.block(page, section, "").replace("\\\n", " ").splitlines()
        return [shlex.split(line)[1:] for line in lines]

    def edit(self, config):
        """The configuration of penstockd, where a test is about another."""
        return config

    def make_server(self):
        raise NotImplementedError

    def start_server(self):
        raise NotImplementedError

    def decide(self):
        """Mail in both directions is decided by the example hook of examples/python_hook."""
        self.register(self.hook().target)
        for direction in ("inbound", "outbound"):
            self.daemon.penstock_ok("rule", "create", "ask", "--direction", direction, "--sender", "*", "--recipient",
                                    "*", "--hook", "decide", "--mode", "sync", "--fallback", "default", "--timeout", "5m")

    def rule(self, name, action, direction="inbound", recipient=None, *more):
        self.daemon.penstock_ok("rule", "create", name, "--direction", direction, "--sender", "*",
                                "--recipient", recipient or f"{name}@{DOMAIN}", "--action", action, *more)

    def send(self, *names, subject="hello", sender=SENDER, port=25, client="127.0.0.1"):
        """Sends one mail to the server. Returns its reply, to MAIL if that is refused."""
        with smtplib.SMTP("127.0.0.1", self.ports[port], timeout=PATIENCE, source_address=(client, 0)) as smtp:
            smtp.ehlo("client.example")
            code, text = smtp.mail(sender)
            if code != 250:
                return code, text.decode()
            for name in names:
                code, text = smtp.rcpt(name if "@" in name else f"{name}@{DOMAIN}")
                self.assertEqual(code // 10, 25, text)
            code, text = smtp.data(mail(subject, sender))
        return code, text.decode()

    def send_out(self, *names, **options):
        """As `send`, from one of our users."""
        return self.send(*names, **{"sender": f"user@{DOMAIN}", "port": 587, "client": USERS, **options})

    def send_spelled(self, name, at, sender=SENDER, port=25, client=STRANGER):
        """Sends one mail to alice and, in spellings that some servers read as `name`, to mailboxes at the domain `at`.
        The server may refuse these."""
        local, _, domain = name.partition("@")
        with smtplib.SMTP("127.0.0.1", self.ports[port], timeout=PATIENCE, source_address=(client, 0)) as smtp:
            smtp.ehlo("client.example")
            smtp.mail(sender)
            self.assertEqual(smtp.rcpt(f"alice@{DOMAIN}")[0], 250)
            for spelled in (f"{local}%{domain}", f"{domain}!{local}", f'"{local}%{domain}"', f'"{domain}!{local}"',
                            f'"{name}"', f'"{local}%{domain}@{at}"', f"{local}%{domain}%{at}", f"{at}!{domain}!{local}"):
                for to in (f"{spelled}@{at}", f"@{at}:{spelled}@{at}"):
                    self.assertIn(smtp.docmd("RCPT", f"TO:<{to}>")[0] // 100, (2, 5), to)
            self.assertEqual(smtp.data(mail(sender=sender))[0], 250)

    def came(self, *names):
        """{name: content} of what has come to the sink once nothing is under way: to these recipients exactly."""
        def recipients():
            return sorted(to.removesuffix("@" + DOMAIN) for one in list(self.sink.transactions) for to in one.recipients)
        try:
            wait_until(f"mail to {names}", lambda: len(recipients()) >= len(names), PATIENCE)
            self.settle()
        except AssertionError as error:
            raise AssertionError(f"{error}: {recipients()} came\n{self.server.log()}") from None
        self.assertEqual(recipients(), sorted(names))
        return {to.removesuffix("@" + DOMAIN): one.data.decode() for one in self.sink.transactions for to in one.recipients}

    def arrives(self, name):
        """Waits for mail to that recipient."""
        wait_until(f"mail to {name}", lambda: any(f"{name}@{DOMAIN}" in one.recipients for one in self.sink.transactions),
                   PATIENCE)

    def has(self, address):
        """Whether mail has come to that recipient."""
        return any(to.lower() == address for one in self.sink.transactions for to in one.recipients)

    def settle(self):
        """Waits until no mail is anywhere. Of two servers that hand mail to and fro each is looked at more than once."""
        def still():
            return all(self.server.queue() == [] and {one["state"] for one in self.messages()} <= {"CLOSED"}
                       for _ in range(3))
        wait_until("all mail to be where it goes", still, PATIENCE)

    def queue_is_empty(self):
        wait_until("the server's queue to be empty", lambda: self.server.queue() == [], PATIENCE)

    def messages(self):
        return self.daemon.penstock_json("message", "list").get("messages", [])

    def an_attempt_fails(self):
        """Of the one message that is open, as its next hop is down."""
        (message,) = [one for one in self.messages() if one["state"] != "CLOSED"]
        wait_until("an attempt", lambda: "Connection refused" in str(self.daemon.show(message["name"].split("/")[1])),
                   PATIENCE)

    def check_bounce(self, content, recipient, reporter, text):
        """What Python's parser makes of a bounce (RFC 3464)."""
        report = email.message_from_string(content)
        self.assertEqual(report.get_content_type(), "multipart/report")
        self.assertEqual(report.get_param("report-type"), "delivery-status")
        (status,) = [part for part in report.walk() if part.get_content_type() == "message/delivery-status"]
        message, *recipients = status.get_payload()
        self.assertEqual(message["Reporting-MTA"], f"dns; {reporter}")
        self.assertEqual([one["Final-Recipient"].replace(" ", "").lower() for one in recipients], [f"rfc822;{recipient}"])
        self.assertEqual(recipients[0]["Action"], "failed")
        self.assertTrue(recipients[0]["Status"].startswith("5."), recipients[0]["Status"])
        self.assertIn(text, " ".join(content.split()))


class Spellings:
    """Mixed in: nobody passes a rule for an address by one that the server takes for it."""

    def test_a_stranger_passes_no_rule_by_an_address_within_an_address(self):
        self.rule("void", "drop")
        self.send_spelled(f"void@{DOMAIN}", DOMAIN)
        self.arrives("alice")
        self.settle()
        self.assertFalse(self.has(f"void@{DOMAIN}"))


class Actions(Spellings):
    """Mixed in: each action of one mail (A1, A2, H9), and that nobody relays who may not (O3)."""

    def test_each_action_in_one_mail(self):
        self.decide()
        self.rule("spammed", "move-to-junk")
        self.rule("trusting", "bypass-spam-check")
        self.assertEqual(self.send("alice", "closed", "noreply", "spammed", "trusting")[0], 250)
        mails = self.came("alice", "archive", "spammed", "trusting", SENDER)
        fields = {name: re.findall(r"(?m)^X-Penstock-.*", content.replace("\r", "").partition("\n\n")[0])
                  for name, content in mails.items()}
        self.assertEqual(fields, {"alice": [], "archive": [], "spammed": ["X-Penstock-Junk: yes"], SENDER: [],
                                  "trusting": ["X-Penstock-Bypass-Spam-Check: yes"]})
        self.check_bounce(mails[SENDER], f"closed@{DOMAIN}", self.told_by, "This mailbox is closed")

    def test_a_stranger_sends_to_no_other_house(self):
        with smtplib.SMTP("127.0.0.1", self.ports[25], timeout=PATIENCE, source_address=(STRANGER, 0)) as smtp:
            smtp.ehlo("client.example")
            smtp.mail(SENDER)
            taken = [smtp.rcpt(to)[0] // 100 == 2 for to in ("friend@else.example", f"alice@{DOMAIN}")]
        self.assertEqual(taken, [False, True])


class Tried:
    """Mixed in: what README.md of the pages says shows that all this works."""

    def test_what_the_page_says_shows_that_it_works(self):
        create, look, delete = self.commands("README.md", "See that it works")
        self.daemon.penstock_ok(*create)
        code, text = self.send("me", sender="me@elsewhere.example")
        if code == 250:
            (bounce,) = self.came("me@elsewhere.example").values()
            self.assertIn("It works.", bounce)
        else:
            self.assertEqual((code, text), (550, "5.7.1 It works."))
        self.assertIn("me@elsewhere.example", self.daemon.penstock_ok(*look))
        self.daemon.penstock_ok(*delete)
        self.assertEqual(self.send("me", sender="me@elsewhere.example")[0], 250)
        self.arrives("me")


class Gateways:
    """Mixed in: a user's mail to inside and outside, of which one goes by a gateway."""
    passes = {"other@else.example": 2, "archive": 2, "alice": 2}  # how often each meets Penstock's queue

    def test_mail_of_users_goes_out_and_by_a_gateway_and_what_is_for_inside_comes_in(self):
        self.decide()
        self.rule("friend", "route-to-gateway", "outbound", "friend@else.example", "--gateway", "partners")
        self.assertEqual(self.send_out("friend@else.example", "other@else.example", "alice")[0], 250)
        self.assertEqual([one.recipients for one in self.gateway.wait(1, PATIENCE)], [["friend@else.example"]])
        mails = self.came("other@else.example", "alice", "archive")
        self.assertEqual({name: content.count("by mx.example.com") for name, content in mails.items()}, self.passes)
        self.assertEqual(len(self.gateway.transactions), 1)

    def test_a_user_passes_no_rule_by_an_address_within_an_address(self):
        self.rule("friend", "drop", "outbound", "friend@else.example")
        self.send_spelled("friend@else.example", DOMAIN, f"user@{DOMAIN}", 587, USERS)
        self.arrives("alice")
        self.settle()
        self.assertFalse(self.has("friend@else.example"))


class PastTheHold:
    """Mixed in: what waits in Penstock's queue when the reply's time is over (A5, A7)."""

    def edit(self, config):
        config = super().edit(config).replace("\n    hold: 20s", "")
        return re.sub(r"direction: (inbound|auto)", r"\g<0>\n    hold: 1s", config)

    def test_a_restart_of_either_side_loses_nothing_and_repeats_nothing(self):
        sick = self.folder / "sick"
        sick.touch()
        self.register(self.hook(SICK_HOOK, "127.0.0.1:0", "--fail-while", sick).target)
        self.sync_rule()
        self.assertEqual(self.send("alice", "bob")[0], 250)
        self.queue_is_empty()
        self.server.stop()
        self.daemon.kill()
        self.daemon.start()
        sick.unlink()
        self.an_attempt_fails()
        self.start_server()
        self.came("alice", "bob")


class Keeps:
    """Mixed in: a server that keeps mail while Penstock is down."""

    def test_mail_waits_at_the_server_while_penstock_is_down(self):
        self.daemon.kill()
        self.assertEqual(self.send("alice")[0], 250)
        self.assertEqual(len(self.server.queue()), 1)
        self.server.stop()
        self.start_server()
        self.daemon.start()
        self.retry_until("mail to alice", lambda: self.sink.transactions)
        self.came("alice")

    def retry_until(self, what, condition):
        """The server tries again soon by itself."""
        wait_until(what, condition, PATIENCE)


class SaysNotNow:
    """Mixed in: a server that tells its client to come again while Penstock is down."""
    also_told = ()

    def test_a_penstock_that_is_down_is_told_to_the_client_as_not_now(self):
        self.daemon.kill()
        code, text = self.send("alice")
        self.assertEqual(code // 100, 4, text)
        self.daemon.start()
        self.assertEqual(self.send("alice")[0], 250)
        self.came("alice", *self.also_told)
