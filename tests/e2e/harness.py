# SPDX-License-Identifier: Apache-2.0
"""Runs the built binaries as an operator would: penstockd on free loopback ports below a temporary
folder, penstock against its socket, hooks in processes of their own. Everything is stopped by pid.

The build folder comes from PENSTOCK_BUILD, set by ctest. With PENSTOCK_HOOK_STREAM every hook offers
HookStreamService as well, and is registered to be called by it.
"""
import json
import os
import pathlib
import re
import signal
import smtplib
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

from next_hop import NextHop, free_port

os.environ.setdefault("PENSTOCK_ALLOW_ROOT", "1")  # tests may run as root
BUILD = pathlib.Path(os.environ["PENSTOCK_BUILD"])
SOURCE = pathlib.Path(__file__).resolve().parents[2]
PENSTOCKD = BUILD / "tools/penstockd/penstockd"
PENSTOCK = BUILD / "tools/penstock/penstock"
STUBS = BUILD / "examples/stubs"
PYTHON = "/usr/bin/python3"
STREAM = bool(os.environ.get("PENSTOCK_HOOK_STREAM"))
DOMAIN = "org.example"

CONFIG = """\
hostname: mx.org.example
data_folder: {folder}/data
listeners:
  - {{name: mx, listen: "127.0.0.1:0", direction: inbound, trusted_networks: {trusted}}}
  - {{name: out, listen: "127.0.0.1:0", direction: outbound, organization: default, trusted_networks: ["127.0.0.0/8"]}}
admin: {{socket: {folder}/admin/admin.sock}}
metrics: {{listen: "127.0.0.1:0"}}
next_hops:
  - {{name: relay, smtp: {{host: 127.0.0.1, port: {relay_port}}}}}
  - {{name: mailbox, maildir: {{path: "{folder}/mail/{{local_part}}"}}}}
routes: {{inbound: {inbound}, outbound: relay, bounces: relay}}
delivery: {{backoff_first: 200ms, backoff_max: 1s}}
retry: {{backoff_first: {retry_first}, backoff_max: {retry_first}}}
"""


