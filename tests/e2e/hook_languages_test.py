# SPDX-License-Identifier: Apache-2.0
"""The hooks below examples/, one in each language, answer tests/data/hooks/conformance.json alike, and are
reported on alike by `penstock hook check` (tests/data/hooks/check_report.json), in plain text and with TLS
both ways; decide real mail; end calls with their deadline; and stop without losing one.

Usage: hook_languages_test.py python|node|go|java|rust|cpp
Without the language's tools it says so and is skipped (exit code 77); with CI=true it fails.
"""
import concurrent.futures
import json
import os
import re
import signal
import subprocess
import sys
import unittest

import grpc
from harness import DOMAIN, SOURCE, STUBS, PenstockTest, wait_until
from hook_examples import SKIPPED, Example, Missing, build

sys.path.insert(0, str(STUBS))
from google.protobuf import json_format  # noqa: E402
from penstock.v1 import hook_pb2, hook_pb2_grpc  # noqa: E402

LANGUAGE = sys.argv.pop(1) if len(sys.argv) > 1 else "python"
VECTORS = json.loads((SOURCE / "tests/data" / "hooks/conformance.json").read_text(encoding="utf-8"))
REPORT = json.loads((SOURCE / "tests/data" / "hooks/check_report.json").read_text(encoding="utf-8"))
CODE_LINES_MAX = 100
# A line that is a comment, or says what is imported; `#[` begins an attribute of Rust.
NO_CODE = re.compile(r"\s*(#(?!\[)|//|/\*\*|(import|use|package)\s|from \S+ import\s)")


def answer_of(value):
    text = value if isinstance(value, str) else json.dumps(value)
    return json_format.Parse(text, hook_pb2.InvokeResponse())


def request_of(vector):
    event = {key: value for key, value in vector["input"].items() if value is not None}
    return hook_pb2.InvokeRequest(event=json_format.ParseDict(event, hook_pb2.Event()), mode="SYNC", attempt=1)


