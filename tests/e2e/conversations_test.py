# SPDX-License-Identifier: Apache-2.0
"""Conversations by SMTP and LMTP with a penstockd, octet by octet over its sockets: tests/data/ingress/conversations.

  input.listener  mx: of strangers; trusted: of clients that we trust; out: outbound, trusted; tls: STARTTLS offered;
                  demand: no mail without it; lmtp: LMTP
  input.after     where it begins: connect (behind the greeting; the default), helo, hello (EHLO or LHLO), mail, rcpt,
                  data (behind the 354), chunk (behind `BDAT 3` and its octets), done (behind a message that is dropped)
  input.say       what the client says, each in one write once the replies to the one before are there: a text gets its
                  last CRLF; {"octets"} goes as it is, a character an octet, "repeat" times, {"line"} likewise with
                  CRLF; {"tls"} is a handshake
  want.replies    to each of them: a reply, or a list. A reply is how its line begins, up to a space; several lines are
                  joined by " / "; {"repeat", "reply"} is the same one again; "[close]": the connection ends
  want.mail       what the next hop gets of it, in any order: from, to, and how its content ends

Where the connection does not end, the next command has to be in step, and QUIT ends it. Rules: mail for gone@ and
left@ is bounced, for nobody@ dropped."""
import pathlib
import socket
import ssl
import unittest

from certificates import Authority
from conversation import ConversationTest, expected, load
from harness import DOMAIN

FILES = (
    "ingress/conversations/order.json", "ingress/conversations/lmtp_order.json", "ingress/conversations/session.json",
    "ingress/conversations/mail.json", "ingress/conversations/rcpt.json", "ingress/conversations/content.json",
    "ingress/conversations/pipelining.json", "ingress/conversations/chunks.json", "ingress/conversations/tls.json",
    "ingress/conversations/xclient.json", "ingress/conversations/lmtp.json")
LISTENERS = """\
  - {{name: trusted, listen: "127.0.0.1:0", direction: inbound, trusted_networks: ["127.0.0.0/8"]}}
  - {{name: tls, listen: "127.0.0.1:0", direction: inbound, starttls: may, tls: {tls}}}
  - {{name: demand, listen: "127.0.0.1:0", direction: inbound, starttls: encrypt, tls: {tls}}}
  - {{name: lmtp, protocol: lmtp, listen: "127.0.0.1:0", direction: inbound, hold: 5s}}
"""
MAIL, RCPT = "MAIL FROM:<s@else.example>", f"RCPT TO:<r@{DOMAIN}>"
STATES = {
    "connect": [], "helo": ["HELO c.example"], "hello": ["EHLO c.example"], "mail": ["EHLO c.example", MAIL],
    "rcpt": ["EHLO c.example", MAIL, RCPT], "data": ["EHLO c.example", MAIL, RCPT, "DATA"],
    "chunk": ["EHLO c.example", MAIL, RCPT, {"octets": "BDAT 3\r\nA:b"}],
    "done": ["EHLO c.example", MAIL, f"RCPT TO:<nobody@{DOMAIN}>", "DATA", "A: b\r\n."],
}


