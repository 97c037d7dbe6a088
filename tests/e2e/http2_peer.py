# SPDX-License-Identifier: Apache-2.0
"""A client that speaks just enough HTTP/2 (RFC 9113) to begin gRPC messages and never end them, which a gRPC
library does not do."""
import socket
import struct

DATA, HEADERS, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE = 0, 1, 3, 4, 6, 8
ACK, END_HEADERS = 1, 4
INITIAL_WINDOW_SIZE = 4  # of SETTINGS
FRAME_OCTETS_MAX = 16384
WINDOW = 65535  # until told otherwise


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def header_block(path):
    """HPACK (RFC 7541) without compression: indexed names, literal values."""
    def literal(value):
        return bytes([len(value)]) + value
    return (b"\x83\x86\x04" + literal(path.encode()) + b"\x01" + literal(b"localhost")
            + b"\x0f\x10" + literal(b"application/grpc") + b"\x00" + literal(b"te") + literal(b"trailers"))


class Http2Peer:
    def __init__(self, address):
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=20)
        self.socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0))
        self.received = b""
        self.window, self.stream_window = WINDOW, WINDOW  # of the connection, and what each stream begins with
        self.granted = {}  # by stream: what WINDOW_UPDATE added, less what was sent
        self.left = {}     # by stream: octets of its message that may still be sent
        self.open = True

    def close(self):
        self.open = False
        self.socket.close()

    def begin_messages(self, path, streams, octets):
        """Opens the streams, when called first; sends as much as the peer's windows let it. Octets sent."""
        if not self.open:
            return 0
        try:
            if not self.granted:
                for stream in range(1, 2 * streams, 2):
                    self.socket.sendall(frame(HEADERS, END_HEADERS, stream, header_block(path)))
                    self.granted[stream], self.left[stream] = 0, octets
                    self._data(stream, b"\0" + struct.pack(">I", octets + 1))
            self._read()
            return sum(self._send(stream) for stream in list(self.left))
        except OSError:  # it was cut off
            self.close()
            return 0

    def _data(self, stream, payload):
        self.socket.sendall(frame(DATA, 0, stream, payload))
        self.window -= len(payload)
        self.granted[stream] -= len(payload)

    def _send(self, stream):
        room = min(self.window, self.stream_window + self.granted[stream], FRAME_OCTETS_MAX, self.left[stream])
        if room <= 0:
            return 0
        self._data(stream, bytes(room))
        self.left[stream] -= room
        return room

    def _read(self):
        self.socket.settimeout(0.01)
        try:
            octets = self.socket.recv(1 << 20)
            if not octets:
                raise OSError("closed")
            self.received += octets
        except TimeoutError:
            pass
        self.socket.settimeout(20)
        while len(self.received) >= 9:
            size = int.from_bytes(self.received[:3], "big")
            if len(self.received) < 9 + size:
                break
            self._take(self.received[3], self.received[4], int.from_bytes(self.received[5:9], "big"), self.received[9:9 + size])
            self.received = self.received[9 + size:]

    def _take(self, kind, flags, stream, payload):
        if kind == SETTINGS and not flags & ACK:
            for name, value in struct.iter_unpack(">HI", payload):
                if name == INITIAL_WINDOW_SIZE:
                    self.stream_window = value
            self.socket.sendall(frame(SETTINGS, ACK, 0))
        elif kind == PING and not flags & ACK:
            self.socket.sendall(frame(PING, ACK, 0, payload))
        elif kind == WINDOW_UPDATE and stream == 0:
            self.window += int.from_bytes(payload, "big")
        elif kind == WINDOW_UPDATE:
            self.granted[stream] = self.granted.get(stream, 0) + int.from_bytes(payload, "big")
        elif kind == RST_STREAM:
            self.left.pop(stream, None)
