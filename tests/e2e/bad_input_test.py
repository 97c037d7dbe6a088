# SPDX-License-Identifier: Apache-2.0
"""Bad input gets a clear answer, and nothing is lost or accepted by mistake."""
import socket
import subprocess
import unittest

from harness import DOMAIN, PENSTOCKD, PenstockTest, wait_until


class BadConfig(PenstockTest):
    def check(self, text):
        path = self.daemon.folder / "bad.yaml"
        path.write_text(text)
        return subprocess.run([PENSTOCKD, "--check-config", "--config", path], capture_output=True, text=True, timeout=30)

    def test_an_unknown_key_is_named_with_its_place(self):
        done = self.check(self.daemon.config.read_text() + "lisener: 3\n")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"bad\.yaml:\d+:1: lisener: .*listeners")

    def test_every_fault_is_named_at_once(self):
        text = self.daemon.config.read_text()
        done = self.check(text.replace("direction: inbound", "direction: sideways").replace("inbound: mailbox", "inbound: nowhere"))
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"bad\.yaml:\d+:\d+: listeners\[0\]\.direction")
        done = self.check(text.replace("inbound: mailbox", "inbound: nowhere").replace('listen: "127.0.0.1:0", direction: inbound', 'listen: "nonsense", direction: inbound'))
        self.assertRegex(done.stderr, r"routes\.inbound: \"nowhere\" is no next hop")
        self.assertRegex(done.stderr, r"listeners\[0\]\.listen")

    def test_a_good_one_is_ok(self):
        self.assertEqual(self.check(self.daemon.config.read_text()).returncode, 0)

    def test_a_second_daemon_on_the_same_folder_is_refused(self):
        done = subprocess.run([PENSTOCKD, "--config", self.daemon.config], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 1)
        self.assertIn(str(self.daemon.folder / "data"), done.stderr)


class BadRules(PenstockTest):
    def refused(self, *arguments):
        done = self.daemon.penstock("rule", "create", "r", "--direction", "inbound", *arguments)
        self.assertEqual(done.returncode, 1, done.stderr)
        return done.stderr

    def test_a_bad_pattern(self):
        self.assertIn('"a+b@x.example"', self.refused("--sender", "a+b@x.example", "--recipient", "*", "--action", "drop"))

    def test_an_unknown_hook(self):
        self.assertIn("penstock hook register nobody", self.refused(
            "--sender", "*", "--recipient", "*", "--hook", "nobody", "--mode", "sync", "--fallback", "default"))

    def test_an_unknown_next_hop(self):
        for options in (["--action", "route-to-gateway", "--gateway", "nowhere"],
                        ["--hook", "decide", "--mode", "sync", "--fallback", "route-to-gateway",
                         "--fallback-gateway", "nowhere"]):
            done = self.daemon.penstock("rule", "create", "r", "--direction", "outbound", "--sender", "*",
                                        "--recipient", "*", *options)
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, "\"nowhere\" in the configuration; there is relay, mailbox")

    def test_a_hook_without_permission(self):
        self.daemon.penstock_ok("hook", "register", "decide", "--target", "127.0.0.1:1")
        self.assertIn("penstock hook add-permission decide", self.refused(
            "--sender", "*", "--recipient", "*", "--hook", "decide", "--mode", "sync", "--fallback", "default"))

    def test_nobody_answers_at_the_socket(self):
        self.daemon.stop()
        done = self.daemon.penstock("status")
        self.assertEqual(done.returncode, 3)
        self.assertIn(str(self.daemon.socket), done.stderr)

    def test_usage(self):
        self.assertEqual(self.daemon.penstock("rule", "crate").returncode, 2)


class BadSmtp(PenstockTest):
    def connect(self):
        client = socket.create_connection(("127.0.0.1", self.daemon.ports["mx"]), timeout=30)
        self.addCleanup(client.close)
        self.file = client.makefile("rwb")
        self.reply()
        return client

    def reply(self):
        lines = []
        while True:
            line = self.file.readline()
            lines.append(line.decode())
            if line[3:4] != b"-":
                return lines[-1]

    def say(self, octets):
        self.file.write(octets)
        self.file.flush()

    def begin(self):
        self.connect()
        for line in (b"EHLO t.example\r\n", b"MAIL FROM:<a@elsewhere.example>\r\n", f"RCPT TO:<alice@{DOMAIN}>\r\n".encode(), b"DATA\r\n"):
            self.say(line)
            code = self.reply()[:3]
        self.assertEqual(code, "354")

    def accepted(self):
        return len(self.daemon.penstock_json("message", "list")["messages"])

    def test_a_truncated_session_accepts_nothing(self):
        self.begin()
        self.say(b"From: a@elsewhere.example\r\n\r\nhalf a mess")
        self.file.close()
        self.assertEqual(self.accepted(), 0)
        self.daemon.send([f"alice@{DOMAIN}"])

    def test_a_command_line_of_100_kb(self):
        self.connect()
        self.say(b"EHLO " + b"x" * 100_000 + b"\r\n")
        self.assertTrue(self.reply().startswith("500 "))

    def test_a_text_line_of_100_kb_passes(self):
        (message,) = self.daemon.send([f"alice@{DOMAIN}"], b"From: a@elsewhere.example\r\n\r\n" + b"x" * 100_000 + b"\r\n")
        self.daemon.wait_closed(message)
        (file,) = self.daemon.mail_of("alice")
        self.assertIn(b"x" * 100_000, file.read_bytes())

    def test_bare_lf_is_refused_and_smuggles_nothing(self):
        for trick in (b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r"):
            with self.subTest(trick=trick):
                self.begin()
                self.say(b"From: a@elsewhere.example\r\n\r\nx" + trick + b"MAIL FROM:<evil@x.example>\r\nRCPT TO:<bob@"
                         + DOMAIN.encode() + b">\r\nDATA\r\nevil\r\n.\r\n")
                self.assertTrue(self.reply().startswith("5"))
                self.say(b"QUIT\r\n")
                self.assertTrue(self.reply().startswith("221 "))
        self.assertEqual(self.accepted(), 0)

    def test_a_stranger_may_not_relay(self):
        self.connect()
        for line in (b"EHLO t.example\r\n", b"MAIL FROM:<a@elsewhere.example>\r\n"):
            self.say(line)
            self.reply()
        self.say(b"RCPT TO:<victim@far.example>\r\n")
        self.assertTrue(self.reply().startswith("550 5.7.1"))


if __name__ == "__main__":
    unittest.main()
