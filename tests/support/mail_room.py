# SPDX-License-Identifier: Apache-2.0
"""A mail server in a room of its own: a mount namespace, in which the packages that were unpacked below the build
folder look installed, with their users. The machine's own files stay as they are. The network is the machine's, so
that a server in a room is reached on loopback. Needs root."""
import os
import pathlib
import random
import signal
import socket
import subprocess
import time

import unpacked

START_SECONDS = 120  # that a server may take until it greets, on a busy machine

# /usr and /etc are the machine's with the package's over them, and over these what `etc` of the room's folder holds.
ENTER = """\
set -e
mount -t overlay -o lowerdir="$ROOT/usr:/usr" usr /usr
mount -t overlay -o lowerdir="$FOLDER/etc:$ROOT/etc:/etc" etc /etc
mount --bind "$FOLDER/spool" /var/spool
mount --bind "$FOLDER/lib" /var/lib
mount --bind "$FOLDER/run" /run
exec "$@"
"""


def free_port():
    """A port for a server that is told which. Below those that the kernel gives to clients, or one of them has it
    before the server does; no other of these tests gets it as long as this process runs."""
    clients_begin = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for port in random.sample(range(11000, max(clients_begin, 12000)), 500):
        mark = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            mark.bind(f"\0penstock-test-port-{port}")
            with socket.socket() as taken:
                taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                taken.bind(("127.0.0.1", port))
        except OSError:
            mark.close()
            continue
        mark.detach()  # stays open to the end of the process
        return port
    raise RuntimeError("no port is free")


def files_below(folder):
    """Names of the files in a folder and those below it, which may come and go meanwhile."""
    return [name for _, _, names in os.walk(folder) for name in names]


class Room:
    """`packages` with the accounts `users`; `folder` is a new one for what the server writes.
    Errors: OSError, subprocess.CalledProcessError, RuntimeError if it cannot be had."""

    def __init__(self, folder, build, name, packages, users):
        if os.geteuid() != 0:
            raise RuntimeError(f"{name} in a mount namespace needs root")
        self.name = name
        self.root = unpacked.unpack(build, name, *packages).resolve()
        self.folder = pathlib.Path(folder).resolve() / name
        for path in ("", "etc", "spool", "lib", "run"):
            (self.folder / path).mkdir(parents=True, exist_ok=True)
            (self.folder / path).chmod(0o755)
        self.ids = self._accounts(users)
        host = socket.gethostname().partition(".")[0]
        (self.folder / "etc/hosts").write_text(f"127.0.0.1 localhost\n127.0.0.1 {host}.example {host}\n")
        (self.folder / "etc/resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        self.process = None
        self.command(["true"])

    def _accounts(self, users):
        """{user: id}, of accounts that the room has beside the machine's."""
        ids = {}
        for path, line in (("passwd", "{0}:x:{1}:{1}::/nonexistent:/usr/sbin/nologin\n"), ("group", "{0}:x:{1}:\n")):
            old = pathlib.Path("/etc", path).read_text()
            taken = {one.split(":")[2] for one in old.splitlines() if one.count(":") > 2}
            for user in users:
                free = next(number for number in range(64800, 65000) if str(number) not in taken)
                ids.setdefault(user, free)
                taken.add(str(ids[user]))
            kept = [one for one in old.splitlines(True) if one.split(":")[0] not in users]
            (self.folder / "etc" / path).write_text("".join(kept) + "".join(line.format(u, ids[u]) for u in users))
        return ids

    def _entering(self, arguments):
        return (["unshare", "--mount", "--propagation", "private", "sh", "-c", ENTER, "sh", *map(str, arguments)],
                {**os.environ, "ROOT": str(self.root), "FOLDER": str(self.folder)})

    def command(self, arguments):
        """Runs a command to its end. Returns what it printed."""
        line, environment = self._entering(arguments)
        return subprocess.run(line, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=True, timeout=START_SECONDS).stdout

    def serve(self, arguments, port, greets=b"220"):
        """Starts a server, which stays in the foreground, and waits until it greets on the port."""
        line, environment = self._entering(arguments)
        with (self.folder / "output").open("a") as output:
            self.process = subprocess.Popen(line, env=environment, stdin=subprocess.DEVNULL, stdout=output,
                                            stderr=output, start_new_session=True)
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            try:
                with socket.create_connection(("127.0.0.1", port), 5) as probe:
                    if probe.recv(100).startswith(greets):
                        return self
            except OSError:
                time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"{self.name} does not answer: {self.log()}")

    def log(self):
        paths = [self.folder / "output", *self.folder.glob("log/*")]
        return "".join(path.read_text(errors="replace") for path in paths if path.exists())[-6000:]

    def stop(self):
        """Ends the server and its children, which are of its session."""
        if not self.process:
            return
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process = None
