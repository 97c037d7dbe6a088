# SPDX-License-Identifier: Apache-2.0
"""Events, answers and patterns that WorkMail and functions written for it have, through the commands
that need no daemon. The cases are no part of this repository, for they are others' work: their folder is
named by PENSTOCK_WORKMAIL_CASES, or is shared/cases/workmail beside the source folder. Without it the
test is skipped, which ctest shows.
"""
import email.header
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

BUILD = pathlib.Path(os.environ["PENSTOCK_BUILD"])
SOURCE = pathlib.Path(__file__).resolve().parents[2]
PENSTOCK = BUILD / "tools/penstock/penstock"
CASES = pathlib.Path(os.environ.get("PENSTOCK_WORKMAIL_CASES", SOURCE.parent / "shared/cases/workmail"))
SKIPPED = 77
ENVIRONMENT = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "PENSTOCK_SOCKET": "/nowhere/admin.sock"}


def penstock(*words, stdin=""):
    return subprocess.run([PENSTOCK, *map(str, words)], input=stdin, capture_output=True, text=True, timeout=60,
                          env=ENVIRONMENT, check=False)


def read(path):
    return json.loads((CASES / path).read_text(encoding="utf-8"))


def event_files():
    """The flow-rule events, by their paths; slots of the mustache are filled for either direction."""
    for path in sorted(CASES.glob("templates/*/event.json")) + sorted(CASES.glob("synthetic/event_*.json")) + [
            CASES / "docs/event.json"]:
        yield path.relative_to(CASES).as_posix(), path.read_text(encoding="utf-8")
    text = (CASES / "sam/WorkMail.json.mustache").read_text(encoding="utf-8")
    for direction in ("INBOUND", "OUTBOUND"):
        filled = text.replace("{{{mail_from}}}", "from@example.com").replace("{{{sender}}}", "sender@example.com")
        yield f"sam, {direction}", filled.replace("{{{flow_direction}}}", direction)


def direction_of(event):
    return event.get("flowDirection", "INBOUND").lower()


def recipients_of(event):
    return [one["address"] for one in event["envelope"]["recipients"]]


def domains_of(addresses):
    return [word for domain in sorted({one.rpartition("@")[2] for one in addresses}) for word in ("--domain", domain)]


def mail_of(event):
    """A header section whose event is `event`."""
    lines = [f"From: {event['envelope']['mailFrom']['address']}"]
    if event.get("sender"):
        lines.append(f"Sender: {event['sender']['address']}")
    if event.get("subject") is not None:
        lines.append("Subject: " + email.header.Header(event["subject"], "utf-8").encode(linesep="\r\n"))
    return "\r\n".join(lines) + "\r\n\r\n"


