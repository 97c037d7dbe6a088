# SPDX-License-Identifier: Apache-2.0
"""What README.md prints works as printed: its hook, its commands, its configuration."""
import re
import shlex
import subprocess
import unittest

from harness import DOMAIN, PENSTOCK, PENSTOCKD, SOURCE, PenstockTest

README = (SOURCE / "README.md").read_text()


class Readme(PenstockTest):
    def test_the_hook_and_the_commands(self):
        (script,) = re.findall(r"```python\n(.*?)```", README, re.S)
        # On a free port, which it prints, so that it can run beside anything.
        script = script.replace('server.add_insecure_port("127.0.0.1:50051")',
                                'print(f"listening on 127.0.0.1:{server.add_insecure_port(\'127.0.0.1:0\')}", flush=True)')
        path = self.daemon.folder / "hook.py"
        path.write_text(script)
        hook = self.hook(path)
        (commands,) = re.findall(r"```\nalias penstock=[^\n]*\n(.*?)```", README, re.S)
        for line in commands.replace("\\\n", " ").splitlines():
            words = shlex.split(line.replace("127.0.0.1:50051", hook.target).replace("example.com", DOMAIN))
            self.assertEqual(words[0], "penstock")
            if words[1:3] != ["org", "add-domain"]:  # the test has done that
                self.daemon.penstock_ok(*words[1:])
        (message,) = self.daemon.send([f"alice@{DOMAIN}", f"closed@{DOMAIN}"])
        shown = self.daemon.wait_closed(message)
        self.assertEqual([one["state"] for one in shown["recipients"]], ["DELIVERED", "BOUNCED"])
        self.assertIn(b"This mailbox is closed.", self.next_hop.wait(1)[0].data)

    def test_read_and_change_the_mail(self):
        section = README.split("## Read and change the mail")[1].split("\n## ")[0]
        (commands,) = re.findall(r"```\n(.*?)```", section, re.S)
        (script,) = re.findall(r"\[(examples/\S+\.py)\]", section)
        hook = self.hook(SOURCE / script)
        self.register(self.hook().target)
        self.sync_rule()  # of the section before
        for line in commands.replace("\\\n", " ").splitlines():
            words = shlex.split(line.replace("127.0.0.1:50052", hook.target))
            self.assertEqual(words[0], "penstock")
            self.daemon.penstock_ok(*words[1:])
        (message,) = self.daemon.send([f"alice@{DOMAIN}"])
        self.daemon.wait_closed(message)
        self.assertIn(b"\nSubject: [EXT] hello", self.daemon.mail_of("alice")[0].read_bytes())

    def test_how_to_find_out_why(self):
        hook = self.hook()
        self.register(hook.target)
        self.sync_rule()
        (message,) = self.daemon.send([f"closed@{DOMAIN}"])
        self.daemon.wait_closed(message)
        section = README.split("## Find out why")[1].split("\n## ")[0]
        before, after = re.findall(r"```\n(.*?)```", section, re.S)
        (self.daemon.folder / "mail.eml").write_text("From: a@elsewhere.example\nSubject: hello\n\nhello\n")
        script = f'penstock() {{ "{PENSTOCK}" --socket "{self.daemon.socket}" "$@"; }}\n{before}{after}'
        for word, real in (("127.0.0.1:50051", hook.target), ("b@example.com", f"closed@{DOMAIN}"),
                           ("example.com", DOMAIN), ("MESSAGE", message)):
            script = script.replace(word, real)
        done = subprocess.run(["bash", "-euxc", script], cwd=self.daemon.folder, capture_output=True, text=True,
                              timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        bounce = "BOUNCE \"This mailbox is closed."
        invoked, called, resolved, shown = re.findall(
            rf"^closed@{DOMAIN} +(\S.*)", done.stdout, re.M)[:4]
        self.assertTrue(invoked.startswith(bounce) and called.startswith(bounce), done.stdout)
        self.assertTrue(resolved.startswith("DROP"), done.stdout)
        self.assertIn("BOUNCE", shown)

    def test_rules_as_code(self):
        (commands,) = re.findall(r"```\n(penstock rule lint.*?)```", README, re.S)
        text = (SOURCE / "examples/flow.yaml").read_text().replace("example.com", DOMAIN)
        path = self.daemon.folder / "flow.yaml"
        path.write_text(text)
        ends = {}
        for line in commands.splitlines():
            words = shlex.split(line.replace("examples/flow.yaml", str(path)))
            self.assertEqual(words[0], "penstock")
            ends[words[1]] = self.daemon.penstock(*words[1:])
        codes = {word: done.returncode for word, done in ends.items()}
        self.assertEqual(codes, {"rule": 0, "diff": 4, "apply": 0, "export": 0, "change": 0})
        self.assertIn("created rule newsletters (organization default, inbound)", ends["apply"].stdout)
        self.assertIn("former-partner", ends["export"].stdout)
        self.assertIn("created hook decide", ends["change"].stdout)
        # What is exported is what is in force.
        path.write_text(ends["export"].stdout)
        self.assertEqual(self.daemon.penstock("diff", "-f", str(path)).returncode, 0)
        self.assertIn("nothing to change", self.daemon.penstock_ok("apply", "-f", str(path)))

    def test_the_configuration(self):
        done = subprocess.run([PENSTOCKD, "--check-config", "--config", SOURCE / "examples/penstock.yaml"],
                              capture_output=True, text=True, timeout=30)
        self.assertEqual((done.returncode, done.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
