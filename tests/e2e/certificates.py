# SPDX-License-Identifier: Apache-2.0
"""Certificates for the tests of TLS, made by tools/dev-ca."""
import pathlib
import re
import subprocess

from harness import SOURCE

LOOPBACK = "localhost,127.0.0.1,::1"


class Authority:
    """A development authority below `folder`."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.ca = self.folder / "ca.pem"

    def make(self, kind, names=LOOPBACK, days=365):
        """Makes a certificate; returns its path and its key's."""
        done = subprocess.run([SOURCE / "tools/dev-ca", self.folder, f"--{kind}", names, "--days", str(days)],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        stem = re.sub(r"[^A-Za-z0-9._-]", "_", names.split(",")[0] if kind != "client" else names)
        certificate = self.folder / f"{kind}-{stem}.pem"
        return certificate, certificate.with_suffix(".key")


def s_client(port, *arguments, send=b""):
    """What openssl's client, which knows nothing of ours, has to say of a port: all its output."""
    done = subprocess.run(["openssl", "s_client", "-ign_eof", "-connect", f"127.0.0.1:{port}", *map(str, arguments)],
                          input=send, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30)
    return done.stdout.decode(errors="replace")
