# SPDX-License-Identifier: Apache-2.0
"""The adapters of examples/workmail, and the hooks of examples/python_hook, where something is wrong: a port that
is taken, a command line that names nothing, a function that ends its process.

A language without its tools is skipped aloud; with CI=true that fails.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import grpc
from harness import PYTHON, SOURCE, STUBS, Hook
from hook_examples import Missing, block, build, environment

sys.path.insert(0, str(STUBS))
from penstock.v1 import hook_pb2, hook_pb2_grpc  # noqa: E402

PYTHON_FUNCTIONS = """\
import sys
def handler(event, context):
    if event["subject"] == "exit":
        sys.exit("enough")
    return {"actions": [{"allRecipients": True, "action": {"type": "DROP"}}]}
"""
NODE_FUNCTIONS = """\
export const handler = (event, context, callback) => {
  if (event.subject === 'exit') setTimeout(() => { throw new Error('enough'); }, 1);
  else callback(null, { actions: [{ allRecipients: true, action: { type: 'DROP' } }] });
};
"""


class WrongUse(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="penstock-adapters-")
        self.addCleanup(folder.cleanup)
        self.functions = pathlib.Path(folder.name)
        (self.functions / "index.mjs").write_text(NODE_FUNCTIONS, encoding="utf-8")
        (self.functions / "index.py").write_text(PYTHON_FUNCTIONS, encoding="utf-8")

    def command(self, language, *arguments):
        """What the page types to start an adapter, with other arguments."""
        try:
            folder = build(language, "examples/workmail", language)
        except Missing as missing:
            if os.environ.get("CI") == "true":
                raise
            self.skipTest(str(missing))
        printed = block(folder / "README.md", f"run-{language}").strip()
        start = re.match(r".*serve\.\w+", printed).group()
        return {"args": ["bash", "-c", f'exec env {start} "$@"', "serve", *map(str, arguments)], "cwd": folder,
                "env": environment(), "stdin": subprocess.DEVNULL}

    def serve(self, language):
        """The adapter, listening; its target."""
        command = self.command(language, self.functions / "index.handler", "--listen", "127.0.0.1:0")
        process = subprocess.Popen(**command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        line = process.stdout.readline()
        self.assertRegex(line, r"^listening on 127\.0\.0\.1:\d+$")
        return line.split()[-1]

    def refused(self, language, *arguments):
        """An adapter that does not start; what it says."""
        done = subprocess.run(**self.command(language, *arguments), capture_output=True, text=True, timeout=60, check=False)
        self.assertNotEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(done.stdout, "")
        return done.stderr

    def taken(self, language):
        target = self.serve(language)
        self.assertIn(target, self.refused(language, self.functions / "index.handler", "--listen", target))

    def test_a_second_adapter_in_python_does_not_share_the_port(self):
        self.taken("python")

    def test_a_second_adapter_in_node_says_that_the_port_is_taken(self):
        self.taken("node")

    def test_a_second_hook_of_the_examples_does_not_share_the_port(self):
        for script in ("hook.py", "edit_hook.py", "long_work.py"):
            with self.subTest(script):
                path = SOURCE / "examples/python_hook" / script
                results = ["--results", self.functions / "results"] if script == "long_work.py" else []
                first = Hook(path, "127.0.0.1:0", *results)
                self.addCleanup(first.stop)
                done = subprocess.run([PYTHON, path, "--listen", first.target, *results], capture_output=True, text=True,
                                      timeout=60, check=False, env={**os.environ, "PYTHONPATH": str(STUBS)})
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(first.target, done.stderr)

    def test_node_names_what_the_command_line_lacks(self):
        for arguments, said in (([], "usage: node serve.mjs FILE.FUNCTION"), (["index"], "usage: node serve.mjs"),
                                ([self.functions / "none.handler"], "no file "),
                                ([self.functions / "index.none"], "index.mjs has no function none")):
            with self.subTest(said):
                error = self.refused("node", *arguments)
                self.assertTrue(error.startswith(said) or error.endswith(said + "\n"), error)
                self.assertNotIn("TypeError", error)

    def ask(self, target, subject, timeout):
        request = hook_pb2.InvokeRequest(event={"invocation_id": "1"}, mode="SYNC", attempt=1,
                                         json=json.dumps({"subject": subject}).encode())
        with grpc.insecure_channel(target) as channel:
            return hook_pb2_grpc.HookServiceStub(channel).Invoke(request, timeout=timeout, wait_for_ready=True).json

    def test_a_function_in_python_that_exits_fails_its_attempt_at_once(self):
        target = self.serve("python")
        with self.assertRaises(grpc.RpcError) as raised:
            self.ask(target, "exit", 60)
        self.assertEqual(raised.exception.code(), grpc.StatusCode.UNKNOWN)
        self.assertIn("sys.exit('enough')", raised.exception.details())
        self.assertIn(b"DROP", self.ask(target, "stay", 60))

    def test_a_throw_behind_the_call_in_node_ends_that_call_alone_at_its_deadline(self):
        target = self.serve("node")
        with self.assertRaises(grpc.RpcError) as raised:
            self.ask(target, "exit", 1)
        self.assertEqual(raised.exception.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
        self.assertIn(b"DROP", self.ask(target, "stay", 60))


if __name__ == "__main__":
    unittest.main()
