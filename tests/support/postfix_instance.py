# SPDX-License-Identifier: Apache-2.0
"""A Postfix of its own below a temporary folder, from Debian's package unpacked into the build folder:
nothing is installed, and nothing of the machine's own Postfix is read. Needs root, as Postfix's master does."""
import os
import pathlib
import pwd
import signal
import socket
import subprocess
import time

import mail_room
import postfix
from mail_room import free_port

# Accounts of Debian's base-passwd; the package's own are made when it is installed.
OWNER, GROUP = "mail", "games"
STARTS_MAX = 4
FOLDERS = ("active bounce corrupt defer deferred flush hold incoming maildrop pid private public saved trace").split()

MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
daemon_directory = {root}/usr/lib/postfix/sbin
command_directory = {root}/usr/sbin
shlib_directory = {root}/usr/lib/postfix
meta_directory = {root}/etc/postfix
import_environment = MAIL_CONFIG TZ LD_LIBRARY_PATH={root}/usr/lib/postfix
mail_owner = {owner}
setgid_group = {group}
maillog_file = {folder}/maillog
maillog_file_prefixes = {folder}
multi_instance_name = postfix-test
myhostname = postfix.example
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
relay_domains = {domain}
relay_transport = smtp:[127.0.0.1]:{sink}
default_transport = smtp:[127.0.0.1]:{sink}
disable_dns_lookups = yes
smtp_host_lookup = native
lmtp_host_lookup = native
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_recipient_restrictions =
in_flow_delay = 0
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
default_destination_concurrency_failed_cohort_limit = 100
smtpd_authorized_xclient_hosts = 127.0.0.0/8
smtpd_tls_security_level = none
smtp_tls_security_level = none
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtputf8_enable = yes
milter_protocol = 6
milter_default_action = tempfail
"""

MASTER = """\
127.0.0.1:{plain} inet n - n - - smtpd
  -o smtpd_milters=
  -o receive_override_options=no_milters
{listeners}
postlog unix-dgram n - n - 1 postlogd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
"""


class Postfix:
    """`port` takes mail as `options` say (lines of master.cf), `plain` takes it without them; everything
    leaves for the SMTP server on `sink`. `recipe`: further services of master.cf, as text; `main`: further lines of
    main.cf, which count more than those here.
    Errors: OSError, subprocess.CalledProcessError, RuntimeError if it cannot be had or does not start."""

    def __init__(self, folder, build, sink, options, domain="org.example"):
        if os.geteuid() != 0:
            raise RuntimeError("Postfix's master needs root")
        postfix.unpack(build)
        self.folder = pathlib.Path(folder) / "postfix"
        root = pathlib.Path(build) / "postfix"
        if not (root / "usr/lib/postfix/sbin/master").exists():
            raise RuntimeError(f"no Postfix below {root}")
        self.root, self.sink, self.domain = root, sink, domain
        self.port, self.plain = free_port(), free_port()
        self.options, self.recipe, self.main = options, "", ""
        self.process = None

    def start(self):
        owner = pwd.getpwnam(OWNER)
        for path in [self.folder, self.folder / "etc", self.folder / "queue", self.folder / "data"]:
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(0o755)
        os.chown(self.folder / "data", owner.pw_uid, -1)
        for name in FOLDERS:
            path = self.folder / "queue" / name
            path.mkdir(exist_ok=True)
            path.chmod(0o755 if name == "pid" else 0o730 if name == "maildrop" else 0o710 if name == "public" else 0o700)
            if name != "pid":
                os.chown(path, owner.pw_uid, -1)
        names = {"folder": self.folder, "root": self.root, "owner": OWNER, "group": GROUP,
                 "domain": self.domain, "sink": self.sink}
        (self.folder / "etc/main.cf").write_text(MAIN.format(**names) + self.main)
        self._write_master()
        (self.folder / "etc/dynamicmaps.cf").write_text("")
        for _ in range(STARTS_MAX):
            if self.answers(self.environment()):
                return self
        raise RuntimeError("Postfix does not answer: " + self.log())

    def _write_master(self):
        lines = "".join(f"\n  -o {option}" for option in self.options)
        listeners = f"127.0.0.1:{self.port} inet n - n - - smtpd{lines}\n{self.recipe}"
        (self.folder / "etc/master.cf").write_text(MASTER.format(plain=self.plain, listeners=listeners))

    def reload(self, recipe):
        """As `postfix reload`, with this recipe; once it has done so."""
        self.recipe = recipe
        self._write_master()
        before = self.log().count("reload --")
        self.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + mail_room.START_SECONDS
        while self.log().count("reload --") == before:
            if time.monotonic() > end:
                raise RuntimeError("Postfix does not reload: " + self.log())
            time.sleep(0.05)

    def environment(self):
        return {**os.environ, "LD_LIBRARY_PATH": str(self.root / "usr/lib/postfix"), "MAIL_CONFIG": str(self.folder / "etc")}

    def answers(self, environment):
        """Starts the master. False: it ended, as it does where its port is somebody's for a moment, or is silent."""
        with (self.folder / "master.out").open("w") as out:
            self.process = subprocess.Popen(
                [self.root / "usr/lib/postfix/sbin/master", "-d", "-c", self.folder / "etc"],
                env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
        end = time.monotonic() + mail_room.START_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1) as probe:
                    if probe.recv(100).startswith(b"220"):
                        return True
            except OSError:
                time.sleep(0.1)
        self.stop()
        time.sleep(1)
        return False

    def log(self):
        texts = [path.read_text() for path in (self.folder / "master.out", self.folder / "maillog") if path.exists()]
        return "".join(texts)[-6000:]

    def flush(self):
        """Tries what is deferred now. A mail found locked when its time has come is left for minutes."""
        subprocess.run([self.root / "usr/sbin/postqueue", "-f"], env=self.environment(), check=True, timeout=30)

    def queue(self):
        """Names of the messages in its queues."""
        return [name for queue in ("active", "deferred", "incoming", "hold")
                for name in mail_room.files_below(self.folder / "queue" / queue)]

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()  # the master ends its children
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
