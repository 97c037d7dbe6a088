# SPDX-License-Identifier: Apache-2.0
"""A mail server for tests that keeps what it is given: SMTP on a loopback port, as told.

  with NextHop() as hop:
      hop.reply_to_rcpt = "451 4.2.1 not now"     # what the next RCPTs are answered; None takes them
      hop.offers = ["DSN"]                        # beside PIPELINING, 8BITMIME, SMTPUTF8 and SIZE
      hop.port, hop.transactions                  # [Transaction(mail_from, recipients, data)]

`stop()` refuses connections, `start()` takes the same port again. With `lmtp` it speaks LMTP: `reply_to_content`,
called with a recipient, says what that one is answered; None keeps the mail for it, "" breaks the connection.
With `path` it listens on that unix socket.
"""
import dataclasses
import os
import pathlib
import socketserver
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from mail_room import free_port  # noqa: E402


@dataclasses.dataclass
class Transaction:
    mail_from: str
    recipients: list
    data: bytes  # unstuffed, as it came
    commands: list = dataclasses.field(default_factory=list)  # MAIL, RCPT and XFORWARD before it, without CRLF


class _Session(socketserver.StreamRequestHandler):
    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")

    def handle(self):
        hop = self.server.hop
        self.say("220 next-hop.example ESMTP")
        mail_from, recipients, commands = "", [], []
        while line := self.rfile.readline(65536):
            verb = line[:4].upper()
            if verb in (b"MAIL", b"RCPT", b"XFOR"):
                commands.append(line.decode("utf-8", "surrogateescape").rstrip("\r\n"))
            if hop.lmtp and verb in (b"EHLO", b"HELO"):
                self.say("500 5.5.1 this is LMTP")
            elif verb in ((b"LHLO",) if hop.lmtp else (b"EHLO", b"HELO")):
                offers = ["PIPELINING", "8BITMIME", "SMTPUTF8", *hop.offers, "SIZE"]
                self.say("\r\n".join(["250-next-hop.example", *(f"250-{one}" for one in offers[:-1]), "250 SIZE"]))
            elif verb == b"MAIL":
                mail_from, recipients = _path(line), []
                self.say("250 2.1.0 ok")
            elif verb == b"RCPT":
                reply = hop.reply_to_rcpt
                if callable(reply):
                    reply = reply(_path(line))
                if reply is None:
                    recipients.append(_path(line))
                self.say(reply or "250 2.1.5 ok")
            elif verb == b"DATA" and not recipients:
                self.say("554 5.5.1 no valid recipients")
            elif verb == b"DATA":
                self.say("354 go on")
                data = self.read_data()
                if data is None:
                    return
                if hop.lmtp:
                    if not self.judge_each(mail_from, recipients, data, commands):
                        return
                else:
                    hop.keep(Transaction(mail_from, recipients, data, commands))
                    self.say("250 2.0.0 kept")
                mail_from, recipients, commands = "", [], []
            elif verb == b"AUTH":
                self.say(hop.reply_to_auth(line.decode().strip()))
            elif verb == b"RSET":
                mail_from, recipients, commands = "", [], []
                self.say("250 2.0.0 ok")
            elif verb == b"QUIT":
                self.say("221 2.0.0 bye")
                return
            else:
                self.say("250 2.0.0 ok")

    def judge_each(self, mail_from, recipients, data, commands):
        """By LMTP; false where the connection is to be broken."""
        for recipient in recipients:
            reply = self.server.hop.reply_to_content(recipient)
            if reply == "":
                return False
            if reply is None:
                self.server.hop.keep(Transaction(mail_from, [recipient], data, commands))
            self.say(reply or "250 2.0.0 kept")
        return True

    def read_data(self):
        lines = []
        while line := self.rfile.readline():
            if line == b".\r\n":
                return b"".join(lines)
            lines.append(line[1:] if line.startswith(b".") else line)
        return None


def _path(line):
    return line[line.index(b"<") + 1 : line.rindex(b">")].decode("utf-8", "surrogateescape")


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass  # a peer that went away is no news here


class _UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    handle_error = _Server.handle_error


class NextHop:
    def __init__(self, lmtp=False, path=""):
        self.lmtp = lmtp
        self.path = path
        self.offers = []
        self.reply_to_rcpt = None
        self.reply_to_content = lambda recipient: None
        self.reply_to_auth = lambda line: "235 2.7.0 welcome"
        self.transactions = []
        self.port = 0 if path else free_port()
        self._changed = threading.Condition()
        self._server = None
        self.start()

    def start(self):
        if self.path:
            self._server = _UnixServer(self.path, _Session)
        else:
            self._server = _Server(("127.0.0.1", self.port), _Session)
        self._server.hop = self
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            if self.path:
                os.unlink(self.path)
            self._server = None

    def keep(self, transaction):
        with self._changed:
            self.transactions.append(transaction)
            self._changed.notify_all()

    def wait(self, count, timeout=30):
        """Returns the transactions once there are `count`; fails the test otherwise."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.transactions) >= count, timeout):
                raise AssertionError(f"{len(self.transactions)} of {count} transactions came")
            return list(self.transactions)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
