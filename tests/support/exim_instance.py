# SPDX-License-Identifier: Apache-2.0
"""An Exim of its own in a room of its own (mail_room.py): what a recipe puts into Debian's kind of configuration."""
import os

import mail_room

CONFIG = """\
exim_user = Debian-exim
exim_group = Debian-exim
primary_hostname = exim.example
domainlist local_domains = exim.example
domainlist relay_to_domains = {domain}
hostlist relay_from_hosts = : {users}
{main}
acl_smtp_rcpt = acl_check_rcpt
spool_directory = /var/spool/exim4
log_file_path = {folder}/log/%slog
pid_file_path = /run/exim.pid
host_lookup =
rfc1413_query_timeout = 0s
tls_advertise_hosts =
dns_dnssec_ok = -1
smtp_accept_max_nonmail_hosts =
begin acl
acl_check_rcpt:
{acl}
accept domains = +local_domains : +relay_to_domains
accept hosts = +relay_from_hosts
deny message = relay not permitted
begin routers
{routers}
away:
  driver = manualroute
  route_list = * 127.0.0.1 byname
  transport = away
  self = send
begin transports
{transports}
away:
  driver = smtp
  port = {sink}
  allow_localhost
  hosts_avoid_tls = *
begin retry
* * F,2h,{pause}
"""


class Exim(mail_room.Room):
    """Takes mail for `domain` from anybody, and from `users` for anybody; what is left leaves for the SMTP server on
    `sink`. It tries again after `pause`.
    Errors: as Room."""

    def __init__(self, folder, build, sink, domain, users="127.0.0.2", pause="1s"):
        super().__init__(folder, build, "exim", ["exim4-daemon-light"], ["Debian-exim"])
        self.given = {"folder": self.folder, "sink": sink, "domain": domain, "users": users, "pause": pause}

    def start(self, port, main, acl="", routers="", transports=""):
        """Listens where `main` says, on `port` among others; the rest as the recipe's blocks are named."""
        text = CONFIG.format(**self.given, main=main, acl=acl, routers=routers, transports=transports)
        for path in ("spool/exim4", "log", "etc/exim4"):
            (self.folder / path).mkdir(exist_ok=True)
        for path in ("spool/exim4", "log"):
            os.chown(self.folder / path, self.ids["Debian-exim"], self.ids["Debian-exim"])
        (self.folder / "etc/exim4/exim4.conf").write_text(text)
        (self.folder / "etc/exim4/exim4.conf").chmod(0o644)
        return self.serve(["exim4", "-bdf", f"-q{self.given['pause']}"], port)

    def queue(self):
        """Names of the messages in its queue."""
        return [name for name in mail_room.files_below(self.folder / "spool/exim4/input") if name.endswith("-H")]
