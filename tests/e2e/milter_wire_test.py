# SPDX-License-Identifier: Apache-2.0
"""The milter front door as an MTA's socket sees it: signs of life while a reply is held, peers that are none of
ours, frames without end, an MTA that goes away, a stop."""
import socket
import struct
import threading
import time
import unittest

from harness import DOMAIN, SOURCE, PenstockTest, wait_until

SICK_HOOK = SOURCE / "tests/e2e/sick_hook.py"
OFFER = struct.pack(">III", 6, 0x1FF, 0x1FFFFF)


class Mta:
    """One connection, past the negotiation."""

    def __init__(self, port, source="127.0.0.1"):
        self.socket = socket.create_connection(("127.0.0.1", port), 60, (source, 0))

    def negotiate(self):
        self.say("O", OFFER)
        answer = self.hear()
        assert answer[:1] == b"O", answer
        return self

    def say(self, command, data=b""):
        self.socket.sendall(struct.pack(">I", len(data) + 1) + command.encode() + data)

    def read(self, octets):
        out = b""
        while len(out) < octets:
            piece = self.socket.recv(octets - len(out))
            if not piece:
                return None
            out += piece
        return out

    def hear(self):
        """A frame, or None: the peer has closed."""
        try:
            head = self.read(4)
            return head and self.read(struct.unpack(">I", head)[0])
        except ConnectionResetError:
            return None

    def ask(self, command, data=b""):
        self.say(command, data)
        return self.hear()

    def tell(self, name="alice", body=b"hello\r\n"):
        """A message up to its end, which is not answered yet."""
        answers = [self.ask("C", b"client.example\x004\x00\x19192.0.2.7\x00"), self.ask("H", b"client.example\x00"),
                   self.ask("M", b"<s@else.example>\x00"), self.ask("R", f"<{name}@{DOMAIN}>\x00".encode()),
                   self.ask("L", b"From\x00 s@else.example\x00"), self.ask("N"), self.ask("B", body)]
        assert answers == [b"c"] * 7, answers
        self.say("E")


class MilterWire(PenstockTest):
    daemon_options = {"inbound": "relay"}

    def configure(self, config):
        return config.replace(
            "listeners:\n", 'listeners:\n  - {name: milter, protocol: milter, listen: "127.0.0.1:0", direction: inbound, '
            'hold: 60s, mta_networks: ["127.0.0.1"]}\n')

    def mta(self):
        mta = Mta(self.daemon.ports["milter"]).negotiate()
        self.addCleanup(mta.socket.close)
        return mta

    def slow_hook(self, seconds):
        self.register(self.hook(SICK_HOOK, "127.0.0.1:0", "--delay", str(seconds)).target)
        self.sync_rule()

    def test_signs_of_life_come_while_the_reply_is_held(self):
        self.slow_hook(12)
        mta = self.mta()
        mta.tell()
        self.assertEqual(mta.hear(), b"p")
        self.assertEqual(mta.hear(), b"c")
        mta.say("Q")
        self.assertIsNone(mta.hear())

    def test_a_peer_that_is_no_mta_of_ours_is_closed(self):
        stranger = Mta(self.daemon.ports["milter"], "127.0.0.2")
        self.addCleanup(stranger.socket.close)
        self.assertIsNone(stranger.hear())

    def test_a_frame_without_end_is_not_waited_for(self):
        mta = self.mta()
        mta.socket.sendall(struct.pack(">I", 1 << 31) + b"B")
        self.assertIsNone(mta.hear())
        wait_until("a line in the log", lambda: "milter_out_of_step" in self.daemon.log.read_text())

    def test_events_out_of_step_close_and_others_are_served(self):
        broken, other = self.mta(), self.mta()
        self.assertIsNone(broken.ask("E"))
        other.tell()
        self.assertEqual(other.hear(), b"c")

    def test_a_message_octet_by_octet(self):
        mta = self.mta()
        frames = b"".join(struct.pack(">I", len(one)) + one for one in (
            b"M<s@else.example>\x00", f"R<alice@{DOMAIN}>\x00".encode(), b"LFrom\x00 s@else.example\x00", b"N", b"E"))
        for i in range(len(frames)):
            mta.socket.sendall(frames[i:i + 1])
        self.assertEqual([mta.hear() for _ in range(5)], [b"c"] * 5)
        (message,) = self.daemon.penstock_json("message", "list")["messages"]
        shown = self.daemon.penstock_ok("message", "show", message["name"].split("/")[1])  # no C, so no address
        self.assertIn("from a client without an address at listener milter", shown)

    def test_an_mta_that_goes_away_in_mid_message_leaves_nothing(self):
        for events in (["M"], ["M", "R"], ["M", "R", "L"]):
            mta = self.mta()
            for event in events:
                data = {"M": b"<s@else.example>\x00", "R": f"<alice@{DOMAIN}>\x00".encode(), "L": b"From\x00 x\x00"}[event]
                self.assertEqual(mta.ask(event, data), b"c")
            mta.socket.close()
        self.assertEqual(self.daemon.penstock_json("message", "list").get("messages", []), [])

    def test_a_stop_lets_what_is_held_come_to_its_end(self):
        self.slow_hook(3)
        busy, idle = self.mta(), self.mta()
        busy.tell()
        time.sleep(0.5)
        stopped = []
        stopping = threading.Thread(target=lambda: stopped.append(self.daemon.stop()))
        stopping.start()
        self.assertIsNone(idle.hear())
        self.assertEqual(busy.hear(), b"c")
        stopping.join()
        self.assertEqual(stopped, [0])

    def test_sixty_connections_hold_at_once(self):
        self.slow_hook(1)
        mtas = [self.mta() for _ in range(60)]
        for mta in mtas:
            mta.tell()
        self.assertEqual([mta.hear() for mta in mtas], [b"c"] * 60)


if __name__ == "__main__":
    unittest.main()
