# SPDX-License-Identifier: Apache-2.0
"""`penstock hook check` names each fault of a hook, and finds nothing in a sound one, without a daemon.
`penstock hook register` tells what it finds."""
import json
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as xml

from harness import PENSTOCK, SOURCE, Hook, PenstockTest

FAULTY = SOURCE / "tests/e2e/faulty_hook.py"

# The fault, and all the checks that name it: every other one passes.
FAULTS = {
    "no-service": ["service"],
    "not-serving": ["health"],
    "outbound-junk": ["outbound", "recipients-500"],
    "async": ["async"],
    "null-subject": ["null-subject"],
    "empty-subject": ["empty-subject"],
    "no-sender": ["no-sender"],
    "on-behalf": ["on-behalf", "idn"],
    "ascii": ["utf8-address"],
    "domain": ["idn"],
    "latin": ["emoji-subject"],
    "quotes": ["quotes"],
    "short": ["long-address"],
    "large": ["recipients-500"],
    "slow-for-many": ["recipients-500"],
    "truncated": ["truncated"],
    "later-attempt": ["later-attempt"],
    "changes-mind": ["repeat"],
    "mixes": ["together"],
    "one-at-a-time": ["together", "cancelled"],
    "wedged": ["cancelled"],
    "new-fields": ["unknown-fields"],
}


def check(*arguments):
    return subprocess.run([PENSTOCK, "--socket", "/nowhere/admin.sock", "hook", "check", *map(str, arguments)],
                          capture_output=True, text=True, timeout=120, check=False)


