#!/usr/bin/env python3
"""Runs the real `penstock` as a shell does that completes a line.
"""
import os
import shutil
import subprocess
import unittest

from cli_harness import PENSTOCK, Daemon, main, run

SHELLS = ("bash", "zsh", "fish")


class Completion(unittest.TestCase):
    def complete(self, daemon, *words):
        done = daemon.run("__complete", *words)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return [line.split("\t")[0] for line in done.stdout.splitlines()]

    def test_the_scripts_parse(self):
        for shell in SHELLS:
            script = run("completion", shell)
            self.assertEqual(script.returncode, 0)
            self.assertIn("__complete", script.stdout)
            if shutil.which(shell):
                parsed = subprocess.run([shell, "-n"], input=script.stdout, text=True,
                                        capture_output=True, check=False)
                self.assertEqual((parsed.returncode, parsed.stderr), (0, ""), shell)

    def test_words_options_and_closed_sets(self):
        with Daemon() as daemon:
            self.assertEqual(self.complete(daemon, "o"), ["org"])
            self.assertIn("add-permission", self.complete(daemon, "hook", ""))
            self.assertEqual(self.complete(daemon, "rule", "create", "r", "--act"), ["--action"])
            self.assertEqual(self.complete(daemon, "rule", "create", "--mode", ""), ["sync", "async"])
            self.assertEqual(self.complete(daemon, "rule", "create", "--mode=s"), ["--mode=sync"])
            self.assertEqual(self.complete(daemon, "rule", "create", "--mode", "=", "s"), ["sync"])
            self.assertEqual(self.complete(daemon, "completion", "b"), ["bash"])
            self.assertEqual(self.complete(daemon, "rule", "test", "--eml", ""), [":files"])
            self.assertEqual(self.complete(daemon, "apply", "-f", ""), [":files"])
            self.assertEqual(self.complete(daemon, "rule", "lint", "--rules", ""), [":files"])
            self.assertEqual(self.complete(daemon, "org", "nonsense", "x"), [])
            self.assertEqual(self.complete(daemon, "event", ""), ["build"])
            self.assertEqual(self.complete(daemon, "answer", "resolve", "--answer", ""), [":files"])
            self.assertIn("move-to-junk", self.complete(daemon, "answer", "resolve", "--fallback", ""))
            self.assertEqual(self.complete(daemon, "hook", "invoke", "--mode", ""), ["sync", "async"])

    def test_names_come_from_the_daemon(self):
        with Daemon("--samples") as daemon:
            daemon.run("org", "create", "acme")
            daemon.run("hook", "register", "disclaimer", "--target", "127.0.0.1:1")
            daemon.run("rule", "create", "block", "--direction", "inbound", "--sender", "*",
                       "--recipient", "*", "--action", "drop")
            self.assertEqual(self.complete(daemon, "org", "show", ""), ["acme", "default"])
            self.assertEqual(self.complete(daemon, "org", "show", "a"), ["acme"])
            self.assertEqual(self.complete(daemon, "hook", "show", ""), ["disclaimer"])
            self.assertEqual(self.complete(daemon, "hook", "invoke", ""), ["disclaimer"])
            self.assertEqual(self.complete(daemon, "hook", "tail", ""), ["disclaimer"])
            self.assertEqual(len(self.complete(daemon, "hook", "tail", "--message", "")), 4)
            self.assertEqual(self.complete(daemon, "hook", "tail", "--org", "a"), ["acme"])
            self.assertEqual(self.complete(daemon, "rule", "show", "--direction", "inbound", ""),
                             ["block"])
            self.assertEqual(self.complete(daemon, "rule", "show", "--direction", "outbound", ""), [])
            self.assertEqual(len(self.complete(daemon, "message", "show", "")), 4)
            self.assertEqual(len(self.complete(daemon, "message", "cancel", "x", "")), 4)
            self.assertEqual(self.complete(daemon, "message", "cancel", "x", "--as", "d"), ["drop", "default"])
            self.assertEqual(self.complete(daemon, "dead-letter", "show", ""), ["1", "2", "3"])
            self.assertEqual(self.complete(daemon, "dead-letter", "redrive", "--hook", "gone-hook", ""), ["3"])
            self.assertEqual(self.complete(daemon, "change", "show", "")[-1], "1")
            self.assertEqual(self.complete(daemon, "hook", "add-permission", "disclaimer",
                                           "--principal", "d"), ["default"])

    def test_without_a_daemon_there_are_no_names_and_no_noise(self):
        done = run("__complete", "org", "show", "", PENSTOCK_SOCKET="/nowhere")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_bash_completes_with_the_script(self):
        if not shutil.which("bash"):
            self.skipTest("no bash here")
        with Daemon() as daemon:
            script = run("completion", "bash").stdout
            ask = ('COMP_WORDS=(penstock org show d); COMP_CWORD=3; _penstock; '
                   'printf "%s\\n" "${COMPREPLY[@]}"')
            done = subprocess.run(
                ["bash", "-c", script + ask], capture_output=True, text=True, check=False,
                env={"PATH": os.path.dirname(PENSTOCK) + ":" + os.environ["PATH"],
                     "PENSTOCK_SOCKET": daemon.socket})
            self.assertEqual((done.stdout, done.stderr), ("default\n", ""))


if __name__ == "__main__":
    main()
