# SPDX-License-Identifier: Apache-2.0
"""Runs a hook script with HookStreamService added to its server: `stream_hook.py SCRIPT [ARGUMENT]...`.
Each call that comes on a stream is handed to the script's own Invoke."""
import queue
import runpy
import sys
import threading

import grpc
from penstock.v1 import hook_pb2_grpc, hook_stream_pb2, hook_stream_pb2_grpc


class Failed(Exception):
    pass


class Context:
    """What Invoke gets for a call on a stream."""

    def __init__(self):
        self.code, self.details = None, ""

    def add_callback(self, callback):
        """Calls on a stream are not cancelled here."""
        return True

    def abort(self, code, details):
        self.code, self.details = code, details
        raise Failed()


class Stream(hook_stream_pb2_grpc.HookStreamServiceServicer):
    def __init__(self, hook):
        self.hook = hook

    def Exchange(self, requests, context):
        answers = queue.Queue()
        context.add_callback(lambda: answers.put(None))

        def answer(request):
            response = hook_stream_pb2.ExchangeResponse(call=request.call)
            call = Context()
            try:
                response.answer.CopyFrom(self.hook.Invoke(request.invoke, call))
            except Exception as error:  # a hook that raises has failed
                response.failure.code = (call.code or grpc.StatusCode.UNKNOWN).value[0]
                response.failure.message = call.details or str(error)
            answers.put(response)

        def read():
            try:
                for request in requests:
                    if request.HasField("invoke"):
                        threading.Thread(target=answer, args=[request], daemon=True).start()
            except grpc.RpcError:
                pass
            answers.put(None)

        threading.Thread(target=read, daemon=True).start()
        yield from iter(answers.get, None)


def main():
    add = hook_pb2_grpc.add_HookServiceServicer_to_server

    def add_both(hook, server):
        add(hook, server)
        hook_stream_pb2_grpc.add_HookStreamServiceServicer_to_server(Stream(hook), server)

    hook_pb2_grpc.add_HookServiceServicer_to_server = add_both
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
