# SPDX-License-Identifier: Apache-2.0
"""Hooks that fail, next hops that are down, a daemon that is killed: nothing is lost."""
import unittest

from harness import DOMAIN, Hook, PenstockTest, wait_until


class FailingHook(PenstockTest):
    def test_a_hook_that_is_gone_is_tried_again_until_the_fallback(self):
        hook = self.hook()
        hook.stop()
        self.register(hook.target)
        self.sync_rule(fallback="drop", timeout="0m")
        (message,) = self.daemon.send([f"alice@{DOMAIN}"])
        shown = self.daemon.wait_closed(message)
        self.assertEqual(shown["recipients"][0]["source"], "FALLBACK")
        self.assertEqual(shown["recipients"][0]["verdict"]["action"], "DROP")
        (attempt,) = shown["invocations"][0]["attempts"]
        self.assertEqual(attempt["code"], "UNAVAILABLE")
        self.assertTrue(attempt["error"])

    def test_a_hook_that_comes_back_decides(self):
        hook = self.hook()
        self.register(hook.target)
        self.sync_rule(fallback="bounce", timeout="5m")
        hook.stop()
        (message,) = self.daemon.send([f"alice@{DOMAIN}"])
        waiting = wait_until("two failed attempts", lambda: self._failed_twice(message))
        self.assertEqual(waiting["state"], "WAITING")
        self.assertTrue(waiting["invocations"][0]["nextAttemptTime"])
        again = Hook(listen=hook.target)
        self.addCleanup(again.stop)
        shown = self.daemon.wait_closed(message)
        attempts = shown["invocations"][0]["attempts"]
        self.assertEqual([one["number"] for one in attempts], list(range(1, len(attempts) + 1)))
        self.assertEqual(attempts[-1]["code"], "OK")
        self.assertEqual(len(self.daemon.mail_of("alice")), 1)

    def _failed_twice(self, message):
        shown = self.daemon.show(message)
        return shown if len(shown["invocations"][0]["attempts"]) >= 2 else None

    def test_without_permission_it_is_not_called_until_it_has_one(self):
        hook = self.hook()
        self.register(hook.target)
        self.sync_rule(fallback="bounce", timeout="5m")
        self.daemon.penstock_ok("hook", "remove-permission", "decide", "--statement-id", "all")
        (message,) = self.daemon.send([f"alice@{DOMAIN}"])
        waiting = wait_until("two failed attempts", lambda: self._failed_twice(message))
        self.assertEqual({one["code"] for one in waiting["invocations"][0]["attempts"]}, {"PERMISSION_DENIED"})
        self.assertEqual([line for line in hook.lines() if "attempt" in line], [])
        self.daemon.penstock_ok("hook", "add-permission", "decide", "--statement-id", "all", "--principal", "default")
        shown = self.daemon.wait_closed(message)
        self.assertEqual(shown["invocations"][0]["attempts"][-1]["code"], "OK")
        self.assertEqual(len(self.daemon.mail_of("alice")), 1)

    def test_kill_9_while_waiting_goes_on_where_it_was(self):
        hook = self.hook()
        self.register(hook.target)
        self.sync_rule(fallback="bounce", timeout="5m")
        hook.stop()
        (message,) = self.daemon.send([f"alice@{DOMAIN}"])
        wait_until("two failed attempts", lambda: self._failed_twice(message))
        self.daemon.kill()
        before = None
        self.daemon.start()
        before = self.daemon.show(message)["invocations"][0]
        again = Hook(listen=hook.target)
        self.addCleanup(again.stop)
        shown = self.daemon.wait_closed(message)
        after = shown["invocations"][0]
        self.assertEqual(before["invocationId"], after["invocationId"])
        numbers = [one["number"] for one in after["attempts"]]
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
        self.assertGreaterEqual(len(numbers), 3)
        self.assertIn(f"{after['invocationId']} attempt {numbers[-1]}", again.lines())
        self.assertEqual(len(self.daemon.mail_of("alice")), 1)
        self.assertEqual(len(self.daemon.mail_of("archive")), 1)

    def test_the_daemon_stays_up_when_the_hook_dies_in_a_call(self):
        script = self.daemon.folder / "slow.py"
        script.write_text(SLOW_HOOK)
        hook = self.hook(script)
        self.register(hook.target)
        self.sync_rule(fallback="default", timeout="0m")
        (message,) = self.daemon.send([f"alice@{DOMAIN}"])
        wait_until("the call", lambda: any("called" in line for line in hook.lines()))
        hook.stop()
        shown = self.daemon.wait_closed(message)
        self.assertEqual(shown["recipients"][0]["source"], "FALLBACK")
        self.assertEqual(len(self.daemon.mail_of("alice")), 1)
        self.assertIsNone(self.daemon.process.poll())


SLOW_HOOK = '''
import argparse, time
from concurrent import futures
import grpc
from penstock.v1 import hook_pb2, hook_pb2_grpc

class Hook(hook_pb2_grpc.HookServiceServicer):
    def Invoke(self, request, context):
        print("called", flush=True)
        time.sleep(30)
        return hook_pb2.InvokeResponse()

parser = argparse.ArgumentParser()
parser.add_argument("--listen")
server = grpc.server(futures.ThreadPoolExecutor(4))
hook_pb2_grpc.add_HookServiceServicer_to_server(Hook(), server)
port = server.add_insecure_port(parser.parse_args().listen)
server.start()
print(f"listening on 127.0.0.1:{port}", flush=True)
server.wait_for_termination()
'''


class NextHopTrouble(PenstockTest):
    daemon_options = {"inbound": "relay"}

    def test_down_then_451_then_taken_with_a_kill_between(self):
        self.next_hop.stop()
        messages = [self.daemon.send([f"user{i}@{DOMAIN}"])[0] for i in range(5)]
        for message in messages:
            wait_until("a failed delivery", lambda m=message: self._last_error(m))
        self.assertIn("4", self._last_error(messages[0]))
        self.next_hop.reply_to_rcpt = "451 4.2.1 not now"
        self.next_hop.start()
        wait_until("the 451 on record", lambda: "not now" in self._last_error(messages[0]))
        self.daemon.kill()
        self.next_hop.reply_to_rcpt = None
        self.daemon.start()
        for message in messages:
            shown = self.daemon.wait_closed(message)
            self.assertEqual(shown["recipients"][0]["state"], "DELIVERED")
            replies = [one["reply"] for one in shown["deliveries"][0]["attempts"]]
            self.assertTrue(any("not now" in reply for reply in replies[:-1]) or message != messages[0])
        transactions = self.next_hop.wait(5)
        self.assertEqual(sorted(one.recipients[0] for one in transactions),
                         [f"user{i}@{DOMAIN}" for i in range(5)])

    def _last_error(self, message):
        return self.daemon.show(message)["recipients"][0]["lastReply"]

    def test_what_a_next_hop_refuses_is_bounced(self):
        self.next_hop.reply_to_rcpt = lambda path: "550 5.1.1 nobody here" if path.startswith("gone") else None
        (message,) = self.daemon.send([f"alice@{DOMAIN}", f"gone@{DOMAIN}"])
        shown = self.daemon.wait_closed(message)
        self.assertEqual([one["state"] for one in shown["recipients"]], ["DELIVERED", "FAILED"])
        mail, bounce = self.next_hop.wait(2)
        self.assertEqual(mail.recipients, [f"alice@{DOMAIN}"])
        self.assertEqual(bounce.mail_from, "")
        self.assertIn(b"5.1.1", bounce.data)


if __name__ == "__main__":
    unittest.main()
