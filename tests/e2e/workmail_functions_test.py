# SPDX-License-Identifier: Apache-2.0
"""Functions in the form that WorkMail calls, unchanged, through the adapters of examples/workmail and the
daemon (E7): each does what one of WorkMail's published functions does, and is asked in each of its branches;
in Python and in Node alike.
Their events and expected answers are others' work and no part of this repository (workmail_cases_test.py
says where they are sought); without them the test is skipped, which ctest shows. The cloud that they call
is a local endpoint (cloud_stub.py).

Usage: workmail_functions_test.py python|node
"""
import copy
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import unittest

import grpc
from cloud_stub import MAIL, Cloud
from harness import DOMAIN, SOURCE, STUBS, PenstockTest, wait_until
from hook_examples import SKIPPED, Example, Missing, block, build, environment

sys.path.insert(0, str(STUBS))
from penstock.v1 import hook_pb2, hook_pb2_grpc  # noqa: E402

LANGUAGE = sys.argv.pop(1) if len(sys.argv) > 1 else "python"
CASES = pathlib.Path(os.environ.get("PENSTOCK_WORKMAIL_CASES", SOURCE.parent / "shared/cases/workmail"))
HANDLERS = "tests/e2e/workmail_handlers"
ADAPTER, FUNCTION = {"python": ("serve.py", "lambda_handler"), "node": ("serve.mjs", "handler")}[LANGUAGE]
ADAPTER_LINES_MAX = 60
GET, PUT, STORE = "GetRawMessageContent", "PutRawMessageContent", "PutObject"
FAILS = object()  # the attempt fails


def expected(name):
    return json.loads((CASES / "templates/EXPECTED.json").read_text(encoding="utf-8"))[f"workmail-{name}"]


def event_of(name):
    return json.loads((CASES / f"templates/workmail-{name}/event.json").read_text(encoding="utf-8"))


def events():
    return {path.parent.name: json.loads(path.read_text(encoding="utf-8"))
            for path in sorted(CASES.glob("templates/*/event.json"))}


class Function(Example):
    """An adapter's process that serves one of the handlers, named FILE.FUNCTION, beside what it imports."""

    def __init__(self, handler, variables, listen="127.0.0.1:0"):
        folder = build(LANGUAGE, "examples/workmail", LANGUAGE)
        handlers = build(LANGUAGE, HANDLERS, LANGUAGE)
        command = re.sub(rf"\S+\.{FUNCTION} ", f"{handlers}/{handler} ", block(folder / "README.md", f"run-{LANGUAGE}"))
        command = command.replace("127.0.0.1:50051", listen)
        self.output = tempfile.NamedTemporaryFile("w+", suffix=".hook")
        self.process = subprocess.Popen(["bash", "-c", "exec env " + command.strip()], cwd=folder,
                                        env={**environment(), **variables}, stdin=subprocess.DEVNULL,
                                        stdout=self.output, stderr=subprocess.STDOUT)
        self.target = wait_until(f"{handler} to be served", self._target)


def understood(answer):
    """An answer as it is shown: "True" is a boolean (H6)."""
    shown = copy.deepcopy(answer)
    for entry in shown["actions"]:
        if str(entry.get("allRecipients")).lower() == "true":
            entry["allRecipients"] = True
    return shown


def filled(answer, **addresses):
    """An expected answer with its placeholders filled in: external=..., alarm=..., report=..., lists each."""
    answer = copy.deepcopy(answer)
    for entry in answer["actions"]:
        if "recipients" in entry:
            (words,) = entry["recipients"]
            (entry["recipients"],) = [addresses[key] for key in addresses if key in words]
    return answer


