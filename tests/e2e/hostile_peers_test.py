# SPDX-License-Identifier: Apache-2.0
"""Peers that mean no good, at every front door: crowds that say nothing, drips, half-closed and reset connections,
lines and lists without end. The daemon stays up, within the memory that its limits imply; others are served; each
peer has the reply that it should have.

PENSTOCK_CROWD: how many idle connections (default 1,000, or what the descriptors of a process allow); from 10,000 on they
stay until the daemon has had enough."""
import os
import pathlib
import resource
import socket
import struct
import threading
import time
import unittest

from certificates import Authority
from harness import DOMAIN, PenstockTest, wait_until

DESCRIPTORS = resource.getrlimit(resource.RLIMIT_NOFILE)[1]  # here, and in the daemon, which raises its own
CROWD = int(os.environ.get("PENSTOCK_CROWD") or min(1000, DESCRIPTORS - 200))
LISTENERS = """\
  - {{name: open, listen: "127.0.0.1:0", direction: inbound, connections_max: {most}, connections_per_client_max: {most}}}
  - {{name: lmtp, protocol: lmtp, listen: "127.0.0.1:0", direction: inbound, connections_per_client_max: 500}}
  - {{name: milter, protocol: milter, listen: "127.0.0.1:0", direction: inbound}}
"""
MAIL, RCPT = b"MAIL FROM:<s@else.example>\r\n", f"RCPT TO:<r@{DOMAIN}>\r\n".encode()
CONTENT = b"From: s@else.example\r\n\r\nhello\r\n"
RECIPIENTS = 100_000
MEBI = 1 << 20


