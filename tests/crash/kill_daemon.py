#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Kills a real penstockd under load, again and again, and reckons up afterwards.

Usage: PENSTOCK_BUILD=build/dev tests/crash/kill_daemon.py [--kills N] [--seed S] [--senders N]

Clients send mail by SMTP, each with an id of its own and recipients whose names say what the hook
answers; the hook fails now and then; the next hop keeps what it is given. penstockd is killed
(SIGKILL) at random moments, a quarter of them while it starts, and started again. At the end
everything may come to rest, and then:

  - each mail that was answered 250 is on record with all its recipients, each with exactly one
    outcome, the one that its name asked for;
  - who was to get the mail got it once, or again if a delivery was under way at a kill (counted);
    who was not never did; each event of the ASYNC hook arrived;
  - a mail that got no answer is there with all of that, or not at all.

Prints counts, then one line of JSON. Exit code: 0 nothing is wrong, 1 something is.
"""
import argparse
import bisect
import collections
import json
import os
import pathlib
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))
from harness import BUILD, PENSTOCK, PENSTOCKD, PYTHON, wait_until  # noqa: E402
from next_hop import NextHop  # noqa: E402

STUBS = BUILD / "tests/crash/stubs"
sys.path.insert(0, str(STUBS))
import grpc  # noqa: E402
from penstock.v1 import messages_pb2, messages_pb2_grpc  # noqa: E402

DOMAIN = "org.example"
COPIED = "copied.example"  # its mail goes to the ASYNC hook
ACTIONS = ("keep", "junk", "drop", "bounce")
STATES = {"keep": "DELIVERED", "junk": "DELIVERED", "drop": "DROPPED", "bounce": "BOUNCED"}
IN_FLIGHT_SECONDS = 5  # between a next hop's "250" and its place on record, at most
CONFIG = """\
hostname: mx.org.example
data_folder: {folder}/data
listeners:
  - {{name: mx, listen: "127.0.0.1:{port}", direction: inbound}}
admin: {{socket: {folder}/admin/admin.sock}}
next_hops:
  - {{name: relay, smtp: {{host: 127.0.0.1, port: {relay_port}}}}}
