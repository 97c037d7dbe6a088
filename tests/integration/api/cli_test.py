#!/usr/bin/env python3
"""Runs the real `penstock`: help, options, and a daemon that does not answer.
"""
import contextlib
import json
import os
import shlex
import socket
import subprocess
import tempfile
import threading
import unittest

from cli_harness import PENSTOCK, Daemon, main, run


class Help(unittest.TestCase):
    def commands(self):
        """Yields the words of every command, as completion walks the tree."""
        for line in run("__complete", "").stdout.splitlines():
            word = line.split("\t")[0]
            below = [one.split("\t")[0] for one in run("__complete", word, "").stdout.splitlines()]
            if word in ("apply", "diff", "export", "status", "completion"):
                yield [word]
            else:
                yield from ([word, verb] for verb in below)

    def test_every_command_has_help_with_an_example_that_parses(self):
        found = list(self.commands())
        self.assertGreater(len(found), 20)
        for words in found:
            with self.subTest(" ".join(words)):
                helped = run(*words, "--help")
                self.assertEqual((helped.returncode, helped.stderr), (0, ""))
                example = helped.stdout.split("Example:\n")[1].strip()
                example = example.removeprefix("source <(").removesuffix(")")
                parts = shlex.split(example)
                self.assertEqual(parts[0], "penstock")
                self.assertEqual(parts[1:1 + len(words)], words)
                # Nobody listens, no file is there: whatever gets as far as asking has a right command line.
                done = run(*parts[1:], "--socket", "/nowhere/admin.sock")
                if done.returncode == 1:
                    self.assertIn("the file cannot be opened", done.stderr)
                else:
                    self.assertIn(done.returncode, (0, 3))

    def test_help_names_the_exit_codes_and_every_group(self):
        text = run("--help").stdout
        for word in ("org create", "hook register", "rule test", "event build", "answer resolve", "message show",
                     "status", "3 daemon"):
            self.assertIn(word, text)


class Unreachable(unittest.TestCase):
    def refused(self, done, *texts):
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertEqual(done.stdout, "")
        for text in texts:
            self.assertIn(text, done.stderr)

    def test_no_socket(self):
        self.refused(run("status", "--socket", "/nowhere/admin.sock"),
                     "there is no socket /nowhere/admin.sock", "is penstockd running", "--socket")

    def test_the_usual_place_is_the_default(self):
        if os.path.exists("/run/penstock/admin.sock"):
            self.skipTest("a penstockd runs here")
        self.refused(run("status"), "/run/penstock/admin.sock")

    def test_a_socket_that_nobody_listens_on(self):
        with tempfile.TemporaryDirectory(prefix="pen") as folder:
            path = os.path.join(folder, "s")
            left_over = socket.socket(socket.AF_UNIX)
            left_over.bind(path)
            left_over.close()
            self.refused(run("org", "list", "--socket", path), "nobody listens on", "not running")

    def test_a_path_too_long_for_a_socket(self):
        self.refused(run("org", "list", "--socket", "/" + "x" * 200), "longer than 107 octets")

    def test_a_socket_of_another_user(self):
        if os.geteuid() == 0:
            self.skipTest("root may open every socket")
        with Daemon() as daemon:
            os.chmod(daemon.socket, 0)
            self.refused(daemon.run("status"), "may not be opened by this user", "sudo")

    def test_a_server_that_never_answers(self):
        with tempfile.TemporaryDirectory(prefix="pen") as folder:
            path = os.path.join(folder, "s")
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(path)
                listener.listen()
                self.refused(run("org", "list", "--socket", path, "--timeout", "500ms"),
                             "no answer on", "within 500ms", "--timeout")

    def test_a_server_that_speaks_something_else(self):
        with tempfile.TemporaryDirectory(prefix="pen") as folder:
            path = os.path.join(folder, "s")
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(path)
                listener.listen()
                running = True

                def greet():
                    while running:
                        try:
                            peer, _ = listener.accept()
                        except OSError:
                            return
                        with peer, contextlib.suppress(OSError):
                            peer.sendall(b"220 mx.example.com ESMTP\r\n" * 3)

                thread = threading.Thread(target=greet, daemon=True)
                thread.start()
                self.refused(run("org", "list", "--socket", path, "--timeout", "2s"), path)
                running = False
                listener.shutdown(socket.SHUT_RDWR)
                thread.join(5)


class Options(unittest.TestCase):
    def test_the_socket_option_wins_over_the_environment(self):
        with Daemon() as daemon:
            done = run("org", "list", "--socket", daemon.socket, PENSTOCK_SOCKET="/nowhere")
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_global_options_stand_before_or_behind_the_command(self):
        with Daemon() as daemon:
            for words in (["-o", "json", "org", "list"], ["org", "--output=json", "list"],
                          ["org", "list", "-ojson"], ["org", "list", "--output", "JSON"]):
                done = daemon.run(*words)
                self.assertEqual(json.loads(done.stdout)["organizations"][0]["name"],
                                 "organizations/default", done.stderr)

    def test_the_timeout_of_a_rule_is_not_that_of_the_program(self):
        with Daemon() as daemon:
            daemon.run("hook", "register", "h", "--target", "127.0.0.1:1")
            daemon.run("hook", "add-permission", "h", "--statement-id", "a", "--principal", "default")
            done = daemon.run("--timeout", "20s", "rule", "create", "r", "--direction", "inbound",
                              "--sender", "*", "--recipient", "*", "--hook", "h", "--mode", "sync",
                              "--fallback", "drop", "--timeout", "5m", "-o", "json")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(json.loads(done.stdout)["runHook"]["ruleTimeout"], "300s")

    def test_a_result_that_cannot_be_written_is_no_success(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full here")
        with Daemon() as daemon, open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([PENSTOCK, "org", "list", "--socket", daemon.socket], stdout=full,
                                  stderr=subprocess.PIPE, text=True, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("cannot be written", done.stderr)

    def test_version(self):
        self.assertRegex(run("--version").stdout, r"\Apenstock \d+\.\d+\.\d+\n\Z")

    def test_results_go_to_stdout_alone_and_carry_no_escapes(self):
        with Daemon("--samples") as daemon:
            listed = json.loads(daemon.run("message", "list", "-o", "json").stdout)["messages"]
            for message in listed:
                done = daemon.run("message", "show", message["name"].split("/")[1])
                self.assertEqual(done.stderr, "")
                self.assertNotIn("\x1b", done.stdout)
                self.assertNotIn("\x9b", done.stdout)


if __name__ == "__main__":
    main()