class Cases(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="penstock-cases-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def file(self, text):
        path = self.folder / "event.json"
        path.write_text(text, encoding="utf-8")
        return path

    def resolve(self, event, answer, fallback="default", owned=None):
        """Runs `answer resolve`; `event` and `answer` are texts. The outcomes, and those added."""
        shape = json.loads(event)
        return penstock("answer", "resolve", "--event", self.file(event), "--answer", "-", "--fallback", fallback,
                        "--direction", direction_of(shape), *domains_of(owned or recipients_of(shape)),
                        "--output", "json", stdin=answer)


class Events(Cases):
    def test_every_shape_is_read(self):
        answer = json.dumps({"actions": [{"action": {"type": "DEFAULT"}, "allRecipients": True}]})
        found = 0
        for name, text in event_files():
            with self.subTest(name):
                found += 1
                done = self.resolve(text, answer)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertEqual([one["address"] for one in json.loads(done.stdout)["recipients"]],
                                 recipients_of(json.loads(text)))
        self.assertGreaterEqual(found, 11 + 5 + 1 + 2)

    def test_ours_are_written_as_2018_10_10(self):
        for name, text in event_files():
            with self.subTest(name):
                event = json.loads(text)
                invocation = event.get("invocationId", "0" * 32)
                want = {**event, "summaryVersion": "2018-10-10", "invocationId": invocation,
                        "flowDirection": event.get("flowDirection", "INBOUND")}
                rcpts = [word for one in recipients_of(event) for word in ("--rcpt", one)]
                done = penstock("event", "build", "--eml", "-", "--mail-from", "bounces@example.net", *rcpts,
                                "--direction", direction_of(event), *domains_of(recipients_of(event)),
                                "--message-id", event["messageId"], "--invocation-id", invocation,
                                "--output", "json", stdin=mail_of(event))
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertTrue(done.stdout.startswith('{"summaryVersion":"2018-10-10",'), done.stdout)
                self.assertEqual(done.stdout.count("\n"), 1)
                self.assertEqual(json.loads(done.stdout), want)

    def test_what_is_no_mail_event_is_refused(self):
        others = [path for path in sorted(CASES.glob("templates/*/*.json")) if path.name != "event.json"]
        self.assertGreater(len(others), 10)
        for path in others:
            with self.subTest(path.relative_to(CASES).as_posix()):
                done = penstock("answer", "resolve", "--event", path, "--answer", "/dev/null", "--fallback", "default",
                                "--direction", "inbound", "--domain", "example.com")
                self.assertEqual((done.returncode, done.stdout), (1, ""))
                self.assertIn("not JSON" if path.name.startswith("http_") else "summaryVersion: missing", done.stderr)


def filled(answer, event):
    """The answers that `answer` stands for: with each placeholder filled in, and where it may, left empty."""
    recipients = recipients_of(event)
    meanings = {"<external>": recipients[0], "<in alarm; may be EMPTY list>": recipients[0],
                "<report mailbox or empty>": "report@" + recipients[0].rpartition("@")[2]}
    for empty in (False, True):
        actions = []
        for entry in answer["actions"]:
            if "recipients" in entry:
                named = [meanings[one] for one in entry["recipients"] if not (empty and "empty" in one.lower())]
                entry = {**entry, "recipients": named}
            actions.append(entry)
        yield {**answer, "actions": actions}


class Answers(Cases):
    def test_what_the_published_functions_return_resolves(self):
        resolved = set()
        for name, expected in read("templates/EXPECTED.json").items():
            if name == "note" or expected.get("mode") == "async":
                continue
            event = read(f"templates/{name}/event.json")
            for key, template in expected.items():
                if not isinstance(template, dict):
                    continue
                for answer in filled(template, event):
                    with self.subTest(name, key=key, answer=answer):
                        done = self.resolve(json.dumps(event), json.dumps(answer))
                        self.assertEqual((done.returncode, done.stderr), (0, ""))
                        resolution = json.loads(done.stdout)
                        self.assertEqual(resolution["warnings"], [])
                        named = {one: entry["action"]["type"] for entry in reversed(answer["actions"])
                                 for one in entry.get("recipients", [])}
                        rest = [entry["action"]["type"] for entry in answer["actions"] if entry.get("allRecipients")]
                        self.assertEqual([one["verdict"]["action"] for one in resolution["recipients"]],
                                         [named.pop(one, rest[0]) for one in recipients_of(event)])
                        self.assertEqual({one["address"]: one["verdict"]["action"]
                                          for one in resolution["additions"]}, named)
                        resolved.add(name)
        self.assertEqual(len(resolved), 9)

    def test_the_documentations_answers_resolve(self):
        event = (CASES / "docs/event.json").read_text(encoding="utf-8")
        for name in ("response_add_recipient.json", "response_bounce_fixed.json", "response_drop_some.json"):
            with self.subTest(name):
                done = self.resolve(event, (CASES / "docs" / name).read_text(encoding="utf-8"))
                self.assertEqual((done.returncode, done.stderr), (0, ""))
        for name in ("response_bounce_VERBATIM_invalid_json.txt", "response_schema.txt"):
            with self.subTest(name):
                done = self.resolve(event, (CASES / "docs" / name).read_text(encoding="utf-8"))
                self.assertEqual(done.returncode, 1)
                self.assertIn("not JSON", done.stderr)

    def test_each_case_has_its_outcomes(self):
        cases = read("synthetic/response_cases.json")["cases"]
        self.assertGreater(len(cases), 20)
        for case in cases:
            with self.subTest(case["name"]):
                answer = case.get("responseRaw", json.dumps(case.get("response")))
                event = {"summaryVersion": "2018-10-10", "messageId": "m-1", "flowDirection": case["flowDirection"],
                         "envelope": {"mailFrom": {"address": "a@else.test"},
                                      "recipients": [{"address": one} for one in case["envelopeRecipients"]]}}
                done = self.resolve(json.dumps(event), answer, case["fallback"], ["x@org.test"])
                if case["expect"] == "FAILED_ATTEMPT":
                    self.assertEqual((done.returncode, done.stdout), (1, ""))
                    self.assertRegex(done.stderr, r"--answer -: (answer|actions(\[\d+\]\S*)?): ")
                    continue
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertEqual(self.outcomes(json.loads(done.stdout), case["fallback"]), case["expect"])

    def outcomes(self, resolution, fallback):
        got = {}
        for one in resolution["recipients"]:
            got[one["address"]] = one["verdict"]["action"]
            if one["basis"] in ("FALLBACK", "SURPLUS"):
                self.assertEqual(one["verdict"]["action"], fallback)
                got[one["address"]] = "FALLBACK"
        for one in resolution["additions"]:
            got[one["address"]] = one["verdict"]["action"] + "(BCC)"
        return got


def manifest(*rules):
    """A manifest with a rule for each (name, senders, recipients)."""
    return json.dumps({"organizations": [{"name": "default"}], "rules": [
        {"name": name, "direction": "INBOUND", "sender_patterns": senders, "recipient_patterns": recipients,
         "verdict": {"action": "DROP"}} for name, senders, recipients in rules]})


class Patterns(Cases):
    def winner(self, rules, sender="s@else.test", recipient="r@else.test"):
        done = penstock("rule", "test", "--rules", "-", "--direction", "inbound", "--from", sender,
                        "--recipient", recipient, "--output", "json", stdin=manifest(*rules))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return json.loads(done.stdout)["explanations"][0]["flowRule"].rpartition("/")[2]

    def test_each_matches_what_it_should(self):
        cases = read("synthetic/pattern_cases.json")["match"]
        self.assertGreater(len(cases), 8)
        for case in cases:
            with self.subTest(case["pattern"], address=case["address"]):
                want = "rule" if case["matches"] else ""
                self.assertEqual(self.winner([("rule", [case["pattern"]], ["*"])], sender=case["address"]), want)
                self.assertEqual(self.winner([("rule", ["*"], [case["pattern"]])], recipient=case["address"]), want)

    def test_each_that_is_invalid_is_refused(self):
        cases = read("synthetic/pattern_cases.json")["invalid_patterns"]
        self.assertGreater(len(cases), 5)
        for case in cases:
            for field, rule in (("sender_patterns", ("rule", [case["pattern"]], ["*"])),
                                ("recipient_patterns", ("rule", ["*"], [case["pattern"]]))):
                with self.subTest(case["pattern"], field=field):
                    done = penstock("rule", "test", "--rules", "-", "--direction", "inbound", "--from", "s@else.test",
                                    "--recipient", "r@else.test", stdin=manifest(rule))
                    self.assertEqual((done.returncode, done.stdout), (1, ""))
                    self.assertIn(f"rules[0].{field}[0]: ", done.stderr)

    def test_the_more_specific_wins(self):
        # In the words of pattern_cases.json, the most specific first.
        patterns = {"address": ["s@a.b.test"], "domain": ["a.b.test"],
                    "wildcard domain (longer suffix first: inference)": ["*.a.b.test", "*.b.test"], "*": ["*"]}
        levels = read("synthetic/pattern_cases.json")["specificity_desc"]
        ordered = [pattern for level in levels for pattern in patterns[level]]
        self.assertEqual(len(ordered), 5)
        rules = [(f"r{place}", [pattern], ["*"]) for place, pattern in enumerate(ordered)]
        for place in range(len(rules)):
            left = list(reversed(rules[place:]))
            self.assertEqual(self.winner(left, sender="s@a.b.test"), f"r{place}")
            mirrored = [(name, recipients, senders) for name, senders, recipients in left]
            self.assertEqual(self.winner(mirrored, recipient="s@a.b.test"), f"r{place}")


def main():
    if not CASES.is_dir():
        print(f"SKIPPED: there is no folder {CASES}; name the WorkMail cases with PENSTOCK_WORKMAIL_CASES")
        return SKIPPED
    return 0 if unittest.main(exit=False, verbosity=2).result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