class HookCheck(unittest.TestCase):
    def hook(self, *arguments, listen="127.0.0.1:0"):
        hook = Hook(FAULTY, listen, *arguments)
        self.addCleanup(hook.stop)
        return hook.target

    def report(self, target, *arguments, code):
        done = check(target, "--deadline", "1s", "--output", "json", *arguments)
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        self.assertEqual(done.stderr, "")
        return {one["name"]: one for one in json.loads(done.stdout)["checks"]}

    def names(self, checks, result):
        return [name for name, one in checks.items() if one["result"] == result]

    def test_a_sound_hook_passes_everything(self):
        for options in ([], ["--json"]):
            checks = self.report(self.hook(), *options, code=0)
            self.assertEqual(self.names(checks, "SKIPPED"), ["stream", "content"])
            self.assertEqual(len(self.names(checks, "PASSED")), len(checks) - 2, checks)

    def test_the_example_passes_and_a_unix_socket_does(self):
        example = Hook()
        self.addCleanup(example.stop)
        self.assertEqual(self.names(self.report(example.target, code=0), "FAILED"), [])
        with tempfile.TemporaryDirectory(prefix="pen") as folder:
            target = self.hook(listen=f"unix:{folder}/hook.sock")
            self.assertEqual(self.names(self.report(target, code=0), "FAILED"), [])

    def test_calls_on_a_stream(self):
        target = self.hook()
        checks = self.report(target, "--stream", code=0)
        self.assertEqual(checks["stream"]["result"], "WARNED")
        self.report(target, "--stream", "--warnings-fail", code=1)

    def test_an_answer_for_the_first_alone_is_warned_about(self):
        checks = self.report(self.hook("--fault", "first"), code=0)
        self.assertEqual(self.names(checks, "WARNED"), ["utf8-address", "quotes", "recipients-500", "truncated"])
        self.assertIn("1 of 500", checks["recipients-500"]["found"])
        self.assertIn("fallback", checks["recipients-500"]["effect"])

    def test_a_slow_hook_is_warned_about(self):
        checks = self.report(self.hook("--fault", "slow"), "--only", "inbound", "--only", "slowness", code=0)
        self.assertEqual(self.names(checks, "WARNED"), ["slowness"])

    def test_nothing_valid_fails_every_event(self):
        checks = self.report(self.hook("--fault", "no-actions"), code=1)
        passed = self.names(checks, "PASSED")
        self.assertEqual(passed, ["reach", "service", "health", "reflection", "async", "slowness"])
        self.assertIn("actions", checks["inbound"]["found"])

    def test_a_hook_that_hangs_is_left_alone_soon(self):
        checks = self.report(self.hook("--fault", "hangs"), code=1)
        self.assertIn("DEADLINE_EXCEEDED", checks["inbound"]["found"])
        self.assertIn("left out", checks["repeat"]["found"])

    def test_a_hook_that_says_not_yet(self):
        target = self.hook("--fault", "later-attempt")
        self.report(target, "--only", "later-attempt", "--attempts", "2", code=1)

    def test_nobody_listens(self):
        hook = Hook(FAULTY)
        hook.stop()
        checks = self.report(hook.target, code=3)
        self.assertEqual(self.names(checks, "FAILED"), ["reach"])
        self.assertIn("refused", checks["reach"]["found"].lower())
        self.assertEqual(len(self.names(checks, "SKIPPED")), len(checks) - 1)
        self.assertEqual(self.names(self.report(self.hook(), "--tls", code=3), "FAILED"), ["reach"])

    def test_only_some(self):
        checks = self.report(self.hook("--fault", "quotes"), "--only", "null-subject", code=0)
        self.assertEqual(list(checks), ["reach", "null-subject"])
        listed = check("--list").stdout
        for name in FAULTS.values():
            self.assertIn(f"\n{name[0]} ", listed)

    def test_what_is_wrong_on_the_line(self):
        for words, text in ((["--only", "null-subjct", "h:1"], "did you mean null-subject?"), ([], "TARGET is missing"),
                            (["--deadline", "1ms", "h:1"], "expected 1s to 15m"),
                            (["hook.example:1"], "plain text beyond this machine"),
                            (["--output", "xml", "h:1"], "table, json, yaml, junit")):
            done = check(*words)
            self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
            self.assertIn(text, done.stderr)
        done = subprocess.run([PENSTOCK, "org", "list", "--output", "junit"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)

    def test_forms_of_the_report(self):
        target = self.hook("--fault", "null-subject")
        table = check(target, "--deadline", "1s")
        self.assertEqual(table.returncode, 1)
        self.assertRegex(table.stdout, r"null-subject +failed +UNKNOWN")
        self.assertIn("for mail: the attempt fails; it is repeated after 1 s", table.stdout)
        junit = check(target, "--deadline", "1s", "--output", "junit")
        suite = xml.fromstring(junit.stdout)
        self.assertEqual((junit.returncode, suite.get("failures"), suite.get("skipped")), (1, "1", "2"))
        self.assertEqual([case.get("name") for case in suite if case.find("failure") is not None], ["null-subject"])
        yaml = check(target, "--deadline", "1s", "--output", "yaml")
        self.assertIn("result: FAILED", yaml.stdout)


class Register(PenstockTest):
    """`hook register` says what it finds, and registers whatever that is."""

    def registered(self, name, target, *arguments):
        done = self.daemon.penstock("hook", "register", name, "--target", target, *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"registered hook {name}", done.stdout)
        return done.stderr

    def test_what_is_there(self):
        said = self.registered("sound", self.hook(FAULTY).target)
        self.assertRegex(said, r"found at .*: plain text, connected in \d+ms; health: none; reflection: none; there and back")
        hook = self.hook(FAULTY, "127.0.0.1:0", "--fault", "not-serving")
        self.assertIn("health: NOT_SERVING", self.registered("unwell", hook.target))

    def test_what_is_not_there_yet(self):
        hook = self.hook(FAULTY)
        hook.stop()
        self.assertIn(f"nobody answers at {hook.target} yet", self.registered("later", hook.target))
        tls = self.registered("secret", self.hook(FAULTY).target, "--tls")
        self.assertIn("nobody answers", tls)


def add_fault(fault, names):
    def test(self):
        checks = self.report(self.hook("--fault", fault), code=1)
        self.assertEqual(self.names(checks, "FAILED"), sorted(names, key=list(checks).index), checks)
        for name in names:
            self.assertTrue(checks[name]["found"])
            self.assertTrue(checks[name]["effect"])
    setattr(HookCheck, "test_fault_" + fault.replace("-", "_"), test)


for one_fault, its_names in FAULTS.items():
    add_fault(one_fault, its_names)

if __name__ == "__main__":
    unittest.main()