class Peer:
    """A client's end."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.read = b""

    def close(self):
        self.socket.close()

    def start_tls(self, context):
        assert not self.read, self.read
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")

    def line(self):
        """Without its CRLF; None where the connection ends."""
        while b"\r\n" not in self.read:
            try:
                octets = self.socket.recv(65536)
            except ConnectionResetError:
                octets = b""
            if not octets:
                assert not self.read, f"a line without its end: {self.read}"
                return None
            self.read += octets
        line, _, self.read = self.read.partition(b"\r\n")
        return line

    def reply(self):
        """A reply: "250-first / second", or "[close]"."""
        lines = []
        while True:
            line = self.line()
            if line is None:
                assert not lines, lines
                return "[close]"
            assert len(line) <= 510 and len(line) >= 3 and line[3:4] in (b" ", b"-", b""), line  # RFC 5321 §4.5.3.1.5
            lines.append(line.decode())
            assert line[:3] == lines[0].encode()[:3], lines
            if line[3:4] != b"-":
                break
        return lines[0] if len(lines) == 1 else " / ".join([lines[0]] + [one[4:] for one in lines[1:]])

    def say(self, item):
        if isinstance(item, str):
            octets = item.encode() + b"\r\n"
        elif "line" in item:
            octets = (item["line"].encode() + b"\r\n") * item["repeat"]
        else:
            octets = item["octets"].encode("latin-1") * item.get("repeat", 1)
        try:
            self.socket.sendall(octets)
        except (ConnectionResetError, BrokenPipeError):
            pass  # what it says before it closes is read


def begins(reply, want):
    return reply == want or reply.startswith(want + " ")


class Conversations(ConversationTest):
    def setUp(self):
        folder = self.make_daemon()
        authority = Authority(pathlib.Path(folder) / "ca")
        certificate, key = authority.make("server")
        self.context = ssl.create_default_context(cafile=authority.ca)
        tls = f"{{certificate_file: {certificate}, key_file: {key}}}"
        self.daemon.config.write_text(self.daemon.config.read_text().replace(
            "admin:", LISTENERS.format(tls=tls) + "limits: {message_octets_max: 2000000}\nadmin:"))
        self.daemon.start()
        self.daemon.penstock_ok("org", "add-domain", "default", DOMAIN)
        for name, action in (("gone", "bounce"), ("left", "bounce"), ("nobody", "drop")):
            self.daemon.penstock_ok("rule", "create", name, "--direction", "inbound", "--sender", "*",
                                    "--recipient", f"{name}@{DOMAIN}", "--action", action)

    def begin(self, peer, listener, after):
        """Up to the state that a conversation begins in."""
        protocol = "LMTP" if listener == "lmtp" else "ESMTP"
        self.assertEqual(peer.reply(), f"220 mx.org.example {protocol} Penstock")
        for line in STATES[after]:
            peer.say("LHLO c.example" if line == "EHLO c.example" and listener == "lmtp" else line)
            reply = peer.reply()
            self.assertIn(reply[0], "23", (line, reply))

    def converse(self, given, wanted):
        listener = given.get("listener", "mx")
        peer = Peer(self.daemon.ports[listener])
        try:
            self.begin(peer, listener, given.get("after", "connect"))
            self.assertEqual(len(given["say"]), len(wanted), "as many entries of replies as of say")
            for item, want in zip(given["say"], wanted):
                if isinstance(item, dict) and "tls" in item:
                    peer.start_tls(self.context)
                    continue
                peer.say(item)
                for one in expected(want):
                    reply = peer.reply()
                    self.assertTrue(begins(reply, one), f"to {str(item)[:200]!r}: {reply!r}, not {one!r}")
                    if one == "[close]":
                        return
            for line, want in (("NOOP", "250 2.0.0"), ("QUIT", "221 2.0.0")):
                peer.say(line)
                reply = peer.reply()
                self.assertTrue(begins(reply, want), f"out of step: {reply!r}")
            self.assertEqual(peer.reply(), "[close]")
        finally:
            peer.close()

    def check_mail(self, wanted):
        mails = self.next_hop.wait(self.wanted + len(wanted))[self.wanted:]
        self.wanted += len(wanted)
        for want in sorted(wanted, key=lambda one: -len(one.get("content", ""))):  # what says most chooses first
            content = want.get("content", "").encode("latin-1")
            fitting = [one for one in mails if (one.mail_from, one.recipients) == (want["from"], want["to"])
                       and one.data.endswith(content)]
            self.assertTrue(fitting, (want, mails))
            mails.remove(fitting[0])

    def check_file(self, path):
        for vector in load(path):
            with self.subTest(vector["name"]):
                self.converse(vector["input"], vector["want"]["replies"])
                self.check_mail(vector["want"].get("mail", []))

    def test_conversations(self):
        for path in FILES:
            self.check_file(path)
        self.check_no_more()


if __name__ == "__main__":
    unittest.main()
