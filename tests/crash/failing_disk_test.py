# SPDX-License-Identifier: Apache-2.0
"""A real penstockd whose disk is full, or fails: 452 to the client, nothing lost, and mail is taken
again as soon as the disk is well, without a restart."""
import collections
import errno
import os
import pathlib
import re
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from harness import BUILD, DOMAIN, Daemon, wait_until  # noqa: E402
from next_hop import NextHop  # noqa: E402

MESSAGE_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MAIL = "From: <sender@elsewhere.example>\r\nSubject: hello\r\n\r\n"


class FailingDisk(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="penstock-disk-")
        self.addCleanup(folder.cleanup)
        self.fault = pathlib.Path(folder.name) / "fault"
        hop = NextHop()
        self.addCleanup(hop.stop)
        self.daemon = Daemon(folder.name, hop.port)
        environment = {"LD_PRELOAD": str(BUILD / "tests/crash/libfailing_disk.so"),
                       "PENSTOCK_DISK_FAULT": str(self.fault),
                       "PENSTOCK_DISK_FAULT_BELOW": str(self.daemon.folder / "data")}
        before = {name: os.environ.get(name) for name in environment}
        os.environ.update(environment)
        try:
            self.daemon.start()
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})
        self.addCleanup(self.daemon.kill)
        self.daemon.penstock_ok("org", "add-domain", "default", DOMAIN)
        self.answers = collections.defaultdict(list)  # code -> recipients
        self.messages = []
        self.count = 0

    def send(self, octets):
        """Sends one mail; returns the code that it was answered."""
        self.count += 1
        recipient = f"user{self.count}@{DOMAIN}"
        with self.daemon.smtp() as client:
            client.ehlo("client.example")
            client.mail("sender@elsewhere.example")
            client.rcpt(recipient)
            code, text = client.data(MAIL.encode() + b"x" * 60 + b"\r\n" * (octets // 2))
        self.answers[code].append(recipient)
        self.messages += MESSAGE_ID.findall(text.decode()) if code == 250 else []
        return code

    def check(self, fault):
        self.assertEqual([self.send(octets) for octets in (100, 30_000, 200_000)], [250] * 3)
        self.fault.write_text(str(fault))
        for octets in (100, 30_000, 200_000, 100, 30_000):
            self.assertEqual(self.send(octets), 452)
        self.fault.unlink()
        for octets in (100, 30_000, 200_000):
            wait_until("mail to be taken again", lambda n=octets: self.send(n) == 250, 20)

        # A delivery whose record the disk refused is recorded now, not made again.
        for message in self.messages:
            self.daemon.wait_closed(message)
        self.daemon.kill()
        self.daemon.start()
        for code, recipients in self.answers.items():
            for recipient in recipients:
                mails = self.daemon.mail_of(recipient.split("@")[0])
                self.assertEqual(len(mails), 1 if code == 250 else 0, (code, recipient))

    def test_a_full_disk(self):
        self.check(errno.ENOSPC)

    def test_a_disk_that_fails(self):
        self.check(errno.EIO)


if __name__ == "__main__":
    unittest.main()
