# SPDX-License-Identifier: Apache-2.0
"""Administration over TCP (P3, R14): only with certificates on both sides, as openssl and a foreign
gRPC client see it too; certificates are renewed without a restart."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import grpc

from certificates import Authority, s_client
from harness import DOMAIN, PENSTOCK, PENSTOCKD, STUBS, Daemon, wait_until
from next_hop import NextHop

sys.path.insert(0, str(STUBS))


class AdminTcpTest(unittest.TestCase):
    """A daemon that is administered over TCP; goes after the test."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="penstock-e2e-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.authority = Authority(self.folder / "ca")
        self.server = self.authority.make("server")
        self.client = self.authority.make("client", "alice")
        next_hop = NextHop()
        self.addCleanup(next_hop.stop)
        self.daemon = Daemon(folder.name, next_hop.port)
        self.configure(self.authority.ca)
        self.addCleanup(self.daemon.stop)

    def configure(self, client_ca, server=None):
        certificate, key = server or self.server
        tls = f"certificate_file: {certificate}, key_file: {key}" + (f", client_ca_file: {client_ca}" if client_ca else "")
        text = "\n".join(line for line in self.daemon.config.read_text().splitlines() if not line.startswith("admin:"))
        self.daemon.config.write_text(f'{text}\nadmin: {{socket: {self.daemon.socket}, listen: "127.0.0.1:0", tls: {{{tls}}}}}\n')

    def start(self):
        self.daemon.start()
        line = [one for one in self.daemon.log.read_text().splitlines() if " admin_listening " in one][-1]
        self.address = line.split("address=")[1].split()[0]
        self.port = int(self.address.rpartition(":")[2])

    def penstock(self, *arguments, ca=None, client=None, address=None):
        certificate, key = client or self.client
        options = ["--address", address or self.address, "--ca", ca or self.authority.ca]
        if client != ():
            options += ["--cert", certificate, "--key", key]
        return subprocess.run([PENSTOCK, *map(str, options), *arguments], capture_output=True, text=True, timeout=60)

    def check_config(self):
        return subprocess.run([PENSTOCKD, "--check-config", "--config", self.daemon.config], capture_output=True, text=True, timeout=30)


