# SPDX-License-Identifier: Apache-2.0
"""Daemons and hooks for tests of content calls (M): the hooks are in the test's process, and a call runs until
the test lets it answer, so that what it was given can be used while it runs and afterwards."""
import sys
import threading
from concurrent import futures

from harness import DOMAIN, STUBS, PenstockTest, wait_until

sys.path.insert(0, str(STUBS))
import grpc  # noqa: E402
from content_hook import Client  # noqa: E402
from penstock.v1 import hook_pb2, hook_pb2_grpc  # noqa: E402

OTHER_DOMAIN = "other.example"
BOTH = ("--read", "--replace")


class Hooks(hook_pb2_grpc.HookServiceServicer):
    """Answers DEFAULT when the test ends or lets go; attempts before `fails` fail."""

    def __init__(self):
        self.calls = []
        self.fails = {}  # by local part: how many attempts
        self.ended = {}  # the same: when it answers

    def Invoke(self, request, context):
        name = local_part(request)
        self.calls.append(request)
        if request.attempt <= self.fails.get(name, 0):
            context.abort(grpc.StatusCode.UNAVAILABLE, "not yet")
        self.ended[name].wait(40)
        answer = hook_pb2.InvokeResponse()
        answer.actions.add(all_recipients=True).action.type = hook_pb2.Action.DEFAULT
        return answer

    def call(self, name, number):
        def found():
            return [one for one in self.calls if local_part(one) == name][number - 1:number]
        return wait_until(f"call {number} for {name}", found)[0]


def mail(name, text="as received"):
    """Rules go by From (R4): each hook has its own sender."""
    return (f"From: {name}@elsewhere.example\r\nDate: Sat, 21 Nov 2026 19:48:00 +0000\r\n"
            f"Subject: one\r\n\r\n{text}\r\n").encode()


def local_part(request):
    return request.event.envelope.recipients[0].address.partition("@")[0]


class ContentCalls(PenstockTest):
    def setUp(self):
        super().setUp()
        self.hooks = Hooks()
        server = grpc.server(futures.ThreadPoolExecutor(max_workers=64))
        hook_pb2_grpc.add_HookServiceServicer_to_server(self.hooks, server)
        self.target = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        server.start()
        self.addCleanup(server.stop, None)
        self.addCleanup(lambda: [ended.set() for ended in self.hooks.ended.values()])
        self.daemon.penstock_ok("org", "create", "other", "--domain", OTHER_DOMAIN)

    def begin(self, mode="sync", grants=BOTH, fails=0, timeout="5m", answers=False, on=None, domain=DOMAIN,
              async_deadline="60s"):
        """Registers a hook, and sends it a mail; returns its first call."""
        name = f"hook-{len(self.hooks.ended) + 1}"
        ended = self.hooks.ended[name] = threading.Event()
        self.hooks.fails[name] = fails
        if answers:
            ended.set()
        on = on or self.daemon
        on.penstock_ok("hook", "register", name, "--target", self.target, "--async-deadline", async_deadline)
        for organization in ("default", "other"):
            on.penstock_ok("hook", "add-permission", name, "--statement-id", organization, "--principal", organization, *grants)
            on.penstock_ok("rule", "create", name, "--org", organization, "--direction", "inbound", "--sender",
                           f"{name}@elsewhere.example", "--recipient", "*", "--hook", name, "--mode", mode,
                           *(["--fallback", "default", "--timeout", timeout] if mode == "sync" else []))
        on.send([f"{name}@{domain}"], mail(name), sender=f"{name}@elsewhere.example")
        return self.hooks.call(name, 1)

    def client(self, call, on=None, **other):
        key = {"message": call.event.message_id, "capability": call.content.capability, **other}
        return Client((on or self.daemon).penstock_json("status")["contentTarget"], **key)
