# SPDX-License-Identifier: Apache-2.0
"""STARTTLS in and out (RFC 3207, P3, O3): what is offered, demanded, checked, and what an attacker
between the two sides gains by his tricks: nothing."""
import re
import socket
import socketserver
import ssl
import subprocess
import threading
import unittest

from certificates import Authority, s_client
from harness import DOMAIN, PENSTOCKD, PenstockTest, wait_until


def client_context(authority, client=None):
    context = ssl.create_default_context(cafile=authority.ca)
    if client:
        context.load_cert_chain(*client)
    return context


class Incoming(PenstockTest):
    def setUp(self):
        super().setUp()
        self.authority = Authority(self.daemon.folder / "ca")
        self.server = self.authority.make("server")
        self.client = self.authority.make("client", "gateway.example")

    def listen(self, starttls="may", client_ca=True, listener="mx"):
        certificate, key = self.server
        ca = f", client_ca_file: {self.authority.ca}" if client_ca else ""
        text = self.daemon.config.read_text().replace(
            f"{{name: {listener}, ", f"{{name: {listener}, starttls: {starttls}, tls: {{certificate_file: {certificate}, key_file: {key}{ca}}}, ")
        self.daemon.config.write_text(text)
        self.daemon.stop()
        self.daemon.start()

    def plain(self):
        """A connection that has said EHLO, with what it reads by."""
        connection = socket.create_connection(("127.0.0.1", self.daemon.ports["mx"]), timeout=20)
        self.addCleanup(connection.close)
        replies = connection.makefile("rb")
        self.addCleanup(replies.close)
        replies.readline()
        connection.sendall(b"EHLO client.example\r\n")
        while not replies.readline().startswith(b"250 "):
            pass
        return connection, replies

    def test_mail_comes_by_tls_and_the_trace_says_so(self):
        self.listen()
        with self.daemon.smtp() as client:
            client.ehlo("plain.example")
            self.assertTrue(client.has_extn("starttls"))
            client.starttls(context=client_context(self.authority))
            self.assertEqual(client.helo_resp, None)
            client.ehlo("client.example")
            self.assertFalse(client.has_extn("starttls"))
            client.sendmail("a@elsewhere.example", [f"alice@{DOMAIN}"], "From: a@elsewhere.example\r\n\r\nhello\r\n")
        (mail,) = wait_until("the mail", lambda: self.daemon.mail_of("alice"))
        self.assertRegex(mail.read_text(), r"Received: from client\.example[^;]*with ESMTPS id")

    def test_all_that_was_said_before_tls_is_forgotten(self):
        self.listen()
        with self.daemon.smtp() as client:
            client.ehlo("plain.example")
            client.starttls(context=client_context(self.authority))
            code, text = client.docmd("MAIL FROM:<a@elsewhere.example>")
            self.assertEqual((code, b"EHLO first" in text), (503, True))
            client.ehlo("client.example")
            self.assertEqual(client.docmd("STARTTLS")[0], 503)

    def test_openssl_gets_through(self):
        self.listen()
        seen = s_client(self.daemon.ports["mx"], "-starttls", "smtp", "-CAfile", self.authority.ca, "-verify_return_error",
                        "-crlf", send=b"EHLO client.example\nQUIT\n")
        self.assertIn("Verification: OK", seen)
        self.assertIn("221 2.0.0", seen)
        self.assertEqual(seen.count("250-SIZE"), 1)
        old = s_client(self.daemon.ports["mx"], "-starttls", "smtp", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
        self.assertIn("alert protocol version", old)

    def test_what_stands_behind_starttls_is_no_command(self):
        self.listen()
        connection, replies = self.plain()
        connection.sendall(b"STARTTLS\r\nMAIL FROM:<evil@elsewhere.example>\r\n")
        self.assertRegex(replies.read(), rb"^421 4\.7\.0 [^\r]*STARTTLS[^\r]*\r\n$")

    def test_what_comes_later_in_plain_text_is_no_command_either(self):
        self.listen()
        connection, replies = self.plain()
        connection.sendall(b"STARTTLS\r\n")
        self.assertTrue(replies.readline().startswith(b"220"))
        connection.sendall(b"MAIL FROM:<evil@elsewhere.example>\r\n")
        self.assertNotIn(b"250", replies.read())
        line = wait_until("the log", lambda: [one for one in self.daemon.log.read_text().splitlines() if " tls_failed " in one])
        self.assertIn("speaks plain text", line[0])

    def test_not_within_a_transaction(self):
        self.listen()
        connection, replies = self.plain()
        connection.sendall(b"MAIL FROM:<a@elsewhere.example>\r\n")
        self.assertTrue(replies.readline().startswith(b"250"))
        connection.sendall(b"STARTTLS\r\n")
        self.assertTrue(replies.readline().startswith(b"503"))
        connection.sendall(b"STARTTLS now\r\n")
        self.assertTrue(replies.readline().startswith(b"501"))

    def test_encrypt_takes_no_mail_without(self):
        self.listen("encrypt")
        with self.daemon.smtp() as client:
            client.ehlo("client.example")
            for command in ("MAIL FROM:<a@elsewhere.example>", "RCPT TO:<b@x.example>", "VRFY a"):
                self.assertEqual(client.docmd(command)[:1], (530,), command)
            self.assertEqual(client.noop()[0], 250)
            client.starttls(context=client_context(self.authority))
            client.sendmail("a@elsewhere.example", [f"alice@{DOMAIN}"], "From: a@elsewhere.example\r\n\r\nhello\r\n")

    def relays(self, context):
        """Whether a client may send to a foreign recipient: only a trusted one may (O3)."""
        with self.daemon.smtp() as client:
            client.ehlo("client.example")
            if context:
                client.starttls(context=context)
                client.ehlo("client.example")
            client.mail("a@elsewhere.example")
            return client.rcpt("b@foreign.example")[0] == 250

    def test_a_certificate_of_the_authority_makes_a_client_trusted(self):
        self.listen()
        self.assertTrue(self.relays(client_context(self.authority, self.client)))
        self.assertFalse(self.relays(client_context(self.authority)))
        self.assertFalse(self.relays(None))
        stranger = Authority(self.daemon.folder / "other").make("client", "gateway.example")
        self.assertFalse(self.relays(client_context(self.authority, stranger)))
        late = self.authority.make("client", "late", days=-1)
        self.assertFalse(self.relays(client_context(self.authority, late)))
        server = self.authority.make("server", "mx.example")  # is meant to serve, not to ask
        self.assertFalse(self.relays(client_context(self.authority, server)))

    def test_a_certificate_counts_for_nothing_where_none_is_asked_for(self):
        self.listen(client_ca=False)
        self.assertFalse(self.relays(client_context(self.authority, self.client)))

    def test_a_renewed_certificate_counts_for_the_next_connection(self):
        self.listen()
        self.assertFalse(self.relays(client_context(self.authority)))
        renewed = Authority(self.daemon.folder / "renewed")
        for new, old in zip(renewed.make("server"), self.server):
            new.rename(old)
        self.assertFalse(self.relays(client_context(renewed)))
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.relays(client_context(self.authority))

    def test_a_large_message_in_small_records(self):
        self.listen()
        body = "".join(f"{i:06} " + "x" * 900 + "\r\n" for i in range(4000))
        with self.daemon.smtp() as client:
            client.starttls(context=client_context(self.authority))
            client.sendmail("a@elsewhere.example", [f"alice@{DOMAIN}"], "From: a@elsewhere.example\r\n\r\n" + body)
        (mail,) = wait_until("the mail", lambda: self.daemon.mail_of("alice"))
        self.assertTrue(mail.read_bytes().decode().replace("\r\n", "\n").endswith(body.replace("\r\n", "\n")))


class Server(socketserver.ThreadingTCPServer):
    """A next hop of `certificate` that does STARTTLS as told, and keeps the mail it takes."""
    allow_reuse_address = daemon_threads = True

    def __init__(self, certificate=None, refuse=False, inject=False, client_ca=None, tell=True):
        super().__init__(("127.0.0.1", 0), Session)
        self.port = self.server_address[1]
        self.refuse, self.inject, self.tell = refuse, inject, tell
        self.context = None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*certificate)
            if client_ca:
                self.context.load_verify_locations(client_ca)
                self.context.verify_mode = ssl.CERT_REQUIRED
        self.mails = []  # (whether by TLS, subject of the client's certificate, name in SNI)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass  # a client that gives up in the handshake


