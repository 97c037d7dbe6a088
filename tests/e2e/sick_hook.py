# SPDX-License-Identifier: Apache-2.0
"""A hook that behaves as told, for tests: slow, failing, or unwell. Prints a line for each call.

  sick_hook.py --listen 127.0.0.1:0 [--delay SECONDS] [--fail-while FILE] [--health serving|not-serving]

`--fail-while`: calls fail as long as the file exists. Without `--health` it offers no health service.
"""
import argparse
import os
import threading
import time
from concurrent import futures

import grpc
from penstock.v1 import hook_pb2, hook_pb2_grpc

HEALTH = {"serving": b"\x08\x01", "not-serving": b"\x08\x02"}  # HealthCheckResponse, field 1


class Hook(hook_pb2_grpc.HookServiceServicer):
    def __init__(self, options):
        self.options = options
        self.lock = threading.Lock()

    def Invoke(self, request, context):
        mode = hook_pb2.InvokeRequest.Mode.Name(request.mode)
        with self.lock:  # or lines of two calls would be one
            print(f"called {mode} {request.event.invocation_id} {request.attempt}", flush=True)
        time.sleep(self.options.delay)
        if self.options.fail_while and os.path.exists(self.options.fail_while):
            context.abort(grpc.StatusCode.UNAVAILABLE, "told to fail")
        answer = hook_pb2.InvokeResponse()
        answer.actions.add(all_recipients=True).action.type = hook_pb2.Action.DEFAULT
        return answer


class Health(grpc.GenericRpcHandler):
    """grpc.health.v1.Health/Watch, which says one thing for good."""

    def __init__(self, status):
        self.status = status

    def service(self, details):
        if details.method != "/grpc.health.v1.Health/Watch":
            return None

        def watch(_, context):
            yield HEALTH[self.status]
            while context.is_active():
                time.sleep(0.1)
        return grpc.unary_stream_rpc_method_handler(watch)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", required=True)
    parser.add_argument("--delay", type=float, default=0)
    parser.add_argument("--fail-while")
    parser.add_argument("--health", choices=HEALTH)
    options = parser.parse_args()
    server = grpc.server(futures.ThreadPoolExecutor(32))
    hook_pb2_grpc.add_HookServiceServicer_to_server(Hook(options), server)
    if options.health:
        server.add_generic_rpc_handlers((Health(options.health),))
    port = server.add_insecure_port(options.listen)
    server.start()
    print(f"listening on 127.0.0.1:{port}", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