class Functions(PenstockTest):
    maxDiff = None

    def setUp(self):
        super().setUp()
        for domain in ("domain.test", "domaina.test", "domainb.test"):
            self.daemon.penstock_ok("org", "add-domain", "default", domain)
        self.cloud = Cloud()
        self.addCleanup(self.cloud.stop)

    def serve(self, name, function=FUNCTION, **variables):
        """Starts a function out of the file of that name, and registers it."""
        self.daemon.penstock("hook", "remove", "served")  # the one before, if there was one
        self.function = Function(f"{name}.{function}", {
            "AWS_ENDPOINT_URL": self.cloud.url, "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1", "AWS_MAX_ATTEMPTS": "1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "UPDATED_EMAIL_BUCKET": "updated", "DISCLAIMER": "Beware {key}", "FOOTER": "Bye {key}", "SUBJECT_TAG": "[Out]",
            **variables})
        self.addCleanup(self.function.stop)
        self.daemon.penstock_ok("hook", "register", "served", "--target", self.function.target, "--json")
        self.daemon.penstock_ok("hook", "add-permission", "served", "--statement-id", "all", "--principal", "default")

    def ask(self, event, mode="sync"):
        path = self.daemon.folder / "event.json"
        path.write_text(json.dumps(event), encoding="utf-8")
        direction = [] if "flowDirection" in event else ["--direction", "inbound"]
        done = self.daemon.penstock("hook", "invoke", "served", "--event", path, "--mode", mode, *direction, "--output", "json")
        got = json.loads(done.stdout)
        self.assertEqual((done.returncode == 0), got["code"] == "OK", done.stderr)
        return got

    def returned(self, event):
        request = hook_pb2.InvokeRequest(event={"invocation_id": event.get("invocationId", "")}, mode="SYNC",
                                         attempt=1, json=json.dumps(event).encode())
        with grpc.insecure_channel(self.function.target) as channel:
            return json.loads(hook_pb2_grpc.HookServiceStub(channel).Invoke(request, timeout=15, wait_for_ready=True).json)

    def check(self, event, want, calls, mode="sync", **state):
        """Asks the function about the event, and compares its answer and what it called: first the text that
        the adapter returns, then, through the daemon, what is understood."""
        if want is not FAILS and mode == "sync":
            self.cloud.reset(**copy.deepcopy(state))
            self.assertEqual(self.returned(event), want)
        self.cloud.reset(**state)
        got = self.ask(event, mode)
        if want is FAILS:
            self.assertNotEqual(got["code"], "OK")
        else:
            self.assertEqual(got["code"], "OK", got["error"])
            if mode == "sync":
                self.assertEqual(json.loads(got["answer"]), understood(want))
                self.assertEqual(got["resolution"]["warnings"], [])
        self.assertEqual(self.cloud.calls, calls)
        return got

    def test_is_short(self):
        text = (SOURCE / "examples/workmail" / ADAPTER).read_text(encoding="utf-8")
        self.assertLessEqual(text.count("\n"), ADAPTER_LINES_MAX)

    def test_a_port_that_is_taken_is_said(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            listen = f"127.0.0.1:{taken.getsockname()[1]}"
            with self.assertRaisesRegex(AssertionError, f"cannot listen on {listen}") as ended:
                Function(f"echo.{FUNCTION}", {}, listen)
        self.assertNotIn("Traceback", str(ended.exception))

    def test_every_event_arrives_as_it_is(self):
        forms = {"python": [FUNCTION], "node": [FUNCTION, "later", "back"]}[LANGUAGE]
        self.assertEqual(len(events()), 11)
        for form in forms:
            with self.subTest(form):
                self.serve("echo", form)
                for name, event in list(events().items())[:None if form == forms[0] else 1]:
                    with self.subTest(name):
                        self.check_arrival(event)
                self.assertIn("not yet", self.ask({**event_of("update-email"), "subject": "fail"})["error"])

    def check_arrival(self, event):
        got = self.ask(event)
        given = json.loads(json.loads(got["answer"])["actions"][0]["action"]["parameters"]["bounceMessage"])
        want = {**event, "summaryVersion": "2018-10-10", "invocationId": given["id"],
                "flowDirection": event.get("flowDirection", "INBOUND")}
        self.assertEqual(given, {"event": want, "id": event.get("invocationId", given["id"]), "function": "served",
                                 "in time": True, "may read": False})

    def test_what_came_is_in_the_context(self):
        self.serve("echo")
        self.daemon.penstock_ok("hook", "add-permission", "served", "--statement-id", "read", "--principal", "default",
                                "--read")
        self.sync_rule(hook="served")
        (message,) = self.daemon.send([f"alice@{DOMAIN}"])
        (one,) = self.daemon.wait_closed(message)["recipients"]
        self.assertIn('"may read":true', one["verdict"]["bounceMessage"].replace(": ", ":"))

    def test_hello_world(self):
        event, want = event_of("hello-world-python"), expected("hello-world-python")["response"]
        self.serve("hello_world", UPDATED_EMAIL_S3_BUCKET="hello")
        self.check(event, want, [GET, STORE])
        (kept,) = self.cloud.objects.values()
        self.assertIn(b"Subject: [Hello World!] Hello\r\n", kept)
        self.serve("hello_world")
        self.check(event, FAILS, [])  # it returns null

    def test_chat_bot(self):
        event = event_of("chat-bot-python")
        for client, field in (("slack", "text"), ("chime", "Content")):
            self.serve("chat_bot", ACTIVE_WORDS="amazon, outage", CHAT_CLIENT=client,
                       WEBHOOK_URL=self.cloud.url + "/room")
            self.check(event, None, [GET, "web hook"], "async")
            self.assertEqual(self.cloud.posts, [{field: f"from@domain.test: {event['subject']}\nA text.\r\n"}])
        self.check(event, None, [GET, "web hook"], "async", content=MAIL.replace(b"A text.", b"x" * 2000))
        (told,) = self.cloud.posts
        self.assertTrue(told[field].endswith("\n" + "x" * 1024))
        for subject in ("Lunch", None):
            self.check({**event, "subject": subject}, None, [], "async")

    def test_wordpress(self):
        event = event_of("wordpress-python")
        self.serve("wordpress", BLOG_DOMAIN=self.cloud.url, SECRET_ID="blog")
        self.check(event, None, ["GetSecretValue", GET, "newPost"], "async")
        ((_, user, _, post),) = self.cloud.posts
        self.assertEqual((user, post["post_title"]), ("me", "My Blog Post For Amazon WorkMail"))
        for subject in ("My Blog", None):
            self.check({**event, "subject": subject}, None, [], "async")

    def test_restricted_mailboxes(self):
        event, want = event_of("restricted-mailboxes-python"), expected("restricted-mailboxes-python")
        otherwise, restricted = want["response_otherwise"], want["response_when_restricted"]
        inside, outside = "from@domain.test", "ada@elsewhere.test"
        groups = ["ListGroups", "ListGroupMembers"]
        variables = {"WORKMAIL_ORGANIZATION_ID": "m-1234567890abcdef1234567890abcdef", "RESTRICTED_GROUP_NAME": "inside"}
        mixed = copy.deepcopy(event)
        mixed["envelope"]["recipients"][0]["address"] = outside
        for report in ([], ["report@domain.test"]):
            self.serve("restricted_mailboxes", **variables, REPORT_MAILBOX_ADDRESS="".join(report))
            self.check(event, otherwise, groups)
            self.check(event, otherwise, [*groups, "DescribeUser"], members=[inside])
            self.check(mixed, filled(restricted, external=[outside], report=report), [*groups, "DescribeUser"], members=[inside])
        inbound = {**copy.deepcopy(event), "flowDirection": "INBOUND"}
        inbound["envelope"]["mailFrom"]["address"] = outside
        want = filled(restricted, external=["recipient1@domain.test"], report=report)
        del want["actions"][0]["action"]["parameters"]
        self.check(inbound, want, [*groups, "DescribeUser"], members=["recipient1@domain.test"])

    def test_update_email(self):
        event, want = event_of("update-email"), expected("update-email")["response"]
        self.serve("update_email")
        self.check(event, want, [GET, STORE, PUT])
        self.assertIn(b"Subject: [Out] Hello\r\n", self.cloud.replaced)
        self.assertIn(b"\r\nBeware \r\nA text.\r\n\r\nBye", self.cloud.replaced)
        self.check(event, want, [GET, STORE, PUT], frozen=True)
        self.assertIsNone(self.cloud.replaced)
        internal = copy.deepcopy(event)
        internal["envelope"]["mailFrom"]["address"] = "from@domainB.test"
        self.check(internal, want, [])

    def test_save_and_update_email(self):
        event, want = event_of("save-and-update-email"), expected("save-and-update-email")["response"]
        self.serve("save_and_update_email", SAVED_EMAIL_BUCKET="saved", UPDATE_INTERNAL_MESSAGES="False",
                   UPDATE_EXTERNAL_MESSAGES="True")
        self.check(event, want, [GET, STORE, STORE, STORE, PUT])
        key = event["invocationId"]
        self.assertEqual(self.cloud.objects[f"saved/{key}.eml"], MAIL)
        self.assertEqual(json.loads(self.cloud.objects[f"saved/{key}.json"]), event)
        header = expected("save-and-update-email")["adds_header"]
        self.assertIn(f"{header}: {key}\r\n".encode(), self.cloud.replaced)
        self.assertIn(f"Beware {key}\r\n".encode(), self.cloud.replaced)
        internal = copy.deepcopy(event)
        internal["envelope"]["mailFrom"]["address"] = "from@domainB.test"
        self.check(internal, want, [GET, STORE, STORE])
        self.serve("save_and_update_email", SAVED_EMAIL_BUCKET="saved", UPDATE_INTERNAL_MESSAGES="True",
                   UPDATE_EXTERNAL_MESSAGES="False")
        self.check(internal, want, [GET, STORE, STORE, STORE, PUT])
        self.check(event, want, [GET, STORE, STORE])

    def test_translate_email(self):
        self.serve("translate_email", DESTINATION_LANGUAGE="en")
        self.check(event_of("translate-email"), expected("translate-email")["response"],
                   [GET, "TranslateText", "TranslateText", STORE, PUT])
        self.assertIn(b"Subject: Hello | HELLO\r\n", self.cloud.replaced)
        self.assertIn(b"A text.\r\n\r\nA TEXT.", self.cloud.replaced)

    def test_salesforce(self):
        event, want = event_of("salesforce-python"), expected("salesforce-python")["response"]
        self.serve("salesforce", SF_SECRET_NAME="register")
        self.check(event, want, ["GetSecretValue", "query", GET, STORE, PUT], cases=["500X"])
        self.assertIn(b"Subject: [CaseId:500X] Hello\r\n", self.cloud.replaced)
        self.check(event, want, ["GetSecretValue", "query"])

    def test_upstream_gateway_filter(self):
        event, want = event_of("upstream-gateway-filter"), expected("upstream-gateway-filter")
        self.serve("upstream_gateway_filter", FILTER_HEADER_NAME="MyOrg-Spam-Verdict",
                   FILTER_HEADER_REGEX="yes")
        self.check(event, want["header_matches"], [GET], content=b"MyOrg-Spam-Verdict: yes\r\n" + MAIL)
        self.check(event, want["header_present_no_match"], [GET], content=b"MyOrg-Spam-Verdict: no\r\n" + MAIL)
        self.check(event, want["no_header_or_outbound"], [GET])
        self.check({**event, "flowDirection": "OUTBOUND"}, want["no_header_or_outbound"], [])

    def test_message_flow_state_machine(self):
        event, want = event_of("message-flow-state-machine"), expected("message-flow-state-machine")["default_machine_output"]
        self.serve("message_flow_state_machine", STATE_MACHINE_ARN="arn:aws:states:eu-west-1:1:stateMachine:m")
        calls = ["StartExecution", "DescribeExecution"]
        got = self.check(event, FAILS, calls)
        self.assertIn("has not ended", got["error"])
        # Asked again under the same id, it finds its job.
        self.check(event, want, calls, executions=self.cloud.executions, output=want)

    def test_stop_mail_storm(self):
        event, want = event_of("stop-mail-storm"), expected("stop-mail-storm")
        group, calls = "big_group1@domain.test", ["PutMetricData", "DescribeAlarms"]
        self.serve("stop_mail_storm", PROTECTED_ADDRESSES=f"{group}, big_group2@domain.test")
        self.check(event, filled(want["protected"], alarm=[]), calls)
        self.check(event, filled(want["protected"], alarm=[group]), calls, alarms={group})
        harmless = copy.deepcopy(event)
        harmless["envelope"]["recipients"].pop()
        self.check(harmless, want["no_protected_recipient"], [])


def main():
    if not CASES.is_dir():
        print(f"SKIPPED: there is no folder {CASES}; name the WorkMail cases with PENSTOCK_WORKMAIL_CASES")
        return SKIPPED
    try:
        build(LANGUAGE, "examples/workmail", LANGUAGE)
        build(LANGUAGE, HANDLERS, LANGUAGE)
    except Missing as missing:
        print(f"SKIPPED: {missing}")
        return 1 if os.environ.get("CI") == "true" else SKIPPED
    return 0 if unittest.main(exit=False, verbosity=2).result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
