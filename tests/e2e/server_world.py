# SPDX-License-Identifier: Apache-2.0
"""A real mail server, penstockd and hooks, set up as the pages of examples/mail_servers say. What leaves the house comes
to a sink. The servers are Debian's packages, unpacked below the build folder; without them, or without root, tests
are skipped."""
import email
import pathlib
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

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="penstock-e2e-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.folder.chmod(0o755)
        self.sink = NextHop()
        self.addCleanup(self.sink.stop)
        self.ports = {number: free_port() for number in (25, 587, 10024, 10025, 10026, 10027)}
        self.daemon = Daemon(folder.name, self.sink.port)
        self.addCleanup(self._stop)
        self.daemon.config.write_text(
            self.edit(self.recipe("penstock.yaml", {"/var/lib/penstock": self.folder / "data"}, self.ours))
            + BESIDE.format(folder=folder.name))
        try:
            self.server = self.make_server()
        except (OSError, subprocess.CalledProcessError, RuntimeError) as error:
            self.skipTest(f"SKIPPED: no mail server: {error}")
        self.daemon.start()
        self.daemon.penstock_ok("org", "add-domain", "default", DOMAIN)
        self.addCleanup(self.server.stop)
        self.start_server()

    def recipe(self, name, changes=None, section=None):
        """A block of a page with the ports of this test. `changes` are the others that it needs."""
        text = recipes.block(*(section or self.theirs), name)
        ports = {number: port for number, port in self.ports.items() if number > 10000 and str(number) in text}
        return recipes.replaced(text, {**ports, **(changes or {})})

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

    def send(self, *names, subject="hello", sender=SENDER, port=25, client="127.0.0.1"):
        """Sends one mail to the server. Returns its reply."""
        with smtplib.SMTP("127.0.0.1", self.ports[port], timeout=60, source_address=(client, 0)) as smtp:
            smtp.ehlo("client.example")
            smtp.mail(sender)
            for name in names:
                code, text = smtp.rcpt(name if "@" in name else f"{name}@{DOMAIN}")
                self.assertEqual(code // 10, 25, text)
            code, text = smtp.data(mail(subject, sender))
        return code, text.decode()

    def send_out(self, *names, **options):
        """As `send`, from one of our users."""
        return self.send(*names, **{"sender": f"user@{DOMAIN}", "port": 587, "client": USERS, **options})

    def came(self, *names, rest=0.7):
        """{name: content} of what came to the sink: to these recipients exactly, by now and a little later."""
        def recipients():
            return sorted(to.removesuffix("@" + DOMAIN) for one in list(self.sink.transactions) for to in one.recipients)
        try:
            wait_until(f"mail to {names}", lambda: len(recipients()) >= len(names))
        except AssertionError as error:
            raise AssertionError(f"{error}: {recipients()} came\n{self.server.log()}") from None
        time.sleep(rest)
        self.assertEqual(recipients(), sorted(names))
        return {to.removesuffix("@" + DOMAIN): one.data.decode() for one in self.sink.transactions for to in one.recipients}

    def queue_is_empty(self):
        wait_until("the server's queue to be empty", lambda: self.server.queue() == [])

    def messages(self):
        return self.daemon.penstock_json("message", "list").get("messages", [])

    def all_closed(self):
        wait_until("all messages to close", lambda: {one["state"] for one in self.messages()} <= {"CLOSED"})

    def an_attempt_fails(self):
        """Of the one message, as its next hop is down."""
        (message,) = self.messages()
        wait_until("an attempt", lambda: "Connection refused" in str(self.daemon.show(message["name"].split("/")[1])))

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
