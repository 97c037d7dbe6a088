"""A hook that does nothing."""
import sys
from concurrent import futures

import grpc
from penstock.v1 import hook_pb2, hook_pb2_grpc


class Hook(hook_pb2_grpc.HookServiceServicer):
    def Invoke(self, request, context):
        entry = hook_pb2.ActionEntry(action={"type": hook_pb2.Action.DROP}, all_recipients=True)
        return hook_pb2.InvokeResponse(actions=[entry])


server = grpc.server(futures.ThreadPoolExecutor(max_workers=64))
hook_pb2_grpc.add_HookServiceServicer_to_server(Hook(), server)
port = server.add_insecure_port(sys.argv[sys.argv.index("--listen") + 1])
server.start()
print(f"listening on 127.0.0.1:{port}", flush=True)
server.wait_for_termination()
