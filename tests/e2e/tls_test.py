# SPDX-License-Identifier: Apache-2.0
"""TLS to hooks and to the daemon (P3): each way in which it can fail is refused, with words that say
which, in `message show`, in the log and in `hook invoke`; certificates are renewed as it runs."""
import json
import pathlib
import subprocess
import unittest

from admin_tls_test import AdminTcpTest
from certificates import Authority
from harness import DOMAIN, PENSTOCK, Hook, PenstockTest

TLS_HOOK = pathlib.Path(__file__).with_name("tls_hook.py")
EVENT = {"summaryVersion": "2018-10-10", "envelope": {"mailFrom": {"address": "a@elsewhere.example"},
         "recipients": [{"address": f"alice@{DOMAIN}"}]}, "sender": None, "subject": "s",
         "messageId": "00000000-0000-0000-0000-000000000001", "invocationId": "0" * 32,
         "flowDirection": "INBOUND", "truncated": False}


class TlsToHooks(PenstockTest):
    def setUp(self):
        super().setUp()
        self.folder = self.daemon.folder
        self.authority = Authority(self.folder / "ca")
        self.certificate = self.authority.make("hook")
        self.client = self.authority.make("client", "penstockd")

    def tls_hook(self, certificate=None, client_ca=None, listen="127.0.0.1:0"):
        certificate, key = certificate or self.certificate
        more = ["--client-ca", client_ca] if client_ca else []
        hook = Hook(TLS_HOOK, listen, "--certificate", certificate, "--key", key, *more)
        self.addCleanup(hook.stop)
        return hook

    def tls(self, ca=None, client=None, name=None):
        options = ["--tls-ca", ca or self.authority.ca]
        if client:
            options += ["--tls-certificate", client[0], "--tls-key", client[1]]
        return options + (["--tls-server-name", name] if name else [])

    def register_tls(self, target, *options, rule=True):
        self.daemon.penstock_ok("hook", "register", "decide", "--target", target, *options)
        self.daemon.penstock_ok("hook", "add-permission", "decide", "--statement-id", "all", "--principal", "default")
        if rule:
            self.sync_rule(fallback="drop", timeout="0m")

    def attempt(self):
        """The one attempt of a message sent now."""
        (message,) = self.daemon.send([f"alice@{DOMAIN}"])
        (attempt,) = self.daemon.wait_closed(message)["invocations"][0]["attempts"]
        return message, attempt

    def refused(self, why, target, *options):
        """A hook registered so fails, and each place says `why`."""
        self.register_tls(target, *options)
        message, attempt = self.attempt()
        self.assertEqual(attempt["code"], "UNAVAILABLE")
        self.assertRegex(attempt["error"], why)
        lines = [line for line in self.daemon.log.read_text().splitlines() if message in line and "attempt" in line]
        self.assertRegex("\n".join(lines), why)
        event = self.folder / "event.json"
        event.write_text(json.dumps(EVENT))
        invoked = self.daemon.penstock("hook", "invoke", "decide", "--event", event)
        self.assertNotEqual(invoked.returncode, 0)
        self.assertRegex(invoked.stdout + invoked.stderr, why)

    def test_own_authority(self):
        self.register_tls(self.tls_hook().target, *self.tls())
        self.assertEqual(self.attempt()[1]["code"], "OK")

    def test_a_certificate_of_ours_where_the_hook_asks_for_it(self):
        self.register_tls(self.tls_hook(client_ca=self.authority.ca).target, *self.tls(client=self.client))
        self.assertEqual(self.attempt()[1]["code"], "OK")

    def test_another_name_if_we_are_told_so(self):
        hook = self.tls_hook(self.authority.make("hook", "hook.example"))
        self.register_tls(hook.target, *self.tls(name="hook.example"))
        self.assertEqual(self.attempt()[1]["code"], "OK")

    def test_a_unix_socket(self):
        hook = Hook(listen=f"unix:{self.folder}/hook.sock")
        self.addCleanup(hook.stop)
        self.register_tls(f"unix:{self.folder}/hook.sock")
        self.assertEqual(self.attempt()[1]["code"], "OK")

    def test_tls_where_the_hook_speaks_plain_text(self):
        self.refused(r"127\.0\.0\.1:\d+: TLS: the other side speaks plain text, no TLS", self.hook().target, *self.tls())

    def test_plain_text_where_the_hook_speaks_tls(self):
        self.refused(r"127\.0\.0\.1:\d+: it speaks TLS, and plain text is configured", self.tls_hook().target)

    def test_another_authority(self):
        other = Authority(self.folder / "other")
        other.make("client", "x")
        self.refused("its certificate comes from CN=Penstock development authority, which is none of the authorities that count here",
                     self.tls_hook().target, *self.tls(ca=other.ca))

    def test_another_name(self):
        hook = self.tls_hook(self.authority.make("hook", "hook.example,192.0.2.1"))
        self.refused(r"its certificate is for hook\.example, 192\.0\.2\.1, not for 127\.0\.0\.1", hook.target, *self.tls())

    def test_an_expired_certificate(self):
        hook = self.tls_hook(self.authority.make("hook", "127.0.0.1", days=-1))
        self.refused(r"its certificate expired on \d{4}-\d\d-\d\dT", hook.target, *self.tls())

    def test_no_certificate_of_ours(self):
        self.refused("it asks for a client certificate, and none is configured",
                     self.tls_hook(client_ca=self.authority.ca).target, *self.tls())

    def test_a_certificate_of_ours_that_the_hook_does_not_know(self):
        stranger = Authority(self.folder / "other").make("client", "penstockd")
        self.refused("it has refused our client certificate",
                     self.tls_hook(client_ca=self.authority.ca).target, *self.tls(client=stranger))

    def test_a_certificate_of_ours_that_has_expired(self):
        late = self.authority.make("client", "late", days=-1)
        self.refused(r"it has refused our client certificate; certificate_file: .*client-late\.pem: expired on",
                     self.tls_hook(client_ca=self.authority.ca).target, *self.tls(client=late))

    def test_plain_text_beyond_loopback_is_refused_unless_allowed_by_name(self):
        done = self.daemon.penstock("hook", "register", "far", "--target", "192.0.2.1:50051")
        self.assertEqual(done.returncode, 1)
        self.assertIn("plain text beyond this machine", done.stderr)
        self.daemon.penstock_ok("hook", "register", "far", "--target", "192.0.2.1:50051", "--plain-text-allowed")

    def test_renewed_files_count_for_new_connections(self):
        hook = self.tls_hook(client_ca=self.authority.ca)
        stranger = Authority(self.folder / "other").make("client", "penstockd")
        ours = self.folder / "ours.pem", self.folder / "ours.key"

        def install(pair):
            for source, target in zip(pair, ours):
                fresh = target.with_suffix(".new")
                fresh.write_bytes(source.read_bytes())
                fresh.chmod(0o600)
                fresh.rename(target)

        install(stranger)
        self.register_tls(hook.target, *self.tls(client=ours))
        self.assertEqual(self.attempt()[1]["code"], "UNAVAILABLE")
        install(self.client)
        self.assertEqual(self.attempt()[1]["code"], "OK")

    def test_openssl_sees_that_the_hook_gets_our_certificate(self):
        """openssl's server stands where a hook would, and says whom it meets."""
        with subprocess.Popen(["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", self.certificate[0], "-key", self.certificate[1],
                               "-CAfile", self.authority.ca, "-Verify", "1", "-verify_return_error", "-alpn", "h2", "-naccept", "1"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace") as server:
            self.addCleanup(server.kill)
            for line in server.stdout:
                if line.startswith("ACCEPT "):
                    port = line.strip().rpartition(":")[2]
                    break
            self.register_tls(f"127.0.0.1:{port}", *self.tls(client=self.client), rule=False)
            event = self.folder / "event.json"
            event.write_text(json.dumps(EVENT))
            with self.daemon.penstock_start("hook", "invoke", "decide", "--event", event) as invoking:
                seen = ""
                for line in server.stdout:
                    seen += line
                    if "subject=" in line:
                        break
                server.kill()
                invoking.wait(60)
        self.assertIn("CN = penstockd", seen)


class TlsToTheDaemon(AdminTcpTest):
    """What `penstock --address` says of a daemon that it cannot reach."""

    def refused(self, why, **options):
        done = self.penstock("status", **options)
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
        self.assertRegex(done.stderr, why)

    def test_each_refusal_says_which(self):
        self.start()
        other = Authority(self.folder / "other")
        stranger = other.make("client", "alice")
        self.refused("it asks for a client certificate, and none is configured", client=())
        self.refused("it has refused our client certificate", client=stranger)
        late = self.authority.make("client", "late", days=-1)
        self.refused(r"it has refused our client certificate; certificate_file: .*client-late\.pem: expired on", client=late)
        self.refused("comes from CN=Penstock development authority, which is none of the authorities", ca=other.ca)
        plain = Hook()
        self.addCleanup(plain.stop)
        self.refused("the other side speaks plain text, no TLS", address=plain.target)

    def test_another_name_and_one_expired(self):
        self.server = self.authority.make("server", "penstock.example")
        self.configure(self.authority.ca)
        self.start()
        self.refused(r"is for penstock\.example, not for 127\.0\.0\.1")
        certificate, key = self.client
        done = subprocess.run([PENSTOCK, "--address", self.address, "--ca", self.authority.ca, "--cert", certificate, "--key", key,
                               "--server-name", "penstock.example", "status"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        for new, old in zip(self.authority.make("server", "127.0.0.1", days=-1), self.server):
            new.rename(old)
        self.refused("its certificate expired on")


if __name__ == "__main__":
    unittest.main()
