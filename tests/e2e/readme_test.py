# SPDX-License-Identifier: Apache-2.0
"""What README.md prints works as printed: its hook, its commands, its configuration."""
import re
import shlex
import subprocess
import unittest

from harness import DOMAIN, PENSTOCKD, SOURCE, PenstockTest

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

    def test_the_configuration(self):
        done = subprocess.run([PENSTOCKD, "--check-config", "--config", SOURCE / "examples/penstock.yaml"],
                              capture_output=True, text=True, timeout=30)
        self.assertEqual((done.returncode, done.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
