# SPDX-License-Identifier: Apache-2.0
"""DSN (RFC 3461): what a sender asks to be told goes on to a next hop that offers it, over a restart as well, and is
obeyed where the telling is ours; XFORWARD goes the same way."""
import email
import time

import unittest

from harness import DOMAIN, PenstockTest, wait_until

MAIL = b"From: s@else.example\r\nDate: Sun, 22 Nov 2026 04:00:00 +0000\r\nSubject: hello\r\n\r\nbody\r\n"


class Dsn(PenstockTest):
    def send(self, mail, *recipients, listener="mx"):
        """MAIL and RCPT as given, behind the colon; the message's id."""
        with self.daemon.smtp(listener) as client:
            client.ehlo("client.example")
            self.assertTrue(client.has_extn("dsn"))
            self.assertEqual(client.docmd("MAIL", f"FROM:{mail}")[0], 250)
            for recipient in recipients:
                self.assertEqual(client.docmd("RCPT", f"TO:{recipient}"), (250, b"2.1.5 recipient OK"))
            code, text = client.data(MAIL)
        self.assertEqual(code, 250, text)
        return text.split()[-1].decode()

    def reports(self, message):
        """Of the one DSN that came: its parts, and {recipient: {field: value}}."""
        (transaction,) = self.next_hop.wait(1)
        self.assertEqual((transaction.mail_from, transaction.recipients), ("", ["s@else.example"]))
        report = email.message_from_bytes(transaction.data)
        self.assertEqual(report["Auto-Submitted"], "auto-replied")
        parts = report.get_payload()
        of_message, *of_recipients = parts[1].get_payload()
        return parts, of_message, {one["Final-Recipient"].split("; ")[1].split("@")[0]: one for one in of_recipients}

    def no_more(self, count):
        time.sleep(0.7)
        self.assertEqual(len(self.next_hop.transactions), count)

    def test_success_in_a_mailbox_is_told_to_who_asked(self):
        message = self.send("<s@else.example> ENVID=QQ+2B1 RET=FULL", f"<told@{DOMAIN}> NOTIFY=SUCCESS "
                            f"ORCPT=rfc822;Told@{DOMAIN}", f"<quiet@{DOMAIN}> NOTIFY=NEVER", f"<plain@{DOMAIN}>")
        self.daemon.wait_closed(message)
        parts, of_message, recipients = self.reports(message)
        self.assertEqual(of_message["Original-Envelope-Id"], "QQ+1")
        self.assertEqual(set(recipients), {"told"})
        self.assertEqual(recipients["told"]["Action"], "delivered")
        self.assertEqual(recipients["told"]["Original-Recipient"], f"rfc822; Told@{DOMAIN}")
        self.assertEqual(parts[2].get_content_type(), "text/rfc822-headers")  # nothing failed
        self.no_more(1)
        self.assertIn("asked to be told of success", str(self.daemon.show(message)))

    def test_failure_is_told_as_asked(self):
        self.daemon.penstock_ok("rule", "create", "no", "--direction", "inbound", "--sender", "*",
                                "--recipient", DOMAIN, "--action", "bounce")
        message = self.send("<s@else.example> RET=FULL", f"<told@{DOMAIN}> NOTIFY=FAILURE",
                            f"<quiet@{DOMAIN}> NOTIFY=NEVER", f"<glad@{DOMAIN}> NOTIFY=SUCCESS,DELAY", f"<plain@{DOMAIN}>")
        self.daemon.wait_closed(message)
        parts, of_message, recipients = self.reports(message)
        self.assertNotIn("Original-Envelope-Id", of_message)
        self.assertEqual(set(recipients), {"told", "plain"})
        self.assertNotIn("Original-Recipient", recipients["told"])
        self.assertEqual(parts[2].get_content_type(), "message/rfc822")
        self.assertEqual(parts[2].get_payload()[0].get_payload(), "body\r\n")
        self.no_more(1)

    def test_a_next_hop_without_dsn_does_not_tell_so_we_do(self):
        message = self.send("<s@else.example>", "<x@far.example> NOTIFY=SUCCESS,FAILURE", listener="out")
        self.daemon.wait_closed(message)
        mail, report = self.next_hop.wait(2)
        self.assertEqual(mail.commands[1], "RCPT TO:<x@far.example>")
        self.assertIn(b"Action: relayed\r\n", report.data)
        self.no_more(2)

    def test_the_report_names_the_host_that_answered(self):
        self.next_hop.reply_to_rcpt = lambda recipient: "550 5.1.1 who is that" if recipient.startswith("x") else None
        message = self.send("<s@else.example>", "<x@far.example>", listener="out")
        self.daemon.wait_closed(message)
        _, _, recipients = self.reports(message)
        self.assertEqual(recipients["x"]["Remote-MTA"], "dns; [127.0.0.1]")
        self.assertEqual(recipients["x"]["Diagnostic-Code"], "smtp; 550 5.1.1 who is that")

    def expires(self, message):
        """The DSN about a message whose only recipient was never reached, and the record of why."""
        shown = self.daemon.wait_closed(message)
        (bounce,) = self.next_hop.wait(1)
        _, _, recipients = self.reports(message)
        (recipient,) = recipients.values()
        self.assertEqual((recipient["Status"], recipient["Remote-MTA"], recipient["Diagnostic-Code"]), ("5.4.7", None, None))
        self.assertIn(b"\r\ndelivery time expired\r\n", bounce.data)
        return bounce.data.decode(), str(shown)

    def restart(self, *changes):
        """With a delivery time of a second, and the configuration changed."""
        self.daemon.stop()
        text = self.daemon.config.read_text()
        for old, new in (("delivery: {", "delivery: {expiry: 1s, "), *changes):
            text = text.replace(old, new)
        self.daemon.config.write_text(text)
        self.daemon.start()

    def test_a_stranger_learns_nothing_of_our_disk(self):
        (self.daemon.folder / "mail").mkdir()
        (self.daemon.folder / "mail/told").write_text("no folder")
        self.restart()
        report, record = self.expires(self.send("<s@else.example>", f"<told@{DOMAIN}>"))
        self.assertIn(f"{self.daemon.folder}/mail/told", record)
        self.assertNotIn(str(self.daemon.folder), report)
        self.assertNotIn("directory", report)

    def test_a_stranger_learns_nothing_of_our_network(self):
        self.restart(("next_hops:\n", "next_hops:\n  - {name: gone, smtp: {host: 127.0.0.1, port: 1}}\n"),
                     ("inbound: mailbox", "inbound: gone"))
        report, record = self.expires(self.send("<s@else.example>", f"<told@{DOMAIN}>"))
        self.assertIn("127.0.0.1", record)
        self.assertNotIn("127.0.0.1", report)
        self.assertNotIn("gone", report)

    def test_a_refused_login_shows_no_password(self):
        password = self.daemon.folder / "password"
        password.write_text("s3cret\n")
        password.chmod(0o600)
        self.next_hop.offers = ["AUTH PLAIN"]
        self.next_hop.reply_to_auth = lambda line: f"500 5.5.1 unknown command: {line}"
        self.restart((f"port: {self.next_hop.port}", f"port: {self.next_hop.port}, auth: {{user: kim, password_file: {password}}}"),
                     ("expiry: 1s, ", ""))
        message = self.send("<s@else.example>", "<x@far.example>", listener="out")
        shown = wait_until("an attempt", lambda: "AUTH: 500 5.5.1" in str(self.daemon.show(message)) and self.daemon.show(message))
        for text in (str(shown), self.daemon.log.read_text(), self.daemon.penstock_ok("status", "--output", "json")):
            self.assertNotIn("s3cret", text)
            self.assertNotIn("AGtpb", text)  # the beginning of its base64
        self.assertIn("left out", str(shown))
        self.next_hop.reply_to_auth = lambda line: "235 2.7.0 welcome"
        self.daemon.wait_closed(message)
        self.next_hop.wait(1)

    def test_a_next_hop_with_dsn_is_asked_over_a_restart(self):
        self.next_hop.offers = ["DSN", "XFORWARD NAME ADDR HELO IDENT"]
        self.next_hop.reply_to_rcpt = "451 4.2.1 not now"
        with self.daemon.smtp("out") as client:
            client.ehlo("client.example")
            self.assertEqual(client.docmd("XFORWARD", "NAME=mail.far.example ADDR=192.0.2.9 PORT=4711")[0], 250)
            client.docmd("MAIL", "FROM:<s@else.example> RET=HDRS ENVID=QQ314159")
            client.docmd("RCPT", "TO:<x@far.example> NOTIFY=DELAY,SUCCESS ORCPT=rfc822;X@far.example")
            code, text = client.data(MAIL)
        self.assertEqual(code, 250, text)
        message = text.split()[-1].decode()
        wait_until("an attempt", lambda: "451 4.2.1 not now" in str(self.daemon.show(message)))
        self.daemon.kill()
        self.next_hop.reply_to_rcpt = None
        self.daemon.start()
        shown = self.daemon.wait_closed(message)
        self.assertEqual(shown["forwarded"], "NAME=mail.far.example ADDR=192.0.2.9 PORT=4711")
        self.assertEqual(shown["reportOptions"], "RET=HDRS ENVID=QQ314159")
        self.assertEqual(shown["recipients"][0]["reportOptions"], "NOTIFY=SUCCESS,DELAY ORCPT=rfc822;X@far.example")
        (mail,) = self.next_hop.wait(1)
        self.assertEqual(mail.commands[0], "XFORWARD NAME=mail.far.example ADDR=192.0.2.9")
        self.assertRegex(mail.commands[1], r"^MAIL FROM:<s@else\.example> .*RET=HDRS ENVID=QQ314159$")
        self.assertEqual(mail.commands[2], "RCPT TO:<x@far.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;X@far.example")
        self.no_more(1)


if __name__ == "__main__":
    unittest.main()
