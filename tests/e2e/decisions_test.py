# SPDX-License-Identifier: Apache-2.0
"""One mail through the whole house: a real hook, its answer, each recipient's outcome."""
import unittest

from harness import DOMAIN, PenstockTest


class Decisions(PenstockTest):
    def test_each_recipient_gets_what_the_hook_said(self):
        self.register(self.hook().target)
        self.sync_rule()
        names = ["alice", "closed", "noreply"]
        (message,) = self.daemon.send([f"{name}@{DOMAIN}" for name in names])
        shown = self.daemon.wait_closed(message)
        got = {one["address"]: (one["verdict"]["action"], one["state"], one["added"])
               for one in shown["recipients"]}
        self.assertEqual(got, {
            f"alice@{DOMAIN}": ("DEFAULT", "DELIVERED", False),
            f"closed@{DOMAIN}": ("BOUNCE", "BOUNCED", False),
            f"noreply@{DOMAIN}": ("DROP", "DROPPED", False),
            f"archive@{DOMAIN}": ("DEFAULT", "DELIVERED", True)})
        self.assertEqual({name: len(self.daemon.mail_of(name)) for name in [*names, "archive"]},
                         {"alice": 1, "closed": 0, "noreply": 0, "archive": 1})
        (bounce,) = self.next_hop.wait(1)
        self.assertEqual((bounce.mail_from, bounce.recipients), ("", ["sender@elsewhere.example"]))
        self.assertIn(b"This mailbox is closed", bounce.data)
        (invocation,) = shown["invocations"]
        self.assertEqual([(one["number"], one["code"]) for one in invocation["attempts"]], [(1, "OK")])

    def test_rules_act_without_a_hook(self):
        for name, recipient, action in [("a", f"junk@{DOMAIN}", "move-to-junk"),
                                        ("b", f"gone@{DOMAIN}", "bounce"),
                                        ("c", f"void@{DOMAIN}", "drop")]:
            self.daemon.penstock_ok("rule", "create", name, "--direction", "inbound", "--sender", "*",
                                    "--recipient", recipient, "--action", action)
        (message,) = self.daemon.send([f"{name}@{DOMAIN}" for name in ("junk", "gone", "void", "alice")])
        shown = self.daemon.wait_closed(message)
        self.assertEqual([(one["address"].split("@")[0], one["verdict"]["action"], one["flowRule"].rpartition("/")[2])
                          for one in shown["recipients"]],
                         [("junk", "MOVE_TO_JUNK", "a"), ("gone", "BOUNCE", "b"), ("void", "DROP", "c"),
                          ("alice", "DEFAULT", "")])
        self.assertEqual(len(self.daemon.mail_of("junk/.Junk")), 1)
        self.assertEqual(len(self.daemon.mail_of("alice")), 1)
        self.next_hop.wait(1)

    def test_an_async_hook_never_delays_the_mail(self):
        hook = self.hook()
        hook.stop()
        self.register(hook.target)
        self.daemon.penstock_ok("rule", "create", "tell", "--direction", "inbound", "--sender", "*",
                                "--recipient", "*", "--hook", "decide", "--mode", "async")
        (message,) = self.daemon.send([f"alice@{DOMAIN}"])
        shown = self.daemon.wait_closed(message)
        self.assertEqual(shown["recipients"][0]["verdict"]["action"], "DEFAULT")
        self.assertEqual(len(self.daemon.mail_of("alice")), 1)

    def test_an_async_hook_gets_its_event(self):
        hook = self.hook()
        self.register(hook.target)
        self.daemon.penstock_ok("rule", "create", "tell", "--direction", "inbound", "--sender", "*",
                                "--recipient", "*", "--hook", "decide", "--mode", "async")
        (message,) = self.daemon.send([f"closed@{DOMAIN}"])
        shown = self.daemon.wait_closed(message)
        self.assertEqual(len(self.daemon.mail_of("closed")), 1)  # its answer, a bounce, is ignored
        from harness import wait_until
        wait_until("the event", lambda: any("attempt 1" in line for line in hook.lines()))
        self.assertEqual(shown["recipients"][0]["source"], "RULE")

    def test_what_was_registered_survives_a_restart(self):
        self.register(self.hook().target)
        self.sync_rule()
        before = self.registered()
        self.assertEqual(self.daemon.stop(), 0)
        self.daemon.start()
        self.assertEqual(before, self.registered())

    def registered(self):
        lists = [self.daemon.penstock_json(*words) for words in
                 (("org", "list"), ("hook", "list"), ("rule", "list", "--direction", "inbound"))]
        lists[1].pop("statuses")  # how it fares, not what it is
        return lists


if __name__ == "__main__":
    unittest.main()
