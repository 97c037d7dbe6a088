# SPDX-License-Identifier: Apache-2.0
"""Each way in which TLS to a gRPC listener of the daemon can fail (P3), at administration over TCP and at the
content API: as openssl and a foreign gRPC client see it, and in the daemon's log, which says which. gRPC 1.51
closes without an alert, so a client that is refused learns no more than that."""
import re
import socket
import unittest

import grpc

from admin_tls_test import AdminTcpTest
from certificates import Authority, s_client
from harness import wait_until

METHODS = {"admin": "/penstock.v1.StatusService/GetServerStatus",
           "content": "/penstock.v1.MessageFlowService/GetRawMessageContent"}
# What each says to whoever gets through.
ANSWERS = {"admin": grpc.StatusCode.OK, "content": grpc.StatusCode.PERMISSION_DENIED}
HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"


class ListenerTls(AdminTcpTest):
    def configure(self, client_ca, server=None):
        super().configure(client_ca, server)
        self.without_content_api()
        certificate, key = server or self.server
        with self.daemon.config.open("a") as config:
            config.write(f'content_api: {{listen: "127.0.0.1:0", tls: {{certificate_file: {certificate}, key_file: {key}, '
                         f"client_ca_file: {client_ca}}}}}\n")

    def without_content_api(self):
        text = self.daemon.config.read_text()
        self.daemon.config.write_text("".join(line for line in text.splitlines(True) if not line.startswith("content_api:")))

    def start(self):
        super().start()
        self.addresses = {"admin": self.address, "content": self.daemon.penstock_json("status")["contentTarget"]}

    def call(self, listener, client=(), ca=None, plain=False):
        """Status code and text that Python's gRPC client gets."""
        certificate, key = [path.read_bytes() for path in client] or [None, None]
        credentials = grpc.ssl_channel_credentials((ca or self.authority.ca).read_bytes(), key, certificate)
        address = self.addresses[listener]
        with grpc.insecure_channel(address) if plain else grpc.secure_channel(address, credentials) as channel:
            try:
                list(channel.unary_stream(METHODS[listener])(b"", timeout=20))
            except grpc.RpcError as error:
                return error.code(), error.details()
        return grpc.StatusCode.OK, ""

    def openssl(self, listener, *arguments, client=(), ca=None):
        own = ["-cert", client[0], "-key", client[1]] if client else []
        return s_client(self.addresses[listener].rpartition(":")[2], "-CAfile", ca or self.authority.ca, "-alpn", "h2",
                        *own, *arguments, send=HTTP2_PREFACE)

    def logged(self, why, again):
        """Tries `again` until the log has a new line that says `why`: there is one a second at most."""
        before = len(self.daemon.log.read_text())

        def found():
            again()
            return re.search(rf" tls_refused .*{why}", self.daemon.log.read_text()[before:])
        wait_until(f"the log to say {why!r}", found)

    def test_a_client_that_is_refused(self):
        self.start()
        rows = [((), "the other side shows no certificate"),
                (Authority(self.folder / "other").make("client", "alice"),
                 "its certificate comes from CN=Penstock development authority, which is none of the authorities that count here"),
                (self.authority.make("client", "late", days=-1), r"its certificate expired on \d{4}-\d\d-\d\dT"),
                (self.authority.make("hook"), "its certificate is not meant for this use")]
        for listener, answer in ANSWERS.items():
            self.assertEqual(self.call(listener, self.client)[0], answer)
            for client, why in rows:
                with self.subTest(f"{listener}: {why}"):
                    def call(listener=listener, client=client):
                        self.assertEqual(self.call(listener, client)[0], grpc.StatusCode.UNAVAILABLE)

                    def openssl(listener=listener, client=client):
                        self.assertIn("unexpected eof", self.openssl(listener, client=client))
                    self.logged(why, call)
                    self.logged(why, openssl)

    def test_a_client_in_plain_text(self):
        self.start()
        for listener, address in self.addresses.items():
            with self.subTest(listener):
                def call(listener=listener):
                    self.assertEqual(self.call(listener, plain=True)[0], grpc.StatusCode.UNAVAILABLE)

                def octets(address=address):
                    host, _, port = address.rpartition(":")
                    with socket.create_connection((host, int(port)), timeout=20) as connection:
                        connection.sendall(HTTP2_PREFACE)
                        self.assertNotIn(b"\0\0\0\4", connection.recv(4096))  # no SETTINGS: nothing is spoken
                self.logged("the other side speaks plain text, no TLS", call)
                self.logged("the other side speaks plain text, no TLS", octets)

    def test_a_client_that_refuses(self):
        other = Authority(self.folder / "other")
        other.make("client", "x")
        named = self.authority.make("server", "penstock.example")
        late = self.authority.make("server", "127.0.0.1", days=-1)
        rows = [(self.server, other.ca, "127.0.0.1", r"self-signed certificate in certificate chain|unable to get local issuer",
                 "certificate verify failed"),
                (named, self.authority.ca, "127.0.0.1", "IP address mismatch|hostname mismatch", "Peer name|verif"),
                (late, self.authority.ca, "127.0.0.1", "certificate has expired", "certificate verify failed")]
        for server, ca, name, said_to_openssl, said_to_grpc in rows:
            self.configure(self.authority.ca, server)
            self.start()
            for listener in METHODS:
                with self.subTest(f"{listener}: {said_to_openssl}"):
                    seen = self.openssl(listener, "-verify_return_error", "-verify_ip", name, client=self.client, ca=ca)
                    self.assertRegex(seen, said_to_openssl)
                    code, text = self.call(listener, self.client, ca)
                    self.assertEqual(code, grpc.StatusCode.UNAVAILABLE)
                    self.assertRegex(text, said_to_grpc)
            self.daemon.stop()

    def test_a_content_api_that_speaks_plain_text(self):
        """On loopback it may; a client that was told TLS does not speak to it."""
        self.without_content_api()
        self.start()
        self.assertEqual(self.call("content", plain=True)[0], grpc.StatusCode.PERMISSION_DENIED)
        self.assertEqual(self.call("content")[0], grpc.StatusCode.UNAVAILABLE)
        self.assertIn("wrong version number", self.openssl("content"))

    def test_plain_text_beyond_loopback_is_no_configuration(self):
        self.without_content_api()
        with self.daemon.config.open("a") as config:
            config.write('content_api: {listen: "0.0.0.0:0", target: "mx.example:1"}\n')
        done = self.check_config()
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "content_api.listen: .*plain text beyond this machine")


if __name__ == "__main__":
    unittest.main()
