# SPDX-License-Identifier: Apache-2.0
"""What conversations with a real daemon, as data, share by whatever protocol: their files, the replies that are
wanted, and a next hop at which nothing may arrive but what is wanted."""
import json
import tempfile

from harness import DOMAIN, SOURCE, Daemon, PenstockTest
from next_hop import NextHop


def load(path):
    """The conversations of a file below tests/data: their names are unique, their fields those of a vector."""
    vectors = json.loads((SOURCE / "tests/data" / path).read_text(encoding="utf-8"))
    assert vectors and len({one["name"] for one in vectors}) == len(vectors), path
    for one in vectors:
        assert set(one) - {"note"} == {"name", "clause", "basis", "input", "want"}, one
    return vectors


def expected(want):
    """The replies that an entry of want.replies stands for."""
    for one in want if isinstance(want, list) else [want]:
        yield from [one] if isinstance(one, str) else [one["reply"]] * one["repeat"]


class ConversationTest(PenstockTest):
    def make_daemon(self):
        """A daemon that is not started yet, and its next hop; returns their folder."""
        folder = tempfile.TemporaryDirectory(prefix="penstock-e2e-")
        self.addCleanup(folder.cleanup)
        self.next_hop = NextHop()
        self.addCleanup(self.next_hop.stop)
        self.daemon = Daemon(folder.name, self.next_hop.port, inbound="relay")
        self.addCleanup(self._stop)
        self.wanted = 0  # transactions at the next hop, so far
        return folder.name

    def check_no_more(self):
        """Nothing else has come than what was wanted; and the daemon ends in peace."""
        self.daemon.send([f"last@{DOMAIN}"])  # nothing else has come than what was wanted
        mails = self.next_hop.wait(self.wanted + 1)
        self.assertEqual([one.recipients for one in mails[self.wanted:]], [[f"last@{DOMAIN}"]])
        self.assertEqual(self.daemon.stop(), 0)
