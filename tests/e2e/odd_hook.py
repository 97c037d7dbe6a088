# SPDX-License-Identifier: Apache-2.0
"""A hook that does what the local part of its first recipient says, and prints each request as JSON.

  hang     never answers                  garbage  JSON that ends too early
  null     what a function returns that   error    fails, with a text of two lines
           returns nothing                large    an answer over 262,144 octets
  unknown  an action that there is not    huge     one over what gRPC may take in
  json     a valid answer, as JSON        adds     adds a recipient elsewhere
  others   DEFAULT for all, typed
"""
import argparse
import json
import threading
from concurrent import futures

import grpc
from google.protobuf import json_format
from penstock.v1 import hook_pb2, hook_pb2_grpc

JSON = {
    "garbage": '{"actions": [',
    "null": "null",
    "unknown": '{"actions": [{"action": {"type": "QUARANTINE"}, "allRecipients": true}]}',
    "json": '{"actions": [{"action": {"type": "BOUNCE", "parameters": {"bounceMessage": "no"}}, '
            '"allRecipients": "True"}]}',
}


class Hook(hook_pb2_grpc.HookServiceServicer):
    def Invoke(self, request, context):
        print(json.dumps(json_format.MessageToDict(request)), flush=True)
        what = request.event.envelope.recipients[0].address.partition("@")[0]
        if what == "hang":
            gone = threading.Event()
            context.add_callback(gone.set)
            gone.wait(60)
        if what == "error":
            context.abort(grpc.StatusCode.UNAVAILABLE, "not yet\nask me later")
        if what in JSON:
            return hook_pb2.InvokeResponse(json=JSON[what].encode())
        answer = hook_pb2.InvokeResponse()
        answer.actions.add(all_recipients=True).action.type = hook_pb2.Action.DEFAULT
        if what == "adds":
            answer.actions[0].recipients.append("new@foreign.example")
        if what in ("large", "huge"):
            many = range(4000 if what == "large" else 80_000)
            answer.actions[0].recipients.extend(f"{'x' * 60}{n}@large.example" for n in many)
        return answer


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", required=True)
    address = parser.parse_args().listen
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
    hook_pb2_grpc.add_HookServiceServicer_to_server(Hook(), server)
    port = server.add_insecure_port(address)
    server.start()
    print(f"listening on {address}" if address.startswith("unix:")
          else f"listening on {address.rpartition(':')[0]}:{port}", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
