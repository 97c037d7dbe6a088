# SPDX-License-Identifier: Apache-2.0
"""A Sendmail of its own in a room of its own (mail_room.py)."""
import mail_room

CONFIG = """\
divert(-1)
include(`/usr/share/sendmail/cf/m4/cf.m4')
divert(0)dnl
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `sendmail.example')dnl
define(`confSERVICE_SWITCH_FILE', `/etc/mail/service.switch-nodns')dnl
define(`confTO_IDENT', `0')dnl
define(`confPID_FILE', `/run/sendmail.pid')dnl
define(`confCW_FILE', `-o /nowhere')dnl
define(`STATUS_FILE', `/var/lib/statistics')dnl
define(`HELP_FILE', `/etc/mail/helpfile')dnl
define(`QUEUE_DIR', `/var/spool/mqueue')dnl
define(`ALIAS_FILE', `')dnl
define(`SMART_HOST', `relay:[127.0.0.1]')dnl
define(`RELAY_MAILER_ARGS', `TCP $h {sink}')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`nocanonify')dnl
FEATURE(`accept_unresolvable_domains')dnl
RELAY_DOMAIN(`{domain}')dnl
RELAY_DOMAIN(`127.0.0.2')dnl
{recipe}
MAILER(`smtp')dnl
{end}"""


class Sendmail(mail_room.Room):
    """Takes mail for `domain` from anybody, and from 127.0.0.2, one of its users, for anybody; all leaves for the
    SMTP server on `sink`. Errors: as Room."""

    def __init__(self, folder, build, sink, domain):
        super().__init__(folder, build, "sendmail", ["sendmail-bin"], ["smmta", "smmsp"])
        self.sink, self.domain = sink, domain
        for path in ("spool/mqueue", "etc/mail"):
            (self.folder / path).mkdir()
        (self.folder / "spool/mqueue").chmod(0o700)

    def start(self, port, recipe, end):
        """`recipe`: lines of sendmail.mc, which listen on `port` among others; `end`: those below the mailers."""
        (self.folder / "sendmail.mc").write_text(
            CONFIG.format(sink=self.sink, domain=self.domain, recipe=recipe, end=end))
        (self.folder / "etc/mail/sendmail.cf").write_text(self.command(["m4", self.folder / "sendmail.mc"]))
        return self.serve(["/usr/libexec/sendmail/sendmail", "-bD", "-q1s"], port)

    def queue(self):
        """Names of the messages in its queue."""
        return [path.name for path in (self.folder / "spool/mqueue").glob("qf*")]
