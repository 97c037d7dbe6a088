# SPDX-License-Identifier: Apache-2.0
"""What a hook, or whoever else reaches the content API, tries against it (SECURITY.md): the daemon's memory
stays flat, nothing is staged that was not put whole, and other hooks read their mail meanwhile."""
import pathlib
import sys
import threading
import unittest
from concurrent import futures

import grpc

from content_calls import ContentCalls, local_part, mail
from content_hook import GetRequest, PutRequest, refusal
from harness import DOMAIN, wait_until
from http2_peer import Http2Peer
from penstock.v1 import hook_pb2, hook_pb2_grpc

GROWTH_MAX_KIB = 64 << 10
UNFINISHED_GROWTH_MAX_KIB = 640 << 10  # gRPC bounds at 256 MiB what it counts; unbounded it is 880 MiB
MIB = 1 << 20
GET = "/penstock.v1.MessageFlowService/GetRawMessageContent"
PUT = "/penstock.v1.MessageFlowService/PutRawMessageContent"


class ContentAttack(ContentCalls):
    def setUp(self):
        super().setUp()
        self.address = self.daemon.penstock_json("status")["contentTarget"]
        self.channels = []

    def tearDown(self):
        for channel in self.channels:
            channel.close()

    def channel(self, compression=None):
        """One of its own: gRPC would share connections."""
        channel = grpc.insecure_channel(self.address, compression=compression, options=[
            ("grpc.use_local_subchannel_pool", 1), ("grpc.max_send_message_length", -1), ("grpc.max_metadata_size", 1 << 24)])
        self.channels.append(channel)
        return channel

    def check_growth(self, growth, most):
        """AddressSanitizer keeps what was given back: there only that the daemon goes on is tested."""
        if "libasan" not in pathlib.Path(f"/proc/{self.daemon.process.pid}/maps").read_text():
            self.assertLess(growth, most)

    def peak(self):
        """The most memory that the daemon has had, in KiB."""
        status = pathlib.Path(f"/proc/{self.daemon.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0])

    def put_raw(self, pieces, channel=None, **options):
        """Puts octets that may be no messages; the status."""
        try:
            (channel or self.channel()).stream_unary(PUT)(iter(pieces), timeout=30, **options)
        except grpc.RpcError as error:
            return refusal(error)
        return ["OK"]

    def start_piece(self, call):
        return PutRequest(start=PutRequest.Start(message_id=call.event.message_id,
                                                 capability=call.content.capability)).SerializeToString()

    def nothing_is_staged(self, call):
        self.assertEqual(self.client(call).get(), mail(local_part(call)))

    def test_a_piece_that_is_no_message_is_not_the_end_of_the_stream(self):
        call = self.begin()
        good = PutRequest(data=mail(local_part(call), "cut")).SerializeToString()
        for bad in (b"\xff", b"\x12\x05ab", b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", b"\x0a\x02\xff\xff", b"\x12"):
            with self.subTest(bad):
                self.assertEqual(self.put_raw([self.start_piece(call), good, bad])[0], "INVALID_ARGUMENT")
                self.assertEqual(self.put_raw([bad, good])[0], "PERMISSION_DENIED")
                self.nothing_is_staged(call)
        # Unknown fields and repeated ones are messages for all that.
        self.assertEqual(self.put_raw([self.start_piece(call), good + b"\x98\x06\x01"]), ["OK"])
        self.assertEqual(self.client(call).get(), mail(local_part(call), "cut"))

    def test_a_message_that_unpacks_to_a_thousand_times_its_size(self):
        call = self.begin()
        before = self.peak()
        bomb = PutRequest(start=PutRequest.Start(message_id="x", capability=bytes(200 * MIB))).SerializeToString()
        packed = self.channel(grpc.Compression.Gzip)
        self.assertEqual(self.put_raw([bomb], packed)[0], "UNIMPLEMENTED")
        self.assertEqual(self.put_raw([self.start_piece(call), bomb], packed)[0], "UNIMPLEMENTED")
        for octets in (bytes(1000), self.start_piece(call)):
            self.assertNotEqual(self.put_raw([octets], packed)[0], "OK")
        self.check_growth(self.peak() - before, GROWTH_MAX_KIB)

    def test_an_answer_that_unpacks_to_a_thousand_times_its_size(self):
        class Bomb(hook_pb2_grpc.HookServiceServicer):
            def Invoke(self, request, context):
                return hook_pb2.InvokeResponse(json=bytes(200 * MIB))

        server = grpc.server(futures.ThreadPoolExecutor(max_workers=4), compression=grpc.Compression.Gzip,
                             options=[("grpc.max_send_message_length", -1)])
        hook_pb2_grpc.add_HookServiceServicer_to_server(Bomb(), server)
        self.register(f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")
        server.start()
        self.addCleanup(server.stop, None)
        self.sync_rule(timeout="0m")
        before = self.peak()
        (message,) = self.daemon.send([f"alice@{DOMAIN}"])
        (attempt,) = self.daemon.wait_closed(message)["invocations"][0]["attempts"]
        self.assertEqual(attempt["code"], "UNIMPLEMENTED", attempt)
        self.assertIn("gzip", attempt["error"])
        self.check_growth(self.peak() - before, GROWTH_MAX_KIB)

    def test_messages_that_are_begun_and_not_ended(self):
        """1,000 streams of somebody without a capability, each with most of 1 MiB."""
        before = self.peak()
        peers = [Http2Peer(self.address) for _ in range(10)]
        for peer in peers:
            self.addCleanup(peer.close)
        sent, idle = 0, 0
        while idle < 20:  # rounds in which nothing more is taken
            taken = sum(peer.begin_messages(PUT, streams=100, octets=900_000) for peer in peers)
            sent += taken
            idle = 0 if taken else idle + 1
        growth = self.peak() - before
        print(f"begun: {sent >> 20} MiB taken, {growth >> 10} MiB", file=sys.stderr)
        self.check_growth(growth, UNFINISHED_GROWTH_MAX_KIB)
        for peer in peers:
            peer.close()
        self.nothing_is_staged(self.begin())  # others go on

    def test_pieces_that_are_not_taken_wait_at_the_client(self):
        """Pieces without data, while the hook's turn is awaited."""
        call = self.begin()
        before = self.peak()
        held = []
        for _ in range(4):
            stub = self.channel().stream_unary(PUT)
            for _ in range(8):  # the 32 that a hook may have at a time
                go_on = threading.Event()
                self.addCleanup(go_on.set)

                def waits(go_on=go_on):
                    yield self.start_piece(call)
                    go_on.wait(30)
                held.append(stub.future(waits(), timeout=30))
        wait_until("32 calls", lambda: self.refused_a_33rd(call))
        large = PutRequest(start=PutRequest.Start(message_id="x", capability=bytes(MIB - 1024))).SerializeToString()

        def flood():
            yield self.start_piece(call)
            for _ in range(500):
                yield large
        flooding = [self.channel().stream_unary(PUT).future(flood(), timeout=8) for _ in range(2)]
        for one in flooding:
            self.assertIn(one.code(), (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.RESOURCE_EXHAUSTED))
        growth = self.peak() - before
        for one in held:
            one.cancel()
        print(f"flood: {growth >> 10} MiB", file=sys.stderr)
        self.check_growth(growth, GROWTH_MAX_KIB)

    def test_a_put_that_is_left_half_open_holds_nothing_up(self):
        call = self.begin()
        go_on = threading.Event()
        self.addCleanup(go_on.set)

        def half():
            yield self.start_piece(call)
            yield PutRequest(data=mail(local_part(call), "half")).SerializeToString()
            go_on.wait(30)
        putting = self.channel().stream_unary(PUT).future(half(), timeout=40)
        self.hooks.ended[local_part(call)].set()
        self.daemon.wait_closed(call.event.message_id)
        (file,) = self.daemon.mail_of(local_part(call))
        self.assertTrue(file.read_bytes().endswith(mail(local_part(call))))
        go_on.set()
        self.assertEqual(putting.code(), grpc.StatusCode.FAILED_PRECONDITION)

    def test_a_put_after_one_that_was_cancelled(self):
        call = self.begin()
        for _ in range(20):
            sent = threading.Event()

            def pieces(sent=sent):
                yield self.start_piece(call)
                yield PutRequest(data=mail(local_part(call), "cancelled")).SerializeToString()
                sent.set()
            putting = self.channel().stream_unary(PUT).future(pieces(), timeout=30)
            sent.wait(30)
            putting.cancel()
        self.assertEqual(self.client(call).put(mail(local_part(call), "whole")), "STAGED")
        self.assertEqual(self.client(call).get(), mail(local_part(call), "whole"))

    def test_offsets_at_the_ends_of_their_type(self):
        call = self.begin()
        client = self.client(call)
        for offset in (len(mail(local_part(call))), 1 << 31, 1 << 62, (1 << 63) - 1):
            self.assertEqual(client.get(read_offset=offset), b"", offset)
        for offset in (-1, -(1 << 31), -(1 << 63)):
            with self.assertRaises(grpc.RpcError) as raised:
                client.get(read_offset=offset)
            self.assertEqual(refusal(raised.exception)[0], "INVALID_ARGUMENT", offset)

    def test_huge_metadata(self):
        call = self.begin()
        before = self.peak()
        for metadata in ([("x", "y" * (1 << 20))], [(f"x-{n}", "y" * 100) for n in range(10000)]):
            with self.assertRaises(grpc.RpcError) as raised:
                list(self.channel().unary_stream(GET)(self.get_request(call), timeout=30, metadata=metadata))
            self.assertIn(raised.exception.code(), (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE))
        self.nothing_is_staged(call)
        self.check_growth(self.peak() - before, GROWTH_MAX_KIB)

    def test_ten_thousand_gets(self):
        """Those of one hook, that take nothing, and those without a capability; another hook reads meanwhile."""
        greedy, other = self.begin(), self.begin()
        before = self.peak()
        forged = GetRequest(message_id=greedy.event.message_id, capability=b"x" * 300).SerializeToString()
        calls, refused = [], []
        for n in range(50):
            stub = self.channel().unary_stream(GET)
            calls += [stub(self.get_request(greedy), timeout=60) for _ in range(100)]
            refused += [stub(forged, timeout=60) for _ in range(100)]
            if n % 10 == 0:
                self.nothing_is_staged(other)
        self.nothing_is_staged(other)
        for one in calls:
            one.cancel()
        self.assertEqual({one.code() for one in refused[:100]}, {grpc.StatusCode.PERMISSION_DENIED})
        growth = self.peak() - before
        print(f"10,000 Gets: {growth >> 10} MiB", file=sys.stderr)
        self.check_growth(growth, GROWTH_MAX_KIB)
        self.nothing_is_staged(greedy)

    def refused_a_33rd(self, call):
        try:
            self.channel().unary_stream(GET)(self.get_request(call), timeout=0.5).next()
        except grpc.RpcError as error:
            return error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        return False

    def get_request(self, call, **options):
        return GetRequest(message_id=call.event.message_id, capability=call.content.capability, **options).SerializeToString()


if __name__ == "__main__":
    unittest.main()