def wait_until(what, condition, timeout=30):
    """Returns condition()'s first true value; fails the test after `timeout` seconds."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"waited {timeout} s for {what}")


class Hook:
    """A hook process: the example of examples/python_hook, or another script with --listen."""

    def __init__(self, script=SOURCE / "examples/python_hook/hook.py", listen="127.0.0.1:0", *arguments):
        if listen.endswith(":0"):  # one that nobody else takes before it is started there again
            listen = listen[:-1] + str(free_port())
        self.output = tempfile.NamedTemporaryFile("w+", suffix=".hook")
        self.process = subprocess.Popen(
            [PYTHON, *([SOURCE / "tests/e2e/stream_hook.py"] if STREAM else []), script, "--listen", listen, *arguments],
            stdout=self.output, stderr=subprocess.STDOUT, env={**os.environ, "PYTHONPATH": str(STUBS)})
        self.target = wait_until("the hook", self._target)

    def _target(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the hook ended: {self.lines()}")
        for line in self.lines():
            if line.startswith("listening on "):
                return line.split()[-1]
        return None

    def wait_called(self):
        """Of sick_hook.py."""
        wait_until("a call", lambda: any(line.startswith("called") for line in self.lines()), 120)

    def lines(self):
        return pathlib.Path(self.output.name).read_text().splitlines()

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Daemon:
    """penstockd. `kill()` is kill -9; `start()` again goes on from its data folder."""

    def __init__(self, folder, relay_port, inbound="mailbox", trusted="[]", retry_first="300ms"):
        self.folder = pathlib.Path(folder)
        self.config = self.folder / "penstock.yaml"
        self.config.write_text(CONFIG.format(folder=folder, relay_port=relay_port, inbound=inbound,
                                             trusted=trusted, retry_first=retry_first))
        self.socket = self.folder / "admin/admin.sock"
        self.log = self.folder / "penstockd.log"
        self.process = None

    def start(self):
        with self.log.open("a") as log:
            self.process = subprocess.Popen([PENSTOCKD, "--config", self.config], stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=log)
        wait_until("penstockd", self._ready)
        status = self.penstock_json("status")
        self.ports = {one["listener"]: int(one["address"].rpartition(":")[2]) for one in status["listeners"]}
        return self

    def _ready(self):
        if self.process.poll() is not None:
            raise AssertionError("penstockd ended: " + self.log.read_text()[-2000:])
        return self.socket.exists() and self.penstock("status").returncode == 0

    def stop(self):
        """SIGTERM; returns the exit code."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            return self.process.wait(60)
        return self.process.returncode if self.process else 0

    def kill(self):
        self.process.kill()
        self.process.wait()

    def penstock(self, *arguments):
        return subprocess.run([PENSTOCK, "--socket", self.socket, *map(str, arguments)],
                              capture_output=True, text=True, timeout=60)

    def penstock_start(self, *arguments):
        """Begins a command; whoever calls waits for it."""
        return subprocess.Popen([PENSTOCK, "--socket", self.socket, *map(str, arguments)],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def penstock_ok(self, *arguments):
        done = self.penstock(*arguments)
        if done.returncode != 0:
            raise AssertionError(f"penstock {arguments}: exit {done.returncode}: {done.stderr}")
        return done.stdout

    def penstock_json(self, *arguments):
        return json.loads(self.penstock_ok(*arguments, "--output", "json"))

    def http(self, path):
        """Status and text of a page that the daemon serves."""
        lines = [one for one in self.log.read_text().splitlines() if " metrics_listening " in one]
        address = lines[-1].split("address=")[1].split()[0]
        try:
            with urllib.request.urlopen(f"http://{address}{path}", timeout=10) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def show(self, message):
        return self.penstock_json("message", "show", message)

    def smtp(self, listener="mx"):
        return smtplib.SMTP("127.0.0.1", self.ports[listener], timeout=60)

    def send(self, recipients, content=None, sender="sender@elsewhere.example", listener="mx"):
        """Sends one message; returns the ids that the 250 names."""
        content = content or f"From: {sender}\r\nDate: Sat, 21 Nov 2026 19:48:00 +0000\r\nSubject: hello\r\n\r\nhello\r\n"
        if isinstance(content, str):
            content = content.encode()
        with self.smtp(listener) as client:
            client.ehlo("client.example")
            client.mail(sender)
            for recipient in recipients:
                code, text = client.rcpt(recipient)
                assert code == 250, (recipient, code, text)
            code, text = client.data(content)
        assert code == 250, (code, text)
        return re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", text.decode())

    def wait_closed(self, message, timeout=30):
        def closed():
            shown = self.show(message)
            return shown if shown["state"] == "CLOSED" else None
        return wait_until(f"message {message} to close", closed, timeout)

    def mail_of(self, local_part, folder="new"):
        """The files in a recipient's Maildir."""
        path = self.folder / "mail" / local_part / folder
        return sorted(path.iterdir()) if path.is_dir() else []


class PenstockTest(unittest.TestCase):
    """A next hop, and a daemon that owns DOMAIN; both go after the test."""
    daemon_options = {}

    def configure(self, config):
        """The text of the configuration, for tests that need another."""
        return config

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="penstock-e2e-")
        self.addCleanup(folder.cleanup)
        self.next_hop = NextHop()
        self.addCleanup(self.next_hop.stop)
        self.daemon = Daemon(folder.name, self.next_hop.port, **self.daemon_options)
        self.addCleanup(self._stop)
        self.daemon.config.write_text(self.configure(self.daemon.config.read_text()))
        self.daemon.start()
        self.daemon.penstock_ok("org", "add-domain", "default", DOMAIN)

    def _stop(self):
        if self.daemon.process and self.daemon.process.poll() is None:
            self.daemon.kill()
        if sys.exc_info()[0] or self._failed():
            print(self.daemon.log.read_text()[-6000:], file=sys.stderr)

    def _failed(self):
        outcome = getattr(self, "_outcome", None)
        return bool(outcome and getattr(outcome, "errors", None) and any(e for _, e in outcome.errors))

    def hook(self, *arguments, **options):
        hook = Hook(*arguments, **options)
        self.addCleanup(hook.stop)
        return hook

    def register(self, target, name="decide"):
        self.daemon.penstock_ok("hook", "register", name, "--target", target, *(["--stream"] if STREAM else []))
        self.daemon.penstock_ok("hook", "add-permission", name, "--statement-id", "all", "--principal", "default")

    def sync_rule(self, fallback="default", timeout="5m", hook="decide", name="ask"):
        self.daemon.penstock_ok("rule", "create", name, "--direction", "inbound", "--sender", "*",
                                "--recipient", "*", "--hook", hook, "--mode", "sync",
                                "--fallback", fallback, "--timeout", timeout)
