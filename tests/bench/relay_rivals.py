# SPDX-License-Identifier: Apache-2.0
"""The mail servers that relay_bench compares us with. Each takes mail for anybody on a loopback port, writes it into a
queue of its own, and sends it to one SMTP server: the sink. Their limits are set so that none is in the way.

A server that cannot be had here is left out, aloud.
"""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import exim_instance
import mail_room
import opensmtpd_instance
import postfix_instance

SESSIONS_MAX = 50  # that the benchmark opens at a time

EXIM = """\
local_interfaces = 127.0.0.1.{port}
split_spool_directory
smtp_accept_max = 0
smtp_accept_max_per_connection = 0
smtp_accept_queue_per_connection = 0
remote_max_parallel = 20
message_size_limit = 50M
"""

# Its pauses between connections, deliveries and retries are for servers of others.
OPENSMTPD_LIMITS = """\
smtp limit max-mails 1000000
mta limit max-conn-per-host {sessions}
mta limit max-conn-per-relay {sessions}
mta limit max-conn-per-domain {sessions}
mta limit max-conn-per-route {sessions}
mta limit max-conn-per-source {sessions}
mta limit max-conn-per-connector {sessions}
mta limit conn-delay-host 0
mta limit conn-delay-source 0
mta limit conn-delay-connector 0
mta limit conn-delay-relay 0
mta limit conn-delay-domain 0
mta limit session-transaction-delay 0
mta limit session-mail-max 1000000
mta limit reconn-delay-route 0
"""
OPENSMTPD = OPENSMTPD_LIMITS + """\
smtp max-message-size 50M
listen on 127.0.0.1 port {port}
action away relay host smtp://127.0.0.1:{sink}
match from any for any action away
"""

HARAKA = "Haraka@3.2.1"
HARAKA_BEFORE = "2026-06-01"  # newer releases of what it needs do not fit it
HARAKA_PLUGIN = """\
exports.hook_rcpt = (next) => next(OK)
exports.hook_data_post = (next, connection) => {
  connection.transaction.add_header('X-Passed', 'through')
  next()
}
"""


def wait_for_greeting(port, process, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as probe:
                if probe.recv(100).startswith(b"220"):
                    return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"nobody greets on port {port}")


def end(process):
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def start_postfix(servers, folder, build, sink, proxy):
    """Two of its listeners: with its own queue alone, and with a content filter, the proxy, from which mail comes
    back to the first."""
    filter_port = postfix_instance.free_port()
    options = [f"content_filter=smtp:[127.0.0.1]:{filter_port}"]
    server = postfix_instance.Postfix(folder, build, sink, options)
    servers.callback(server.stop)
    server.start()
    filtering = subprocess.Popen([*proxy, str(filter_port), str(server.plain)], start_new_session=True)
    servers.callback(end, filtering)
    wait_for_greeting(filter_port, filtering)
    return {"postfix": server.plain, "postfix_filter": server.port}


def start_exim(servers, folder, build, sink, _proxy):
    server = exim_instance.Exim(folder, build, sink, "", pause="1m")
    servers.callback(server.stop)
    port = mail_room.free_port()
    server.start(port, EXIM.format(port=port), acl="accept")
    return {"exim": port}


def start_opensmtpd(servers, folder, build, sink, _proxy):
    server = opensmtpd_instance.OpenSmtpd(folder, build)
    servers.callback(server.stop)
    port = mail_room.free_port()
    server.start(port, OPENSMTPD.format(port=port, sink=sink, sessions=SESSIONS_MAX))
    return {"opensmtpd": port}


def start_haraka(servers, folder, build, sink, _proxy):
    """It keeps nothing on disk: a message is passed on before its sender is answered."""
    for program in ("node", "npm"):
        if not shutil.which(program):
            raise RuntimeError(f"no {program}")
    root = pathlib.Path(build) / "haraka"
    program = root / "node_modules/.bin/haraka"
    if not program.exists():
        root.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "install", "--prefix", root, "--omit=dev", "--no-audit", "--no-fund",
                        f"--before={HARAKA_BEFORE}", HARAKA], check=True, capture_output=True, timeout=300)
    port = mail_room.free_port()
    home = pathlib.Path(folder) / "haraka"
    for path in ("config", "plugins", "queue"):
        (home / path).mkdir(parents=True)
    (home / "plugins/pass.js").write_text(HARAKA_PLUGIN)
    connection = (root / "node_modules/Haraka/config/connection.ini").read_text()
    for name, text in {"smtp.ini": f"listen=127.0.0.1:{port}\n", "plugins": "pass\nqueue/smtp_forward\n",
                       "smtp_forward.ini": f"host=127.0.0.1\nport={sink}\nenable_outbound=false\n",
                       "log.ini": "[main]\nlevel=ERROR\n", "tls.ini": "[main]\nenabled=false\n", "me": "haraka.example\n",
                       "connection.ini": re.sub(r"(?m)^bytes *=.*", "bytes=52428800", connection)}.items():
        (home / "config" / name).write_text(text)
    with (home / "output").open("w") as output:
        process = subprocess.Popen([program, "-c", home], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                   start_new_session=True)
    servers.callback(end, process)
    wait_for_greeting(port, process)
    return {"haraka": port}


@contextlib.contextmanager
def rivals(build, sink, proxy):
    """Starts what is here of them. `build`: the folder below which packages are unpacked and servers write;
    `sink`: the port that they send to; `proxy`: the command of a pass-through proxy, which lacks its ports.
    Yields {name: port}."""
    with contextlib.ExitStack() as servers:
        # Below the build folder, not where temporary files go: that may be no disk.
        folder = servers.enter_context(tempfile.TemporaryDirectory(prefix="relay_rivals.", dir=build))
        os.chmod(folder, 0o755)  # servers have users of their own
        ports = {}
        for start in (start_postfix, start_exim, start_opensmtpd, start_haraka):
            name = start.__name__.removeprefix("start_")
            try:
                ports.update(start(servers, folder, build, sink, proxy))
            except (OSError, subprocess.SubprocessError, RuntimeError) as error:
                print(f"bench: without {name}: {error}", file=sys.stderr)
        yield ports
