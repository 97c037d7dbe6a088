#!/usr/bin/env python3
"""A hook that decides by the recipient's local part. README.md beside it says how to run it.

  closed@…    bounced, with a message for the sender
  noreply@…   dropped
  the others  delivered, and archive@ their domain gets a blind copy
"""
import argparse
import signal
from concurrent import futures

import grpc
from penstock.v1 import hook_pb2, hook_pb2_grpc

Action = hook_pb2.Action


class Hook(hook_pb2_grpc.HookServiceServicer):
    def Invoke(self, request, context):
        answer = hook_pb2.InvokeResponse()
        # Whoever no other action names: delivered as usual.
        everyone = answer.actions.add(all_recipients=True)
        everyone.action.type = Action.DEFAULT
        for recipient in request.event.envelope.recipients:
            local_part, _, domain = recipient.address.partition("@")
            if local_part == "closed":
                bounce = answer.actions.add(recipients=[recipient.address])
                bounce.action.type = Action.BOUNCE
                bounce.action.parameters.bounce_message = "This mailbox is closed. Write to help@" + domain
            elif local_part == "noreply":
                drop = answer.actions.add(recipients=[recipient.address])
                drop.action.type = Action.DROP
            elif "archive@" + domain not in everyone.recipients:
                everyone.recipients.append("archive@" + domain)
        print(f"{request.event.invocation_id} attempt {request.attempt}", flush=True)
        return answer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--listen", default="127.0.0.1:50051")
    address = parser.parse_args().listen
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
    hook_pb2_grpc.add_HookServiceServicer_to_server(Hook(), server)
    port = server.add_insecure_port(address)
    server.start()
    print(f"listening on {address.rpartition(':')[0]}:{port}", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: server.stop(grace=5))
    server.wait_for_termination()


if __name__ == "__main__":
    main()
