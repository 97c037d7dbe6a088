# SPDX-License-Identifier: Apache-2.0
"""Each odd message of tests/support/odd_messages.py goes in by DATA, or, where DATA cannot carry it, by BDAT with
BODY=BINARYMIME (RFC 3030), and lies in a Maildir octet for octet as it came, but for the trace field (M7). A CR or LF
alone in the header section is refused by every way; nothing else may be left out.
"""
import sys
import unittest

from harness import DOMAIN, SOURCE, PenstockTest, wait_until

sys.path.insert(0, str(SOURCE / "tests/support"))
from odd_messages import messages, why_not_data  # noqa: E402


def has_odd_header(content):
    header = content.partition(b"\r\n\r\n")[0].replace(b"\r\n", b"")
    return b"\r" in header or b"\n" in header


class OddMessages(PenstockTest):
    daemon_options = {"inbound": "mailbox"}

    def test_each_leaves_as_it_came(self):
        corpus = messages()
        self.assertGreaterEqual(len(corpus), 300)
        binary = {name for name, content in corpus.items() if why_not_data(content)}
        refused = {name for name in binary if has_odd_header(corpus[name])}
        self.assertEqual(refused, {f"line-ends-{name}" for name in
                                   ("lf", "cr", "lf-cr", "cr-cr-lf", "lf-in-header", "cr-in-header")})
        with self.daemon.smtp() as client:
            client.ehlo("client.example")
            for name, content in corpus.items():
                code, text = self.send_binary(client, name, content) if name in binary else self.send(client, name, content)
                self.assertEqual(code, 550 if name in refused else 250, (name, text))
        for name, content in corpus.items():
            if name in refused:
                continue
            with self.subTest(name):
                (file,) = wait_until("the delivery", lambda name=name: self.daemon.mail_of(name))
                self.assertEqual(self.without_trace_field(file.read_bytes()), content)
        print(f"{len(corpus) - len(refused)} of {len(corpus)} messages, {len(binary - refused)} by BDAT; "
              f"refused: {sorted(refused)}")

    def send(self, client, name, content):
        client.mail("sender@elsewhere.example")
        code, text = client.rcpt(f"{name}@{DOMAIN}")
        self.assertEqual(code, 250, text)
        self.assertEqual(client.docmd("DATA")[0], 354)
        stuffed = (b"\r\n" + content).replace(b"\r\n.", b"\r\n..")[2:]
        client.send(stuffed + b".\r\n")
        return client.getreply()

    def send_binary(self, client, name, content):
        client.mail("sender@elsewhere.example", ["BODY=BINARYMIME"])
        code, text = client.rcpt(f"{name}@{DOMAIN}")
        self.assertEqual(code, 250, text)
        client.send(b"BDAT %d LAST\r\n" % len(content) + content)
        return client.getreply()

    def without_trace_field(self, octets):
        self.assertTrue(octets.startswith(b"Received: "), octets[:80])
        end = octets.index(b"\r\n") + 2
        while octets[end:end + 1] == b"\t":  # ours is folded by tabs
            end = octets.index(b"\r\n", end) + 2
        return octets[end:]


if __name__ == "__main__":
    unittest.main()
