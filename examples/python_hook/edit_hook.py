#!/usr/bin/env python3
"""A hook that reads the mail it is asked about and changes it: [EXT] before the subject of what comes
in, and a disclaimer under what goes out. README.md beside it says how to run it.
"""
import argparse
import itertools
from concurrent import futures

import grpc
import mail_edit
from penstock.v1 import hook_pb2, hook_pb2_grpc, message_flow_pb2, message_flow_pb2_grpc

DISCLAIMER = "This mail is for the person it is addressed to."
GetRequest = message_flow_pb2.GetRawMessageContentRequest
PutRequest = message_flow_pb2.PutRawMessageContentRequest


class Content:
    """The content of the message that one invocation is about."""

    def __init__(self, request, context):
        self.key = {"message_id": request.event.message_id, "capability": request.content.capability}
        self.time_left = context.time_remaining
        # Plain text, as on one machine; elsewhere grpc.secure_channel with the authority of penstockd's certificate.
        self.channel = grpc.insecure_channel(request.content.target)
        self.stub = message_flow_pb2_grpc.MessageFlowServiceStub(self.channel)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.channel.close()

    def read(self, offset=0, part=GetRequest.ALL):
        """The octets from `offset` on, piece by piece; never all of them in memory."""
        request = GetRequest(**self.key, read_offset=offset, part=part)
        for piece in self.stub.GetRawMessageContent(request, timeout=self.time_left()):
            yield piece.data

    def header_section(self):
        return b"".join(self.read(part=GetRequest.HEADER_SECTION))

    def replace(self, pieces):
        """Puts these octets, in pieces of at most 1 MiB, in the place of the message."""
        start = PutRequest(start=PutRequest.Start(**self.key))
        data = (PutRequest(data=piece) for piece in pieces)
        self.stub.PutRawMessageContent(itertools.chain([start], data), timeout=self.time_left())


def change(event, content):
    if event.flow_direction == hook_pb2.Event.INBOUND:
        # The header section alone is edited, and the rest streams through this process.
        section = content.header_section()
        edit = mail_edit.tag_subject(section, "[EXT]")
        pieces = itertools.chain([mail_edit.apply(edit, section)], content.read(len(section)))
    else:
        message = b"".join(content.read())
        edit = mail_edit.add_disclaimer(message, DISCLAIMER)
        changed = mail_edit.apply(edit, message)
        pieces = (changed[at:at + 65536] for at in range(0, len(changed), 65536))
    if edit.refusal:  # signed or encrypted, say: let it go as it came
        print(f"{event.message_id} unchanged: {edit.refusal}", flush=True)
    elif edit.splices:
        content.replace(pieces)


class Hook(hook_pb2_grpc.HookServiceServicer):
    def Invoke(self, request, context):
        answer = hook_pb2.InvokeResponse()
        answer.actions.add(all_recipients=True).action.type = hook_pb2.Action.DEFAULT
        if request.content.may_read and request.content.may_replace:
            try:
                with Content(request, context) as content:
                    change(request.event, content)
            except grpc.RpcError as error:
                # The attempt fails, and the next begins with the mail as it came.
                context.abort(grpc.StatusCode.UNAVAILABLE, f"content: {error.details()}")
        return answer


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", default="127.0.0.1:50052")
    listen = parser.parse_args().listen
    # Of two on one port the second fails; else they would share the calls.
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16), options=[("grpc.so_reuseport", 0)])
    hook_pb2_grpc.add_HookServiceServicer_to_server(Hook(), server)
    port = server.add_insecure_port(listen)
    server.start()
    print(f"listening on {listen.rpartition(':')[0]}:{port}", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
