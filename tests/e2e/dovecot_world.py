# SPDX-License-Identifier: Apache-2.0
"""A Dovecot set up as examples/mail_servers/dovecot.md says, behind a mail server or Penstock; IMAP shows where mail
lies. Mixed into a ServerWorld."""
import sys

from harness import BUILD, SOURCE, wait_until
from server_world import DOMAIN, PATIENCE, SENDER

sys.path.insert(0, str(SOURCE / "tests/support"))
from dovecot_instance import Dovecot  # noqa: E402

NAMES = ("alice", "bob", "archive", "user", "spammed", "trusting", "me", "void")


class Mailboxes:
    def start_dovecot(self):
        """Makes it, the first time."""
        if not hasattr(self, "dovecot"):
            self.make_dovecot()
        page = ("dovecot.md", "Dovecot")
        self.dovecot.start(self.recipe("/etc/dovecot/local.conf", {"port = 24": f"port = {self.dovecot.lmtp}"}, page),
                           self.recipe("/etc/dovecot/sieve/penstock.sieve", section=page))

    def make_dovecot(self):
        self.dovecot = Dovecot(self.folder, BUILD, DOMAIN, NAMES)
        self.addCleanup(self.dovecot.stop)

    def lies(self, name, folder="INBOX", count=1):
        """The contents of the mails in a folder, of which there are so many in the end, and no other mail."""
        def held():
            found = self.dovecot.folders(name)
            return found if sum(map(len, found.values())) >= count else None
        try:
            found = wait_until(f"mail of {name}", held, PATIENCE)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.server.log()}\n{self.dovecot.log()}") from None
        self.assertEqual({key: len(value) for key, value in found.items()}, {folder: count})
        return found[folder]

    def arrives(self, name):
        self.lies(name)

    def has(self, address):
        return any(self.dovecot.folders(address.partition("@")[0]).values())


class WithDovecot(Mailboxes):
    """The mailboxes of a mail server that gets mail back from Penstock."""

    def make_server(self):
        self.make_dovecot()
        return super().make_server()

    def test_junk_lies_in_junk(self):
        self.decide()
        self.rule("spammed", "move-to-junk")
        self.send("alice", "closed", "noreply", "spammed")
        self.assertNotIn("X-Penstock-", self.lies("alice")[0])
        self.lies("archive")  # a blind copy
        self.lies("spammed", "Junk")
        self.check_bounce(self.came(SENDER)[SENDER], f"closed@{DOMAIN}", self.told_by, "This mailbox is closed")
