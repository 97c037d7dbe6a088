# SPDX-License-Identifier: Apache-2.0
"""A hook with several endpoints (H13): those that are down or unwell get no calls."""
import pathlib
import unittest

from harness import DOMAIN, PenstockTest, wait_until

SICK_HOOK = pathlib.Path(__file__).with_name("sick_hook.py")


class Endpoints(PenstockTest):
    def count(self, hook):
        return sum(line.startswith("called ") for line in hook.lines())

    def send(self, count):
        messages = [self.daemon.send([f"alice@{DOMAIN}"])[0] for _ in range(count)]
        for message in messages:
            shown = self.daemon.wait_closed(message)
            self.assertEqual([one["code"] for one in shown["invocations"][0]["attempts"]], ["OK"])

    def test_one_is_down_and_one_is_unwell(self):
        killed = self.hook(SICK_HOOK, "127.0.0.1:0", "--health", "serving")
        unwell = self.hook(SICK_HOOK, "127.0.0.1:0", "--health", "not-serving")
        plain = self.hook(SICK_HOOK)  # knows nothing of health
        self.register("ipv4:" + ",".join(hook.target for hook in (killed, unwell, plain)))
        self.sync_rule(fallback="bounce")
        self.send(6)
        wait_until("both that are well to be called", lambda: self._both(killed, plain))
        killed.stop()
        before = self.count(plain)
        self.send(12)
        self.assertEqual(self.count(plain), before + 12)
        self.assertEqual(self.count(unwell), 0)

    def _both(self, one, other):
        """An endpoint whose connection is up a little later than the other's gets calls from then on."""
        if self.count(one) and self.count(other):
            return True
        self.send(1)
        return False

    def test_one_that_has_come_back_is_called_again(self):
        first, second = self.hook(SICK_HOOK), self.hook(SICK_HOOK)
        self.register(f"ipv4:{first.target},{second.target}")
        self.sync_rule(fallback="bounce")
        self._both(first, second) or wait_until("both", lambda: self._both(first, second))
        first.stop()
        self.send(3)
        again = self.hook(SICK_HOOK, first.target)
        wait_until("the calls to come back", lambda: self._called(again))

    def _called(self, hook):
        if self.count(hook):
            return True
        self.send(1)
        return False


if __name__ == "__main__":
    unittest.main()
