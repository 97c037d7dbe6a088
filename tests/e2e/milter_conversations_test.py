# SPDX-License-Identifier: Apache-2.0
"""What an MTA says to a penstockd's milter, frame by frame: tests/data/ingress/conversations/milter_*.json.

  input.after    where it begins: connect (nothing is negotiated), negotiated (the default), mail, rcpt, header (behind
                 a field), body (behind the end of the header section)
  input.say      what the MTA sends, each once the replies to the one before are there: a frame, or a list of frames in
                 one write; {"octets"} goes as it is, {"frame", "repeat"} many times. In frames "|" is NUL, "^" is CR,
                 "~" is LF; the numbers of O and the port of C are written out: "O 6 511 2097151", "C h 4 192.0.2.1"
  want.replies   to each of them: the reply's frames joined by " + ", a list for several events, "" for none, or
                 "[close]": the connection ends. One that ends in "…" is how the reply begins
  want.mail      what leaves from our queue: from, to

Where the connection does not end, the next event has its one reply, and Q ends it. Rules: mail for gone@ and left@ is
bounced, for nobody@ dropped, for junk@ junk, for vip@ past the spam filter; a mail from hooked.example goes to the hook
of examples/python_hook."""
import socket
import struct
import unittest

from conversation import ConversationTest, expected, load
from harness import DOMAIN

FILES = ("ingress/conversations/milter_order.json", "ingress/conversations/milter_negotiation.json",
         "ingress/conversations/milter_frames.json", "ingress/conversations/milter_content.json",
         "ingress/conversations/milter_outcomes.json")
LISTENER = """\
  - {name: milter, protocol: milter, listen: "127.0.0.1:0", direction: inbound, hold: 5s}
"""
OFFER = "O 6 511 2097151"
STATES = {"connect": [], "negotiated": [OFFER], "mail": [OFFER, "M<s@else.example>|"],
          "rcpt": [OFFER, "M<s@else.example>|", f"R<r@{DOMAIN}>|"],
          "header": [OFFER, "M<s@else.example>|", f"R<r@{DOMAIN}>|", "LA| b|"],
          "body": [OFFER, "M<s@else.example>|", f"R<r@{DOMAIN}>|", "LA| b|", "N"]}
PLAIN = str.maketrans({"\0": "|", "\r": "^", "\n": "~"})
WIRE = str.maketrans({"|": "\0", "^": "\r", "~": "\n"})


def to_frame(text):
    words = text.split(" ")
    if text.startswith("O "):
        data = b"O" + b"".join(struct.pack(">I", int(word)) for word in words[1:])
    elif text.startswith("C "):
        data = b"C" + words[1].encode() + b"\0" + words[2].encode()
        if len(words) > 3:
            data += struct.pack(">H", 25) + words[3].encode() + b"\0"
    else:
        data = text.translate(WIRE).encode("latin-1")
    return struct.pack(">I", len(data)) + data


def to_text(data):
    """A frame for people: the numbers of O and m written out."""
    numbers = {b"O": 3, b"m": 1}.get(data[:1], 0)
    out = data[:1].decode() + " ".join(str(one) for one in struct.unpack(f">{numbers}I", data[1:1 + 4 * numbers]))
    rest = data[1 + 4 * numbers:]
    while data[:1] == b"O" and rest:  # macros: a stage, and the names
        names, _, after = rest[4:].partition(b"\0")
        out += f" {struct.unpack('>I', rest[:4])[0]}:{names.decode()}"
        rest = after
    return out + rest.decode("latin-1").translate(PLAIN)


class Mta:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self):
        self.socket.close()

    def say(self, item):
        if isinstance(item, str):
            octets = to_frame(item)
        elif isinstance(item, list):
            octets = b"".join(map(to_frame, item))
        elif "frame" in item:
            octets = to_frame(item["frame"]) * item["repeat"]
        else:
            octets = item["octets"].encode("latin-1") * item.get("repeat", 1)
        try:
            self.socket.sendall(octets)
        except (ConnectionResetError, BrokenPipeError):
            pass  # its end is seen by hear()

    def read(self, octets):
        out = b""
        while len(out) < octets:
            try:
                piece = self.socket.recv(octets - len(out))
            except ConnectionResetError:
                piece = b""
            if not piece:
                assert not out, f"a frame that is cut: {out}"
                return None
            out += piece
        return out

    def hear(self, frames):
        """So many frames, joined; "[close]" where the connection ends in place of the first."""
        heard = []
        for _ in range(frames):
            head = self.read(4)
            if head is None:
                assert not heard, heard
                return "[close]"
            heard.append(to_text(self.read(struct.unpack(">I", head)[0])))
        return " + ".join(heard)


class MilterConversations(ConversationTest):
    def setUp(self):
        self.make_daemon()
        self.daemon.config.write_text(self.daemon.config.read_text().replace(
            "admin:", LISTENER + "limits: {message_octets_max: 100000}\nadmin:"))
        self.daemon.start()
        self.daemon.penstock_ok("org", "add-domain", "default", DOMAIN)
        for name, action in (("gone", "bounce"), ("left", "bounce"), ("nobody", "drop"), ("junk", "move-to-junk"),
                             ("vip", "bypass-spam-check")):
            self.daemon.penstock_ok("rule", "create", name, "--direction", "inbound", "--sender", "*",
                                    "--recipient", f"{name}@{DOMAIN}", "--action", action)
        self.register(self.hook().target)
        self.daemon.penstock_ok("rule", "create", "ask", "--direction", "inbound", "--sender", "hooked.example",
                                "--recipient", "*", "--hook", "decide", "--mode", "sync", "--fallback", "default",
                                "--timeout", "5m")

    def converse(self, given, wanted):
        mta = Mta(self.daemon.ports["milter"])
        try:
            after = given.get("after", "negotiated")
            for event in STATES[after]:
                mta.say(event)
                self.assertIn(mta.hear(1)[0], "Oc", event)
            self.assertEqual(len(given["say"]), len(wanted), "as many entries of replies as of say")
            for item, want in zip(given["say"], wanted):
                mta.say(item)
                for one in expected(want):
                    if not one:
                        continue
                    heard = mta.hear(len(one.split(" + ")))
                    begins = one.endswith("…") and heard.startswith(one[:-1])
                    self.assertTrue(begins or heard == one, f"to {str(item)[:200]!r}: {heard!r}, not {one!r}")
                    if one == "[close]":
                        return
            mta.say("UNOOP|")
            self.assertEqual(mta.hear(1), "c", "out of step")
            mta.say("Q")
            self.assertEqual(mta.hear(1), "[close]")
        finally:
            mta.close()

    def test_conversations(self):
        for path in FILES:
            for vector in load(path):
                with self.subTest(vector["name"]):
                    self.converse(vector["input"], vector["want"]["replies"])
                    want = vector["want"].get("mail", [])
                    mails = self.next_hop.wait(self.wanted + len(want))[self.wanted:]
                    self.wanted += len(want)
                    self.assertEqual(sorted((one.mail_from, one.recipients) for one in mails),
                                     sorted((one["from"], one["to"]) for one in want))
        self.check_no_more()


if __name__ == "__main__":
    unittest.main()
