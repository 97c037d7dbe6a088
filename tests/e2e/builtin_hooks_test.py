# SPDX-License-Identifier: Apache-2.0
"""penstock-hooks with a real penstockd: every kind with the file that hooks/builtin/README.md prints for it."""
import json
import pathlib
import re
import signal
import subprocess
import sys
import unittest
import urllib.request

from certificates import Authority
from harness import BUILD, DOMAIN, SOURCE, STUBS, PenstockTest, wait_until

sys.path.insert(0, str(STUBS))
import grpc  # noqa: E402
from penstock.v1 import hook_pb2, hook_pb2_grpc  # noqa: E402

PENSTOCK_HOOKS = BUILD / "hooks/builtin/penstock-hooks"
README = (SOURCE / "hooks/builtin/README.md").read_text()
HEAD = "From: sender@elsewhere.example\r\nDate: Sat, 21 Nov 2026 19:48:00 +0000\r\nSubject: hello\r\n"
PLAIN = HEAD + "\r\nhello\r\n"
PROGRAM = (HEAD + "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n"
           "--b\r\nContent-Type: application/octet-stream; name=game.exe\r\n\r\nMZ-octets\r\n--b--\r\n")


def section(kind):
    return README.split(f"\n### {kind}\n")[1].split("\n##")[0]


def printed(kind):
    """The file of a kind, and what its permission grants."""
    (text,) = re.findall(r"```yaml\n(.*?)```", section(kind), re.S)
    (needs,) = re.findall(rf"^\| \[{kind}\]\(#{kind}\) \|.*\| ?([^|]*)\|$", README, re.M)
    return text, re.findall(r"--\w+", needs)