class Session(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        tls = False
        self.say("220 sink.example ESMTP")
        while line := self.rfile.readline():
            verb = line.strip().upper().split(b" ")[0].split(b":")[0]
            if verb == b"EHLO":
                offers = self.server.context and self.server.tell and not tls
                self.say("250-sink.example\r\n250-PIPELINING" + ("\r\n250-STARTTLS" if offers else "") + "\r\n250 8BITMIME")
            elif verb == b"STARTTLS":
                if self.server.refuse:
                    self.say("454 4.7.0 not now")
                    continue
                self.say("220 go" + ("\r\n250 2.0.0 injected" if self.server.inject else ""))
                self.request = self.server.context.wrap_socket(self.request, server_side=True)
                self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", 0)
                tls = True
            elif verb == b"DATA":
                self.say("354 go")
                while self.rfile.readline() not in (b".\r\n", b""):
                    pass
                peer = self.request.getpeercert() if tls else None
                self.server.mails.append((tls, bool(peer)))
                self.say("250 2.0.0 taken")
            elif verb == b"QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 2.0.0 OK")


class Outgoing(PenstockTest):
    daemon_options = {"inbound": "relay"}

    def setUp(self):
        super().setUp()
        self.authority = Authority(self.daemon.folder / "ca")
        self.certificate = self.authority.make("server")

    def sink(self, *arguments, **options):
        server = Server(*arguments, **options)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server

    def deliver_to(self, server, settings):
        """Sends one message by way of `server`, which is reached with `settings`; returns its id."""
        text = re.sub(r"name: relay, smtp: \{[^\n]*\}\}", f"name: relay, smtp: {{host: 127.0.0.1, port: {server.port}, {settings}}}}}",
                      self.daemon.config.read_text())
        self.daemon.config.write_text(text)
        self.daemon.stop()
        self.daemon.start()
        (message,) = self.daemon.send([f"alice@{DOMAIN}"])
        return message

    def arrives(self, server, settings, tls):
        message = self.deliver_to(server, settings)
        self.daemon.wait_closed(message)
        self.assertEqual([one[0] for one in server.mails], [tls])

    def waits(self, server, settings, why):
        message = self.deliver_to(server, settings)

        def last_error():
            shown = self.daemon.penstock_ok("message", "show", message, "--output", "json")
            return shown if re.search(why, shown) else None
        wait_until(f"a failure because of {why!r}: {self.daemon.penstock_ok('message', 'show', message)}", last_error)
        self.assertEqual(server.mails, [])
        self.assertNotEqual(self.daemon.show(message)["state"], "CLOSED")

    def verify(self, more=""):
        return f"starttls: verify, tls: {{ca_file: {self.authority.ca}{more}}}"

    def test_may_uses_it_where_it_is_offered(self):
        self.arrives(self.sink(self.certificate), "starttls: may", True)

    def test_may_is_the_default(self):
        self.arrives(self.sink(self.certificate), "", True)

    def test_may_does_without(self):
        for server in (self.sink(None), self.sink(self.certificate, refuse=True)):
            with self.subTest(refuse=server.refuse):
                self.arrives(server, "starttls: may", False)

    def test_may_does_without_where_the_handshake_fails(self):
        self.arrives(self.sink(self.certificate, client_ca=self.authority.ca), "starttls: may", False)
        self.assertIn(" tls_not_used ", self.daemon.log.read_text())

    def test_none_does_without_though_it_is_offered(self):
        self.arrives(self.sink(self.certificate), "starttls: none", False)

    def test_encrypt_asks_for_no_name(self):
        self.arrives(self.sink(Authority(self.daemon.folder / "other").make("server", "other.example")), "starttls: encrypt", True)

    def test_encrypt_waits_where_an_attacker_takes_the_offer_away(self):
        self.waits(self.sink(self.certificate, tell=False), "starttls: encrypt", "does not offer STARTTLS, which `starttls` demands")

    def test_encrypt_waits_where_it_is_refused(self):
        self.waits(self.sink(self.certificate, refuse=True), "starttls: encrypt", "STARTTLS: 454 4.7.0 not now")

    def test_verify(self):
        self.arrives(self.sink(self.certificate), self.verify(), True)

    def test_verify_another_name_if_we_are_told_so(self):
        named = self.authority.make("server", "mx.example")
        self.arrives(self.sink(named), self.verify(", server_name: mx.example"), True)

    def test_verify_waits_at_a_wrong_name(self):
        self.waits(self.sink(self.authority.make("server", "mx.example")), self.verify(), "is for mx.example, not for 127.0.0.1")

    def test_verify_waits_at_another_authority(self):
        self.waits(self.sink(Authority(self.daemon.folder / "other").make("server")), self.verify(),
                   "which is none of the authorities that count here")

    def test_verify_waits_at_an_expired_certificate(self):
        self.waits(self.sink(self.authority.make("server", "127.0.0.1", days=-1)), self.verify(), "its certificate expired on")

    def test_verify_waits_without_tls(self):
        self.waits(self.sink(None), self.verify(), "does not offer STARTTLS")

    def test_a_certificate_of_ours_where_the_next_hop_asks_for_it(self):
        certificate, key = self.authority.make("client", "mx.org.example")
        server = self.sink(self.certificate, client_ca=self.authority.ca)
        self.arrives(server, self.verify(f", certificate_file: {certificate}, key_file: {key}"), True)
        self.assertTrue(server.mails[0][1])

    def test_a_reply_that_somebody_puts_before_tls_counts_for_nothing(self):
        self.waits(self.sink(self.certificate, inject=True), "starttls: encrypt", "said more behind its 220|TLS: the other side speaks plain text")

    def test_check_config(self):
        def fault(settings, listener=""):
            path = self.daemon.folder / "bad.yaml"
            text = re.sub(r"(name: relay, smtp: \{[^}]*)\}\}", rf"\1, {settings}}}}}", self.daemon.config.read_text()) if settings else self.daemon.config.read_text()
            path.write_text(text.replace("{name: mx, ", f"{{name: mx, {listener}"))
            done = subprocess.run([PENSTOCKD, "--check-config", "--config", path], capture_output=True, text=True, timeout=30)
            self.assertEqual(done.returncode, 1, done.stdout)
            return done.stderr
        self.assertRegex(fault(f"starttls: encrypt, tls: {{ca_file: {self.authority.ca}}}"), r"next_hops\[0\]\.smtp\.tls\.ca_file: is for `starttls: verify`")
        self.assertRegex(fault("starttls: verify, tls: {ca_file: /nowhere}"), r"next_hops\[0\]\.smtp\.tls\.ca_file: /nowhere: cannot be read")
        self.assertRegex(fault("starttls: sometimes"), r"next_hops\[0\]\.smtp\.starttls: .*verify")
        self.assertRegex(fault("", "starttls: encrypt, "), r"listeners\[0\]\.tls: missing; expected certificate_file and key_file")
        self.assertRegex(fault("", f"tls: {{certificate_file: {self.certificate[0]}}}, "), r"listeners\[0\]\.tls\.key_file: missing beside certificate_file")


if __name__ == "__main__":
    unittest.main()
