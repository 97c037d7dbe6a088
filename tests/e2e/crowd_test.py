# SPDX-License-Identifier: Apache-2.0
"""More mail than is worked on at a time waits for a hook or a next hop that hangs: mail for the others
goes on (H13)."""
import socket
import threading
import unittest

from harness import DOMAIN, PenstockTest
from failures_test import SLOW_HOOK

CROWD = 2200  # more than limits::kMessagesActiveMax
CONTENT = b"From: s@crowd.example\r\nDate: Sat, 21 Nov 2026 19:48:00 +0000\r\n\r\nhello\r\n"


class Crowd(PenstockTest):
    def send_crowd(self, listener, recipient):
        def send():
            with self.daemon.smtp(listener) as client:
                client.ehlo("client.example")
                for _ in range(CROWD // 4):
                    client.mail("s@crowd.example")
                    client.rcpt(recipient)
                    replies.append(client.data(CONTENT)[0])
        replies = []
        threads = [threading.Thread(target=send) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(replies, [250] * CROWD)

    def check_that_others_go_on(self):
        (message,) = self.daemon.send([f"bob@{DOMAIN}"])
        self.daemon.wait_closed(message, timeout=8)
        status = self.daemon.penstock_json("status")
        self.assertGreaterEqual(int(status["openMessageCount"]), CROWD - 500)

    def test_a_hook_that_hangs(self):
        script = self.daemon.folder / "slow.py"
        script.write_text(SLOW_HOOK)
        self.register(self.hook(script).target)
        self.daemon.penstock_ok("rule", "create", "ask", "--direction", "inbound", "--sender", "crowd.example",
                                "--recipient", "*", "--hook", "decide", "--mode", "sync",
                                "--fallback", "default", "--timeout", "60m")
        self.send_crowd("mx", f"alice@{DOMAIN}")
        self.check_that_others_go_on()

    def test_a_next_hop_that_hangs(self):
        self.next_hop.stop()
        with socket.create_server(("127.0.0.1", self.next_hop.port), backlog=100):  # never greets
            self.send_crowd("out", "somebody@far.example")
            self.check_that_others_go_on()


if __name__ == "__main__":
    unittest.main()