class Hooks:
    """penstock-hooks in a process of its own."""

    def __init__(self, folder, text):
        self.config = pathlib.Path(folder) / "hooks.yaml"
        self.log = pathlib.Path(folder) / "hooks.log"
        self.write(text)
        with self.log.open("w") as log:
            self.process = subprocess.Popen([PENSTOCK_HOOKS, "--config", self.config], stderr=log)
        self.target = self.said("listening")["address"]

    def write(self, text):
        text = text.replace("127.0.0.1:9465", "127.0.0.1:0")
        self.config.write_text("listen: 127.0.0.1:0\n" + text)

    def lines(self, event):
        lines = (re.search(rf"\w+ {event}\b(.*)", line) for line in self.log.read_text().splitlines())
        return [dict(re.findall(r'(\w+)=("[^"]*"|\S+)', line.group(1))) for line in lines if line]

    def said(self, event):
        def lines():
            if self.process.poll() is not None:
                raise AssertionError("penstock-hooks ended: " + self.log.read_text())
            return self.lines(event)
        return wait_until(f"penstock-hooks to say {event}", lines)[0]

    def page(self, path):
        with urllib.request.urlopen(f"http://{self.said('metrics_listening')['address']}{path}", timeout=10) as reply:
            return reply.read().decode()

    def health(self, name):
        """1: serving, 2: not serving (grpc.health.v1)."""
        with grpc.insecure_channel(self.target) as channel:
            reply = channel.unary_unary("/grpc.health.v1.Health/Check")(
                bytes([10, len(name)]) + name.encode(), timeout=10)
        return reply[1]

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class ReadyHooks(PenstockTest):
    def serve(self, text):
        hooks = Hooks(self.daemon.folder, text)
        self.addCleanup(hooks.stop)
        return hooks

    def begin(self, kind, direction="inbound", mode="sync"):
        """Serves the printed file; a rule sends all mail to its first hook."""
        text, grants = printed(kind)
        hooks = self.serve(text)
        (name, *_) = re.findall(r"- name: (\S+)", text)
        self.rule(hooks, name, grants, direction, mode)
        return hooks

    def rule(self, hooks, name, grants=(), direction="inbound", mode="sync", options=()):
        self.daemon.penstock_ok("hook", "register", name, "--target", hooks.target, *options)
        self.daemon.penstock_ok("hook", "add-permission", name, "--statement-id", "all", "--principal", "default",
                                *grants)
        self.daemon.penstock_ok("rule", "create", name, "--direction", direction, "--sender", "*", "--recipient", "*",
                                "--hook", name, "--mode", mode,
                                *(["--fallback", "drop", "--timeout", "5m"] if mode == "sync" else []))

    def outcomes(self, to, content=PLAIN, **options):
        """What became of each of those recipients; who was added stands behind them."""
        (message,) = self.daemon.send([f"{one}@{DOMAIN}" if "@" not in one else one for one in to], content, **options)
        return [one["state"] for one in self.daemon.wait_closed(message)["recipients"]]

    def mail(self, local_part, folder="new"):
        (path,) = self.daemon.mail_of(local_part, folder)
        return path.read_bytes().replace(b"\r\n", b"\n").decode()

    def test_disclaimer(self):
        self.begin("disclaimer", direction="outbound")
        self.outcomes(["x@elsewhere.example"], PLAIN.replace("sender@elsewhere.example", f"alice@{DOMAIN}"),
                      sender=f"alice@{DOMAIN}", listener="out")
        sent = self.next_hop.wait(1)[0].data.decode()
        self.assertIn("Subject: [Org] hello\r\n", sent)
        self.assertIn("\r\nhello\r\n\r\nOrg Ltd. This mail may be confidential.\r\n", sent)

    def test_external_banner(self):
        hooks = self.begin("external_banner")
        self.assertEqual(self.outcomes(["alice"]), ["DELIVERED"])
        self.assertIn("\nSubject: [EXT] hello\n", self.mail("alice"))
        self.assertIn("\n\nThis mail comes from outside. Take care with links.\n\nhello\n", self.mail("alice"))
        self.outcomes(["bob"], PLAIN.replace("elsewhere.example", "partner.example"))
        self.assertIn("\nSubject: hello\n", self.mail("bob"))
        self.assertEqual([one["changed"] for one in hooks.lines("decided")], ["yes", "no"])

    def test_restricted_recipients(self):
        self.begin("restricted_recipients")
        self.assertEqual(self.outcomes(["alice", "board"]), ["DELIVERED", "BOUNCED", "DELIVERED"])
        self.assertIn("hello", self.mail("report"))
        self.assertIn(b"This mailbox takes mail from inside only.", self.next_hop.wait(1)[0].data)
        self.assertEqual(self.outcomes(["board"], PLAIN.replace("elsewhere", "auditor")), ["DELIVERED"])

    def test_storm_brake(self):
        self.begin("storm_brake")
        states = [self.outcomes(["alice"])[0] for _ in range(4)]
        self.assertEqual(states, ["DELIVERED"] * 3 + ["BOUNCED"])
        self.assertIn(b"Too much mail at a time.", self.next_hop.wait(1)[0].data)
        self.assertEqual(self.outcomes(["bob"]), ["DELIVERED"])

    def test_header_filter(self):
        self.begin("header_filter")
        self.outcomes(["alice"], "X-Gateway-Spam: YES\r\n" + PLAIN)
        self.assertIn("\nX-Penstock-Junk: yes\n", self.mail("alice", ".Junk/new"))
        self.outcomes(["bob"], "X-Gateway-Spam: no\r\n" + PLAIN)
        self.assertIn("\nX-Penstock-Bypass-Spam-Check: yes\n", self.mail("bob"))
        self.assertEqual(self.outcomes(["carol"], PLAIN.replace("hello", "Free Money", 1)), ["BOUNCED"])
        self.outcomes(["dave"])
        self.assertNotIn("X-Penstock", self.mail("dave"))

    def test_attachment_policy(self):
        self.begin("attachment_policy")
        self.outcomes(["alice"], PROGRAM)
        self.assertIn("[game.exe was taken out: programs are not let through.]", self.mail("alice"))
        self.assertNotIn("MZ-octets", self.mail("alice"))
        signed = PROGRAM.replace("multipart/mixed", "multipart/signed")
        self.assertEqual(self.outcomes(["bob"], signed), ["BOUNCED"])

    def test_saved_copy(self):
        self.begin("saved_copy")
        self.assertEqual(self.outcomes(["alice"]), ["DELIVERED"])
        (copy,) = (self.daemon.folder / "copies").glob("*/*.eml")
        self.assertEqual(copy.read_bytes(), PLAIN.encode())
        self.assertIn("sender@elsewhere.example", copy.with_suffix(".json").read_text())
        self.assertEqual(copy.stat().st_mode & 0o777, 0o600)
        self.assertIn(f"\nX-Saved-Copy: {copy.stem}\n", self.mail("alice"))

    def test_archive(self):
        self.begin("archive")
        self.assertEqual(self.outcomes(["alice"]), ["DELIVERED", "DELIVERED"])
        self.assertIn("hello", self.mail("archive"))

    def test_counter(self):
        hooks = self.begin("counter", mode="async")
        self.assertEqual(self.outcomes(["alice", "bob"]), ["DELIVERED", "DELIVERED"])
        line = ('penstock_hook_recipients_total{direction="inbound",hook="count",organization="default",'
                'recipients="internal",rule="count",sender="external"} 2')
        wait_until("the mail to be counted", lambda: line in hooks.page("/metrics"))
        self.assertEqual(hooks.page("/healthz"), "ok\n")

    def test_steps(self):
        self.begin("steps")
        self.assertEqual(self.outcomes(["alice"], PROGRAM), ["DELIVERED", "DELIVERED"])
        for local_part in ("alice", "archive"):
            self.assertIn("\nSubject: [EXT] hello\n", self.mail(local_part))
            self.assertNotIn("MZ-octets", self.mail(local_part))

    def test_an_attempt_that_is_repeated_counts_and_keeps_once(self):
        hooks = self.serve("metrics: {listen: '127.0.0.1:0'}\n"
                           "hooks:\n"
                           "  - {name: both, steps: {hooks: [count, copies]}}\n"
                           "  - {name: count, counter: {}}\n"
                           "  - {name: copies, saved_copy: {folder: copies}}\n")
        self.rule(hooks, "both")  # may not read: the attempt counts the mail, then fails
        (message,) = self.daemon.send([f"alice@{DOMAIN}"], PLAIN)
        wait_until("two attempts", lambda: len(hooks.lines("attempt_failed")) >= 2)
        shown = self.daemon.penstock_ok("message", "show", message)
        self.assertIn("penstock hook add-permission both", shown)
        self.assertEqual(hooks.health("both"), 1)  # what a caller may not do is no fault of its folder
        self.daemon.penstock_ok("hook", "add-permission", "both", "--statement-id", "read", "--principal", "default",
                                "--read")
        self.daemon.wait_closed(message)
        self.assertIn("hello", self.mail("alice"))
        self.assertEqual(re.findall(r"penstock_hook_messages_total\{.*\} (\d+)", hooks.page("/metrics")), ["1"])
        self.assertEqual(len(list((self.daemon.folder / "copies").glob("*/*.eml"))), 1)
        # Where its folder is none any more it is unwell, and the mail waits; then it is well again.
        copies, aside = self.daemon.folder / "copies", self.daemon.folder / "aside"
        copies.rename(aside)
        copies.write_text("")
        (message,) = self.daemon.send([f"bob@{DOMAIN}"], PLAIN)
        wait_until("the hook to be unwell", lambda: hooks.health("both") == 2)
        copies.unlink()
        aside.rename(copies)
        self.daemon.wait_closed(message)
        wait_until("the hook to be well", lambda: hooks.health("both") == 1)
        self.assertEqual(len(list(copies.glob("*/*.eml"))), 2)

    def test_the_same_attempt_twice_is_braked_as_before(self):
        hooks = self.serve("hooks: [{name: brake, storm_brake: {messages_max: 1}}]\n")
        with grpc.insecure_channel(hooks.target) as channel:
            invoke = hook_pb2_grpc.HookServiceStub(channel).Invoke

            def ask(number):
                request = hook_pb2.InvokeRequest(hook="brake", mode=hook_pb2.InvokeRequest.SYNC)
                request.event.invocation_id = f"{number:032x}"
                request.event.flow_direction = hook_pb2.Event.INBOUND
                request.event.envelope.recipients.add(address=f"alice@{DOMAIN}")
                return [hook_pb2.Action.Type.Name(one.action.type) for one in invoke(request, timeout=10).actions]

            self.assertEqual([ask(1), ask(1), ask(2), ask(1), ask(2)],
                             [["DEFAULT"], ["DEFAULT"], ["BOUNCE", "DEFAULT"], ["DEFAULT"], ["BOUNCE", "DEFAULT"]])

    def test_reload_and_stop(self):
        hooks = self.serve("hooks: [{name: one, archive: {addresses: [archive@org.example]}}]\n")
        self.rule(hooks, "two")
        (message,) = self.daemon.send([f"alice@{DOMAIN}"], PLAIN)
        wait_until("a failed attempt", lambda: "register one of: one" in self.daemon.penstock_ok("message", "show", message))
        hooks.write("hooks: [{name: two, archve: {}}]\n")
        hooks.process.send_signal(signal.SIGHUP)
        self.assertIn("archve", hooks.said("reload_refused")["error"])
        self.assertEqual(hooks.health("one"), 1)
        hooks.write("hooks: [{name: two, archive: {addresses: [archive@org.example]}}]\n")
        hooks.process.send_signal(signal.SIGHUP)
        hooks.said("reloaded")
        self.daemon.wait_closed(message)
        self.assertIn("hello", self.mail("archive"))
        wait_until("health", lambda: (hooks.health("one"), hooks.health("two"), hooks.health("")) == (2, 1, 1))
        hooks.process.send_signal(signal.SIGTERM)
        self.assertEqual(hooks.process.wait(30), 0)

    def test_tls_with_certificates_on_both_sides(self):
        authority = Authority(self.daemon.folder / "ca")
        certificate, key = authority.make("hook")
        client, client_key = authority.make("client", "penstockd")
        hooks = self.serve(f"tls: {{certificate_file: {certificate}, key_file: {key}, client_ca_file: {authority.ca}}}\n"
                           "hooks: [{name: archive, archive: {addresses: [archive@org.example]}}]\n")
        self.rule(hooks, "archive", options=["--tls-ca", authority.ca, "--tls-certificate", client, "--tls-key", client_key])
        self.assertEqual(self.outcomes(["alice"]), ["DELIVERED", "DELIVERED"])
        self.assertIn("hello", self.mail("archive"))

    def test_a_file_that_is_wrong(self):
        config = self.daemon.folder / "wrong.yaml"
        config.write_text("hooks:\n  - name: a\n    archive: {}\n")
        for arguments in (["--check-config"], []):
            done = subprocess.run([PENSTOCK_HOOKS, "--config", config, *arguments], capture_output=True, text=True,
                                  timeout=30)
            self.assertEqual(done.returncode, 1)
            self.assertIn("wrong.yaml:3:5: hooks[0].archive.addresses: missing; expected an address", done.stderr)
        self.assertEqual(subprocess.run([PENSTOCK_HOOKS], capture_output=True, timeout=30).returncode, 2)

    def test_the_printed_commands(self):
        hooks = self.serve(printed("external_banner")[0])
        (commands,) = re.findall(r"```\n(penstock hook register.*?)```", README, re.S)
        for line in commands.replace("127.0.0.1:50070", hooks.target).replace("'", "").splitlines():
            self.daemon.penstock_ok(*line.split()[1:])
        self.outcomes(["alice"])
        self.assertIn("[EXT] hello", self.mail("alice"))

    def test_the_printed_check_fits_the_kinds_that_need_no_content(self):
        (command,) = re.findall(r"^penstock (hook check .*)$", README, re.M)
        for kind in hook_kinds():
            with self.subTest(kind):
                text, needs = printed(kind)
                hooks = self.serve(text)
                name = re.findall(r"- name: (\S+)", text)[0]
                done = self.daemon.penstock(*command.replace("127.0.0.1:50070", hooks.target).replace("NAME", name).split(),
                                            "--output", "json")
                found = {one["name"]: (one["result"], one["found"]) for one in json.loads(done.stdout)["checks"]}
                hooks.stop()
                if needs:
                    self.assertEqual((done.returncode, found["inbound"][0]), (1, "FAILED"))
                    self.assertIn("PERMISSION_DENIED", found["inbound"][1])
                else:
                    self.assertEqual((done.returncode, found["inbound"][0]), (0, "PASSED"), done.stderr)
                    warned = {check for check, (result, _) in found.items() if result == "WARNED"}
                    self.assertEqual(warned, {"recipients-500"} if kind == "archive" else set())

    def test_every_kind_is_printed_and_right(self):
        kinds = re.findall(r"^### (\w+)$", README, re.M)
        fields = hook_kinds()
        self.assertEqual(kinds, fields)
        for kind in kinds:
            config = self.daemon.folder / f"{kind}.yaml"
            config.write_text(printed(kind)[0])
            done = subprocess.run([PENSTOCK_HOOKS, "--check-config", "--config", config], capture_output=True, text=True,
                                  timeout=30)
            self.assertEqual((done.returncode, done.stderr), (0, ""), kind)


def hook_kinds():
    proto = (SOURCE / "proto/penstock/v1/builtin_hooks.proto").read_text()
    return re.findall(r"Hook (\w+) = \d+;", proto.split("oneof kind {")[1].split("\n  }")[0])


if __name__ == "__main__":
    unittest.main()