class Language(PenstockTest):
    maxDiff = None

    def example(self, *arguments):
        hook = Example(LANGUAGE, *arguments)
        self.addCleanup(hook.stop)
        return hook

    def certificates(self):
        """An authority, and a certificate for the hook and one for penstockd."""
        folder = self.daemon.folder / "tls"
        subprocess.run([SOURCE / "tools/dev-ca", folder, "--hook", "127.0.0.1,localhost", "--client", "penstockd"],
                       check=True, stdout=subprocess.DEVNULL)
        return folder

    def allow(self, name):
        self.daemon.penstock_ok("hook", "add-permission", name, "--statement-id", "all", "--principal", "default")

    def check_report(self, transport, target, *options):
        """What `hook check` says of the hook is the same in each language, but for how long things took."""
        done = self.daemon.penstock("hook", "check", target, *options, "--output", "json")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        got = [{key: re.sub(r"(connected in|took) \S+", r"\1 TIME", one[key]) for key in REPORT[0]}
               for one in json.loads(done.stdout)["checks"]]
        reach, *others = REPORT
        self.assertEqual(got, [{**reach, "found": f"{transport}, {reach['found']}"}, *others])

    def check_all(self, name):
        """Asks the hook each vector as mail asks it, through the daemon."""
        self.daemon.penstock_ok("org", "add-domain", "default", "other.example")
        def ask(number):
            path = self.daemon.folder / f"event{number}.json"
            path.write_text(json.dumps(VECTORS[number]["input"]), encoding="utf-8")
            return self.daemon.penstock("hook", "invoke", name, "--event", path, "--output", "json")
        wait_until("the daemon's connection", lambda: ask(0).returncode == 0)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(ask, range(len(VECTORS))))
        for vector, done in zip(VECTORS, answers):
            with self.subTest(vector["name"]):
                self.assertEqual(done.returncode, 0, done.stderr)
                got = json.loads(done.stdout)
                self.assertEqual(answer_of(got["answer"]), answer_of(vector["want"]))
                self.assertEqual(got["resolution"]["warnings"], [])

    def test_answers_in_plain_text(self):
        target = self.example().target
        self.check_report("plain text", target)
        self.register(target)
        self.check_all("decide")

    def test_answers_with_tls_both_ways(self):
        folder = self.certificates()
        hook = self.example("--tls-certificate", folder / "hook-127.0.0.1.pem", "--tls-key", folder / "hook-127.0.0.1.key",
                            "--tls-ca", folder / "ca.pem")
        # Asked by a name: gRPC would name the address in its greeting, and rustls refuses that (RFC 6066 §3).
        trust = ["--tls-ca", folder / "ca.pem", "--tls-server-name", "localhost"]
        ours = ["--tls-certificate", folder / "client-penstockd.pem", "--tls-key", folder / "client-penstockd.key"]
        self.check_report("over TLS", hook.target, *trust, *ours)
        self.daemon.penstock_ok("hook", "register", "decide", "--target", hook.target, *trust, *ours)
        self.allow("decide")
        self.check_all("decide")
        # A client that shows no certificate gets no answer.
        self.daemon.penstock_ok("hook", "register", "nobody", "--target", hook.target, *trust)
        self.allow("nobody")
        done = self.daemon.penstock("hook", "invoke", "nobody", "--event", self.daemon.folder / "event0.json",
                                    "--output", "json")
        self.assertEqual((done.returncode, json.loads(done.stdout)["code"]), (1, "UNAVAILABLE"), done.stderr)

    def test_decides_mail(self):
        self.register(self.example().target)
        self.sync_rule(fallback="bounce")
        (message,) = self.daemon.send([f"{name}@{DOMAIN}" for name in ("bob", "closed", "noreply")])
        self.assertEqual(self.outcomes(message), {
            f"bob@{DOMAIN}": "DEFAULT", f"closed@{DOMAIN}": "BOUNCE", f"noreply@{DOMAIN}": "DROP",
            f"archive@{DOMAIN}": "DEFAULT"})
        self.assertEqual({name: len(self.daemon.mail_of(name)) for name in ("bob", "closed", "noreply", "archive")},
                         {"bob": 1, "closed": 0, "noreply": 0, "archive": 1})
        (bounce,) = self.next_hop.wait(1)
        self.assertIn(f"This mailbox is closed. Write to help@{DOMAIN}".encode(), bounce.data)

    def outcomes(self, message):
        shown = self.daemon.wait_closed(message)
        return {one["address"]: one["verdict"]["action"] for one in shown["recipients"]}

    def test_decides_mail_that_leaves(self):
        self.register(self.example().target)
        self.daemon.penstock_ok("rule", "create", "ask", "--direction", "outbound", "--sender", "*", "--recipient", "*",
                                "--hook", "decide", "--mode", "sync", "--fallback", "bounce", "--timeout", "5m")
        mail = f"From: bob@{DOMAIN}\r\nDate: Sat, 21 Nov 2026 19:48:00 +0000\r\nSubject: %s\r\n\r\nhello\r\n"
        (message,) = self.daemon.send(["ada@elsewhere.example"], mail % "Hello", f"bob@{DOMAIN}", "out")
        self.assertEqual(self.outcomes(message), {"ada@elsewhere.example": "DEFAULT", f"archive@{DOMAIN}": "DEFAULT"})
        (message,) = self.daemon.send(["ada@elsewhere.example"], mail % "[internal] Figures", f"bob@{DOMAIN}", "out")
        self.assertEqual(self.outcomes(message), {"ada@elsewhere.example": "BOUNCE"})

    def test_says_that_it_is_well(self):
        with grpc.insecure_channel(self.example().target) as channel:
            check = channel.unary_unary("/grpc.health.v1.Health/Check")
            self.assertEqual(check(b"", timeout=10), b"\x08\x01")  # status: SERVING

    def test_gives_up_at_the_deadline(self):
        hook = self.example("--delay", "60000")
        with grpc.insecure_channel(hook.target) as channel:
            with self.assertRaises(grpc.RpcError) as raised:
                hook_pb2_grpc.HookServiceStub(channel).Invoke(request_of(VECTORS[0]), timeout=1, wait_for_ready=True)
            # tonic keeps the deadline itself, and may say so first.
            self.assertIn(raised.exception.code(), (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED))
            wait_until("the hook to give up", lambda: f"gave up {VECTORS[0]['input']['invocationId']}" in hook.lines(), 10)

    def test_answers_what_it_has_begun_before_it_stops(self):
        hook = self.example("--delay", "1500")
        with grpc.insecure_channel(hook.target) as channel:
            call = hook_pb2_grpc.HookServiceStub(channel).Invoke.future(request_of(VECTORS[0]), timeout=20)
            wait_until("the call to arrive", lambda: any(" attempt 1" in line for line in hook.lines()), 10)
            hook.process.send_signal(signal.SIGTERM)
            self.assertEqual(call.result(), answer_of(VECTORS[0]["want"]))
            # A Java machine that ends by a signal says so, whatever its hooks did.
            self.assertIn(hook.process.wait(20), (0, 143) if LANGUAGE == "java" else (0,))

    def test_stops_while_penstockd_is_connected(self):
        hook = self.example()
        self.register(hook.target)
        self.sync_rule()
        self.outcomes(self.daemon.send([f"bob@{DOMAIN}"])[0])
        hook.process.send_signal(signal.SIGTERM)
        self.assertIn(hook.process.wait(10), (0, 143) if LANGUAGE == "java" else (0,))

    def test_is_short(self):
        source, = [path for path in (SOURCE / f"examples/{LANGUAGE}_hook").rglob("*")
                   if path.name in ("hook.py", "hook.ts", "main.go", "Hook.java", "main.rs", "hook.cc")]
        lines, listed = 0, False
        for line in source.read_text(encoding="utf-8").splitlines():
            listed = listed or line == "import ("
            lines += bool(line.strip()) and not listed and not NO_CODE.match(line)
            listed = listed and line != ")"
        self.assertLessEqual(lines, CODE_LINES_MAX)


def main():
    try:
        build(LANGUAGE)
    except Missing as missing:
        print(f"SKIPPED: {missing}")
        return 1 if os.environ.get("CI") == "true" else SKIPPED
    return 0 if unittest.main(exit=False, verbosity=2).result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
