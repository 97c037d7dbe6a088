# SPDX-License-Identifier: Apache-2.0
"""A hook that reads and replaces content as the local part of its first recipient says, and prints what
came of it as JSON lines, one a call: {"what", "attempt", "target", "capability", "message", …}.

  edit      puts the mail with a field more; everyone gets it, added@ too, dropped@ nothing
  flaky     attempt 1 puts and fails; attempt 2 reads what there is, and puts
  forgets   attempt 1 puts and fails; attempt 2 only answers
  invalid   attempt 1 puts and gives an invalid answer; attempt 2 only answers
  late      answers, then puts
  stall     attempt 1 begins to put and does not end; called again it only answers
  others    only answers
"""
import argparse
import base64
import hashlib
import json
import threading
import time
from concurrent import futures

import grpc
from penstock.v1 import error_pb2, hook_pb2, hook_pb2_grpc, message_flow_pb2, message_flow_pb2_grpc

GetRequest = message_flow_pb2.GetRawMessageContentRequest
PutRequest = message_flow_pb2.PutRawMessageContentRequest
FIELD = b"X-Attempt: %d\r\n"


class Client:
    """Content calls with one capability."""

    def __init__(self, target, message, capability):
        self.stub = message_flow_pb2_grpc.MessageFlowServiceStub(grpc.insecure_channel(target))
        self.key = {"message_id": message, "capability": capability}

    def get(self, **options):
        pieces = self.stub.GetRawMessageContent(GetRequest(**self.key, **options), timeout=20)
        return b"".join(piece.data for piece in pieces)

    def put(self, content):
        """The effect; or of a refusal its code, reason and text."""
        pieces = [PutRequest(start=PutRequest.Start(**self.key))]
        pieces += [PutRequest(data=content[at:at + 65536]) for at in range(0, len(content), 65536)]
        try:
            response = self.stub.PutRawMessageContent(iter(pieces), timeout=20)
        except grpc.RpcError as error:
            return refusal(error)
        return message_flow_pb2.PutRawMessageContentResponse.Effect.Name(response.effect)


def refusal(error):
    info = dict(error.trailing_metadata() or ()).get("penstock-error-info-bin", b"")
    return [error.code().name, error_pb2.ErrorInfo.FromString(info).reason, error.details()]


class Hook(hook_pb2_grpc.HookServiceServicer):
    def Invoke(self, request, context):
        what = request.event.envelope.recipients[0].address.partition("@")[0]
        said = {"what": what, "attempt": request.attempt, "message": request.event.message_id,
                "target": request.content.target,
                "capability": base64.b64encode(request.content.capability).decode(),
                "may": [request.content.may_read, request.content.may_replace]}
        content = Client(request.content.target, request.event.message_id, request.content.capability)
        answer = hook_pb2.InvokeResponse()
        answer.actions.add(all_recipients=True).action.type = hook_pb2.Action.DEFAULT
        fails = what in ("flaky", "forgets") and request.attempt == 1
        if what in ("edit", "flaky") or what in ("forgets", "invalid") and request.attempt == 1:
            original = content.get()
            said["read"] = hashlib.sha256(original).hexdigest()
            said["put"] = content.put(FIELD % request.attempt + original)
            said["read_again"] = hashlib.sha256(content.get()).hexdigest()
        if what == "late":
            threading.Thread(target=self.put_late, args=(content, dict(said))).start()
        if what == "stall" and request.attempt == 1:
            threading.Thread(target=self.stall, args=(content, said)).start()
            time.sleep(60)
        domain = request.event.envelope.recipients[0].address.partition("@")[2]
        if what == "edit":
            answer.actions[0].recipients.append(f"added@{domain}")
            answer.actions.add(recipients=[f"dropped@{domain}"]).action.type = hook_pb2.Action.DROP
        if what == "invalid" and request.attempt == 1:
            answer.actions[0].action.type = 0
        print(json.dumps(said), flush=True)
        if fails:
            context.abort(grpc.StatusCode.UNAVAILABLE, "not yet")
        return answer

    def put_late(self, content, said):
        time.sleep(1)
        said["put_late"] = content.put(FIELD % 0 + content.get())
        print(json.dumps(said), flush=True)

    def stall(self, content, said):
        def pieces():
            yield PutRequest(start=PutRequest.Start(**content.key))
            yield PutRequest(data=FIELD % 1 + b"From: a@b.example\r\n")
            print(json.dumps({**said, "stalls": True}), flush=True)
            time.sleep(60)
        try:
            content.stub.PutRawMessageContent(pieces(), timeout=50)
        except grpc.RpcError:
            pass


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", required=True)
    address = parser.parse_args().listen
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
    hook_pb2_grpc.add_HookServiceServicer_to_server(Hook(), server)
    port = server.add_insecure_port(address)
    server.start()
    print(f"listening on {address.rpartition(':')[0]}:{port}", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
