# SPDX-License-Identifier: Apache-2.0
"""Mail of all sizes and odd shapes, sent by tools not written here, arrives byte for byte (M7). What a
tool makes of a file is its own affair, so it sends each mail twice: straight to a mail server, and
through penstockd to another; both have to get the same octets.

PENSTOCK_MAILS says how many (default 50; 500 with the label slow). Sizes are log-spread from 1 KB to
40 MiB, so the 40 MiB ones are few. smtp-source comes from Debian's postfix package, unpacked below
the build folder and never installed; without network and package it is skipped aloud.
"""
import hashlib
import math
import os
import random
import shutil
import subprocess
import sys
import unittest

from harness import BUILD, DOMAIN, SOURCE, PenstockTest, wait_until
from next_hop import NextHop

sys.path.insert(0, str(SOURCE / "tests/support"))
import postfix  # noqa: E402

MAILS = int(os.environ.get("PENSTOCK_MAILS", "50"))
LINE_OCTETS = [octet for octet in range(32, 127) if octet not in b"%\\"]
SIZE_MIN, SIZE_MAX = 1 << 10, (40 << 20) - 4096  # room for what the tools add
HEADER = b"From: a@elsewhere.example\r\nDate: Sat, 21 Nov 2026 19:48:00 +0000\r\nSubject: n%d\r\n"


def odd_shapes(rng):
    """Bodies that a careless program alters: each with CRLF line ends, as SMTP demands."""
    part = b"--b\r\nContent-Type: text/plain\r\n\r\n" + b"x" * 70 + b"\r\n"
    return [
        b"\r\n.\r\n..\r\n.leading dot\r\n...\r\n",
        b"\r\n" + bytes(range(0x80, 0x100)) + b"\r\n",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part * 50,  # no closing delimiter
        b"Content-Type: multipart/mixed\r\n\r\n--nobody\r\n",  # no boundary
        b"X-Folded: a\r\n b\r\n\tc\r\nX-Empty:\r\nX-Spaces :odd\r\n\r\nbody \t \r\n",
        b"X-Long: " + b"y" * 60000 + b"\r\n\r\n" + b"z" * 100000 + b"\r\n",
        b"Received: from old\r\nReceived: from older\r\nX-Penstock: no\r\n\r\n\r\n\r\n",
        b"Content-Transfer-Encoding: base64\r\n\r\n" + b"not base64 at all!\r\n" * 20,
        b"\r\n" + bytes(rng.randrange(1, 10) for _ in range(200)).replace(b"\r", b"").replace(b"\n", b"") + b"\r\n",
        b"no header line here\r\n\r\nFrom inside\r\n>From quoted\r\n",
        b"Subject: =?utf-8?q?caf=C3=A9?=\r\n =?iso-8859-1?q?_=E9?=\r\n\r\n\xff\xfe\r\n",
        b"\r\n" + b"\t\x0b\x0c end\r\n" * 30,
    ]


def content(number, rng):
    size = int(math.exp(rng.uniform(math.log(SIZE_MIN), math.log(SIZE_MAX))))
    head = HEADER % number
    shapes = odd_shapes(rng)
    mail = head + shapes[number % len(shapes)]
    if b"\r\n\r\n" not in mail:
        mail += b"\r\n"
    # Without what swaks would expand: its %TOKENS% and \\n.
    line = bytes(rng.choice(LINE_OCTETS) for _ in range(76)) + b"\r\n"
    if len(mail) < size:
        mail += line * ((size - len(mail)) // len(line))
    return mail


class Identity(PenstockTest):
    daemon_options = {"inbound": "relay"}

    def test_mail_arrives_byte_for_byte(self):
        try:
            source, environment = postfix.program("smtp-source", BUILD)
        except (subprocess.CalledProcessError, OSError, ValueError) as error:
            if os.environ.get("CI") == "true":
                raise
            self.skipTest(f"SKIPPED: smtp-source (Debian package postfix) cannot be had: {error}")
        self.assertIsNotNone(shutil.which("swaks"), "swaks is missing: apt-get install swaks")
        seed = int(os.environ.get("PENSTOCK_SEED", "1"))
        print(f"PENSTOCK_SEED={seed} replays this run of {MAILS} mails")
        rng = random.Random(seed)
        straight = NextHop()
        self.addCleanup(straight.stop)
        for number in range(MAILS):
            mail = content(number, rng)
            recipient = f"user{number}@{DOMAIN}"
            path = self.daemon.folder / "mail.eml"
            path.write_bytes(mail)
            tool = self.by_swaks if number % 2 else self.by_smtp_source
            for port in (straight.port, self.daemon.ports["mx"]):
                tool(path, recipient, port, source, environment)
        want = self.by_recipient(straight.wait(MAILS))
        got = self.by_recipient(self.next_hop.wait(MAILS, timeout=120), self.without_trace_field)
        self.assertEqual(len(want), MAILS)
        self.assertEqual({key for key in want if got[key] != want[key]}, set())
        self.each_is_accounted_for(want)

    def by_recipient(self, transactions, strip=lambda data: data):
        kept = {}
        for one in transactions:
            (recipient,) = one.recipients
            self.assertNotIn(recipient, kept, "delivered twice")
            data = strip(one.data)
            kept[recipient] = (len(data), hashlib.sha256(data).hexdigest())
        return kept

    def by_swaks(self, path, recipient, port, *_):
        done = subprocess.run(
            ["swaks", "--silent", "2", "--server", f"127.0.0.1:{port}", "--helo", "t.example",
             "--from", "a@elsewhere.example", "--to", recipient, "--timeout", "120", "--data", f"@{path}"],
            capture_output=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout[-500:] + done.stderr[-500:])

    def by_smtp_source(self, path, recipient, port, source, environment):
        # It adds CR to each LF of the file by itself.
        path.write_bytes(path.read_bytes().replace(b"\r\n", b"\n"))
        done = subprocess.run(
            [source, "-F", path, "-f", "a@elsewhere.example", "-t", recipient, f"127.0.0.1:{port}"],
            capture_output=True, timeout=120, env=environment)
        self.assertEqual(done.returncode, 0, done.stderr[-500:])

    def without_trace_field(self, data):
        self.assertTrue(data.startswith(b"Received: "), data[:80])
        end = 0
        while True:
            end = data.index(b"\r\n", end) + 2
            if data[end : end + 1] not in (b" ", b"\t"):
                return data[end:]

    def each_is_accounted_for(self, want):
        def all_closed():
            shown, token = {}, ""
            while True:
                page = self.daemon.penstock_json("message", "list", "--limit", "100", *(["--page-token", token] if token else []))
                for message in page["messages"]:
                    for one in message["recipients"]:
                        shown[one["address"]] = one["state"]
                token = page["nextPageToken"]
                if not token:
                    break
            return shown if shown and set(shown.values()) == {"DELIVERED"} else None
        self.assertEqual(set(wait_until("all to be delivered", all_closed)), set(want))


if __name__ == "__main__":
    unittest.main()
