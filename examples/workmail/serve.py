#!/usr/bin/env python3
"""Serves a function written for WorkMail, as it is, as a hook. README.md beside it says how.
  serve.py FILE.FUNCTION --listen HOST:PORT      such as lambda_function.lambda_handler"""
import argparse
import importlib
import json
import pathlib
import signal
import sys
import types
from concurrent import futures

import grpc
from penstock.v1 import hook_pb2, hook_pb2_grpc


def context_of(request, call):
    """What a function asks its context; and `request`, with the right to the message's content."""
    return types.SimpleNamespace(
        request=request, aws_request_id=request.event.invocation_id, function_name=request.hook,
        get_remaining_time_in_millis=lambda: int(1000 * call.time_remaining()))


class Hook(hook_pb2_grpc.HookServiceServicer):
    def __init__(self, handler):
        self.handler = handler

    def Invoke(self, request, context):
        if not request.json:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "no JSON came; register the hook with --json")
        try:  # an exception fails the attempt, and the function is asked again, as in WorkMail
            answer = self.handler(json.loads(request.json), context_of(request, context))
        except SystemExit as end:  # which would end this thread, and the call would wait
            raise RuntimeError(f"the function called sys.exit({end.code!r})") from end
        return hook_pb2.InvokeResponse(json=json.dumps(answer).encode())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("handler", metavar="FILE.FUNCTION")
    parser.add_argument("--listen", default="127.0.0.1:50051")
    options = parser.parse_args()
    path, _, function = options.handler.rpartition(".")
    sys.path.insert(0, str(pathlib.Path(path).resolve().parent))
    handler = getattr(importlib.import_module(pathlib.Path(path).name), function)
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=64), options=[("grpc.so_reuseport", 0)])
    hook_pb2_grpc.add_HookServiceServicer_to_server(Hook(handler), server)
    try:
        port = server.add_insecure_port(options.listen)
    except RuntimeError:  # gRPC's, which says no more, and has written its reasons to standard error
        sys.exit(f"serve.py: cannot listen on {options.listen}: is it taken, or no HOST:PORT of this machine?")
    server.start()
    print(f"listening on {options.listen.rpartition(':')[0]}:{port}", flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    server.stop(grace=15).wait()


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main()
