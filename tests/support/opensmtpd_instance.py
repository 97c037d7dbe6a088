# SPDX-License-Identifier: Apache-2.0
"""An OpenSMTPD of its own in a room of its own (mail_room.py)."""
import os

import mail_room


class OpenSmtpd(mail_room.Room):
    """Errors: as Room."""

    def __init__(self, folder, build):
        super().__init__(folder, build, "opensmtpd", ["opensmtpd"], ["opensmtpd", "opensmtpq"])
        for path, mode in (("spool/smtpd", 0o711), ("lib/opensmtpd/empty", 0o755)):
            (self.folder / path).mkdir(parents=True, exist_ok=True)
            (self.folder / path).chmod(mode)
        os.chown(self.folder / "lib/opensmtpd", 0, 0)

    def start(self, port, config):
        """`config`: smtpd.conf, which listens on `port` among others."""
        (self.folder / "etc/smtpd.conf").write_text(config)
        (self.folder / "etc/smtpd.conf").chmod(0o600)
        return self.serve(["smtpd", "-d", "-f", "/etc/smtpd.conf"], port)

    def retry(self):
        """Has it try what waits for minutes else. To be said again until it has: it is not ready each time."""
        self.command(["setpriv", "--regid", "opensmtpq", "--clear-groups", "sh", "-c",
                      "smtpctl resume route 1; smtpctl schedule all; true"])

    def queue(self):
        """Names of the envelopes in its queue."""
        return [name for name in mail_room.files_below(self.folder / "spool/smtpd/queue") if name != "message"]
