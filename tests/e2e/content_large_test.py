# SPDX-License-Identifier: Apache-2.0
"""A message of 1 GiB comes in, is read and replaced by a hook, and goes out, in flat memory (M6)."""
import base64
import json
import os
import pathlib
import sys
import unittest

from harness import DOMAIN, SOURCE, STUBS, PenstockTest, wait_until

sys.path.insert(0, str(STUBS))
import grpc  # noqa: E402
from penstock.v1 import message_flow_pb2, message_flow_pb2_grpc  # noqa: E402

OCTETS = int(os.environ.get("PENSTOCK_OCTETS", 1 << 30))
GROWTH_MAX_KIB = 64 << 10  # issue 5
HEADER = b"From: a@elsewhere.example\r\nDate: Sat, 21 Nov 2026 19:48:00 +0000\r\nSubject: large\r\n\r\n"
PIECE = (b"0123456789abcdef" * 4 + b"0123456789ab\r\n") * 840  # 65,520 octets


class Large(PenstockTest):
    def peak(self):
        """The most memory that the daemon has had, in KiB."""
        status = pathlib.Path(f"/proc/{self.daemon.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0])

    def send(self):
        """By SMTP, never whole in memory."""
        pieces = OCTETS // len(PIECE)
        with self.daemon.smtp() as client:
            client.sock.settimeout(600)
            client.ehlo("client.example")
            client.mail("a@elsewhere.example")
            client.rcpt(f"alice@{DOMAIN}")
            client.docmd("DATA")
            client.sock.sendall(HEADER)
            for _ in range(pieces):
                client.sock.sendall(PIECE)
            client.sock.sendall(b".\r\n")
            self.assertEqual(client.getreply()[0], 250)
        return len(HEADER) + pieces * len(PIECE)

    def test_get_and_put(self):
        self.daemon.stop()
        with self.daemon.config.open("a") as config:
            config.write(f"limits: {{message_octets_max: {2 * OCTETS}}}\n")
        self.daemon.start()
        hook = self.hook(SOURCE / "tests/e2e/odd_hook.py")
        self.daemon.penstock_ok("hook", "register", "edit", "--target", hook.target)
        self.daemon.penstock_ok("hook", "add-permission", "edit", "--statement-id", "content",
                                "--principal", "default", "--read", "--replace")
        self.daemon.penstock_ok("rule", "create", "ask", "--direction", "inbound", "--sender", "*",
                                "--recipient", "*", "--hook", "edit", "--mode", "async")
        idle = self.peak()
        octets = self.send()
        request = wait_until("the hook", lambda: [json.loads(line) for line in hook.lines() if line[0] == "{"])[0]
        key = {"message_id": request["event"]["messageId"],
               "capability": base64.b64decode(request["content"]["capability"])}
        stub = message_flow_pb2_grpc.MessageFlowServiceStub(grpc.insecure_channel(request["content"]["target"]))

        def get():
            return stub.GetRawMessageContent(message_flow_pb2.GetRawMessageContentRequest(**key), timeout=900)

        Put = message_flow_pb2.PutRawMessageContentRequest

        def changed():
            yield Put(start=Put.Start(**key))
            yield Put(data=b"X-Large: yes\r\n")
            for piece in get():
                yield Put(data=piece.data)

        response = stub.PutRawMessageContent(changed(), timeout=900)
        self.assertEqual(response.content_octets, octets + len(b"X-Large: yes\r\n"))
        self.assertEqual(sum(len(piece.data) for piece in get()), response.content_octets)
        growth = self.peak() - idle
        print(f"{octets >> 20} MiB: {growth >> 10} MiB over {idle >> 10} MiB idle", file=sys.stderr)
        self.assertLess(growth, GROWTH_MAX_KIB)


if __name__ == "__main__":
    unittest.main()
