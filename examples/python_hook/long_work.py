#!/usr/bin/env python3
"""A hook whose work takes longer than a call may: it fails until the work is done, then answers.

Work is begun once for an invocation, whatever the number of attempts, and its result is kept in a file
named by the invocation id: it is there for the next attempt even if this process was restarted.
"""
import argparse
import pathlib
import threading
import time
from concurrent import futures

import grpc
from penstock.v1 import hook_pb2, hook_pb2_grpc


def scan(event, seconds):
    """Stands for what takes long; returns whether the mail may pass."""
    time.sleep(seconds)
    return not (event.subject or "").startswith("[virus]")


class Hook(hook_pb2_grpc.HookServiceServicer):
    def __init__(self, folder, seconds):
        self.folder, self.seconds = folder, seconds
        self.workers = futures.ThreadPoolExecutor(max_workers=8)
        self.lock = threading.Lock()
        self.running = set()  # invocation ids

    def Invoke(self, request, context):
        invocation = request.event.invocation_id
        result = self.folder / invocation
        with self.lock:
            if not result.exists() and invocation not in self.running:
                self.running.add(invocation)
                print(f"begun {invocation}", flush=True)
                self.workers.submit(self.work, request.event, result)
        if not result.exists():
            context.abort(grpc.StatusCode.UNAVAILABLE, "not done yet")
        kind = hook_pb2.Action.DEFAULT if result.read_text() == "clean" else hook_pb2.Action.DROP
        answer = hook_pb2.InvokeResponse()
        answer.actions.add(all_recipients=True).action.type = kind
        return answer

    def work(self, event, result):
        try:
            word = "clean" if scan(event, self.seconds) else "bad"
            half = result.with_suffix(".new")
            half.write_text(word)
            half.rename(result)  # there as a whole, or not at all
        finally:
            with self.lock:
                self.running.discard(event.invocation_id)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--listen", default="127.0.0.1:50051")
    parser.add_argument("--results", type=pathlib.Path, default="results", help="folder; clean it after the rule timeout")
    parser.add_argument("--seconds", type=float, default=20, help="how long the work takes")
    options = parser.parse_args()
    options.results.mkdir(exist_ok=True)
    # Of two on one port the second fails; else they would share the calls.
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16), options=[("grpc.so_reuseport", 0)])
    hook_pb2_grpc.add_HookServiceServicer_to_server(Hook(options.results, options.seconds), server)
    port = server.add_insecure_port(options.listen)
    server.start()
    print(f"listening on {options.listen.rpartition(':')[0]}:{port}", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
