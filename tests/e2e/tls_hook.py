# SPDX-License-Identifier: Apache-2.0
"""A hook behind TLS that delivers all; --client-ca wants a certificate of its clients."""
import argparse
import pathlib
from concurrent import futures

import grpc
from penstock.v1 import hook_pb2, hook_pb2_grpc


class Hook(hook_pb2_grpc.HookServiceServicer):
    def Invoke(self, request, context):
        answer = hook_pb2.InvokeResponse()
        answer.actions.add(all_recipients=True).action.type = hook_pb2.Action.DEFAULT
        return answer


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", required=True)
    parser.add_argument("--certificate", type=pathlib.Path, required=True)
    parser.add_argument("--key", type=pathlib.Path, required=True)
    parser.add_argument("--client-ca", type=pathlib.Path)
    arguments = parser.parse_args()
    client_ca = arguments.client_ca and arguments.client_ca.read_bytes()
    credentials = grpc.ssl_server_credentials([(arguments.key.read_bytes(), arguments.certificate.read_bytes())],
                                              client_ca, client_ca is not None)
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    hook_pb2_grpc.add_HookServiceServicer_to_server(Hook(), server)
    port = server.add_secure_port(arguments.listen, credentials)
    server.start()
    print(f"listening on {arguments.listen.rpartition(':')[0]}:{port}", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
