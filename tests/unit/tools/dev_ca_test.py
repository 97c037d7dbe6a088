# SPDX-License-Identifier: Apache-2.0
"""tools/dev-ca: what it makes is fit for what it says, and what is there stays."""
import pathlib
import stat
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]


class DevCa(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name) / "ca"

    def dev_ca(self, *arguments):
        return subprocess.run([ROOT / "tools/dev-ca", self.folder, *arguments], capture_output=True, text=True, timeout=60)

    def verifies(self, name, purpose, *options):
        done = subprocess.run(["openssl", "verify", "-CAfile", self.folder / "ca.pem", "-purpose", purpose, *options, self.folder / name],
                              capture_output=True, text=True, timeout=60)
        return done.returncode == 0

    def test_each_certificate_is_fit_for_its_use_alone(self):
        done = self.dev_ca("--server", "mx.example,192.0.2.1,2001:db8::1", "--hook", "hook.example", "--client", "alice smith")
        self.assertEqual(done.returncode, 0, done.stderr)
        for name in ("mx.example", "192.0.2.1", "2001:db8::1"):
            kind = "-verify_hostname" if name == "mx.example" else "-verify_ip"
            self.assertTrue(self.verifies("server-mx.example.pem", "sslserver", kind, name), name)
        self.assertFalse(self.verifies("server-mx.example.pem", "sslserver", "-verify_hostname", "hook.example"))
        self.assertFalse(self.verifies("server-mx.example.pem", "sslclient"))
        self.assertTrue(self.verifies("hook-hook.example.pem", "sslserver", "-verify_hostname", "hook.example"))
        self.assertTrue(self.verifies("client-alice_smith.pem", "sslclient"))
        self.assertFalse(self.verifies("client-alice_smith.pem", "sslserver"))

    def test_keys_are_the_owners_alone(self):
        self.assertEqual(self.dev_ca().returncode, 0)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in self.folder.iterdir()}
        self.assertEqual({mode for mode in modes.values()}, {0o600}, modes)
        self.assertEqual(stat.S_IMODE(self.folder.stat().st_mode), 0o700)

    def test_nothing_that_is_there_is_overwritten(self):
        self.assertEqual(self.dev_ca("--client", "alice").returncode, 0)
        before = {path.name: path.read_bytes() for path in self.folder.iterdir()}
        done = self.dev_ca("--server", "mx.example", "--client", "alice")
        self.assertEqual(done.returncode, 1)
        self.assertIn("client-alice.pem is there", done.stderr)
        self.assertEqual({path.name: path.read_bytes() for path in self.folder.iterdir()}, before)
        self.assertEqual(self.dev_ca("--client", "bob").returncode, 0)
        self.assertEqual((self.folder / "ca.pem").read_bytes(), before["ca.pem"])
        (self.folder / "ca.key").unlink()
        done = self.dev_ca("--client", "carol")
        self.assertEqual(done.returncode, 1)
        self.assertIn("without the other half", done.stderr)

    def test_a_name_is_a_name(self):
        for arguments in (("--server", "a b"), ("--server", "x,DNS:evil\n"), ("--hook", ""), ("--client", "a/b")):
            self.assertEqual(self.dev_ca(*arguments).returncode, 1, arguments)
        self.assertFalse(self.folder.exists())
        self.assertEqual(self.dev_ca("--nonsense").returncode, 2)

    def test_it_prints_the_lines_that_use_what_it_made(self):
        done = self.dev_ca("--server", "mx.example", "--client", "alice")
        for line in (f"certificate_file: {self.folder}/server-mx.example.pem, key_file: {self.folder}/server-mx.example.key",
                     f"client_ca_file: {self.folder}/ca.pem", f"--cert {self.folder}/client-alice.pem"):
            self.assertIn(line, done.stdout)


if __name__ == "__main__":
    unittest.main()
