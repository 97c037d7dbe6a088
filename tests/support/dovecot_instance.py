# SPDX-License-Identifier: Apache-2.0
"""A Dovecot of its own in a room of its own (mail_room.py): mailboxes behind LMTP, read by IMAP."""
import imaplib
import os

import mail_room

CONFIG = """\
protocols = imap lmtp
base_dir = /run/dovecot
state_dir = /var/lib/dovecot
log_path = {folder}/log/dovecot
ssl = no
disable_plaintext_auth = no
mail_location = maildir:~/Maildir
mail_uid = vmail
mail_gid = vmail
first_valid_uid = 1
mail_plugins = quota
passdb {{
  driver = static
  args = password=secret
}}
userdb {{
  driver = passwd-file
  args = {folder}/users
}}
namespace inbox {{
  inbox = yes
}}
plugin {{
  quota = maildir:User quota
}}
service imap-login {{
  inet_listener imap {{
    address = 127.0.0.1
    port = {imap}
  }}
}}
!include local.conf
"""


class Dovecot(mail_room.Room):
    """Mailboxes for `names` of `domain`, password "secret"; that of `full` has no room.
    Errors: as Room."""

    def __init__(self, folder, build, domain, names, full="full"):
        super().__init__(folder, build, "dovecot", ["dovecot-lmtpd", "dovecot-imapd", "dovecot-sieve"],
                         ["dovecot", "dovenull", "vmail"])
        self.domain = domain
        self.lmtp, self.imap = mail_room.free_port(), mail_room.free_port()
        for path in ("log", "mail", "lib/dovecot", "run/dovecot", "etc/dovecot/sieve"):
            (self.folder / path).mkdir(parents=True, exist_ok=True)
        os.chown(self.folder / "mail", self.ids["vmail"], self.ids["vmail"])
        (self.folder / "users").write_text("".join(
            f"{name}@{domain}:::::{self.folder}/mail/{name}::{'userdb_quota_rule=*:bytes=1' if name == full else ''}\n"
            for name in (*names, full)))
        (self.folder / "etc/dovecot/dovecot.conf").write_text(CONFIG.format(folder=self.folder, imap=self.imap))

    def start(self, local, sieve):
        """`local`: local.conf, which has LMTP listen on `lmtp`; `sieve`: sieve/penstock.sieve beside it."""
        (self.folder / "etc/dovecot/local.conf").write_text(local)
        (self.folder / "etc/dovecot/sieve/penstock.sieve").write_text(sieve)
        self.command(["sievec", "/etc/dovecot/sieve/penstock.sieve", self.folder / "penstock.svbin"])
        (self.folder / "penstock.svbin").rename(self.folder / "etc/dovecot/sieve/penstock.svbin")
        return self.serve(["dovecot", "-F"], self.lmtp)

    def folders(self, name):
        """{folder: [content]} of a mailbox, of folders that hold mail."""
        held = {}
        with imaplib.IMAP4("127.0.0.1", self.imap, timeout=30) as client:
            client.login(f"{name}@{self.domain}", "secret")
            for line in client.list()[1]:
                folder = line.decode().rpartition(" ")[2].strip('"')
                client.select(folder, readonly=True)
                for number in client.search(None, "ALL")[1][0].split():
                    held.setdefault(folder, []).append(client.fetch(number, "BODY.PEEK[]")[1][0][1].decode())
        return held
