# SPDX-License-Identifier: Apache-2.0
"""More mail than is worked on at a time waits for a hook or a next hop that hangs: mail for the others
goes on (H13)."""
import pathlib
import socket
import threading
import unittest

from harness import DOMAIN, PenstockTest
from failures_test import SLOW_HOOK

SICK_HOOK = pathlib.Path(__file__).with_name("sick_hook.py")
CROWD = 2200  # more than limits::kMessagesActiveMax
CONTENT = b"From: s@crowd.example\r\nDate: Sat, 21 Nov 2026 19:48:00 +0000\r\n\r\nhello\r\n"


class Crowd(PenstockTest):
    def send_crowd(self, listener, recipient, sender="s@crowd.example", crowd=CROWD):
        content = CONTENT.replace(b"s@crowd.example", sender.encode())

        def send():
            with self.daemon.smtp(listener) as client:
                client.ehlo("client.example")
                for _ in range(crowd // 4):
                    client.mail(sender)
                    client.rcpt(recipient)
                    replies.append(client.data(content)[0])
        replies = []
        threads = [threading.Thread(target=send) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(replies, [250] * crowd)

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

    def ask(self, name, target, sender):
        self.register(target, name)
        self.daemon.penstock_ok("rule", "create", name, "--direction", "inbound", "--sender", sender,
                                "--recipient", "*", "--hook", name, "--mode", "sync",
                                "--fallback", "drop", "--timeout", "60m")

    def test_sick_hooks_beside_a_healthy_one(self):
        dead = self.hook()
        dead.stop()
        black_hole = socket.create_server(("127.0.0.1", 0), backlog=100)  # connects, and says nothing
        self.addCleanup(black_hole.close)
        slow, healthy = self.hook(SICK_HOOK, "127.0.0.1:0", "--delay", "14"), self.hook(SICK_HOOK)
        self.ask("dead", dead.target, "dead.example")
        self.ask("black-hole", f"127.0.0.1:{black_hole.getsockname()[1]}", "black-hole.example")
        self.ask("slow", slow.target, "slow.example")
        self.ask("healthy", healthy.target, "healthy.example")
        for sick in ("dead", "black-hole", "slow"):
            self.send_crowd("mx", f"alice@{DOMAIN}", f"s@{sick}.example", 400)
        for _ in range(20):
            (message,) = self.daemon.send([f"bob@{DOMAIN}"], sender="s@healthy.example")
            shown = self.daemon.wait_closed(message, timeout=8)
            self.assertEqual([one["code"] for one in shown["invocations"][0]["attempts"]], ["OK"])
        status = self.daemon.penstock_json("status")
        self.assertGreaterEqual(int(status["openMessageCount"]), 1000)

    def test_a_next_hop_that_hangs(self):
        self.next_hop.stop()
        with socket.create_server(("127.0.0.1", self.next_hop.port), backlog=100):  # never greets
            self.send_crowd("out", "somebody@far.example")
            self.check_that_others_go_on()


if __name__ == "__main__":
    unittest.main()
