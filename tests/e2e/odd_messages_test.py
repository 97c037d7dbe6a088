# SPDX-License-Identifier: Apache-2.0
"""Each odd message of tests/support/odd_messages.py that SMTP's DATA can carry goes in and lies in a
Maildir octet for octet as it came, but for the trace field (M7). What DATA cannot carry is counted and
named; nothing else may be left out.
"""
import sys
import unittest

from harness import DOMAIN, SOURCE, PenstockTest, wait_until

sys.path.insert(0, str(SOURCE / "tests/support"))
from odd_messages import messages, why_not_data  # noqa: E402


class OddMessages(PenstockTest):
    daemon_options = {"inbound": "mailbox"}

    def test_each_leaves_as_it_came(self):
        corpus = messages()
        self.assertGreaterEqual(len(corpus), 300)
        skipped = {name: why for name, content in corpus.items() if (why := why_not_data(content))}
        self.assertEqual({name for name in skipped if not name.startswith("line-ends-")}, set())
        sent = {name: content for name, content in corpus.items() if name not in skipped}
        self.assertGreaterEqual(len(sent), 300)
        with self.daemon.smtp() as client:
            client.ehlo("client.example")
            for name, content in sent.items():
                self.send(client, name, content)
        for name, content in sent.items():
            with self.subTest(name):
                (file,) = wait_until("the delivery", lambda name=name: self.daemon.mail_of(name))
                self.assertEqual(self.without_trace_field(file.read_bytes()), content)
        print(f"{len(sent)} of {len(corpus)} messages; DATA cannot carry {len(skipped)}:")
        for name, why in skipped.items():
            print(f"  {name}: {why}")

    def send(self, client, name, content):
        client.mail("sender@elsewhere.example")
        code, text = client.rcpt(f"{name}@{DOMAIN}")
        self.assertEqual(code, 250, text)
        self.assertEqual(client.docmd("DATA")[0], 354)
        stuffed = (b"\r\n" + content).replace(b"\r\n.", b"\r\n..")[2:]
        client.send(stuffed + b".\r\n")
        code, text = client.getreply()
        self.assertEqual(code, 250, (name, text))

    def without_trace_field(self, octets):
        self.assertTrue(octets.startswith(b"Received: "), octets[:80])
        end = octets.index(b"\r\n") + 2
        while octets[end:end + 1] == b"\t":  # ours is folded by tabs
            end = octets.index(b"\r\n", end) + 2
        return octets[end:]


if __name__ == "__main__":
    unittest.main()
