# SPDX-License-Identifier: Apache-2.0
"""Who may read and replace content, when, and with what (M2, M3, P1, P2): each row of content_by_daemon.json
by the real daemon, with the exact status of Get and of Put."""
import datetime
import json
import unittest

import grpc

from content_calls import OTHER_DOMAIN, ContentCalls, local_part, mail
from content_hook import refusal
from harness import DOMAIN, SOURCE, Daemon, wait_until

ROWS = json.loads((SOURCE / "tests/data" / "api/content_by_daemon.json").read_text())


def wait_for_expiry(call):
    expires = call.content.expire_time.ToDatetime()
    wait_until("the capability's end", lambda: datetime.datetime.utcnow() > expires)


class ContentTable(ContentCalls):
    """`self.daemon` keeps content for a day, `self.brief` for a second."""

    def setUp(self):
        super().setUp()
        folder = self.daemon.folder / "brief"
        folder.mkdir()
        self.brief = Daemon(folder, self.next_hop.port)
        self.brief.config.write_text(self.brief.config.read_text() + "limits: {content_retention: 1s}\n")
        self.brief.start()
        self.addCleanup(self.brief.kill)
        self.brief.penstock_ok("org", "add-domain", "default", DOMAIN)
        self.brief.penstock_ok("org", "create", "other", "--domain", OTHER_DOMAIN)

    def answered(self, call, on=None):
        """The call's one attempt, when its message is closed."""
        shown = (on or self.daemon).wait_closed(call.event.message_id, timeout=60)
        return shown["invocations"][0]["attempts"][0]["code"] if shown.get("invocations") else None

    def remove(self, call, organization="default", on=None):
        (on or self.daemon).penstock_ok("hook", "remove-permission", local_part(call), "--statement-id", organization)

    # What a row finds. Each returns the call whose capability it uses.

    def runs(self):
        return self.begin()

    def reads(self):
        return self.begin(grants=("--read",))

    def replaces(self):
        return self.begin(grants=("--replace",))

    def async_runs(self):
        return self.begin("async")

    def was_answered(self):
        call = self.begin(answers=True)
        self.assertEqual(self.answered(call), "OK")
        return call

    def async_was_answered(self):
        call = self.begin("async", answers=True)
        self.answered(call)
        wait_until("the event's end", lambda: f"invocation={call.event.invocation_id}" in self.daemon.log.read_text())
        return call

    def failed(self):
        call = self.begin(fails=1, timeout="0m")
        self.assertEqual(self.answered(call), "UNAVAILABLE")
        return call

    def timed_out(self):
        self.assertEqual(self.answered(self.times_out), "DEADLINE_EXCEEDED")
        return self.times_out

    def was_cancelled(self):
        call = self.begin()
        self.daemon.penstock_ok("message", "cancel", call.event.message_id, "--as", "default")
        return call

    def attempt_2_runs(self):
        call = self.begin(fails=1)
        self.hooks.call(local_part(call), 2)
        return call

    def attempt_2_has_put(self):
        call = self.begin(fails=1)
        self.assertEqual(self.client(self.hooks.call(local_part(call), 2)).put(mail(local_part(call), "by attempt 2")), "STAGED")
        return call

    def expired(self):
        wait_for_expiry(self.expires)
        return self.expires

    def async_expired(self):
        wait_for_expiry(self.expires_async)
        return self.expires_async

    def expired_and_removed(self):
        wait_for_expiry(self.expires_removed)
        self.remove(self.expires_removed, on=self.brief)
        return self.expires_removed

    def removed(self):
        call = self.begin()
        self.remove(call)
        return call

    def answered_and_removed(self):
        call = self.was_answered()
        self.remove(call)
        return call

    def reduced(self):
        call = self.begin()
        self.remove(call)
        self.daemon.penstock_ok("hook", "add-permission", local_part(call), "--statement-id", "less",
                                "--principal", "default", "--read")
        return call

    def removed_from_its_organization(self):
        call = self.begin(domain=OTHER_DOMAIN)
        self.remove(call, "other")
        return call

    def answered_and_restarted(self):
        return self.before_kill

    def repeated(self):
        self.hooks.call(local_part(self.cut_off), 2)
        return self.cut_off

    # What a row presents.

    def capability(self, call, kind):
        octets = bytearray(call.content.capability)
        if kind == "one bit of what it says":
            octets[20] ^= 1
        elif kind == "one bit of its MAC":
            octets[-1] ^= 0x80
        elif kind == "more verbs":
            octets[9] |= 0x0c
        elif kind == "cut":
            octets.pop()
        elif kind == "longer":
            octets.append(0)
        elif kind in ("none", "zeros"):
            octets = bytes(1024 if kind == "zeros" else 0)
        elif kind == "another installation":
            octets = self.expires.content.capability
        else:
            raise AssertionError(kind)
        return bytes(octets)

    def message(self, call, kind):
        if kind == "nowhere":
            return "00000000-0000-4000-8000-000000000000"
        other = self.begin(domain=OTHER_DOMAIN if kind == "another organization" else DOMAIN)
        return other.event.message_id

    def check(self, row):
        scene = row["input"]["scene"]
        call = getattr(self, scene.replace(" ", "_"))()
        other = {}
        if "token" in row["input"]:
            other["capability"] = self.capability(call, row["input"]["token"])
        if "asked" in row["input"]:
            other["message"] = self.message(call, row["input"]["asked"])
        client = self.client(call, self.brief if "expired" in scene else self.daemon, **other)
        try:
            got = ["OK", "", client.get()]
        except grpc.RpcError as error:
            got = refusal(error)
        put = client.put(mail(local_part(call), "as put"))
        put = [put] if isinstance(put, str) else put
        self.assertEqual({"get": got[0], "put": put[0]}, row["want"])
        for status, *why in (got, put):
            if status == "OK":  # not what another attempt has put
                self.assertEqual(why[1], mail(local_part(call)))
            elif status == "FAILED_PRECONDITION":
                self.assertEqual(why[0], "MessageFrozen")
            elif status == "PERMISSION_DENIED":
                self.refusals.add(tuple(why))
        self.hooks.ended[local_part(call)].set()

    def test_each_row(self):
        self.refusals = set()
        # These take their time meanwhile.
        self.expires, self.expires_removed = self.begin(on=self.brief), self.begin(on=self.brief)
        self.expires_async = self.begin("async", on=self.brief, async_deadline="2s")
        self.times_out = self.begin(timeout="0m")
        late = ("answered and restarted", "repeated")
        for row in ROWS:
            if row["input"]["scene"] not in late:
                with self.subTest(row["name"]):
                    self.check(row)
        self.before_kill, self.cut_off = self.was_answered(), self.begin()
        self.daemon.kill()
        self.daemon.start()
        for row in ROWS:
            if row["input"]["scene"] in late:
                with self.subTest(row["name"]):
                    self.check(row)
        self.assertEqual(len(self.refusals), 1, self.refusals)  # whatever was wrong, the same words (P2)

    def test_a_handler_from_before_a_crash_changes_nothing(self):
        """The attempt that was cut off has its number again (H4), and is another for all that."""
        before = self.begin()
        name = local_part(before)
        received, older, put = mail(name), mail(name, "by who was cut off"), mail(name, "as put")
        self.assertEqual(self.client(before).put(older), "STAGED")
        self.daemon.kill()
        self.daemon.start()
        again = self.hooks.call(name, 2)
        self.assertEqual((again.attempt, again.event), (before.attempt, before.event))
        self.assertEqual(self.client(again).get(), received)
        self.assertEqual(self.client(again).put(put), "STAGED")
        self.assertEqual(self.client(before).put(older)[:2], ["FAILED_PRECONDITION", "MessageFrozen"])
        self.assertEqual((self.client(before).get(), self.client(again).get()), (received, put))
        self.hooks.ended[name].set()
        self.daemon.wait_closed(before.event.message_id)
        (file,) = self.daemon.mail_of(name)
        self.assertTrue(file.read_bytes().endswith(put))


if __name__ == "__main__":
    unittest.main()
