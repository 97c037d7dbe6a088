# SPDX-License-Identifier: Apache-2.0
"""What a hook is registered with counts when it is called: where it is, how long, how many at a time."""
import datetime
import pathlib
import unittest

from harness import DOMAIN, Hook, PenstockTest

SICK_HOOK = pathlib.Path(__file__).with_name("sick_hook.py")


class Registration(PenstockTest):
    def decided_by(self, target, *arguments):
        """Registers it, lets it decide a message, and returns the attempts."""
        said = self.daemon.penstock("hook", "register", "decide", "--target", target, *arguments)
        self.assertEqual(said.returncode, 0, said.stderr)
        self.daemon.penstock_ok("hook", "add-permission", "decide", "--statement-id", "all", "--principal", "default")
        self.sync_rule(fallback="drop", timeout="0m")
        (message,) = self.daemon.send([f"alice@{DOMAIN}"])
        return self.daemon.wait_closed(message)["invocations"][0]["attempts"], said.stderr

    def test_by_name(self):
        port = self.hook(SICK_HOOK).target.rpartition(":")[2]
        for name in (f"localhost:{port}", f"dns:///localhost:{port}"):
            with self.subTest(name):
                attempts, said = self.decided_by(name)
                self.assertEqual([one["code"] for one in attempts], ["OK"])
                self.assertIn(f"found at {name}: plain text", said)
                self.daemon.penstock_ok("rule", "delete", "ask", "--direction", "inbound")
                self.daemon.penstock_ok("hook", "remove", "decide")

    def test_by_a_unix_socket(self):
        path = self.daemon.folder / "hook.sock"
        hook = Hook(SICK_HOOK, f"unix:{path}")
        self.addCleanup(hook.stop)
        attempts, said = self.decided_by(f"unix:{path}")
        self.assertEqual([one["code"] for one in attempts], ["OK"])
        self.assertIn(f"found at unix:{path}: plain text", said)

    def test_a_deadline_of_its_own(self):
        hook = self.hook(SICK_HOOK, "127.0.0.1:0", "--delay", "3")
        attempts, _ = self.decided_by(hook.target, "--sync-deadline", "250ms")
        (attempt,) = attempts
        self.assertEqual((attempt["code"], attempt["error"]),
                         ("DEADLINE_EXCEEDED", "no complete answer within 250ms"))
        self.assertEqual(self.daemon.penstock_json("hook", "show", "decide")["syncDeadline"], "0.250s")
        self.daemon.penstock_ok("hook", "update", "decide", "--sync-deadline", "15s")
        (message,) = self.daemon.send([f"alice@{DOMAIN}"])
        (attempt,) = self.daemon.wait_closed(message)["invocations"][0]["attempts"]
        self.assertEqual(attempt["code"], "OK")

    def test_one_call_at_a_time(self):
        hook = self.hook(SICK_HOOK, "127.0.0.1:0", "--delay", "0.3")
        self.decided_by(hook.target, "--max-concurrent-calls", "1")
        messages = [self.daemon.send([f"alice@{DOMAIN}"])[0] for _ in range(3)]
        times = []
        for message in messages:
            (attempt,) = self.daemon.wait_closed(message)["invocations"][0]["attempts"]
            start = datetime.datetime.fromisoformat(attempt["startTime"].replace("Z", "+00:00"))
            times.append((start, start + datetime.timedelta(seconds=float(attempt["duration"].rstrip("s")))))
        times.sort()
        for (_, end), (start, _) in zip(times, times[1:]):
            self.assertGreaterEqual(start, end)

    def test_words_of_the_operator(self):
        self.daemon.penstock_ok("hook", "register", "decide", "--target", "127.0.0.1:1", "--label", "team=mail",
                                "--label", "stage=", "--description", "decides")
        self.assertEqual(self.daemon.penstock_json("hook", "show", "decide")["labels"], {"stage": "", "team": "mail"})
        self.assertIn("stage=, team=mail", self.daemon.penstock_ok("hook", "show", "decide"))
        self.daemon.penstock_ok("hook", "update", "decide", "--label", "team=web")
        self.assertEqual(self.daemon.penstock_json("hook", "show", "decide")["labels"], {"team": "web"})


if __name__ == "__main__":
    unittest.main()