class Peer:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.lines = self.socket.makefile("rb")

    def say(self, octets):
        try:
            self.socket.sendall(octets)
        except (ConnectionResetError, BrokenPipeError):
            pass  # its reply is read

    def reply(self):
        """Code and status of a reply, "250 2.0.0"; "" where the connection has ended."""
        try:
            while (line := self.lines.readline())[3:4] == b"-":
                pass
        except ConnectionResetError:
            return ""
        words = line.decode().split(" ", 2)
        status = words[1].strip() if len(words) > 1 and words[1][:2] in ("2.", "4.", "5.") else ""
        return f"{words[0].strip()} {status}".strip()

    def ask(self, octets):
        self.say(octets)
        return self.reply()

    def half_close(self):
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the daemon was quicker: it has had enough of this peer

    def reset(self):
        """Ends the connection as a host does that knows nothing of it."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self):
        self.lines.close()
        self.socket.close()


def frame(data):
    return struct.pack(">I", len(data)) + data


OFFER = frame(b"O" + struct.pack(">III", 6, 0x1FF, 0x1FFFFF))
MILTER_MAIL = [frame(b"M<s@else.example>\0"), frame(f"R<r@{DOMAIN}>\0".encode()), frame(b"LA\0 b\0"), frame(b"N"),
               frame(b"Bhello\r\n")]


class HostilePeers(PenstockTest):
    daemon_options = {"inbound": "relay"}

    def configure(self, config):
        return config.replace("admin:", LISTENERS.format(most=CROWD + 1000) + "admin:")

    def setUp(self):
        super().setUp()
        self.came = 0
        self.others_are_served()  # what a first message brings into memory is there
        self.before = self.memory()

    def peer(self, listener="open", *said):
        peer = Peer(self.daemon.ports[listener])
        self.addCleanup(peer.close)
        if listener == "milter":
            peer.say(OFFER)
            self.assertEqual(self.frames(peer, 1), [b"O"])
        else:
            self.assertEqual(peer.reply(), "220")
        for one in said:
            self.assertIn(peer.ask(one)[0], "23", one)
        return peer

    def greeted(self, listener="open", *said):
        return self.peer(listener, b"LHLO c.example\r\n" if listener == "lmtp" else b"EHLO c.example\r\n", *said)

    def frames(self, peer, count):
        """The commands of so many frames."""
        commands = []
        for _ in range(count):
            length = struct.unpack(">I", peer.lines.read(4))[0]
            commands.append(peer.lines.read(length)[:1])
        return commands

    def memory(self):
        """KiB that the daemon has now."""
        status = pathlib.Path(f"/proc/{self.daemon.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])

    def check_memory(self, mebi):
        """Of growth. Sanitizers keep what was given back: there only that the daemon goes on is tested."""
        grown = (self.memory() - self.before) / 1024
        maps = pathlib.Path(f"/proc/{self.daemon.process.pid}/maps").read_text()
        if "libasan" not in maps and "libtsan" not in maps:
            self.assertLess(grown, mebi)

    def others_are_served(self, listener="mx"):
        begun = time.monotonic()
        self.daemon.send([f"other@{DOMAIN}"], listener=listener)
        self.came += 1
        self.next_hop.wait(self.came)
        self.assertLess(time.monotonic() - begun, 10)

    def connections(self):
        lines = [one for one in self.daemon.http("/metrics")[1].splitlines() if one.startswith("penstock_connections{")]
        return sum(float(one.split()[-1]) for one in lines)

    def check_nothing_is_left(self):
        wait_until("all connections to be gone", lambda: self.connections() == 0)
        self.assertEqual(len(self.next_hop.wait(self.came)), self.came)
        status = self.daemon.penstock_json("status")
        self.assertEqual(int(status.get("openMessageCount", 0)), 0)

    def test_a_crowd_that_says_nothing(self):
        resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
        self.assertGreaterEqual(DESCRIPTORS, CROWD + 200, "ulimit -n is too low for such a crowd")
        crowd = [Peer(self.daemon.ports["open"]) for _ in range(CROWD)]
        begun = time.monotonic()
        for peer in crowd:
            self.addCleanup(peer.close)
        self.assertEqual({peer.reply() for peer in crowd}, {"220"})
        self.check_memory(4 + CROWD * 12 / 1024)  # 4 KiB each of what comes in; the rest is the session
        for listener in ("mx", "open"):
            self.others_are_served(listener)
        self.assertEqual({peer.ask(b"NOOP\r\n") for peer in crowd[::100]}, {"250 2.0.0"})
        if CROWD >= 10_000:  # RFC 5321 §4.5.3.2.7
            for peer in crowd:
                peer.socket.settimeout(400)
            self.assertEqual({peer.reply() for peer in crowd}, {"421 4.4.2"})
            self.assertGreater(time.monotonic() - begun, 290)
        for peer in crowd:
            peer.close()
        self.check_nothing_is_left()
        self.others_are_served()

    def test_more_connections_than_are_taken(self):
        crowd = [self.peer("mx") for _ in range(100)]
        for _ in range(20):
            turned_away = Peer(self.daemon.ports["mx"])
            self.addCleanup(turned_away.close)
            self.assertEqual([turned_away.reply(), turned_away.reply()], ["421 4.7.0", ""])
        self.others_are_served("open")
        self.assertEqual(crowd[0].ask(b"QUIT\r\n"), "221 2.0.0")
        wait_until("a place", lambda: self.connections() == 99)
        self.others_are_served("mx")

    def test_more_connections_than_there_are_descriptors(self):
        pid = self.daemon.process.pid
        some = len(os.listdir(f"/proc/{pid}/fd")) + 40
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (some, some))
        crowd = [Peer(self.daemon.ports["open"]) for _ in range(200)]
        for peer in crowd:
            self.addCleanup(peer.close)
        wait_until("a line in the log", lambda: " accept_failed " in self.daemon.log.read_text())
        self.assertEqual(crowd[0].reply(), "220")
        self.assertEqual(crowd[0].ask(b"NOOP\r\n"), "250 2.0.0")
        for peer in crowd[:199]:
            peer.close()
        self.assertEqual(crowd[199].reply(), "220")
        self.others_are_served()
        self.check_memory(16)

    def test_messages_octet_by_octet(self):
        said = b"EHLO c.example\r\n" + MAIL + RCPT + b"DATA\r\n" + CONTENT + b".\r\nQUIT\r\n"
        chunks = b"EHLO c.example\r\n" + MAIL + RCPT + b"BDAT %d LAST\r\n" % len(CONTENT) + CONTENT + b"QUIT\r\n"
        told = OFFER + b"".join(MILTER_MAIL) + frame(b"E")
        peers = [(Peer(self.daemon.ports["open"]), said if i % 2 else chunks) for i in range(30)]
        peers += [(Peer(self.daemon.ports["lmtp"]), said.replace(b"EHLO", b"LHLO")) for _ in range(10)]
        peers += [(Peer(self.daemon.ports["milter"]), told) for _ in range(10)]
        for peer, _ in peers:
            self.addCleanup(peer.close)
        for at in range(max(len(says) for _, says in peers)):
            for peer, says in peers:
                peer.say(says[at:at + 1])
            time.sleep(0.01)
            if at in (50, 100):
                self.others_are_served()
        for peer, says in peers:
            if says is told:
                self.assertEqual(self.frames(peer, 7), [b"O"] + [b"c"] * 6)
                continue
            replies = [peer.reply() for _ in range(7 if says is not chunks else 6)]
            self.assertEqual(replies[:4], ["220", "250", "250 2.1.0", "250 2.1.5"])
            self.assertEqual(replies[-2:], ["250 2.0.0", "221 2.0.0"])
        self.came += 40
        mails = self.next_hop.wait(self.came)
        self.assertEqual(sum(one.recipients == [f"r@{DOMAIN}"] and one.data.endswith(CONTENT) for one in mails), 40)
        self.check_memory(16)

    # What a peer has said before it goes away, and what it then still hears.
    STEPS = ((b"", []), (b"EHLO", []), (b"EHLO c.example\r\n", ["250"]), (b"NOOP\r", []),
             (b"EHLO c.example\r\n" + MAIL, ["250", "250 2.1.0"]),
             (b"EHLO c.example\r\n" + MAIL + RCPT, ["250", "250 2.1.0", "250 2.1.5"]),
             (b"EHLO c.example\r\n" + MAIL + RCPT + b"DATA\r\n", ["250", "250 2.1.0", "250 2.1.5", "354"]),
             (b"EHLO c.example\r\n" + MAIL + RCPT + b"DATA\r\n" + CONTENT, ["250", "250 2.1.0", "250 2.1.5", "354"]),
             (b"EHLO c.example\r\n" + MAIL + RCPT + b"DATA\r\n" + CONTENT + b".\r", ["250", "250 2.1.0", "250 2.1.5", "354"]),
             (b"EHLO c.example\r\n" + MAIL + RCPT + b"BDAT 4\r\nA: b", ["250", "250 2.1.0", "250 2.1.5", "250 2.0.0"]),
             (b"EHLO c.example\r\n" + MAIL + RCPT + b"BDAT 9 LAST\r\nA: b", ["250", "250 2.1.0", "250 2.1.5"]),
             (b"QUIT\r\n", ["221 2.0.0"]))

    def test_half_closed_at_every_step(self):
        for said, heard in self.STEPS:
            for listener in ("open", "lmtp"):
                with self.subTest(said, listener=listener):
                    peer = self.peer(listener)
                    peer.say(said if listener == "open" else said.replace(b"EHLO", b"LHLO"))
                    peer.half_close()
                    self.assertEqual([peer.reply() for _ in range(len(heard) + 1)], heard + [""])
        whole = self.greeted("open", MAIL, RCPT, b"DATA\r\n")
        whole.say(CONTENT + b".\r\n")  # came whole: it counts
        whole.half_close()
        self.assertEqual([whole.reply(), whole.reply()], ["250 2.0.0", ""])
        self.came += 1
        for count in range(len(MILTER_MAIL) + 1):
            peer = self.peer("milter")
            peer.say(b"".join(MILTER_MAIL[:count]) + b"\0\0")
            peer.half_close()
            self.assertEqual(self.frames(peer, count), [b"c"] * count)
            self.assertEqual(peer.lines.read(1), b"")
        self.check_nothing_is_left()
        self.others_are_served()

    def test_reset_at_every_step(self):
        for _ in range(10):
            for said, heard in self.STEPS:
                for listener in ("open", "lmtp"):
                    peer = self.peer(listener)
                    peer.say(said if listener == "open" else said.replace(b"EHLO", b"LHLO"))
                    if len(said) % 2:  # with and without what it was told
                        self.assertEqual([peer.reply() for _ in heard], heard)
                    peer.reset()
            for count in range(len(MILTER_MAIL) + 1):
                peer = self.peer("milter")
                peer.say(b"".join(MILTER_MAIL[:count]))
                peer.reset()
        self.check_nothing_is_left()
        self.check_memory(16)
        self.others_are_served()

    def test_handshakes_that_come_to_nothing(self):
        certificate, key = Authority(self.daemon.folder / "ca").make("server")
        self.daemon.config.write_text(self.daemon.config.read_text().replace(
            "admin:", f'  - {{name: tls, listen: "127.0.0.1:0", direction: inbound, connections_per_client_max: 500, '
                      f"tls: {{certificate_file: {certificate}, key_file: {key}}}}}\nadmin:"))
        self.daemon.stop()
        self.daemon.start()
        self.others_are_served()
        self.before = self.memory()
        silent = []
        for said in (b"", b"\x16", b"\x16\x03\x01\xff\xff" + b"x" * 70_000, b"EHLO c.example\r\n",
                     b"\x15\x03\x03\0\x02\x02\0", b"\x16\x03\x01\0\x05\x01\xff\xff\xff\x03", b"\0" * 100_000):
            peers = [self.greeted("tls", b"STARTTLS\r\n") for _ in range(3)]
            for peer in peers:
                peer.say(said)
            peers[0].half_close()
            peers[1].reset()
            silent.append(peers[2])
        for i in range(200):
            silent.append(self.greeted("tls", b"STARTTLS\r\n"))
            silent[-1].say(b"\x16\x03\x01\x02\0\x01"[:i % 7])
        self.others_are_served()
        self.others_are_served("tls")
        self.check_memory(40)  # 64 KiB each of records, and what OpenSSL keeps
        for peer in silent:
            peer.reset()
        self.check_nothing_is_left()

    def test_lines_without_end(self):
        command = self.greeted("open")
        command.say(b"x" * (MEBI + 8192))
        self.assertEqual([command.reply(), command.reply()], ["421 4.7.0", ""])
        late = self.greeted("open")
        self.assertEqual(late.ask(b"x" * (MEBI // 2) + b"\r\n"), "500 5.5.6")
        self.assertEqual(late.ask(b"NOOP\r\n"), "250 2.0.0")
        for listener in ("open", "lmtp"):
            content = self.greeted(listener, MAIL, RCPT, b"DATA\r\n")
            for _ in range(48):
                content.say(b"x" * MEBI)
            self.check_memory(16)
            self.others_are_served()
            self.assertEqual(content.ask(b"\r\n.\r\n"), "500 5.5.6")
            self.assertEqual(content.ask(b"NOOP\r\n"), "250 2.0.0")
        header = self.greeted("open", MAIL, RCPT, b"DATA\r\n")
        for _ in range(30):
            header.say(b"A: b\r\n" * (MEBI // 6))
        self.check_memory(16)
        self.assertEqual(header.ask(b"\r\n.\r\n"), "552 5.3.4")
        chunk = self.greeted("open", MAIL, RCPT)
        chunk.say(b"BDAT 50000000 LAST\r\n")
        for _ in range(50):
            chunk.say(b"x" * 1_000_000)
        self.assertEqual(chunk.reply(), "500 5.5.6")
        self.check_memory(16)
        self.others_are_served()

    def test_recipients_without_end(self):
        peer = self.greeted("open", MAIL)
        replies = []

        def read():
            for _ in range(RECIPIENTS):
                replies.append(peer.reply())
        reading = threading.Thread(target=read)
        reading.start()
        peer.say(b"".join(b"RCPT TO:<r%d@%s>\r\n" % (i, DOMAIN.encode()) for i in range(RECIPIENTS)))
        reading.join()
        self.assertEqual(replies, ["250 2.1.5"] * 1000 + ["452 4.5.3"] * (RECIPIENTS - 1000))
        self.check_memory(16)
        self.others_are_served()
        self.assertEqual(peer.ask(b"DATA\r\n"), "354")
        self.assertEqual(peer.ask(CONTENT + b".\r\n"), "250 2.0.0")
        self.came += 1
        mails = self.next_hop.wait(self.came)
        self.assertEqual(max(len(one.recipients) for one in mails), 1000)

    def test_one_recipient_without_end_by_lmtp(self):
        """Each RCPT that was taken has its reply to the content (RFC 2033 §4.2)."""
        peer = self.greeted("lmtp", MAIL)
        threading.Thread(target=peer.say, args=(RCPT * (RECIPIENTS + 10),)).start()
        replies = [peer.reply() for _ in range(RECIPIENTS + 10)]
        self.assertEqual(replies, ["250 2.1.5"] * RECIPIENTS + ["452 4.5.3"] * 10)
        self.assertEqual(peer.ask(b"DATA\r\n"), "354")
        peer.say(CONTENT + b".\r\n")
        self.others_are_served()  # while the replies are not read
        self.assertEqual([peer.reply() for _ in range(RECIPIENTS)], ["250 2.0.0"] * RECIPIENTS)
        self.assertEqual(peer.ask(b"NOOP\r\n"), "250 2.0.0")
        self.came += 1
        self.next_hop.wait(self.came)
        self.check_memory(24)  # a place and a reply for each

    def test_recipients_without_end_at_the_milter(self):
        peer = self.peer("milter")
        peer.say(MILTER_MAIL[0])
        self.assertEqual(self.frames(peer, 1), [b"c"])
        said = b"".join(frame(b"R<r%d@%s>\0" % (i, DOMAIN.encode())) for i in range(RECIPIENTS))
        threading.Thread(target=peer.say, args=(said,)).start()
        self.assertEqual(self.frames(peer, RECIPIENTS), [b"c"] * 1000 + [b"y"] * (RECIPIENTS - 1000))
        self.check_memory(16)
        self.others_are_served()

    def test_who_does_not_read_is_not_answered_from_memory(self):
        deaf = [self.greeted("open") for _ in range(20)]
        for peer in deaf:
            peer.socket.settimeout(0.2)
            with self.assertRaises(TimeoutError):
                peer.socket.sendall(b"EHLO c.example\r\n" * 4_000_000)
        self.check_memory(16)
        self.others_are_served()
        for peer in deaf:
            peer.reset()
        self.check_nothing_is_left()


if __name__ == "__main__":
    unittest.main()
