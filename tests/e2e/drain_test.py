# SPDX-License-Identifier: Apache-2.0
"""SIGTERM: no mail is taken any more, what runs ends within bounds, the rest goes on at the next start."""
import pathlib
import signal
import time
import unittest

from harness import DOMAIN, PenstockTest, wait_until

SICK_HOOK = pathlib.Path(__file__).with_name("sick_hook.py")


class Drain(PenstockTest):
    def rule(self, mode, hook, *more):
        self.register(hook.target)
        self.daemon.penstock_ok("rule", "create", "ask", "--direction", "inbound", "--sender", "*", "--recipient", "*",
                                "--hook", "decide", "--mode", mode, *more)

    def calls(self, hook):
        return [line.split()[2:] for line in hook.lines() if line.startswith("called ")]

    def test_an_async_call_that_hangs_is_cut_off_and_comes_again_under_its_number(self):
        hook = self.hook(SICK_HOOK, "127.0.0.1:0", "--delay", "30")
        self.rule("async", hook)
        (message,) = self.daemon.send([f"alice@{DOMAIN}"])
        wait_until("the call", lambda: self.calls(hook))
        begun = time.monotonic()
        self.assertEqual(self.daemon.stop(), 0)
        self.assertLess(time.monotonic() - begun, 15)  # it would have taken 30 s
        self.assertIn("stopped drained=yes", self.daemon.log.read_text())
        self.daemon.start()
        wait_until("the second call", lambda: len(self.calls(hook)) == 2)
        first, second = self.calls(hook)
        self.assertEqual(first, second)
        self.assertEqual(second[1], "1")
        self.assertEqual(self.daemon.show(message)["state"], "CLOSED")

    def test_what_runs_ends_while_nothing_new_is_taken(self):
        hook = self.hook(SICK_HOOK, "127.0.0.1:0", "--delay", "4")
        self.rule("sync", hook, "--fallback", "drop", "--timeout", "5m")
        (message,) = self.daemon.send([f"alice@{DOMAIN}"])
        wait_until("the call", lambda: self.calls(hook))
        self.daemon.process.send_signal(signal.SIGTERM)
        wait_until("the end of taking mail", self._refuses_connections)
        wait_until("the health to say so", lambda: self.daemon.http("/healthz") == (503, "draining\n"))
        self.assertEqual(self.daemon.process.wait(60), 0)
        self.assertEqual(len(self.calls(hook)), 1)
        self.daemon.start()
        shown = self.daemon.wait_closed(message)
        self.assertEqual([one["code"] for one in shown["invocations"][0]["attempts"]], ["OK"])
        self.assertEqual(len(self.daemon.mail_of("alice")), 1)

    def _refuses_connections(self):
        try:
            self.daemon.smtp().close()
            return False
        except OSError:
            return True

    def test_a_second_sigterm_ends_at_once_and_loses_nothing(self):
        hook = self.hook(SICK_HOOK, "127.0.0.1:0", "--delay", "14")
        self.rule("sync", hook, "--fallback", "drop", "--timeout", "5m")
        (message,) = self.daemon.send([f"alice@{DOMAIN}"])
        wait_until("the call", lambda: self.calls(hook))
        self.daemon.process.send_signal(signal.SIGTERM)
        wait_until("the drain", lambda: " stopping" in self.daemon.log.read_text())
        begun = time.monotonic()
        self.daemon.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.daemon.process.wait(60), 0)
        self.assertLess(time.monotonic() - begun, 8)
        self.daemon.start()
        wait_until("the call again", lambda: len(self.calls(hook)) == 2)
        self.assertEqual(self.calls(hook)[0], self.calls(hook)[1])
        self.daemon.wait_closed(message, timeout=60)
        self.assertEqual(len(self.daemon.mail_of("alice")), 1)


if __name__ == "__main__":
    unittest.main()
