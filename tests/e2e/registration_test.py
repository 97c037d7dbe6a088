# SPDX-License-Identifier: Apache-2.0
"""What a hook is registered with counts when it is called: where it is, how long, how many at a time."""
import contextlib
import datetime
import pathlib
import socket
import threading
import time
import unittest

from harness import DOMAIN, Hook, PenstockTest

SICK_HOOK = pathlib.Path(__file__).with_name("sick_hook.py")


class FarAway:
    """Carries connections to a port of loopback; the first octets of each wait for so many seconds."""

    def __init__(self, port, seconds):
        self.target, self.seconds = port, seconds
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sockets = []

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        for one in (self.listener, *self.sockets):
            one.close()

    def accept(self):
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self.listener.accept()
                hook = socket.create_connection(("127.0.0.1", self.target))
                self.sockets += [client, hook]
                threading.Thread(target=self.carry, args=(client, hook, self.seconds), daemon=True).start()
                threading.Thread(target=self.carry, args=(hook, client, self.seconds), daemon=True).start()

    @staticmethod
    def carry(source, sink, seconds):
        time.sleep(seconds)
        with contextlib.suppress(OSError):
            while octets := source.recv(65536):
                sink.sendall(octets)
            sink.shutdown(socket.SHUT_WR)


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

    def test_from_far_away(self):
        """A connection that takes its time to come up is not one that failed."""
        with FarAway(int(self.hook(SICK_HOOK).target.rpartition(":")[2]), seconds=1) as relay:
            attempts, _ = self.decided_by(f"127.0.0.1:{relay.port}")
        self.assertEqual([one["code"] for one in attempts], ["OK"])

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
