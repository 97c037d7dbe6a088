# SPDX-License-Identifier: Apache-2.0
"""`penstock hook tail` shows what comes of hooks' calls, `penstock hook list` how hooks fare."""
import json
import pathlib
import signal
import subprocess
import unittest

from harness import DOMAIN, PENSTOCK, PenstockTest, wait_until

SICK_HOOK = pathlib.Path(__file__).with_name("sick_hook.py")
MAIL = (b"From: ada@elsewhere.example\r\nDate: Sat, 21 Nov 2026 19:48:00 +0000\r\nSubject: confidential\r\n\r\n"
        b"a secret\r\n")


class Tail:
    """A `penstock hook tail` that has begun."""

    def __init__(self, test, *arguments):
        folder = pathlib.Path(test.daemon.folder)
        self.errors = (folder / f"tail{len(list(folder.glob('tail*')))}").open("w+")
        test.addCleanup(self.errors.close)
        self.process = subprocess.Popen([PENSTOCK, "--socket", test.daemon.socket, "hook", "tail", *arguments],
                                        stdout=subprocess.PIPE, stderr=self.errors, text=True)
        test.addCleanup(self.end)
        wait_until("the watch to begin", lambda: "watching" in self.said())

    def said(self):
        return pathlib.Path(self.errors.name).read_text(encoding="utf-8")

    def line(self):
        return self.process.stdout.readline()

    def json(self):
        return json.loads(self.line())

    def wait(self):
        return self.process.wait(30)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if not self.process.stdout.closed:
            self.process.stdout.close()


