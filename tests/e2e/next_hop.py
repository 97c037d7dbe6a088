# SPDX-License-Identifier: Apache-2.0
"""A mail server for tests that keeps what it is given: SMTP on a loopback port, as told.

  with NextHop() as hop:
      hop.reply_to_rcpt = "451 4.2.1 not now"     # what the next RCPTs are answered; None takes them
      hop.port, hop.transactions                  # [Transaction(mail_from, recipients, data)]

`stop()` refuses connections, `start()` takes the same port again.
"""
import dataclasses
import socketserver
import threading


@dataclasses.dataclass
class Transaction:
    mail_from: str
    recipients: list
    data: bytes  # unstuffed, as it came


class _Session(socketserver.StreamRequestHandler):
    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")

    def handle(self):
        hop = self.server.hop
        self.say("220 next-hop.example ESMTP")
        mail_from, recipients = "", []
        while line := self.rfile.readline(65536):
            verb = line[:4].upper()
            if verb in (b"EHLO", b"HELO"):
                self.say("250-next-hop.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE")
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
                hop.keep(Transaction(mail_from, recipients, data))
                self.say("250 2.0.0 kept")
                mail_from, recipients = "", []
            elif verb == b"RSET":
                mail_from, recipients = "", []
                self.say("250 2.0.0 ok")
            elif verb == b"QUIT":
                self.say("221 2.0.0 bye")
                return
            else:
                self.say("250 2.0.0 ok")

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


class NextHop:
    def __init__(self):
        self.reply_to_rcpt = None
        self.transactions = []
        self.port = 0
        self._changed = threading.Condition()
        self._server = None
        self.start()

    def start(self):
        self._server = _Server(("127.0.0.1", self.port), _Session)
        self._server.hop = self
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        if self._server:
            self._server.shutdown()
            self._server.server_close()
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
