#!/usr/bin/env python3
"""Runs the real `penstock` against the admin services, and compares what it says.

Usage: cli_test.py PENSTOCK ADMIN_TEST_SERVER DATA_FOLDER [--update] [TEST...]
DATA_FOLDER holds transcripts, *.txt: each runs against a server of its own, from the top. A line that
begins with `$ ` is a command line as a shell reads it, bash's `<<< TEXT` included; what follows is what
it must print, errors marked `! `, and its exit code where that is not 0. It runs in DATA_FOLDER, whose
folder `input` has files to name. `--update` writes what was printed instead.
"""
import contextlib
import difflib
import json
import os
import pathlib
import pwd
import re
import shlex
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import unittest

PENSTOCK = SERVER = DATA = None
UPDATE = False
SHELLS = ("bash", "zsh", "fish")
SHAPES = ("table", "yaml", "json")


class Daemon:
    """The test server on a socket in a folder of its own."""

    def __init__(self, *options, path=None):
        self.folder = tempfile.TemporaryDirectory(prefix="pen")
        self.socket = str(path or os.path.join(self.folder.name, "run", "admin.sock"))
        self.process = subprocess.Popen(
            [SERVER, self.socket, self.folder.name, *options], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.ready = self.process.stdout.readline() == "ready\n"

    def __enter__(self):
        if not self.ready:
            raise AssertionError(self.process.stderr.read())
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Ends it and returns its exit code and what it complained about."""
        _, complaints = self.process.communicate(timeout=30)
        self.folder.cleanup()
        return self.process.returncode, complaints

    def run(self, *words, **environment):
        return run(*words, PENSTOCK_SOCKET=self.socket, **environment)


def run(*words, stdin="", cwd=None, **environment):
    return subprocess.run(
        [PENSTOCK, *words], input=stdin, capture_output=True, text=True, timeout=60, cwd=cwd,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **environment}, check=False)


def transcript_of(command, daemon):
    """Returns what a transcript says about one command."""
    words = shlex.split(command)
    if words[0] != "penstock":
        raise AssertionError(f"not ours: {command}")
    stdin = ""
    if "<<<" in words:
        at = words.index("<<<")
        stdin = words[at + 1] + "\n"
        del words[at:]
    done = daemon.run(*words[1:], stdin=stdin, cwd=DATA)
    lines = [f"$ {command}"] + done.stdout.splitlines()
    lines += [f"! {line}" for line in done.stderr.splitlines()
              # Whether a hook is there is a matter of the machine that the test runs on.
              if not line.startswith(("warning: nobody answers at ", "found at "))]
    if done.returncode:
        lines.append(f"exit {done.returncode}")
    free = [line for line in lines if line.startswith("Disk:") or "disk_free_octets" in line
            or "diskFreeOctets" in line]
    for line in free:  # the one thing here that no test can know
        lines[lines.index(line)] = "(free disk)"
    if words[1:2] == ["change"]:  # nor how wide the user's name is
        lines[1:] = [re.sub("(?<=\\S)  +", "  ", line) for line in lines[1:]]
    me = pwd.getpwuid(os.geteuid()).pw_name
    return [line.replace(daemon.socket, "SOCKET").replace(f"unproven:{me}", "unproven:USER")
            .replace(f"{me} (unproven)", "USER (unproven)").rstrip() for line in lines]


class Transcripts(unittest.TestCase):
    maxDiff = None


def add_transcript(path):
    def test(self):
        want = path.read_text(encoding="utf-8").splitlines()
        got = []
        with Daemon("--samples") as daemon:
            for line in want:
                if line.startswith("#") or not line:
                    got.append(line)
                elif line.startswith("$ "):
                    got += transcript_of(line[2:], daemon)
                    got.append("")
        # One empty line between commands.
        got = [line for i, line in enumerate(got) if line or (i and got[i - 1])]
        while got and not got[-1]:
            got.pop()
        if UPDATE:
            path.write_text("\n".join(got) + "\n", encoding="utf-8")
            return
        want = [line for i, line in enumerate(want) if line or (i and want[i - 1])]
        if want != got:
            self.fail("\n".join(difflib.unified_diff(want, got, path.name, "printed", lineterm="")))
    setattr(Transcripts, f"test_{path.stem}", test)


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


class WithoutADaemon(unittest.TestCase):
    """What a transcript is too small for."""

    EVENT = os.path.join("input", "event.json")

    def offline(self, *words, stdin=""):
        return run(*words, stdin=stdin, cwd=DATA, PENSTOCK_SOCKET="/nowhere/admin.sock")

    def test_an_event_is_cut_to_131072_octets(self):
        recipients = [f"{'x' * 200}{number}@example.com" for number in range(1000)]
        rcpts = [word for one in recipients for word in ("--rcpt", one)]
        done = self.offline("event", "build", "--eml", "-", "--mail-from", "", *rcpts, "--direction", "inbound",
                            "--domain", "example.com", "-o", "json", stdin="Subject: hello\n\n")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        event = json.loads(done.stdout)
        listed = [one["address"] for one in event["envelope"]["recipients"]]
        self.assertTrue(event["truncated"])
        self.assertEqual(listed, recipients[:len(listed)])
        octets = len(done.stdout) - 1
        self.assertLessEqual(octets, 131_072)
        self.assertGreater(octets + len(f',{{"address":"{recipients[len(listed)]}"}}'), 131_072)
        # Whom the event leaves out the answer still covers.
        answer = self.file('{"actions": [{"action": {"type": "DROP"}, "allRecipients": true}]}')
        resolved = self.offline("answer", "resolve", "--event", "-", "--answer", answer, "--fallback", "default",
                                *rcpts, "-o", "json", stdin=done.stdout)
        self.assertEqual((resolved.returncode, resolved.stderr), (0, ""))
        self.assertEqual([one["address"] for one in json.loads(resolved.stdout)["recipients"]], recipients)

    def file(self, text):
        written = tempfile.NamedTemporaryFile("w", suffix=".json")  # pylint: disable=consider-using-with
        self.addCleanup(written.close)
        written.write(text)
        written.flush()
        return written.name

    def test_outbound_mail_takes_500_recipients(self):
        rcpts = [word for number in range(501) for word in ("--rcpt", f"{number}@example.com")]
        done = self.offline("event", "build", "--eml", "-", "--mail-from", "", *rcpts, "--direction", "outbound")
        self.assertEqual(done.returncode, 0)
        self.assertIn("501 recipients: outbound mail takes 500", done.stderr)

    def test_a_new_id_for_each_event(self):
        built = [json.loads(self.offline("event", "build", "--eml", "-", "--mail-from", "", "--rcpt", "b@example.com",
                                         "--direction", "outbound", "-o", "json").stdout) for _ in range(2)]
        for event in built:
            self.assertRegex(event["messageId"], r"\A[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")
            self.assertRegex(event["invocationId"], r"\A[0-9a-f]{32}\Z")
        self.assertNotEqual(built[0]["messageId"], built[1]["messageId"])
        self.assertNotEqual(built[0]["invocationId"], built[1]["invocationId"])

    def test_what_is_too_long(self):
        answer = '{"actions": [{"action": {"type": "DROP"}, "allRecipients": true}]}'
        for octets, code in ((262_144, 0), (262_145, 1)):
            done = self.offline("answer", "resolve", "--event", self.EVENT, "--answer", "-", "--fallback", "default",
                                stdin=answer.ljust(octets))
            self.assertEqual(done.returncode, code, done.stderr)
        self.assertIn("answer: 262145 octets, over the 262144 that are allowed", done.stderr)
        done = self.offline("answer", "resolve", "--event", self.EVENT, "--answer", "-", "--fallback", "default",
                            stdin=" " * 5_000_000)
        self.assertIn("--answer -: over 4194304 octets", done.stderr)
        done = self.offline("answer", "resolve", "--event", "-", "--answer", "/dev/null", "--fallback", "default",
                            stdin=" " * 1_048_577)
        self.assertEqual(done.returncode, 1)
        self.assertIn("--event -: over 1048576 octets", done.stderr)


class RulesAsCode(unittest.TestCase):
    def apply(self, daemon, manifest, *options):
        done = daemon.run("apply", "-f", "-", *options, stdin=manifest)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def test_what_is_exported_changes_nothing_when_it_is_applied(self):
        first = pathlib.Path(DATA, "input/manifest_first.yaml").read_text(encoding="utf-8")
        with Daemon() as daemon:
            self.apply(daemon, first)
            for form in SHAPES:
                with self.subTest(form):
                    exported = daemon.run("export", "--output", form)
                    self.assertEqual((exported.returncode, exported.stderr), (0, ""))
                    compared = daemon.run("diff", "-f", "-", stdin=exported.stdout)
                    self.assertEqual((compared.returncode, compared.stdout), (0, "no difference\n"))
            self.apply(daemon, exported.stdout)
            listed = json.loads(daemon.run("change", "list", "--output", "json").stdout)
            self.assertEqual(len(listed["changes"]), 6)

    def test_an_etag_of_diff_lets_one_of_two_apply(self):
        first = pathlib.Path(DATA, "input/manifest_first.yaml").read_text(encoding="utf-8")
        with Daemon() as daemon:
            compared = daemon.run("diff", "-f", "-", "--output", "json", stdin=first)
            self.assertEqual(compared.returncode, 4)
            etag = json.loads(compared.stdout)["etag"]
            self.apply(daemon, first, "--etag", etag)
            late = daemon.run("apply", "-f", "-", "--etag", etag, stdin="organizations: [{name: default}]")
            self.assertEqual(late.returncode, 1)
            self.assertIn("somebody else has changed it", late.stderr)
            self.assertEqual(daemon.run("diff", "-f", "-", stdin=first).returncode, 0)

    def test_ten_thousand_rules(self):
        rules = "\n".join(
            f"- {{name: r{i}, direction: inbound, sender_patterns: [s{i}.example], recipient_patterns: ['*'], "
            f"verdict: {{action: drop}}}}" for i in range(10_000))
        manifest = f"organizations: [{{name: default}}]\nrules:\n{rules}\n"
        with Daemon() as daemon:
            applied = self.apply(daemon, manifest)
            self.assertIn("read 10000 rules; applying them", applied.stderr)
            self.assertIn("10000 created, 0 updated, 0 removed", applied.stdout)
            self.assertIn("nothing to change", self.apply(daemon, manifest).stdout)
            linted = daemon.run("rule", "lint", "--output", "json")
            self.assertEqual(linted.returncode, 4)
            self.assertEqual([one["kind"] for one in json.loads(linted.stdout)["findings"]],
                             ["ORGANIZATION_QUOTA"])
            self.assertEqual(daemon.run("apply", "-f", "-", "--compat", stdin=manifest).returncode, 1)


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


class Server(unittest.TestCase):
    """The socket that the services are on."""

    def refused(self, path, *texts):
        daemon = Daemon(path=path)
        self.assertFalse(daemon.ready)
        code, complaints = daemon.stop()
        self.assertEqual(code, 1)
        for text in texts:
            self.assertIn(text, complaints)

    def test_folder_and_socket_are_the_owners_alone(self):
        before = os.umask(0)
        try:
            daemon = Daemon()
        finally:
            os.umask(before)
        with daemon:
            self.assertEqual(stat.S_IMODE(os.stat(daemon.socket).st_mode), 0o600)
            self.assertEqual(stat.S_IMODE(os.stat(os.path.dirname(daemon.socket)).st_mode), 0o700)

    def test_it_removes_its_socket_and_stops_cleanly(self):
        daemon = Daemon()
        self.assertEqual(daemon.run("org", "list").returncode, 0)
        daemon.process.stdin.close()
        self.assertEqual(daemon.process.wait(30), 0)
        self.assertFalse(os.path.exists(daemon.socket))
        daemon.folder.cleanup()
        daemon.process.stdout.close()
        daemon.process.stderr.close()

    def test_a_second_one_is_refused_and_the_first_goes_on(self):
        with Daemon() as daemon:
            self.refused(daemon.socket, "another process listens on")
            self.assertEqual(daemon.run("org", "list").returncode, 0)

    def test_a_socket_left_over_is_replaced(self):
        with tempfile.TemporaryDirectory(prefix="pen") as folder:
            path = os.path.join(folder, "admin.sock")
            with socket.socket(socket.AF_UNIX) as left_over:
                left_over.bind(path)
            with Daemon(path=path) as daemon:
                self.assertEqual(daemon.run("org", "list").returncode, 0)

    def test_a_file_in_its_place_is_left_alone(self):
        with tempfile.TemporaryDirectory(prefix="pen") as folder:
            path = pathlib.Path(folder, "admin.sock")
            path.write_text("precious", encoding="utf-8")
            self.refused(path, "is no socket")
            self.assertEqual(path.read_text(encoding="utf-8"), "precious")

    def test_a_folder_that_others_may_write_to_is_refused(self):
        with tempfile.TemporaryDirectory(prefix="pen") as folder:
            os.chmod(folder, 0o777)
            self.refused(os.path.join(folder, "admin.sock"), "others may write to it", "chmod 700")

    def test_paths_that_cannot_be(self):
        self.refused("relative.sock", "expected an absolute path")
        self.refused("/tmp/" + "x" * 200, "at most 107")
        self.refused("/nowhere/at/all/admin.sock", "cannot be made")

    def test_a_path_with_odd_characters(self):
        with tempfile.TemporaryDirectory(prefix="pen") as folder:
            with Daemon(path=os.path.join(folder, "a b%20é#?.sock")) as daemon:
                self.assertEqual(daemon.run("org", "list").returncode, 0)

    def test_many_clients_at_once(self):
        with Daemon() as daemon:
            codes = []
            threads = [threading.Thread(
                target=lambda n=n: codes.append(daemon.run("org", "create", f"o{n}").returncode))
                for n in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(codes, [0] * 8)
            listed = json.loads(daemon.run("org", "list", "-o", "json").stdout)["organizations"]
            self.assertEqual(len(listed), 9)


def main():
    global PENSTOCK, SERVER, DATA, UPDATE  # pylint: disable=global-statement
    PENSTOCK, SERVER, DATA = (os.path.abspath(path) for path in sys.argv[1:4])
    rest = sys.argv[4:]
    UPDATE = "--update" in rest
    paths = sorted(pathlib.Path(DATA).glob("*.txt"))
    if not paths:
        sys.exit(f"no transcripts in {DATA}")
    for path in paths:
        add_transcript(path)
    unittest.main(argv=[sys.argv[0]] + [word for word in rest if word != "--update"])


if __name__ == "__main__":
    main()
