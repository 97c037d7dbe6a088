# SPDX-License-Identifier: Apache-2.0
"""What hooks/README.md prints works as printed: its hooks in Python and Go, from empty folders, beside
`tools/quickstart --keep`, by the lines that it prints; so do the five steps of examples/workmail/README.md. And
work that takes longer than a call may.

A language without its tools is skipped aloud; with CI=true that fails.
"""
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import unittest

from harness import DOMAIN, PYTHON, SOURCE, PenstockTest, wait_until
from hook_examples import SKIPPED, Missing, block, build, environment, require
from next_hop import free_port

PAGE = SOURCE / "hooks/README.md"
EXAMPLES = SOURCE / "examples/python_hook"
STEPS_DEADLINE = 300  # seconds


def until_it_listens(port):
    """A command that waits for a hook, however slow the machine is."""
    return f"until (exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null; do sleep 0.2; done"


class Guide(PenstockTest):
    def needs(self, language, work=require, *arguments):
        """Does what needs the tools of a language, or skips the test."""
        try:
            return work(language, *arguments)
        except Missing as missing:
            if os.environ.get("CI") == "true":
                raise
            return self.skipTest(str(missing))

    def follow(self, language, port):
        """Types the page's commands for a language in an empty folder; returns what they print."""
        self.needs(language)
        folder = tempfile.TemporaryDirectory(prefix="penstock-guide-")
        self.addCleanup(folder.cleanup)
        ours = str(free_port())
        name = {"python": "hook.py", "go": "hook.go"}[language]
        (pathlib.Path(folder.name) / name).write_text(block(PAGE, language).replace(port, ours), encoding="utf-8")
        commands = re.sub(r"^sleep \d$", until_it_listens(ours), block(PAGE, f"{language}-commands"), flags=re.M)
        return self.type_in(folder.name, commands.replace(port, ours))

    def type_in(self, folder, commands):
        """Types commands in a folder, in a terminal beside tools/quickstart --keep; returns what they print."""
        script = "\n".join(["shopt -s expand_aliases", *self.quickstart(), commands])
        output = self.daemon.folder / "output"
        with output.open("w") as sink:
            shell = subprocess.Popen(["bash", "-euc", script], cwd=folder, env=environment(), stdout=sink,
                                     stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, start_new_session=True)
        self.addCleanup(self.stop, shell)
        self.assertEqual(shell.wait(STEPS_DEADLINE), 0, output.read_text())
        return output.read_text()

    def quickstart(self):
        """The two lines that tools/quickstart --keep prints for a second terminal; it runs until the test ends."""
        story = self.daemon.folder / "story"
        with story.open("w") as sink:
            process = subprocess.Popen([PYTHON, "-u", SOURCE / "tools/quickstart_story.py", "--keep"], stdout=sink,
                                       stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)

        def lines():
            self.assertIsNone(process.poll(), story.read_text())
            found = re.findall(r"^ *((?:alias penstock|export PENSTOCK)=.*)\n", story.read_text(), re.M)
            return found if len(found) == 2 else None
        return wait_until("what quickstart prints for another terminal", lines, 60)

    def stop(self, shell):
        """The hook that the commands left running, in the session of their shell."""
        try:
            os.killpg(shell.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def test_a_hook_in_python(self):
        printed = self.follow("python", "50061")
        self.assertRegex(printed, rf"alice@{re.escape(DOMAIN)} +MOVE_TO_JUNK")
        self.assertRegex(printed, r"rule lottery")

    def test_a_hook_in_go(self):
        printed = self.follow("go", "50062")
        self.assertRegex(printed, rf"alice@{re.escape(DOMAIN)} +MOVE_TO_JUNK")
        self.assertRegex(printed, r"rule raffle")

    def move(self, language, text, name):
        """The five steps of examples/workmail, with the function that they show."""
        folder = self.needs(language, build, "examples/workmail", language)
        page = folder / "README.md"
        ours = str(free_port())
        (folder / name).write_text(block(page, text), encoding="utf-8")
        commands = "\n".join([block(page, f"run-{language}").strip() + " &", until_it_listens(ours),
                              *(block(page, step) for step in ("ask", "register", "rule"))])
        printed = self.type_in(folder, commands.replace("50051", ours))
        self.assertRegex(printed, rf"alice@{re.escape(DOMAIN)} +MOVE_TO_JUNK")
        self.assertRegex(printed, r"rule moved")

    def test_a_function_moved_from_workmail_in_python(self):
        self.move("python", "python", "lambda_function.py")

    def test_a_function_moved_from_workmail_in_node(self):
        self.move("node", "js", "index.mjs")

    def test_work_that_takes_longer_than_a_call(self):
        results = self.daemon.folder / "results"
        hook = self.hook(EXAMPLES / "long_work.py", "127.0.0.1:0", "--results", results, "--seconds", "1.5")
        self.register(hook.target)
        self.sync_rule(fallback="bounce")
        virus = "From: ada@elsewhere.example\r\nDate: Sat, 21 Nov 2026 19:48:00 +0000\r\nSubject: [virus]\r\n\r\nx\r\n"
        for content, outcome in ((None, "DEFAULT"), (virus, "DROP")):
            (message,) = self.daemon.send([f"alice@{DOMAIN}"], content)
            shown = self.daemon.wait_closed(message)
            self.assertEqual([one["verdict"]["action"] for one in shown["recipients"]], [outcome])
            (invocation,) = shown["invocations"]
            codes = [one["code"] for one in invocation["attempts"]]
            self.assertEqual(codes, ["UNAVAILABLE"] * (len(codes) - 1) + ["OK"])
            self.assertGreater(len(codes), 1)
            # Begun once, though it was asked more often.
            begun = [line for line in hook.lines() if line == f"begun {invocation['event']['invocationId']}"]
            self.assertEqual(len(begun), 1)

    def test_long_work_survives_a_restart_of_the_hook(self):
        results = self.daemon.folder / "results"
        arguments = ("--results", results, "--seconds", "0")
        first = self.hook(EXAMPLES / "long_work.py", "127.0.0.1:0", *arguments)
        self.register(first.target)
        self.sync_rule(fallback="bounce")
        (message,) = self.daemon.send([f"alice@{DOMAIN}"])
        event = self.daemon.wait_closed(message)["invocations"][0]["event"]
        first.stop()
        second = self.hook(EXAMPLES / "long_work.py", first.target, *arguments)
        path = self.daemon.folder / "event.json"
        path.write_text(json.dumps(event), encoding="utf-8")
        # The daemon is a moment late to connect to what was gone.
        wait_until("its answer", lambda: self.daemon.penstock("hook", "invoke", "decide", "--event", path).returncode == 0)
        self.assertEqual([line for line in second.lines() if line.startswith("begun")], [])


class Lacking(unittest.TestCase):
    def test_a_language_that_is_not_here_is_said_and_fails_in_ci(self):
        for ci, code in (("", SKIPPED), ("true", 1)):
            done = subprocess.run([PYTHON, SOURCE / "tests/e2e/hook_languages_test.py", "rust"], capture_output=True,
                                  text=True, check=False, env={**os.environ, "PATH": "/nowhere", "CI": ci})
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertEqual(done.stdout, "SKIPPED: rust: cargo is not installed; it comes with: apt-get install cargo\n")


if __name__ == "__main__":
    unittest.main()
