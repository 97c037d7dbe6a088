# SPDX-License-Identifier: Apache-2.0
"""The engine as other programs have it: installed below a prefix, found by CMake and by pkg-config from folders
outside of the repository, and embedded by examples/embed-mta and examples/embed-c, which ask a real hook."""
import json
import os
import pathlib
import re
import shutil
import smtplib
import subprocess
import tempfile
import unittest

from harness import BUILD, SOURCE, Hook, wait_until
from next_hop import free_port

MANIFEST = """
organizations:
  - {{name: default, domains: [example.com]}}
hooks:
  - name: decide
    target: {target}
    permissions: [{{statement_id: all, organization: default}}]
rules:
  - name: ask
    direction: inbound
    sender_patterns: ["*"]
    recipient_patterns: ["*"]
    run_hook: {{hook: decide, mode: sync, fallback: {{action: default}}, rule_timeout: 4h}}
"""
MESSAGE = "From: someone@elsewhere.example\r\nSubject: {}\r\n\r\n.a line that begins with a dot\r\n"


def block(example, mark):
    """The commands of a page's block."""
    text = (SOURCE / "examples" / example / "README.md").read_text()
    return re.search(rf"```{mark}\n(.*?)```", text, re.S).group(1)


class Mta:
    def __init__(self, program, folder, manifest):
        self.command = [program, "0", folder, manifest]
        self.folder = pathlib.Path(folder)
        self.start()

    def start(self):
        self.output = tempfile.NamedTemporaryFile("w+", suffix=".mta")
        self.process = subprocess.Popen(self.command, stdout=self.output, stderr=subprocess.STDOUT)
        self.port = wait_until("the MTA", self._port)

    def _port(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the MTA ended: {self.lines()}")
        return next((line.rpartition(":")[2] for line in self.lines() if line.startswith("listening ")), None)

    def lines(self):
        return pathlib.Path(self.output.name).read_text().splitlines()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def send(self, recipients, subject="hello"):
        """The reply to DATA."""
        with smtplib.SMTP("127.0.0.1", int(self.port), timeout=60) as client:
            client.ehlo()
            client.mail("someone@elsewhere.example")
            for recipient in recipients:
                client.rcpt(recipient)
            return client.data(MESSAGE.format(subject))

    def mail(self, recipient, folder=""):
        return [path.read_bytes() for path in (self.folder / "mail" / recipient / folder / "new").glob("*")]


class EmbeddingTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = tempfile.TemporaryDirectory(prefix="penstock-embedding-")
        cls.addClassCleanup(cls.work.cleanup)
        root = pathlib.Path(cls.work.name)
        prefix = root / "prefix"
        run = lambda command, folder: subprocess.run(
            ["bash", "-ec", command], cwd=folder, check=True, stdout=subprocess.DEVNULL,
            env={**os.environ, "CMAKE_PREFIX_PATH": str(prefix),
                 "PKG_CONFIG_PATH": str(next(prefix.rglob("pkgconfig"), ""))})
        run(f"cmake --install {BUILD} --component engine --prefix {prefix}", root)
        cls.installed = sorted(str(path.relative_to(prefix)) for path in prefix.rglob("*") if path.is_file())
        cls.programs = {}
        for example, program in (("embed-mta", "mta"), ("embed-c", "decide")):
            folder = root / example
            shutil.copytree(SOURCE / "examples" / example, folder)
            run(block(example, "build"), folder)
            run(block(example, "pkg-config"), folder)
            cls.programs[program] = [folder / "build" / program, folder / program]

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="penstock-embedding-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def manifest(self, target):
        path = self.folder / "flow.yaml"
        path.write_text(MANIFEST.format(target=target))
        return path

    def hook(self, *arguments):
        hook = Hook(*arguments)
        self.addCleanup(hook.stop)
        return hook

    def mta(self, program, target):
        mta = Mta(program, self.folder / program.parent.name, self.manifest(target))
        self.addCleanup(lambda: mta.kill())
        return mta

    def test_what_is_installed(self):
        """Two headers, one library, and what CMake and pkg-config look for."""
        names = [pathlib.Path(path).name for path in self.installed]
        self.assertEqual(sorted(names), ["engine.h", "libpenstock.a", "penstock-config-version.cmake",
                                         "penstock-config.cmake", "penstock-engine.cmake", "penstock.h", "penstock.pc"])

    def test_mta(self):
        """The hook's policy reaches replies and Maildirs (A1, A7, H9)."""
        hook = self.hook()
        for program in self.programs["mta"]:
            with self.subTest(program=program):
                mta = self.mta(program, hook.target)
                self.assertEqual(mta.send(["a@example.com", "noreply@example.com"])[0], 250)
                for recipient in ("a@example.com", "archive@example.com"):
                    (mail,) = mta.mail(recipient)
                    self.assertTrue(mail.startswith(b"Received: by mx.example.com (Penstock"), mail)
                    self.assertTrue(mail.endswith(MESSAGE.format("hello").encode()), mail)
                self.assertEqual(mta.mail("noreply@example.com"), [])
                self.assertEqual(mta.send(["b@example.com"], "[SPAM] hello")[0], 250)
                self.assertEqual(len(mta.mail("b@example.com", ".Junk")), 1)
                code, text = mta.send(["closed@example.com"])
                self.assertEqual(code, 550)
                self.assertIn(b"This mailbox is closed", text)
                self.assertEqual(mta.mail("closed@example.com"), [])

    def test_restart(self):
        """What is undecided outlives a kill -9: the same invocation goes on, its attempts count on (E6, H4)."""
        hook = self.hook(SOURCE / "tests/e2e/odd_hook.py")

        def calls():
            return [json.loads(line) for line in hook.lines() if line.startswith("{")]

        mta = self.mta(self.programs["mta"][0], hook.target)
        code, text = mta.send(["error@example.com"])
        self.assertEqual((code, text), (250, b"2.0.0 queued"))
        before = len(calls())
        self.assertGreaterEqual(before, 2)
        mta.kill()
        mta.start()
        wait_until("two attempts more", lambda: len(calls()) >= before + 2, 120)
        self.assertEqual(len({call["event"]["invocationId"] for call in calls()}), 1)
        attempts = [call["attempt"] for call in calls()]
        self.assertEqual(attempts, sorted(attempts))
        self.assertGreater(attempts[-1], attempts[before - 1])

    def test_late_hook(self):
        """A hook that comes up later decides what waits in the queue."""
        port = free_port()
        mta = self.mta(self.programs["mta"][0], f"127.0.0.1:{port}")
        self.assertEqual(mta.send(["a@example.com"])[1], b"2.0.0 queued")
        self.assertEqual(mta.mail("a@example.com"), [])
        self.hook(SOURCE / "examples/python_hook/hook.py", f"127.0.0.1:{port}")
        wait_until("the mail", lambda: mta.mail("a@example.com") and mta.mail("archive@example.com"), 120)
        wait_until("an empty queue", lambda: not list((mta.folder / "queue").iterdir()))

    def test_c(self):
        """The C program waits for its hook by the token, and prints the outcomes."""
        message = self.folder / "message.eml"
        message.write_bytes(MESSAGE.format("hello").encode())
        for program in self.programs["decide"]:
            with self.subTest(program=program):
                port = free_port()
                command = [program, self.folder / f"state-{port}", self.manifest(f"127.0.0.1:{port}"), message,
                           "someone@elsewhere.example", "a@example.com", "closed@example.com"]
                with subprocess.Popen(["stdbuf", "-oL", *command], stdout=subprocess.PIPE, text=True) as process:
                    self.assertRegex(process.stdout.readline(), r"^try again with \d+ octets$")
                    hook = self.hook(SOURCE / "examples/python_hook/hook.py", f"127.0.0.1:{port}")
                    rest = [line for line in process.stdout.read().splitlines() if not line.startswith("try again")]
                    self.assertEqual(process.wait(60), 0)
                hook.stop()
                self.assertEqual(rest, ["a@example.com DEFAULT",
                                        'closed@example.com BOUNCE "This mailbox is closed. Write to help@example.com"',
                                        "archive@example.com DEFAULT added"])

    def test_c_refused(self):
        """Faults are told with their place."""
        program = self.programs["decide"][0]
        broken = self.folder / "broken.yaml"
        broken.write_text("rules: [{name: x}]")
        done = subprocess.run([program, self.folder / "state", broken, "none.eml", "", "a@example.com"],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("manifest:1:", done.stderr)
        good = self.manifest("127.0.0.1:1")
        done = subprocess.run([program, self.folder / "state", good, "none.eml", "", "a@example.com"],
                              capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (1, "none.eml: No such file or directory\n"))
        self.assertEqual(subprocess.run([program], capture_output=True).returncode, 2)


if __name__ == "__main__":
    unittest.main()
