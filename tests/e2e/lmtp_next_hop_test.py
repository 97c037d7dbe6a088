# SPDX-License-Identifier: Apache-2.0
"""LMTP (RFC 2033) as the way out: each recipient's answer is recorded, and acted on, by itself; over TCP and over a
unix socket."""
import pathlib
import re
import subprocess
import tempfile
import time
import unittest

from harness import DOMAIN, PENSTOCKD, Daemon, PenstockTest, wait_until
from next_hop import NextHop

LOCAL_PARTS = ("kept", "full", "gone", "late")


class Lmtp(PenstockTest):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="penstock-e2e-")
        self.addCleanup(folder.cleanup)
        self.relay = NextHop()
        self.addCleanup(self.relay.stop)
        self.daemon = Daemon(folder.name, self.relay.port, inbound="store")
        self.addCleanup(self._stop)

    def start(self, store, settings):
        self.store = store
        self.addCleanup(store.stop)
        self.configure(settings)
        self.daemon.start()
        self.daemon.penstock_ok("org", "add-domain", "default", DOMAIN)

    def configure(self, settings):
        text = re.sub(r"  - \{name: store, [^\n]*\n", "", self.daemon.config.read_text())
        self.daemon.config.write_text(
            text.replace("next_hops:\n", f"next_hops:\n  - {{name: store, lmtp: {{{settings}}}}}\n"))

    def at_the_store(self):
        return sorted(one.recipients[0].split("@")[0] for one in self.store.transactions)

    def answer_each(self, recipient):
        name = recipient.split("@")[0]
        self.asked[name] = self.asked.get(name, 0) + 1
        if name == "full" and self.asked[name] < 3:
            return "452 4.2.2 mailbox full"
        if name == "late" and self.asked[name] < 2:
            return ""
        return "550 5.2.1 mailbox disabled" if name == "gone" else None

    def each_by_itself(self):
        self.asked = {}
        self.store.reply_to_content = self.answer_each
        (message,) = self.daemon.send([f"{name}@{DOMAIN}" for name in LOCAL_PARTS])
        self.daemon.wait_closed(message)
        # Whoever has been answered is not sent to again; "late" broke the connection before its answer.
        self.assertEqual(self.asked, {"kept": 1, "gone": 1, "full": 3, "late": 2})
        self.assertEqual(self.at_the_store(), ["full", "kept", "late"])
        (bounce,) = self.relay.wait(1)
        self.assertEqual(bounce.data.count(b"Final-Recipient:"), 1)
        self.assertIn(b"Diagnostic-Code: smtp; 550 5.2.1 mailbox disabled", bounce.data)
        self.assertIn(b"Final-Recipient: rfc822; gone@", bounce.data)

    def test_each_recipient_by_itself_over_tcp(self):
        store = NextHop(lmtp=True)
        self.start(store, f"host: 127.0.0.1, port: {store.port}")
        self.each_by_itself()

    def test_each_recipient_by_itself_over_a_unix_socket(self):
        store = NextHop(lmtp=True, path=str(self.daemon.folder / "lmtp.sock"))
        self.start(store, "path: lmtp.sock")
        self.each_by_itself()

    def test_a_restart_sends_to_nobody_again_who_was_answered(self):
        store = NextHop(lmtp=True)
        self.start(store, f"host: 127.0.0.1, port: {store.port}")
        self.asked = {}
        store.reply_to_content = lambda recipient: "451 4.3.0 later" if "full" in recipient else None
        (message,) = self.daemon.send([f"kept@{DOMAIN}", f"full@{DOMAIN}"])
        wait_until("an attempt on record", lambda: "451 4.3.0 later" in str(self.daemon.show(message)))
        self.daemon.kill()
        store.reply_to_content = lambda recipient: None
        self.daemon.start()
        self.daemon.wait_closed(message)
        self.assertEqual(self.at_the_store(), ["full", "kept"])

    def junk(self, name):
        self.daemon.penstock_ok("rule", "create", name, "--direction", "inbound", "--sender", "*",
                                "--recipient", f"{name}@{DOMAIN}", "--action", "move-to-junk")

    def test_junk_by_subaddress(self):
        self.daemon.config.write_text(
            self.daemon.config.read_text() + "marking: {junk: {header: X-Junk, value: yes, subaddress: Junk}, "
            "bypass_spam_check: {header: X-Clean, value: yes, subaddress: clean}}\n")
        store = NextHop(lmtp=True)
        self.start(store, f"host: 127.0.0.1, port: {store.port}")
        self.junk("spam")
        sent = [f"{name}@{DOMAIN}" for name in ("spam", "plain", "sly+clean", "slier+JUNK", "list+lists")]
        for message in self.daemon.send(sent):
            self.daemon.wait_closed(message)
        marked = {one.recipients[0]: b"X-Junk: yes\r\n" in one.data for one in store.transactions}
        # What only the engine may say, a sender did not (A1).
        self.assertEqual(marked, {f"spam+Junk@{DOMAIN}": True, f"plain@{DOMAIN}": False, f"sly@{DOMAIN}": False,
                                  f"slier@{DOMAIN}": False, f"list+lists@{DOMAIN}": False})

    def test_junk_by_its_own_next_hop(self):
        self.daemon.config.write_text(self.daemon.config.read_text().replace("routes: {", "routes: {junk: relay, "))
        store = NextHop(lmtp=True)
        self.start(store, f"host: 127.0.0.1, port: {store.port}")
        self.junk("spam")
        (message,) = self.daemon.send([f"spam@{DOMAIN}", f"plain@{DOMAIN}"])
        self.daemon.wait_closed(message)
        (junk,) = self.relay.wait(1)
        self.assertEqual(junk.recipients, [f"spam@{DOMAIN}"])
        self.assertIn(b"X-Penstock-Junk: yes\r\n", junk.data)
        self.assertEqual(self.at_the_store(), ["plain"])

    def test_markings_are_checked(self):
        text = self.daemon.config.read_text()
        for marking, fault in (
                ("junk: {header: X-Junk, value: yes, subaddress: a+b}", r'marking\.junk\.subaddress: "a\+b": expected letters'),
                ('bypass_spam_check: {header: X-C, value: yes, subaddress: "a@b"}', r"marking\.bypass_spam_check\.subaddress: "),
                (f"junk: {{header: X-Junk, value: yes, subaddress: {'x' * 64}}}", r"subaddress: .*at most 63"),
                ("junk: {header: X-J, value: yes, subaddress: Junk}, bypass_spam_check: {header: X-C, value: yes, subaddress: junk}",
                 r'marking\.bypass_spam_check\.subaddress: "junk" is that of junk as well'),
                ("junk: {header: 'X Junk', value: yes}", r'marking\.junk\.header: "X Junk" is no field name'),
                ('junk: {header: X-Junk, value: "a\\r\\nB: c"}', r"marking\.junk\.value: holds a line end")):
            with self.subTest(marking):
                self.daemon.config.write_text(f"{text}marking: {{{marking}}}\n")
                self.configure("host: a.example")
                done = self.check_config()
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertRegex(done.stderr, fault)

    def check_config(self):
        return subprocess.run([PENSTOCKD, "--check-config", "--config", self.daemon.config], capture_output=True, text=True,
                              timeout=30)

    def test_a_store_that_is_down_is_waited_for(self):
        store = NextHop(lmtp=True)
        self.start(store, f"host: 127.0.0.1, port: {store.port}")
        store.stop()
        (message,) = self.daemon.send([f"kept@{DOMAIN}"])
        time.sleep(0.5)
        store.start()
        self.daemon.wait_closed(message)
        self.assertEqual(self.at_the_store(), ["kept"])

    def test_the_configuration_is_checked(self):
        long_path = "/" + "x" * 120
        cases = [
            ("port: 24", r"next_hops\[0\]\.lmtp\.host: missing; expected .* `path`"),
            ("host: a.example, port: 25", r"next_hops\[0\]\.lmtp\.port: 25 is for SMTP alone"),
            ("host: a.example, path: /a", r"next_hops\[0\]\.lmtp\.host: stands beside `path`"),
            ("path: /a, port: 24", r"next_hops\[0\]\.lmtp\.port: a unix socket has none"),
            (f"path: {long_path}", r"next_hops\[0\]\.lmtp\.path: .*longer than 107 octets"),
            ("path: /a, starttls: verify", r"next_hops\[0\]\.lmtp\.tls\.server_name: missing"),
            ("host: a.example, fallbacks: [b.example]", r"next_hops\[0\]\.lmtp\.fallbacks\[0\]: .*expected \"host:port\""),
            ('host: a.example, fallbacks: ["b.example:24", "b.example:0"]', r"next_hops\[0\]\.lmtp\.fallbacks\[1\]: 0 is out of range"),
            ("host: a.example, auth: {user: kim}", r"next_hops\[0\]\.lmtp\.auth\.password_file: .*cannot be read"),
            ("host: a.example, auth: {password_file: password}", r"next_hops\[0\]\.lmtp\.auth\.user: missing"),
            ("host: a.example, auth: {user: kim, password_file: password}",
             r"next_hops\[0\]\.lmtp\.auth: a password is said within TLS alone"),
            ("host: 127.a.example, auth: {user: kim, password_file: password}",
             r"next_hops\[0\]\.lmtp\.auth: a password is said within TLS alone"),
            ('host: 127.0.0.1, auth: {user: kim, password_file: password}, fallbacks: ["b.example:24"]',
             r"next_hops\[0\]\.lmtp\.auth: a password is said within TLS alone"),
            ('host: a.example, starttls: verify, fallbacks: ["unix:/a"]',
             r"next_hops\[0\]\.lmtp\.tls\.server_name: missing; .*fallbacks\[0\] is a unix socket"),
            ("host: a.example, auth: {user: kim, password_file: open}", r"password_file: .*mend it: chmod 600"),
            ("host: a.example, starttls: verify, tls: {ca_file: /nowhere}",
             r"next_hops\[0\]\.lmtp\.tls\.ca_file: /nowhere: cannot be read"),
        ]
        (self.daemon.folder / "password").write_text("s3cret\n")
        (self.daemon.folder / "password").chmod(0o600)
        (self.daemon.folder / "open").write_text("s3cret\n")
        (self.daemon.folder / "open").chmod(0o644)
        for settings, fault in cases:
            with self.subTest(settings):
                self.configure(settings)
                done = self.check_config()
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertRegex(done.stderr, fault)
        login = "auth: {user: kim, password_file: password}"
        for settings in ("host: a.example", "path: /run/dovecot/lmtp", f"host: a.example, starttls: verify, {login}",
                         f'host: 127.0.0.1, {login}, fallbacks: ["[::1]:24", "unix:/run/lmtp"]'):
            with self.subTest(settings):
                self.configure(settings)
                done = self.check_config()
                self.assertEqual((done.returncode, "warning" in done.stderr), (0, False), done.stderr)
        self.configure(f"host: a.example, starttls: encrypt, {login}")
        done = self.check_config()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, r"warning: next_hops\[0\]\.lmtp\.auth: .*looks at no certificate")


if __name__ == "__main__":
    unittest.main()
