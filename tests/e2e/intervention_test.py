# SPDX-License-Identifier: Apache-2.0
"""An administrator steps in: retry, cancel, dead letters, and what a message's record says then."""
import json
import pathlib
import unittest

from harness import DOMAIN, PenstockTest, wait_until

SICK_HOOK = pathlib.Path(__file__).with_name("sick_hook.py")


class Intervention(PenstockTest):
    daemon_options = {"retry_first": "60s"}  # nothing is tried again by itself

    def calls(self, hook):
        return [line.split()[1:] for line in hook.lines() if line.startswith("called ")]

    def waiting_message(self, fallback="drop"):
        self.trouble = self.daemon.folder / "trouble"
        self.trouble.touch()
        self.decide = self.hook(SICK_HOOK, "127.0.0.1:0", "--fail-while", self.trouble)
        self.register(self.decide.target)
        self.sync_rule(fallback=fallback, timeout="240m")
        (message,) = self.daemon.send([f"alice@{DOMAIN}"])
        wait_until("the wait", lambda: self.daemon.show(message)["state"] == "WAITING")
        return message

    def test_retry_now_keeps_the_invocation_and_its_deadline(self):
        message = self.waiting_message()
        before = self.daemon.show(message)["invocations"][0]
        self.daemon.penstock_ok("message", "retry", message)
        again = wait_until("the second failure", lambda: self._attempts(message, 2))
        self.assertEqual(again["deadline"], before["deadline"])
        # It waits once, not once for each time that it was brought forward.
        wait_until("one wait", lambda: "penstock_messages_open 1\n" in self.daemon.http("/metrics")[1])
        self.trouble.unlink()
        done = self.daemon.penstock_json("message", "retry", message)["messages"][0]
        self.assertEqual(done["name"], f"messages/{message}")
        shown = self.daemon.wait_closed(message)
        self.assertEqual([one["number"] for one in shown["invocations"][0]["attempts"]], [1, 2, 3])
        identity = before["invocationId"]
        self.assertEqual(self.calls(self.decide), [["SYNC", identity, str(i)] for i in (1, 2, 3)])
        self.assertEqual(len(self.daemon.mail_of("alice")), 1)
        refused = self.daemon.penstock("message", "retry", message)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("everything is done", refused.stderr)

    def _attempts(self, message, count):
        invocation = self.daemon.show(message)["invocations"][0]
        return invocation if len(invocation["attempts"]) >= count else None

    def test_cancel_settles_a_message_for_good(self):
        message = self.waiting_message()
        self.daemon.penstock_ok("message", "cancel", message, "--as", "default")
        # What the command line has said is on disk.
        self.daemon.kill()
        self.daemon.start()
        shown = self.daemon.wait_closed(message)
        (recipient,) = shown["recipients"]
        self.assertEqual((recipient["source"], recipient["state"], recipient["verdict"]["action"]),
                         ("ADMINISTRATOR", "DELIVERED", "DEFAULT"))
        self.assertEqual(shown["invocations"][0]["state"], "CANCELLED")
        self.assertEqual(len(self.daemon.mail_of("alice")), 1)
        self.assertTrue(any(one["kind"] == "CANCELLED" and "by unproven:" in one["text"]
                            for one in shown["history"]))

    def test_a_late_answer_counts_no_more(self):
        slow = self.hook(SICK_HOOK, "127.0.0.1:0", "--delay", "3")
        self.register(slow.target)
        self.sync_rule(fallback="default", timeout="5m")
        (message,) = self.daemon.send([f"alice@{DOMAIN}"])
        wait_until("the call", lambda: self.calls(slow))
        self.daemon.penstock_ok("message", "cancel", message, "--as", "bounce", "--bounce-message", "not today")
        (bounce,) = self.next_hop.wait(1)
        self.assertIn(b"not today", bounce.data)
        # The answer has come when the daemon works on nothing any more.
        wait_until("the end of the call",
                   lambda: int(self.daemon.penstock_json("status")["activeMessageCount"]) == 0)
        shown = self.daemon.show(message)
        self.assertEqual(shown["state"], "CLOSED")
        self.assertEqual(shown["recipients"][0]["state"], "BOUNCED")
        self.assertEqual([one["kind"] for one in shown["history"]].count("OUTCOME"), 1)
        self.assertEqual((self.daemon.mail_of("alice"), len(self.next_hop.transactions)), ([], 1))

    def test_many_at_once_race_with_nothing(self):
        """Retries, cancels and the hook's own answers for the same messages: one outcome, one delivery."""
        message = self.waiting_message()
        others = [self.daemon.send([f"user{i}@{DOMAIN}"])[0] for i in range(8)]
        wait_until("their waits", lambda: all(self.daemon.show(m)["state"] == "WAITING" for m in others))
        self.trouble.unlink()
        everyone = [message, *others]
        runs = [self.daemon.penstock_start("message", *words) for words in
                (("retry", *everyone), ("cancel", *everyone, "--as", "default"), ("retry", *everyone),
                 ("cancel", *everyone, "--as", "default"))]
        for run in runs:
            self.assertIn(run.wait(60), (0, 1))
        for one in everyone:
            shown = self.daemon.wait_closed(one)
            self.assertEqual([entry["kind"] for entry in shown["history"]].count("OUTCOME"), 1)
        self.assertEqual(len(self.daemon.mail_of("alice")), 1)
        for i in range(8):
            self.assertEqual(len(self.daemon.mail_of(f"user{i}")), 1)

    def test_a_deferred_delivery_is_cancelled(self):
        self.next_hop.reply_to_rcpt = "451 4.2.1 not now"
        (message,) = self.daemon.send(["somebody@far.example"], listener="out", sender=f"me@{DOMAIN}")
        wait_until("the wait", lambda: self.daemon.show(message)["state"] == "DELIVERING")
        wait_until("the cancel", lambda: self.daemon.penstock("message", "cancel", message, "--as", "drop").returncode == 0)
        self.next_hop.reply_to_rcpt = None
        shown = self.daemon.show(message)
        self.assertEqual((shown["state"], shown["recipients"][0]["state"]), ("CLOSED", "CANCELLED"))
        self.assertEqual(shown["recipients"][0]["verdict"]["action"], "DEFAULT")
        self.assertEqual(self.next_hop.transactions, [])


