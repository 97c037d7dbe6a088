#!/usr/bin/env python3
"""A hook that keeps a small house's mail policy. README.md beside it says how to run it.

  inbound   subject [SPAM]…        to the junk folder
            from partner.example   past the spam filter
            the rest               delivered, and archive@ the recipient's domain gets a blind copy
  outbound  subject [internal]…    bounced, with a message
            the rest               delivered, and archive@ the sender's domain gets a blind copy
  both      to closed@…            bounced, with a message
            to noreply@…           dropped
"""
import argparse
import pathlib
import signal
import threading
from concurrent import futures

import grpc
from penstock.v1 import hook_pb2, hook_pb2_grpc

try:  # Debian has no package of it; `pip install grpcio-health-checking` has.
    from grpc_health.v1 import health, health_pb2, health_pb2_grpc
except ImportError:
    health = None

Action = hook_pb2.Action


def decide(event):
    answer = hook_pb2.InvokeResponse()
    everyone = answer.actions.add(all_recipients=True)  # whoever no other entry names
    everyone.action.type = Action.DEFAULT
    inbound = event.flow_direction == hook_pb2.Event.INBOUND
    sender_domain = event.envelope.mail_from.address.lower().rpartition("@")[2]
    if inbound and event.subject.startswith("[SPAM]"):
        everyone.action.type = Action.MOVE_TO_JUNK
    elif inbound and sender_domain == "partner.example":
        everyone.action.type = Action.BYPASS_SPAM_CHECK
    elif not inbound and event.subject.startswith("[internal]"):
        everyone.action.type = Action.BOUNCE
        everyone.action.parameters.bounce_message = "Mail marked [internal] stays inside."
    for recipient in event.envelope.recipients:
        local_part, _, domain = recipient.address.lower().rpartition("@")
        copy = "archive@" + (domain if inbound else sender_domain)
        if local_part == "closed":
            bounce = answer.actions.add(recipients=[recipient.address]).action
            bounce.type = Action.BOUNCE
            bounce.parameters.bounce_message = "This mailbox is closed. Write to help@" + domain
        elif local_part == "noreply":
            answer.actions.add(recipients=[recipient.address]).action.type = Action.DROP
        elif everyone.action.type == Action.DEFAULT and copy not in everyone.recipients:
            everyone.recipients.append(copy)
    return answer


class Hook(hook_pb2_grpc.HookServiceServicer):
    def __init__(self, delay):
        self.delay = delay

    def Invoke(self, request, context):
        print(f"{request.event.invocation_id} attempt {request.attempt}", flush=True)
        ended = threading.Event()  # at the deadline, or when nobody waits any more
        if not context.add_callback(ended.set) or ended.wait(self.delay):
            print(f"gave up {request.event.invocation_id}", flush=True)
            context.abort(grpc.StatusCode.CANCELLED, "nobody waits for this answer")
        return decide(request.event)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--listen", default="127.0.0.1:50051")
    parser.add_argument("--delay", type=float, default=0, help="milliseconds of work for each answer, to try")
    parser.add_argument("--tls-certificate", type=pathlib.Path, help="serve TLS with it; and with its --tls-key")
    parser.add_argument("--tls-key", type=pathlib.Path)
    parser.add_argument("--tls-ca", type=pathlib.Path, help="ask clients for a certificate signed by it")
    options = parser.parse_args()
    # Of two on one port the second fails; else they would share the calls.
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=64), options=[("grpc.so_reuseport", 0)])
    hook_pb2_grpc.add_HookServiceServicer_to_server(Hook(options.delay / 1000), server)
    if health:
        servicer = health.HealthServicer()
        servicer.set("", health_pb2.HealthCheckResponse.SERVING)
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    if options.tls_certificate:
        port = server.add_secure_port(options.listen, grpc.ssl_server_credentials(
            [(options.tls_key.read_bytes(), options.tls_certificate.read_bytes())],
            options.tls_ca.read_bytes(), require_client_auth=True))
    else:
        port = server.add_insecure_port(options.listen)
    server.start()
    print(f"listening on {options.listen.rpartition(':')[0]}:{port}", flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    server.stop(grace=15).wait()  # calls that run may finish


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main()