class AdminOverTcp(AdminTcpTest):
    def test_a_change_is_recorded_under_the_subject_of_the_certificate(self):
        self.start()
        done = self.penstock("org", "add-domain", "default", DOMAIN)
        self.assertEqual(done.returncode, 0, done.stderr)
        change = self.daemon.penstock_json("change", "list")["changes"][0]
        self.assertEqual(change["who"], "CN=alice")

    def test_the_environment_names_the_daemon_as_well(self):
        self.start()
        certificate, key = self.client
        names = {"PENSTOCK_ADDRESS": self.address, "PENSTOCK_CA": self.authority.ca, "PENSTOCK_CERT": certificate, "PENSTOCK_KEY": key}
        done = subprocess.run([PENSTOCK, "status"], capture_output=True, text=True, timeout=60,
                              env={**os.environ, **{name: str(value) for name, value in names.items()}})
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_openssl_is_shown_the_certificate_and_asked_for_one(self):
        self.start()
        seen = s_client(self.port, "-CAfile", self.authority.ca, "-alpn", "h2")
        self.assertIn("Verification: OK", seen)
        self.assertIn("unexpected eof", seen)  # gRPC 1.51 closes without an alert
        self.assertIn("Acceptable client certificate CA names", seen)

    def foreign(self, certificate=None, key=None, secure=True):
        """Status code and text that Python's gRPC client gets for a call."""
        if secure:
            credentials = grpc.ssl_channel_credentials(self.authority.ca.read_bytes(), key and key.read_bytes(),
                                                       certificate and certificate.read_bytes())
            channel = grpc.secure_channel(self.address, credentials)
        else:
            channel = grpc.insecure_channel(self.address)
        with channel:
            call = channel.unary_unary("/penstock.v1.StatusService/GetServerStatus")
            try:
                call(b"", timeout=20)
            except grpc.RpcError as error:
                return error.code(), error.details()
        return grpc.StatusCode.OK, ""

    def test_a_foreign_client(self):
        self.start()
        self.assertEqual(self.foreign(*self.client)[0], grpc.StatusCode.OK)
        self.assertEqual(self.foreign()[0], grpc.StatusCode.UNAVAILABLE)
        self.assertEqual(self.foreign(secure=False)[0], grpc.StatusCode.UNAVAILABLE)
        stranger = Authority(self.folder / "other").make("client", "alice")
        self.assertEqual(self.foreign(*stranger)[0], grpc.StatusCode.UNAVAILABLE)
        late = Authority(self.folder / "ca").make("client", "late", days=-1)
        self.assertEqual(self.foreign(*late)[0], grpc.StatusCode.UNAVAILABLE)
        hook = self.authority.make("hook")  # may serve, not ask
        self.assertEqual(self.foreign(*hook)[0], grpc.StatusCode.UNAVAILABLE)

    def test_a_renewed_certificate_counts_for_the_next_connection(self):
        self.start()
        self.assertEqual(self.penstock("status").returncode, 0)
        renewed = Authority(self.folder / "renewed")
        for new, old in zip(renewed.make("server"), self.server):
            new.rename(old)
        old_ca = self.penstock("status")
        self.assertEqual(old_ca.returncode, 3, old_ca.stdout)
        self.assertEqual(self.penstock("status", ca=renewed.ca).returncode, 0)
        self.assertEqual(self.daemon.process.poll(), None)

    def test_files_that_have_become_faulty_leave_the_old_ones_in_force(self):
        self.start()
        self.server[1].write_text("nonsense")
        self.assertEqual(self.penstock("status").returncode, 0)
        self.assertEqual(self.penstock("status").returncode, 0)
        lines = [one for one in self.daemon.log.read_text().splitlines() if " tls_files_refused " in one]
        self.assertEqual(len(lines), 1, lines)
        self.assertIn("holds no private key", lines[0])

    def test_check_config_wants_certificates_on_both_sides(self):
        self.configure(None)
        done = self.check_config()
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"penstock\.yaml:\d+:\d+: admin\.tls\.client_ca_file: missing; over TCP administrators must show")
        text = self.daemon.config.read_text()
        self.daemon.config.write_text(text[:text.index(", tls:")] + "}\n")
        self.assertRegex(self.check_config().stderr, r"admin\.tls\.certificate_file: missing")

    def test_check_config_says_what_is_wrong_with_a_file(self):
        other = Authority(self.folder / "other").make("server")
        cases = [((self.folder / "nowhere", self.server[1]), r"certificate_file: .*nowhere: cannot be read: No such file"),
                 ((self.server[1], self.server[1]), "certificate_file: .*holds no certificate; expected PEM"),
                 ((self.server[0], self.server[0]), "key_file: .*holds no private key"),
                 ((self.server[0], other[1]), "key_file: .*does not belong to the first certificate in .*server-localhost.pem")]
        for files, why in cases:
            with self.subTest(why):
                self.configure(self.authority.ca, files)
                done = self.check_config()
                self.assertEqual(done.returncode, 1)
                self.assertRegex(done.stderr, rf"penstock\.yaml:\d+:\d+: admin\.tls\.{why}")
        self.server[1].chmod(0o644)
        self.configure(self.authority.ca)
        self.assertIn(f"others may read or change this key; mend it: chmod 600 {self.server[1]}", self.check_config().stderr)
        self.server[1].chmod(0o600)
        encrypted = self.folder / "encrypted"
        subprocess.run(["openssl", "pkey", "-in", self.server[1], "-aes128", "-passout", "pass:x", "-out", encrypted], check=True)
        self.configure(self.authority.ca, (self.server[0], encrypted))
        self.assertIn("is encrypted; expected a key without a pass phrase", self.check_config().stderr)

    def test_an_expired_certificate_is_warned_about(self):
        late = self.authority.make("server", "late.example", days=-1)
        self.configure(self.authority.ca, late)
        done = self.check_config()
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stderr, r"warning: admin\.tls\.certificate_file: .*: expired on .*; renew it")

    def test_a_second_daemon_does_not_share_the_port(self):
        self.start()
        text = self.daemon.config.read_text().replace("127.0.0.1:0\", tls", f"{self.address}\", tls")
        path = self.folder / "second.yaml"
        path.write_text(text.replace("/data", "/data2").replace("/admin/", "/admin2/"))
        done = subprocess.run([PENSTOCKD, "--config", path], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"admin over TCP: {self.address} cannot be listened on", done.stderr)


if __name__ == "__main__":
    unittest.main()