class DeadLetters(PenstockTest):
    def test_dead_letters_are_redriven_under_their_invocation_id(self):
        trouble = self.daemon.folder / "trouble"
        trouble.touch()
        hook = self.hook(SICK_HOOK, "127.0.0.1:0", "--fail-while", trouble)
        self.daemon.penstock_ok("hook", "register", "copy", "--target", hook.target, "--async-retries", "0")
        self.daemon.penstock_ok("hook", "add-permission", "copy", "--statement-id", "all", "--principal", "default")
        self.daemon.penstock_ok("rule", "create", "copy", "--direction", "inbound", "--sender", "*",
                                "--recipient", "*", "--hook", "copy", "--mode", "async")
        messages = [self.daemon.send([f"user{i}@{DOMAIN}"])[0] for i in range(3)]
        letters = wait_until("the dead letters", lambda: self._letters(3))
        self.assertEqual({one["message"] for one in letters}, {f"messages/{m}" for m in messages})
        shown = self.daemon.wait_closed(messages[0])
        self.assertEqual((shown["state"], shown["invocations"][0]["state"]), ("CLOSED", "DEAD_LETTER"))
        status = self.daemon.penstock_json("status")["hooks"][0]
        self.assertEqual((status["deadLetterCount"], status["asyncQueueCount"]), ("3", "0"))
        # Dead letters survive a crash; the hook is well again.
        self.daemon.kill()
        self.daemon.start()
        trouble.unlink()
        first = letters[0]["name"].split("/")[1]
        self.daemon.penstock_ok("dead-letter", "redrive", first)
        self.daemon.penstock_ok("dead-letter", "redrive", "--hook", "copy", "--all")
        wait_until("the second calls", lambda: len(hook.lines()) == 1 + 6)
        self.assertEqual(self._letters(0), [])
        calls = [line.split()[2:] for line in hook.lines() if line.startswith("called ASYNC ")]
        self.assertEqual(sorted(calls[:3]), sorted(calls[3:]))  # invocation id and attempt number 1
        self.assertEqual({call[0] for call in calls}, {one["invocationId"] for one in letters})
        wait_until("the record", lambda: self.daemon.show(messages[0])["invocations"][0]["state"] == "ANSWERED")

    def _letters(self, count):
        letters = self.daemon.penstock_json("dead-letter", "list").get("deadLetters", [])
        return letters if len(letters) == count else None

    def test_more_than_a_batch_is_redriven_each_once(self):
        trouble = self.daemon.folder / "trouble"
        trouble.touch()
        hook = self.hook(SICK_HOOK, "127.0.0.1:0", "--fail-while", trouble)
        self.daemon.penstock_ok("hook", "register", "copy", "--target", hook.target, "--async-retries", "0")
        self.daemon.penstock_ok("hook", "add-permission", "copy", "--statement-id", "all", "--principal", "default")
        self.daemon.penstock_ok("rule", "create", "copy", "--direction", "inbound", "--sender", "*",
                                "--recipient", "*", "--hook", "copy", "--mode", "async")
        with self.daemon.smtp() as client:
            client.ehlo("client.example")
            for _ in range(250):
                client.mail("s@elsewhere.example")
                client.rcpt(f"alice@{DOMAIN}")
                self.assertEqual(client.data(b"From: s@elsewhere.example\r\n\r\nhello\r\n")[0], 250)
        wait_until("the dead letters", lambda: self._dead() == 250, timeout=60)
        # Still unwell: each is tried once, and comes back to the list, however long the list is.
        done = self.daemon.penstock("dead-letter", "redrive", "--hook", "copy", "--all", "-o", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(set(json.loads(done.stdout)["redrivenNames"])), 250)
        wait_until("the dead letters again", lambda: self._dead() == 250, timeout=60)
        calls = [line.split()[2] for line in hook.lines() if line.startswith("called ")]
        self.assertEqual(len(calls), 500)
        self.assertEqual(len(set(calls)), 250)

    def _dead(self):
        return int(self.daemon.penstock_json("status")["hooks"][0]["deadLetterCount"])

    def test_show_says_when_an_async_event_is_due_again(self):
        hook = self.hook()
        hook.stop()
        self.register(hook.target, "copy")
        self.daemon.penstock_ok("rule", "create", "copy", "--direction", "inbound", "--sender", "*",
                                "--recipient", "*", "--hook", "copy", "--mode", "async")
        (message,) = self.daemon.send([f"alice@{DOMAIN}"])
        shown = wait_until("the failed attempt", lambda: self._waits(message))
        self.assertTrue(shown["attempts"][0]["error"])
        self.assertTrue(shown["attempts"][0]["duration"])
        self.assertTrue(shown["nextAttemptTime"])
        self.assertIn("waits for its next attempt at", self.daemon.penstock_ok("message", "show", message))

    def _waits(self, message):
        invocation = self.daemon.show(message)["invocations"][0]
        return invocation if invocation["state"] == "WAITING" else None


if __name__ == "__main__":
    unittest.main()