class HookTail(PenstockTest):
    def setUp(self):
        super().setUp()
        self.failing = self.daemon.folder / "failing"
        self.sick = self.hook(SICK_HOOK, "127.0.0.1:0", "--fail-while", str(self.failing))
        self.register(self.sick.target)

    def send(self, *names):
        (message,) = self.daemon.send([f"{name}@{DOMAIN}" for name in names], MAIL, sender="ada@elsewhere.example")
        return message

    def test_what_comes_of_calls(self):
        self.daemon.penstock_ok("rule", "create", "tell", "--direction", "inbound", "--sender", "elsewhere.example",
                                "--recipient", f"carol@{DOMAIN}", "--hook", "decide", "--mode", "async")
        self.sync_rule(fallback="bounce")
        tails = [Tail(self, "--output", "json"), Tail(self, "decide", "--org", "default", "--output", "json")]
        human = Tail(self)
        message = self.send("alice", "bob", "dora", "emil")
        for tail in tails:
            text = tail.line()
            for word in ("secret", "confidential"):
                self.assertNotIn(word, text)
            line = json.loads(text)
            self.assertRegex(line.pop("endTime"), r"\A20\d\d-")
            self.assertRegex(line.pop("duration"), r"\A\d+(\.\d+)?s\Z")
            self.assertRegex(line.pop("invocationId"), r"\A[0-9a-f]{32}\Z")
            self.assertEqual(line, {
                "missedCount": "0", "hook": "decide", "organization": "default", "message": f"messages/{message}",
                "flowRule": "organizations/default/directions/inbound/flowRules/ask", "mode": "SYNC", "attempt": 1,
                "code": "OK", "detail": "", "result": "ANSWERED",
                "outcomes": [{"action": "DEFAULT", "recipients": [f"{name}@{DOMAIN}" for name in ("alice", "bob", "dora")],
                              "recipientCount": "4"}]})
        self.assertRegex(human.line(), rf"\A20\S+Z decide SYNC attempt 1 OK in \S+s: DEFAULT alice@{DOMAIN}, bob@{DOMAIN}, "
                         rf"dora@{DOMAIN} and 1 more \[rule ask of default, message {message}\]\n\Z")
        self.send("carol")
        for tail in tails:
            line = tail.json()
            self.assertEqual((line["mode"], line["result"], line["outcomes"]), ("ASYNC", "ANSWERED", []))
        self.assertRegex(human.line(), r" decide ASYNC attempt 1 OK in \S+s: done \[rule tell ")

    def test_what_goes_wrong(self):
        self.sync_rule(fallback="bounce")
        self.failing.touch()
        failed = Tail(self, "--failed", "--output", "json")
        human = Tail(self)
        message = self.send("alice")
        line = failed.json()
        self.assertEqual((line["attempt"], line["code"], line["detail"], line["result"]),
                         (1, "UNAVAILABLE", "told to fail", "RETRY"))
        self.assertIn("nextAttemptTime", line)
        self.assertRegex(human.line(), r"UNAVAILABLE in \S+: told to fail; next attempt at 20\S+Z \[")
        one = Tail(self, "--message", message, "--output", "json")
        self.failing.unlink()
        self.daemon.wait_closed(message)
        numbers = []
        while not numbers or line["result"] != "ANSWERED":
            line = one.json()
            self.assertEqual(line["message"], f"messages/{message}")
            numbers.append(line["attempt"])
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))
        # The rest goes by --failed as well, the answer does not.
        self.failing.touch()
        self.daemon.penstock_ok("rule", "update", "ask", "--direction", "inbound", "--timeout", "0m", "--fallback", "drop")
        last = self.send("bob")
        while line["result"] != "FALLBACK":
            line = failed.json()
            self.assertIn(line["result"], ("RETRY", "FALLBACK"))
        self.assertEqual((line["message"], line["attempt"]), (f"messages/{last}", 1))
        self.assertEqual(line["outcomes"], [{"action": "DROP", "recipients": [f"bob@{DOMAIN}"], "recipientCount": "1"}])

    def test_a_signal_ends_it_well(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            tail = Tail(self)
            tail.process.send_signal(number)
            self.assertEqual((tail.wait(), tail.said()), (0, "watching; Ctrl-C ends it\n"))

    def test_it_ends_when_nobody_reads_it_any_more(self):
        tail = Tail(self)
        tail.process.stdout.close()
        self.assertEqual(tail.wait(), 0, tail.said())

    def test_the_daemon_stops(self):
        tails = [Tail(self), Tail(self, "--output", "yaml")]
        self.assertEqual(self.daemon.stop(), 0)
        for tail in tails:
            self.assertEqual(tail.wait(), 3)
            self.assertIn("penstock hook tail: the daemon is stopping", tail.said())

    def test_the_daemon_dies(self):
        tail = Tail(self)
        self.daemon.kill()
        self.assertEqual(tail.wait(), 3)
        self.assertIn("look at penstockd's log", tail.said())

    def test_what_is_refused(self):
        for arguments, text in ((["decode"], 'there is no hook "decode"; penstock hook list shows'),
                                (["--org", "nobody"], "penstock org list"),
                                (["--message", "a/b"], '--message: "messages/a/b": expected')):
            done = self.daemon.penstock("hook", "tail", *arguments)
            self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
            self.assertIn(text, done.stderr)
            self.assertNotIn("watching", done.stderr)


class HookList(PenstockTest):
    def status(self):
        listed = self.daemon.penstock_json("hook", "list")
        self.assertEqual([one["name"] for one in listed["hooks"]], ["hooks/decide"])
        (status,) = listed["statuses"]
        return status

    def test_how_a_hook_fares(self):
        failing = self.daemon.folder / "failing"
        sick = self.hook(SICK_HOOK, "127.0.0.1:0", "--fail-while", str(failing), "--delay", "0.03")
        self.register(sick.target)
        self.sync_rule(fallback="drop", timeout="0m")
        self.assertIn("not called", self.daemon.penstock_ok("hook", "list"))
        self.assertNotIn("p50Duration", self.status())
        for _ in range(3):
            self.daemon.wait_closed(self.daemon.send([f"alice@{DOMAIN}"])[0])
        status = self.status()
        self.assertEqual((status["state"], status["recentCallCount"], status["recentFailureCount"]), ("UP", "3", "0"))
        seconds = [float(status[name].rstrip("s")) for name in ("p50Duration", "p99Duration", "recentDuration")]
        self.assertGreaterEqual(seconds[0], 0.03)
        self.assertGreaterEqual(seconds[1], seconds[0])
        self.assertTrue(50 <= seconds[2] <= 60, seconds)
        failing.touch()
        self.daemon.wait_closed(self.daemon.send([f"alice@{DOMAIN}"])[0])
        status = self.status()
        self.assertEqual((status["recentCallCount"], status["recentFailureCount"], status["lastError"]),
                         ("4", "1", "told to fail"))
        self.assertRegex(self.daemon.penstock_ok("hook", "list"),
                         r"(?m)^decide .* default +up +0\.\d+ +\d+ms +\d+ms +1 +0 +0 +20\S+Z told to fail$")
        sick.stop()
        self.daemon.wait_closed(self.daemon.send([f"alice@{DOMAIN}"])[0])
        wait_until("it to be down", lambda: self.status()["state"] in ("DOWN", "CONNECTING"))
        self.daemon.penstock_ok("hook", "update", "decide", "--target", "127.0.0.1:1")
        self.assertEqual(self.status()["state"], "UNSPECIFIED")


if __name__ == "__main__":
    unittest.main()
