# SPDX-License-Identifier: Apache-2.0
"""Why a mail would go where: hooks called by `hook invoke` and `rule test --invoke`, through the daemon
and without one, as mail would call them. Nothing of it is mail."""
import base64
import json
import os
import subprocess
import unittest

from harness import DOMAIN, PENSTOCK, SOURCE, PenstockTest

ODD = SOURCE / "tests/e2e/odd_hook.py"
MAIL = f"From: alice@elsewhere.example\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nTo: x@{DOMAIN}\r\n\r\nhello\r\n"


class Trial(PenstockTest):
    def setUp(self):
        super().setUp()
        self.odd = self.hook(ODD)
        self.register(self.odd.target)

    def file(self, name, text):
        path = self.daemon.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def event(self, *local_parts, **fields):
        return self.file("event.json", json.dumps({
            "summaryVersion": "2019-07-28", "messageId": "00000000-0000-4000-8000-000000000001",
            "envelope": {"mailFrom": {"address": "alice@elsewhere.example"},
                         "recipients": [{"address": f"{one}@{DOMAIN}"} for one in local_parts]},
            "invocationId": "0123456789abcdef0123456789abcdef", "flowDirection": "INBOUND", **fields}))

    def offline(self, *words, **options):
        """Runs penstock where no daemon is."""
        environment = {"PATH": os.environ["PATH"], "PENSTOCK_SOCKET": "/nowhere/admin.sock"}
        return subprocess.run([PENSTOCK, *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60, env=environment, check=False, **options)

    def both(self, *words):
        """Yields how `hook invoke` ends through the daemon and at the target."""
        yield "name", self.daemon.penstock("hook", "invoke", "decide", *words, "--output", "json")
        yield "target", self.offline("hook", "invoke", self.odd.target, "--domain", DOMAIN, *words, "--output", "json")

    def requests(self):
        """What the hook was asked since the last time."""
        lines = [json.loads(line) for line in self.odd.lines()[1:]]
        seen, self.seen = getattr(self, "seen", 0), len(lines)
        return lines[seen:]

    def nothing_is_mail(self):
        self.assertEqual(self.daemon.penstock_json("message", "list")["messages"], [])
        (hook,) = self.daemon.penstock_json("status")["hooks"]
        self.assertEqual((hook["successCount"], hook["failureCount"], hook["lastError"]), ("0", "0", ""))


class Invoke(Trial):
    def test_the_hook_is_asked_as_mail_asks_it(self):
        event = self.event("alice", "bob", subject="Grüße", sender={"address": "desk@elsewhere.example"})
        for how, done in self.both("--event", event, "--rule", "ask", "--attempt", "7"):
            with self.subTest(how):
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                trial = json.loads(done.stdout)
                self.assertEqual((trial["code"], trial["error"], trial["attempt"]), ("OK", "", 7))
                self.assertEqual([(one["address"], one["verdict"]["action"], one["basis"])
                                  for one in trial["resolution"]["recipients"]],
                                 [(f"{one}@{DOMAIN}", "DEFAULT", "ALL_RECIPIENTS") for one in ("alice", "bob")])
                (request,) = self.requests()
                self.assertEqual(request["event"], {**trial["event"], "truncated": True}
                                 if trial["event"]["truncated"] else
                                 {key: value for key, value in trial["event"].items() if key != "truncated"})
                self.assertEqual(request["event"]["summaryVersion"], "2018-10-10")
                self.assertEqual(request["event"]["subject"], "Grüße")
                self.assertEqual((request["mode"], request["attempt"], request["rule"], request["organization"]),
                                 ("SYNC", 7, "ask", "default"))
                self.assertEqual(request["hook"], "decide" if how == "name" else "hook")
                self.assertIn("deadline", request)
                self.assertNotIn("content", request)
                self.assertNotIn("json", request)
        self.nothing_is_mail()

    def test_an_old_event_gets_an_invocation_id(self):
        event = self.file("event.json", json.dumps({
            "summaryVersion": "2018-10-10", "messageId": "m-1", "truncated": False,
            "envelope": {"mailFrom": {"address": ""}, "recipients": [{"address": f"alice@{DOMAIN}"}]}}))
        for how, done in self.both("--event", event, "--direction", "outbound"):
            with self.subTest(how):
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                (request,) = self.requests()
                self.assertRegex(request["event"]["invocationId"], "^[0-9a-f]{32}$")
                self.assertEqual(request["event"]["flowDirection"], "OUTBOUND")

    def test_json_and_other_ways_to_a_target(self):
        event = self.event("json")
        listen = f"unix:{self.daemon.folder}/hook.sock"
        self.odd = self.hook(ODD, listen)
        done = self.offline("hook", "invoke", listen, "--event", event, "--json", "--as", "screener")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn('BOUNCE "no"', done.stdout)
        self.assertIn("allRecipients of the answer", done.stdout)
        (request,) = self.requests()
        self.assertEqual(request["hook"], "screener")
        self.assertTrue(request["json"])

    def test_how_an_attempt_fails(self):
        for what, code, text in (
                ("garbage", "INVALID_ARGUMENT", "answer: not JSON: it ends too early (line 1, column 14)"),
                ("null", "INVALID_ARGUMENT", "answer: expected an object, got null"),
                ("unknown", "INVALID_ANSWER", 'actions[0].action.type: "QUARANTINE" is no inbound action'),
                ("large", "INVALID_ARGUMENT", "at most 262144 are taken"),
                ("huge", "RESOURCE_EXHAUSTED", "larger than max"),
                ("error", "UNAVAILABLE", "not yet\nask me later")):
            for how, done in self.both("--event", self.event(what, "bob"), "--fallback", "move-to-junk"):
                with self.subTest(what, how=how):
                    self.assertEqual(done.returncode, 1)
                    trial = json.loads(done.stdout)
                    self.assertEqual(trial["code"], code)
                    self.assertIn(text, trial["error"])
                    self.assertEqual("QUARANTINE" in trial["answer"], what == "unknown")
                    self.assertEqual([(one["verdict"]["action"], one["basis"])
                                      for one in trial["resolution"]["recipients"]],
                                     [("MOVE_TO_JUNK", "NO_ANSWER")] * 2)
                    self.assertIn(text.replace("\n", "\\x0a"), done.stderr)
                    self.assertEqual(done.stderr.count("\n"), 1)
        self.nothing_is_mail()

    def test_a_hook_that_is_down(self):
        self.odd.stop()
        for how, done in self.both("--event", self.event("alice")):
            with self.subTest(how):
                self.assertEqual(done.returncode, 1)
                self.assertEqual(json.loads(done.stdout)["code"], "UNAVAILABLE")
                self.assertIn("penstock hook show decide" if how == "name" else "does a hook listen at", done.stderr)

    def test_a_hook_that_hangs(self):
        # 15 s each, so side by side; ASYNC has the hook's own deadline.
        event = self.event("hang")
        self.daemon.penstock_ok("hook", "update", "decide", "--async-deadline", "1s")
        words = ("--event", event, "--output", "json")
        sync = [(how, subprocess.Popen([PENSTOCK, *map(str, line), *map(str, words)], stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True))
                for how, line in (("name", ("--socket", self.daemon.socket, "hook", "invoke", "decide")),
                                  ("target", ("hook", "invoke", self.odd.target)))]
        for how, process in sync:
            self.addCleanup(process.kill)
        for how, done in (
                ("name", self.daemon.penstock("hook", "invoke", "decide", "--mode", "async", *words)),
                ("target", self.offline("hook", "invoke", self.odd.target, "--mode", "async", "--async-deadline", "1s",
                                        *words))):
            with self.subTest(how, mode="async"):
                self.assertEqual(done.returncode, 1)
                trial = json.loads(done.stdout)
                self.assertEqual((trial["code"], trial["error"]),
                                 ("DEADLINE_EXCEEDED", "no complete answer within 1s"))
                self.assertNotIn("resolution", trial)
        for how, process in sync:
            with self.subTest(how, mode="sync"):
                stdout, _ = process.communicate(timeout=60)
                self.assertEqual(process.returncode, 1)
                trial = json.loads(stdout)
                self.assertEqual((trial["code"], trial["error"]),
                                 ("DEADLINE_EXCEEDED", "no complete answer within 15s"))

    def test_an_async_answer_comes_to_nothing(self):
        for how, done in self.both("--event", self.event("unknown"), "--mode", "async"):
            with self.subTest(how):
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertNotIn("resolution", json.loads(done.stdout))
                self.assertEqual(self.requests()[0]["mode"], "ASYNC")

    def test_without_the_permission_nobody_is_called(self):
        self.daemon.penstock_ok("hook", "remove-permission", "decide", "--statement-id", "all")
        done = self.daemon.penstock("hook", "invoke", "decide", "--event", self.event("alice"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("PERMISSION_DENIED", done.stdout)
        self.assertIn("penstock hook add-permission decide", done.stderr)
        self.assertEqual(self.requests(), [])


class Example(Trial):
    def test_what_its_readme_says(self):
        readme = (SOURCE / "examples/python_hook/README.md").read_text()
        (line,) = [one for one in readme.splitlines() if one.startswith("penstock hook invoke ")]
        words = line.replace("127.0.0.1:50051", self.hook().target).split()
        done = self.offline(*words[1:], cwd=SOURCE)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"closed@example\.com +BOUNCE")
        self.assertRegex(done.stdout, r"archive@example\.com +DEFAULT +added by the answer")


class Rules(Trial):
    def setUp(self):
        super().setUp()
        self.manifest = self.file("flow.yaml", f"""\
organizations: [{{name: default, domains: [{DOMAIN}]}}]
hooks:
  - name: decide
    target: "{self.odd.target}"
    permissions: [{{statement_id: all, organization: default}}]
rules:
  - name: ask
    direction: INBOUND
    sender_patterns: ["*"]
    recipient_patterns: ["*"]
    run_hook: {{hook: decide, mode: SYNC, fallback: {{action: BOUNCE}}, rule_timeout: 5m}}
  - name: drop
    direction: INBOUND
    sender_patterns: ["*"]
    recipient_patterns: [void@{DOMAIN}]
    verdict: {{action: DROP}}
  - name: tell
    direction: INBOUND
    sender_patterns: ["*"]
    recipient_patterns: [log@{DOMAIN}]
    run_hook: {{hook: decide, mode: ASYNC}}
""")
        self.sync_rule(fallback="bounce")
        for name, more in (("drop", ("--recipient", f"void@{DOMAIN}", "--action", "drop")),
                           ("tell", ("--recipient", f"log@{DOMAIN}", "--hook", "decide", "--mode", "async"))):
            self.daemon.penstock_ok("rule", "create", name, "--direction", "inbound", "--sender", "*", *more)
        self.mail = self.file("mail.eml", MAIL)

    def either_way(self, *words):
        """`rule test --invoke` through the daemon and with the manifest."""
        line = ("rule", "test", "--direction", "inbound", *words, "--output", "json")
        yield "daemon", self.daemon.penstock(*line)
        yield "manifest", self.offline(*line, "--rules", self.manifest)

    def recipients(self, *local_parts):
        return [word for one in local_parts for word in ("--recipient", f"{one}@{DOMAIN}")]

    def test_the_same_without_a_daemon(self):
        results = [done for _, done in self.either_way("--eml", self.mail, *self.recipients("json", "void", "log"))]
        self.assertEqual([(done.returncode, done.stderr) for done in results], [(0, "")] * 2)
        self.assertEqual(*(json.loads(done.stdout) for done in results))
        self.assertEqual([one["flowRule"].rpartition("/")[2] for one in json.loads(results[0].stdout)["explanations"]],
                         ["ask", "drop", "tell"])
        self.assertEqual(json.loads(results[0].stdout)["trials"], [])
        self.assertEqual(self.requests(), [])

    def test_the_hooks_of_the_rules_that_win_are_called(self):
        for how, done in self.either_way("--eml", self.mail, "--invoke", *self.recipients("json", "bob", "void", "log"),
                                         "--recipient", "x@foreign.example"):
            with self.subTest(how):
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                response = json.loads(done.stdout)
                self.assertEqual(response["foreignRecipients"], ["x@foreign.example"])
                ask, tell = response["trials"]
                self.assertEqual((ask["rule"], ask["mode"], ask["code"]), ("ask", "SYNC", "OK"))
                self.assertEqual([(one["address"], one["verdict"]["action"], one["verdict"]["bounceMessage"])
                                  for one in ask["resolution"]["recipients"]],
                                 [(f"{one}@{DOMAIN}", "BOUNCE", "no") for one in ("json", "bob")])
                self.assertEqual((tell["rule"], tell["mode"], tell["code"]), ("tell", "ASYNC", "OK"))
                self.assertNotIn("resolution", tell)
                first, second = self.requests()
                self.assertEqual([one["address"] for one in first["event"]["envelope"]["recipients"]],
                                 [f"json@{DOMAIN}", f"bob@{DOMAIN}"])
                self.assertEqual(first["event"]["subject"], "Grüße")
                self.assertEqual(first["event"]["envelope"]["mailFrom"]["address"], "alice@elsewhere.example")
                self.assertEqual((second["mode"], second["rule"], second["hook"]), ("ASYNC", "tell", "decide"))
        self.nothing_is_mail()
        self.assertEqual(self.next_hop.transactions, [])

    def test_a_hook_that_fails_shows_the_fallback(self):
        for how, done in self.either_way("--from", "a@elsewhere.example", "--invoke", *self.recipients("null")):
            with self.subTest(how):
                self.assertEqual(done.returncode, 1)
                (trial,) = json.loads(done.stdout)["trials"]
                self.assertEqual(trial["error"], "answer: expected an object, got null")
                self.assertEqual([(one["verdict"]["action"], one["basis"])
                                  for one in trial["resolution"]["recipients"]], [("BOUNCE", "NO_ANSWER")])
                self.assertIn("the attempt at hook decide failed", done.stderr)

    def test_strict(self):
        line = ("rule", "test", "--direction", "inbound", "--rules", self.manifest, "--invoke", "--from",
                "a@elsewhere.example", *self.recipients("adds"), "--output", "json")
        for words, code in (((), "OK"), (("--strict",), "INVALID_ANSWER")):
            (trial,) = json.loads(self.offline(*line, *words).stdout)["trials"]
            self.assertEqual(trial["code"], code)

    def test_an_event_that_is_built_is_the_one_that_mail_sends(self):
        self.daemon.penstock_ok("hook", "update", "decide", "--json")
        recipients = [f"json@{DOMAIN}", f"BOB@{DOMAIN}", f"bob@{DOMAIN}"]
        for name, mail, mail_from in (
                ("from", MAIL, "bounces@elsewhere.example"),
                ("sender", "Sender: desk@elsewhere.example\r\nSubject:\r\n " + MAIL, "bounces@elsewhere.example"),
                ("null path", "Subject: =?utf-8?b?8J+YgA==?=\r\n =?utf-8?q?!?=\r\n\r\nhello\r\n", ""),
                ("bare", "Date: Sat, 21 Nov 2026 19:48:00 +0000\r\n\r\n", "bounces@elsewhere.example")):
            with self.subTest(name):
                (message,) = self.daemon.send(recipients, mail, mail_from)
                self.daemon.wait_closed(message)
                (request,) = self.requests()
                sent = base64.b64decode(request["json"]).decode()
                built = self.offline("event", "build", "--eml", self.file("mail.eml", mail), "--mail-from", mail_from,
                                     *(word for one in recipients for word in ("--rcpt", one)),
                                     "--direction", "inbound", "--domain", DOMAIN, "--message-id", message,
                                     "--invocation-id", request["event"]["invocationId"], "--output", "json")
                self.assertEqual((built.stdout, built.stderr), (sent + "\n", ""))

    def test_what_it_says_is_what_mail_gets(self):
        tested = self.daemon.penstock_json("rule", "test", "--direction", "inbound", "--eml", self.mail, "--invoke",
                                           *self.recipients("json", "bob"))
        (message,) = self.daemon.send([f"json@{DOMAIN}", f"bob@{DOMAIN}"], MAIL)
        shown = self.daemon.wait_closed(message)
        self.assertEqual([(one["address"], one["verdict"]) for one in tested["trials"][0]["resolution"]["recipients"]],
                         [(one["address"], one["verdict"]) for one in shown["recipients"]])
        as_tested, as_mail = self.requests()
        for request in (as_tested, as_mail):
            request.pop("deadline")
            request["event"].pop("messageId")
            request["event"].pop("invocationId")
        self.assertEqual(as_tested, as_mail)


if __name__ == "__main__":
    unittest.main()
