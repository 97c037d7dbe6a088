# SPDX-License-Identifier: Apache-2.0
"""Bad input gets a clear answer, and nothing is lost or accepted by mistake."""
import json
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

    def test_what_hooks_may_do_to_content(self):
        text = self.daemon.config.read_text()
        self.assertNotIn("limits:", text)
        good = self.check(text + "limits: {content_retention: 48h, immutable_fields: [From, X-Ticket]}\n")
        self.assertEqual(good.returncode, 0, good.stderr)
        bad = self.check(text + "limits: {immutable_fields: [From, 'X Ticket']}\n")
        self.assertEqual(bad.returncode, 1)
        self.assertRegex(bad.stderr, r"limits\.immutable_fields\[1\]: \"X Ticket\" is no field name")

    def test_a_milter_without_a_way_back_is_warned_about(self):
        """A7: what its hold does not decide gets the fallback there."""
        text = self.daemon.config.read_text()
        milter = text.replace("listeners:\n", 'listeners:\n  - {name: milter, protocol: milter, listen: "127.0.0.1:0", direction: inbound}\n')
        done = self.check(milter)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        alone = "\n".join(line for line in milter.splitlines() if "name: mx" not in line and "name: out" not in line)
        done = self.check(alone.replace("inbound: mailbox, outbound: relay, ", ""))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("no route brings mail back to the MTA of milter \"milter\"", done.stderr)
        self.assertIn("set routes.inbound to", done.stderr)
        done = self.check(alone.replace("direction: inbound", "direction: auto").replace("outbound: relay, ", ""))
        self.assertIn("set routes.outbound to", done.stderr)
        self.assertEqual(self.check(alone.replace("inbound: mailbox, outbound: relay, bounces: relay", "")).returncode, 1)
        done = self.check(milter.replace("protocol: milter", "protocol: milter, hold: 241s"))
        self.assertRegex(done.stderr, r"listeners\[0\]\.hold: out of range; expected 0s to 240s")
        done = self.check(milter.replace("protocol: milter", 'mta_networks: ["10.0.0.0/8"]'))
        self.assertRegex(done.stderr, r"listeners\[0\]\.mta_networks: is for the protocol MILTER alone")
        done = self.check(milter.replace("protocol: milter", "protocol: milter, tls: {certificate_file: c.pem, key_file: k.pem}"))
        self.assertRegex(done.stderr, r"listeners\[0\]\.tls: is not for MILTER")

    def test_a_rule_that_such_a_milter_cuts_short_is_found_by_lint(self):
        self.daemon.stop()
        lines = self.daemon.config.read_text().replace("inbound: mailbox, outbound: relay, ", "").splitlines()
        lines = [line for line in lines if "name: mx" not in line and "name: out" not in line]
        lines.insert(lines.index("listeners:") + 1, '  - {name: milter, protocol: milter, listen: "127.0.0.1:0", direction: inbound}')
        self.daemon.config.write_text("\n".join(lines) + "\n")
        self.daemon.start()
        self.register("127.0.0.1:1")
        self.sync_rule(timeout="0m")
        self.assertEqual(self.daemon.penstock("rule", "lint").returncode, 0)
        self.daemon.penstock_ok("rule", "delete", "ask", "--direction", "inbound")
        self.sync_rule(timeout="5m")
        done = self.daemon.penstock("rule", "lint", "--output", "json")
        self.assertEqual(done.returncode, 4, done.stderr)
        (finding,) = json.loads(done.stdout)["findings"]
        self.assertEqual((finding["kind"], finding["rule"], finding["listener"]), ("CUT_SHORT", "ask", "milter"))
        self.assertIn("after 20s gets the fallback", finding["text"])

    def test_lmtp_is_not_spoken_on_the_port_of_smtp(self):
        """RFC 2033 section 5."""
        text = self.daemon.config.read_text()
        lmtp = text.replace("listeners:\n", 'listeners:\n  - {name: filter, protocol: lmtp, listen: "127.0.0.1:0", direction: inbound, hold: 0s}\n')
        self.assertEqual(self.check(lmtp).returncode, 0)
        done = self.check(lmtp.replace('lmtp, listen: "127.0.0.1:0"', 'lmtp, listen: "127.0.0.1:25"'))
        self.assertRegex(done.stderr, r"listeners\[0\]\.listen: port 25 is for SMTP")

    def test_a_good_one_is_ok(self):
        self.assertEqual(self.check(self.daemon.config.read_text()).returncode, 0)

    def test_a_second_daemon_on_the_same_folder_is_refused(self):
        done = subprocess.run([PENSTOCKD, "--config", self.daemon.config], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 1)
        self.assertIn(str(self.daemon.folder / "data"), done.stderr)


    def test_a_port_in_use_is_told_with_how_to_mend_it(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            text = self.daemon.config.read_text().replace("127.0.0.1:0", f"127.0.0.1:{taken.getsockname()[1]}", 1)
            path = self.daemon.folder / "second.yaml"
            path.write_text(text.replace("/data", "/data2").replace("/admin/", "/admin2/"))
            done = subprocess.run([PENSTOCKD, "--config", path], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, 'listener "mx".*another process uses this address; stop that one')

    def test_the_organization_of_a_listener(self):
        self.daemon.penstock_ok("org", "create", "acme")
        self.daemon.stop()
        self.daemon.config.write_text(self.daemon.config.read_text().replace(
            "organization: default", "organization: acne"))
        self.daemon.start()
        (line,) = [one for one in self.daemon.log.read_text().splitlines() if "listener_organization_unknown" in one]
        for word in ("listener=out", "organization=acne", "did you mean acme?", "penstock org create acne"):
            self.assertIn(word, line)
        done = self.daemon.penstock("org", "delete", "default")
        self.assertEqual(done.returncode, 1)
        self.assertIn('listener "mx" names organization "default"', done.stderr)
        self.daemon.penstock_ok("org", "add-domain", "acme", "acme.example")
        done = self.daemon.penstock("org", "delete", "acme")
        self.assertEqual(done.returncode, 1)
        self.assertIn("penstock org remove-domain acme acme.example", done.stderr)
        self.daemon.penstock_ok("org", "remove-domain", "acme", "acme.example")
        self.daemon.penstock_ok("org", "delete", "acme")


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
        (line,) = [one for one in self.daemon.log.read_text().splitlines() if " recipient_refused " in one]
        for word in ("victim@far.example", "a@elsewhere.example", "127.0.0.1", "550 5.7.1"):
            self.assertIn(word, line)

    def test_what_is_refused_is_in_the_log(self):
        self.connect()
        for line, event in ((b"MAIL FROM:<a@elsewhere.example> SIZE=99999999999", "mail_refused"),
                            (b"MAIL FROM:<a@elsewhere.example> FOO=1", "mail_refused"),
                            (b"MAIL FROM:<a@elsewhere.example>", ""),
                            (b"RCPT TO:<two@@far.example>", "recipient_refused"),
                            (b"RCPT TO:<alice@" + DOMAIN.encode() + b">", "")):
            before = len(self.daemon.log.read_text())
            self.say(b"EHLO t.example\r\n" if b"SIZE" in line else b"NOOP\r\n")
            self.reply()
            self.say(line + b"\r\n")
            reply = self.reply()
            said = [one for one in self.daemon.log.read_text()[before:].splitlines() if "_refused " in one]
            self.assertEqual([f" {event} " in one and line.decode() in one and reply[:9] in one for one in said],
                             [True] if event else [], (line, reply, said))

    def test_the_postmaster_needs_no_domain(self):
        (message,) = self.daemon.send(["Postmaster", f"alice@{DOMAIN}", f"postmaster@{DOMAIN}"])
        shown = self.daemon.wait_closed(message)
        self.assertEqual([one["address"] for one in shown["recipients"]],
                         [f"postmaster@{DOMAIN}", f"alice@{DOMAIN}"])
        self.assertEqual(len(self.daemon.mail_of("postmaster")), 1)

    def test_no_more_open_messages_than_configured(self):
        self.next_hop.stop()
        self.daemon.stop()
        self.daemon.config.write_text(self.daemon.config.read_text() + "limits: {open_messages_max: 2}\n")
        self.daemon.start()
        for _ in range(2):
            self.daemon.send(["somebody@far.example"], listener="out")
        with self.daemon.smtp("out") as client:
            client.ehlo("client.example")
            code, text = client.mail("a@elsewhere.example")
            self.assertEqual((code, text[:5]), (451, b"4.3.2"))
            (message, *_) = self.daemon.penstock_json("message", "list")["messages"]
            self.daemon.penstock_ok("message", "cancel", message["name"].split("/")[1], "--as", "drop")
            self.assertEqual(wait_until("room", lambda: client.mail("a@elsewhere.example")[0] == 250), True)


if __name__ == "__main__":
    unittest.main()
