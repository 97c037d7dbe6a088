# SPDX-License-Identifier: Apache-2.0
"""Least privilege: the daemon becomes a user, keeps no capability, leaves no core dump, and looks after
its files. What takes root to test is skipped aloud elsewhere."""
import os
import pathlib
import pwd
import shutil
import socket
import stat
import subprocess
import tempfile
import unittest

from certificates import Authority
from harness import BUILD, DOMAIN, PENSTOCKD, SOURCE, Daemon, PenstockTest, wait_until
from next_hop import NextHop

USER = pwd.getpwnam("nobody")
UNITS = ((SOURCE / "tools/penstockd/penstockd.service", PENSTOCKD),
         (SOURCE / "hooks/builtin/penstock-hooks.service", BUILD / "hooks/builtin/penstock-hooks"))


def status_of(path):
    return dict(line.split(":\t", 1) for line in path.read_text().splitlines())


def low_port():
    """A free port that only root may open."""
    for port in range(1023, 600, -1):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise AssertionError("no free port below 1024")


class LeastPrivilege(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="penstock-e2e-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.folder.chmod(0o755)
        next_hop = NextHop()
        self.addCleanup(next_hop.stop)
        self.daemon = Daemon(folder.name, next_hop.port)
        self.addCleanup(self.daemon.stop)
        self.config = self.daemon.config

    def run_daemon(self, *arguments, **environment):
        """Of a daemon that is to refuse: what it says."""
        done = subprocess.run([PENSTOCKD, "--config", self.config, *arguments], capture_output=True, text=True, timeout=30,
                              env={**os.environ, **environment})
        self.assertEqual(done.returncode, 1, done.stderr)
        return done.stderr

    def start_as_nobody(self, port=0):
        if os.geteuid() != 0:
            self.skipTest("only root becomes another user")
        (self.folder / "mail").mkdir(mode=0o700)
        os.chown(self.folder / "mail", USER.pw_uid, USER.pw_gid)
        self.config.write_text(f"user: nobody\n{self.config.read_text()}".replace("127.0.0.1:0", f"127.0.0.1:{port}", 1))
        self.daemon.start()
        return pathlib.Path(f"/proc/{self.daemon.process.pid}")

    def test_root_becomes_the_user_in_every_thread(self):
        process = self.start_as_nobody(low_port())
        threads = list((process / "task").iterdir())
        self.assertGreater(len(threads), 3)
        for thread in threads:
            status = status_of(thread / "status")
            self.assertEqual(set(status["Uid"].split()), {str(USER.pw_uid)}, status["Name"])
            self.assertEqual(set(status["Gid"].split()), {str(USER.pw_gid)})
            for capabilities in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                self.assertEqual(int(status[capabilities], 16), 0, (status["Name"], capabilities))
            self.assertEqual(status["NoNewPrivs"], "1")
            self.assertEqual(status["Umask"], "0077")
        self.daemon.penstock_ok("org", "add-domain", "default", DOMAIN)
        self.daemon.send([f"alice@{DOMAIN}"])
        wait_until("the mail", lambda: self.daemon.mail_of("alice"))
        for root, folders, files in os.walk(self.folder / "data"):
            for name in [".", *folders, *files]:
                found = os.stat(os.path.join(root, name))
                self.assertEqual(found.st_uid, USER.pw_uid, (root, name))
                self.assertEqual(stat.S_IMODE(found.st_mode) & 0o077, 0, (root, name))
        self.assertEqual(stat.S_IMODE(self.daemon.socket.stat().st_mode), 0o600)
        self.daemon.process.send_signal(1)
        wait_until("the reload", lambda: " reloaded " in self.daemon.log.read_text())
        self.assertEqual(self.daemon.stop(), 0)

    def test_no_core_dump_and_nobody_looks_into_its_memory(self):
        process = self.start_as_nobody()
        limits = (process / "limits").read_text()
        self.assertRegex(limits, r"Max core file size +0 +0 ")
        # Of a process that may not be dumped these belong to root, whoever it is.
        self.assertEqual((process / "mem").stat().st_uid, 0)

    def test_core_dumps_if_told_so(self):
        if os.geteuid() != 0:
            self.skipTest("only root becomes another user")
        (self.folder / "mail").mkdir()
        with self.daemon.log.open("a") as log:
            self.daemon.process = subprocess.Popen([PENSTOCKD, "--config", self.config, "--user", "nobody", "--allow-core-dumps"],
                                                   stderr=log)
        wait_until("penstockd", lambda: " started " in self.daemon.log.read_text())
        self.assertEqual(pathlib.Path(f"/proc/{self.daemon.process.pid}/mem").stat().st_uid, USER.pw_uid)

    def test_root_without_a_user_is_refused(self):
        if os.geteuid() != 0:
            self.skipTest("not root")
        self.assertRegex(self.run_daemon(PENSTOCK_ALLOW_ROOT=""), "runs as root, and needs not to: .*--user NAME.*--allow-root")
        self.assertFalse((self.folder / "data").exists())

    def test_a_user_that_is_not_there(self):
        self.assertIn("user: there is no user nosuchuser; make one: adduser", self.run_daemon("--user", "nosuchuser"))
        self.config.write_text("user: nosuchuser\n" + self.config.read_text())
        self.assertRegex(self.run_daemon(), r"penstock\.yaml:1:\d+: user: there is no user nosuchuser")

    def test_another_user_without_being_root(self):
        if os.geteuid() != 0:
            self.skipTest("takes root to become a user that is not root")
        daemon = pwd.getpwnam("daemon")
        done = subprocess.run([PENSTOCKD, "--config", self.config, "--user", "daemon"], capture_output=True, text=True, timeout=30,
                              user=USER.pw_uid, group=USER.pw_gid, extra_groups=[])
        self.assertEqual((done.returncode, "cannot become user daemon, being nobody" in done.stderr), (1, True), done.stderr)
        self.assertNotEqual(daemon.pw_uid, USER.pw_uid)

    def test_a_data_folder_that_others_look_into_is_refused(self):
        (self.folder / "data").mkdir(mode=0o755)
        os.chmod(self.folder / "data", 0o755)
        self.assertIn(f"others may look into it; mend it: chmod 700 {self.folder}/data", self.run_daemon())

    def test_files_of_another_user_are_refused(self):
        if os.geteuid() != 0:
            self.skipTest("takes root to make them")
        (self.folder / "data").mkdir(mode=0o700)
        (self.folder / "data/state.db").touch()
        os.chown(self.folder / "data/state.db", USER.pw_uid, USER.pw_gid)
        self.assertRegex(self.run_daemon(), "state.db belongs to nobody, not to root; mend it: chown -R root")
        os.chown(self.folder / "data/state.db", 0, 0)
        self.assertRegex(self.run_daemon("--user", "nobody"), "data folder .* belongs to root, not to nobody; mend it: chown -R nobody")

    def test_files_that_others_might_read_are_closed(self):
        self.daemon.start()
        self.daemon.stop()
        (self.folder / "data/state.db").chmod(0o644)
        self.daemon.start()
        self.assertEqual(stat.S_IMODE((self.folder / "data/state.db").stat().st_mode), 0o600)

    def test_a_key_that_the_user_may_not_read_is_refused_at_the_start(self):
        if os.geteuid() != 0:
            self.skipTest("only root becomes another user")
        certificate, key = Authority(self.folder / "ca").make("server")
        os.chmod(self.folder / "ca", 0o755)
        certificate.chmod(0o644)
        text = self.config.read_text().replace("{name: mx, ", f"{{name: mx, tls: {{certificate_file: {certificate}, key_file: {key}}}, ")
        self.config.write_text(text)
        self.assertRegex(self.run_daemon("--user", "nobody"), r'listener "mx": key_file: .*: cannot be read: Permission denied')


class ServiceManager(PenstockTest):
    def test_it_is_told_when_the_daemon_is_ready_and_when_it_stops(self):
        self.daemon.stop()
        path = self.daemon.folder / "notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(path))
            manager.settimeout(30)
            os.environ["NOTIFY_SOCKET"] = str(path)
            self.addCleanup(os.environ.pop, "NOTIFY_SOCKET", None)
            self.daemon.start()
            self.assertEqual(manager.recv(100), b"READY=1")
            self.daemon.stop()
            self.assertEqual(manager.recv(100), b"STOPPING=1")

    def test_the_units(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("systemd-analyze is not here")
        for source, binary in UNITS:
            with self.subTest(source.name):
                unit = self.daemon.folder / source.name
                unit.write_text(source.read_text().replace(f"/usr/sbin/{binary.name}", str(binary)))
                done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, timeout=60)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=20", unit],
                                      capture_output=True, text=True, timeout=60)
                self.assertEqual(done.returncode, 0, done.stdout[-300:])


if __name__ == "__main__":
    unittest.main()