routes: {{inbound: relay, outbound: relay, bounces: relay}}
delivery: {{backoff_first: 100ms, backoff_max: 1s}}
retry: {{backoff_first: 200ms, backoff_max: 500ms}}
log: {{level: ERROR}}
"""
HOOK = '''
import argparse, signal, sys
from concurrent import futures
import grpc
from penstock.v1 import hook_pb2, hook_pb2_grpc

Action = hook_pb2.Action
TYPES = {"keep": Action.DEFAULT, "junk": Action.MOVE_TO_JUNK, "drop": Action.DROP, "bounce": Action.BOUNCE}

class Hook(hook_pb2_grpc.HookServiceServicer):
    def Invoke(self, request, context):
        event = request.event
        if request.mode == hook_pb2.InvokeRequest.ASYNC:
            with open(sys.argv[1], "a") as seen:
                seen.write(event.subject + "\\n")
            return hook_pb2.InvokeResponse()
        if request.attempt == 1 and event.invocation_id[0] in "012":
            context.abort(grpc.StatusCode.UNAVAILABLE, "not at the first attempt")
        answer = hook_pb2.InvokeResponse()
        for recipient in event.envelope.recipients:
            action = answer.actions.add(recipients=[recipient.address])
            action.action.type = TYPES[recipient.address.partition("-")[0]]
        return answer

server = grpc.server(futures.ThreadPoolExecutor(16))
hook_pb2_grpc.add_HookServiceServicer_to_server(Hook(), server)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(f"listening on 127.0.0.1:{port}", flush=True)
server.wait_for_termination()
'''


class Sink(NextHop):
    """Keeps who got which mail when, not the mail."""

    def __init__(self):
        self.deliveries = collections.defaultdict(list)  # (id, recipient) -> times
        self.bounces = collections.Counter()  # id of the bounced mail -> notifications
        super().__init__()

    def keep(self, transaction):
        mail = transaction.data.partition(b"X-Mail: ")[2].split(b"\r\n", 1)[0].decode()
        with self._changed:
            if transaction.mail_from == "":
                self.bounces[mail] += 1
            else:
                for recipient in transaction.recipients:
                    self.deliveries[mail, recipient].append(time.monotonic())


class Sender(threading.Thread):
    """Sends mail until told to stop; remembers what each was answered."""

    def __init__(self, name, port, seed):
        super().__init__(daemon=True)
        self.prefix, self.port, self.random = name, port, random.Random(seed)
        self.stopping = threading.Event()
        self.accepted, self.refused, self.unanswered = {}, {}, {}  # id -> recipients
        self.count = 0

    def run(self):
        while not self.stopping.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
                    self.session(connection, connection.makefile("rb"))
            except OSError:
                time.sleep(0.005)

    def session(self, connection, replies):
        def expect(code):
            while True:
                line = replies.readline()
                if not line:
                    raise ConnectionError
                if line[3:4] == b" ":
                    return line.startswith(code)
        expect(b"220")
        connection.sendall(b"EHLO client.example\r\n")
        expect(b"250")
        while not self.stopping.is_set():
            mail, recipients = self.next_mail()
            commands = "".join(f"RCPT TO:<{one}>\r\n" for one in recipients)
            connection.sendall(f"MAIL FROM:<{mail}@elsewhere.example>\r\n{commands}DATA\r\n".encode())
            ready = [expect(b"250") for _ in range(len(recipients) + 1)] + [expect(b"354")]
            if not all(ready):
                self.refused[mail] = recipients
                return
            self.unanswered[mail] = recipients
            connection.sendall(self.content(mail))
            taken = expect(b"250")
            del self.unanswered[mail]
            (self.accepted if taken else self.refused)[mail] = recipients

    def next_mail(self):
        self.count += 1
        mail = f"{self.prefix}-{self.count}"
        recipients = [f"{self.random.choice(ACTIONS)}-{i}-{mail}@{DOMAIN}" for i in range(self.random.choice((1, 1, 2, 3)))]
        if self.random.random() < 0.3:
            recipients.append(f"copy-{mail}@{COPIED}")
        return mail, recipients

    def content(self, mail):
        lines = self.random.choice((1, 5, 20, 20, 150, 150, 900))  # some inline, some in segments
        header = f"From: <{mail}@elsewhere.example>\r\nSubject: {mail}\r\nX-Mail: {mail}\r\n\r\n"
        return header.encode() + b"the rest of the mail, line by line, so many octets of it\r\n" * lines + b".\r\n"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Reckoning:
    """What is wrong, and how much of what there was."""

    def __init__(self, sink, kills):
        self.sink, self.kills = sink, kills
        self.counts = collections.Counter()
        self.wrong = []

    def mail(self, mail, recipients, messages):
        """One mail that is on record as `messages`."""
        found = collections.Counter()
        for message in messages:
            outcomes = collections.Counter()
            for entry in message.history:
                if entry.kind == "OUTCOME":
                    outcomes.update(entry.recipients)
            for recipient in message.recipients:
                found[recipient.address] += 1
                self.recipient(mail, recipient, outcomes)
        if found != collections.Counter(recipients):
            self.wrong.append(f"{mail}: recipients {recipients}, on record {dict(found)}")

    def recipient(self, mail, recipient, outcomes):
        action = recipient.address.partition("-")[0]
        want = STATES.get(action, "DELIVERED")
        state = messages_pb2.MessageRecipient.State.Name(recipient.state)
        self.counts[f"recipients {state}"] += 1
        if state != want:
            self.wrong.append(f"{recipient.address}: {state}, not {want}")
        if outcomes[recipient.address] != 1:
            self.wrong.append(f"{recipient.address}: {outcomes[recipient.address]} outcomes on record")
        times = self.sink.deliveries.get((mail, recipient.address), [])
        if want != "DELIVERED":
            if times:
                self.wrong.append(f"{recipient.address}: delivered, though {state}")
        elif not times:
            self.wrong.append(f"{recipient.address}: never delivered")
        for first, again in zip(times, times[1:]):
            self.counts["deliveries made again"] += 1
            at = bisect.bisect_left(self.kills, first - 0.1)
            if at == len(self.kills) or self.kills[at] > again or self.kills[at] - first > IN_FLIGHT_SECONDS:
                self.wrong.append(f"{recipient.address}: delivered again though no kill cut it off")
        if action == "bounce":
            if not self.sink.bounces[mail]:
                self.wrong.append(f"{recipient.address}: bounced, but the sender was not told")


class Run:
    def __init__(self, folder, options):
        self.folder, self.options = pathlib.Path(folder), options
        self.random = random.Random(options.seed)
        self.sink = Sink()
        self.port = free_port()
        self.config = self.folder / "penstock.yaml"
        self.config.write_text(CONFIG.format(folder=folder, port=self.port, relay_port=self.sink.port))
        self.socket = self.folder / "admin/admin.sock"
        self.log = (self.folder / "penstockd.log").open("ab")
        self.events = self.folder / "events"
        self.kills = []
        self.process = None

    def penstock(self, *arguments):
        subprocess.run([PENSTOCK, "--socket", self.socket, *arguments], check=True, stdout=subprocess.DEVNULL, timeout=60)

    def start(self):
        self.process = subprocess.Popen([PENSTOCKD, "--config", self.config], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)

    def is_ready(self):
        if self.process.poll() is not None:
            raise AssertionError("penstockd ended by itself: " + pathlib.Path(self.log.name).read_text()[-3000:])
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
            return True
        except OSError:
            return False

    def kill(self):
        if self.process.poll() is not None:
            raise AssertionError("penstockd ended by itself: " + pathlib.Path(self.log.name).read_text()[-3000:])
        self.process.kill()
        self.process.wait()
        self.kills.append(time.monotonic())

    def start_hook(self):
        script = self.folder / "hook.py"
        script.write_text(HOOK)
        output = (self.folder / "hook.log").open("w+")
        hook = subprocess.Popen([PYTHON, script, self.events], stdout=output, stderr=subprocess.STDOUT,
                                env={**os.environ, "PYTHONPATH": str(STUBS)})

        def target():
            first = (self.folder / "hook.log").read_text().split()
            return first[2] if len(first) > 2 else None
        return hook, wait_until("the hook", target)

    def set_up(self, target):
        self.start()
        wait_until("the socket", lambda: self.socket.exists() and self.is_ready())
        for domain in (DOMAIN, COPIED):
            self.penstock("org", "add-domain", "default", domain)
        self.penstock("hook", "register", "decide", "--target", target)
        self.penstock("hook", "add-permission", "decide", "--statement-id", "all", "--principal", "default")
        for name, recipients, mode in (("ask", "*", ("sync", "--fallback", "bounce", "--timeout", "10m")),
                                       ("copy", COPIED, ("async",))):
            self.penstock("rule", "create", name, "--direction", "inbound", "--sender", "*", "--recipient",
                          recipients, "--hook", "decide", "--mode", *mode)

    def kill_often(self):
        began, starts_killed = time.monotonic(), 0
        last = began
        while len(self.kills) < self.options.kills:
            if self.random.random() < 0.25:
                time.sleep(self.random.uniform(0, 0.08))
                starts_killed += 1
            else:
                wait_until("penstockd to listen", self.is_ready)
                time.sleep(self.random.uniform(0.02, 0.8))
            self.kill()
            self.start()
            if time.monotonic() - last > 10:
                last = time.monotonic()
                print(f"kill_daemon: {len(self.kills)} kills in {last - began:.0f} s", file=sys.stderr, flush=True)
        return starts_killed

    def stub(self):
        channel = grpc.insecure_channel(f"unix:{self.socket}")
        return messages_pb2_grpc.MessageServiceStub(channel)

    def read_messages(self, stub, **filters):
        token = ""
        while True:
            page = stub.ListMessages(messages_pb2.ListMessagesRequest(page_size=1000, page_token=token, **filters))
            yield from page.messages
            token = page.next_page_token
            if not token:
                return

    def come_to_rest(self, stub, copies):
        State = messages_pb2.Message.State
        def at_rest():
            return not any(next(self.read_messages(stub, state=state), None)
                           for state in (State.ACTIVE, State.WAITING, State.DELIVERING))
        wait_until("every message to close", at_rest, 180)
        wait_until("every event", lambda: copies <= self.seen_events(), 60)

    def seen_events(self):
        return set(self.events.read_text().split()) if self.events.exists() else set()

    def run(self):
        hook, target = self.start_hook()
        try:
            self.set_up(target)
            senders = [Sender(f"s{i}", self.port, f"{self.options.seed}/{i}") for i in range(self.options.senders)]
            for sender in senders:
                sender.start()
            starts_killed = self.kill_often()
            wait_until("penstockd to listen", self.is_ready)
            for sender in senders:
                sender.stopping.set()
            for sender in senders:
                sender.join(30)
            return self.reckon(senders, starts_killed)
        finally:
            hook.kill()
            hook.wait()
            if self.process and self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self.sink.stop()

    def reckon(self, senders, starts_killed):
        accepted, unanswered, refused = {}, {}, {}
        for sender in senders:
            accepted.update(sender.accepted)
            unanswered.update(sender.unanswered)
            refused.update(sender.refused)
        stub = self.stub()
        copies = {mail for mail, recipients in accepted.items() if any(COPIED in one for one in recipients)}
        self.come_to_rest(stub, copies)
        by_mail = collections.defaultdict(list)
        bounces = 0
        for listed in self.read_messages(stub):
            if listed.bounce:
                bounces += 1
                continue
            by_mail[listed.subject].append(stub.GetMessage(messages_pb2.GetMessageRequest(name=listed.name)))
        result = Reckoning(self.sink, self.kills)
        for mail, recipients in accepted.items():
            if mail not in by_mail:
                result.wrong.append(f"{mail}: answered 250, and lost")
            else:
                result.mail(mail, recipients, by_mail[mail])
        for mail, messages in by_mail.items():
            if mail in accepted:
                continue
            if mail in refused:
                result.wrong.append(f"{mail}: refused, and yet on record")
            elif mail in unanswered:
                result.counts["mails without an answer that are there, whole"] += 1
                result.mail(mail, unanswered[mail], messages)
            else:
                result.wrong.append(f"{mail}: on record, never sent")
        self.process.terminate()
        if self.process.wait(60) != 0:
            result.wrong.append(f"penstockd ended with {self.process.returncode} after SIGTERM")
        return {"kills": len(self.kills), "kills while starting": starts_killed,
                "mails answered 250": len(accepted), "mails refused": len(refused),
                "mails without an answer": len(unanswered), "bounces": bounces, "events": len(copies),
                **dict(sorted(result.counts.items()))}, result.wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--senders", type=int, default=4)
    options = parser.parse_args()
    print(f"kill_daemon: seed {options.seed}", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="penstock-kill-") as folder:
        counts, wrong = Run(folder, options).run()
    for name, count in counts.items():
        print(f"  {count:8,} {name}", file=sys.stderr)
    for line in wrong[:20]:
        print("VIOLATION " + line, file=sys.stderr)
    print(json.dumps({"seed": options.seed, "violations": len(wrong), **counts}))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
