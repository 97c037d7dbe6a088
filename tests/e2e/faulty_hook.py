# SPDX-License-Identifier: Apache-2.0
"""A hook with one fault, for `penstock hook check`: --fault NAME, or none. Without it the hook is sound.

  no-service     offers nothing               outbound-junk   an action that outbound mail has not
  not-serving    its health says so           async           fails when its answer is ignored
  no-actions     an empty answer              null-subject    takes a subject for granted
  empty-subject  takes its first letter       no-sender       takes a sender for granted
  ascii          knows no UTF-8 in addresses  domain          knows A-labels alone
  latin          cuts a subject in UTF-16     quotes          splits an address at its first @
  short          refuses long addresses       first           answers for the first recipient alone
  large          too long an answer for many  slow-for-many   takes a second for each 250 recipients
  truncated      trusts the list              later-attempt   answers first attempts alone
  changes-mind   every answer is another one  mixes           keeps the recipient in a global variable
  one-at-a-time  fails when it is busy        wedged          never answers after a call was cancelled
  hangs          never answers                new-fields      refuses what it does not know
  on-behalf      confuses sender and From     slow            answers shortly before the deadline
"""
import argparse
import threading
import time
from concurrent import futures

import grpc
from penstock.v1 import hook_pb2, hook_pb2_grpc
from sick_hook import Health

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


class Hook(hook_pb2_grpc.HookServiceServicer):
    def __init__(self, fault):
        self.fault = fault
        self.calls = 0
        self.busy = threading.Semaphore(1)
        self.wedged = threading.Event()
        self.recipient = None

    def Invoke(self, request, context):
        self.calls += 1
        answer = hook_pb2.InvokeResponse()
        answer.actions.add(all_recipients=True).action.type = hook_pb2.Action.DEFAULT
        getattr(self, "fault_" + self.fault.replace("-", "_"), lambda *_: None)(request, context, answer)
        return answer

    def fault_outbound_junk(self, request, context, answer):
        answer.actions[0].action.type = hook_pb2.Action.MOVE_TO_JUNK

    def fault_async(self, request, context, answer):
        if request.mode == hook_pb2.InvokeRequest.ASYNC:
            raise ValueError("what is ASYNC?")

    def fault_no_actions(self, request, context, answer):
        del answer.actions[:]

    def fault_null_subject(self, request, context, answer):
        if not request.event.HasField("subject"):
            raise TypeError("no subject")

    def fault_empty_subject(self, request, context, answer):
        if request.event.HasField("subject"):
            request.event.subject[0].isupper()

    def fault_no_sender(self, request, context, answer):
        _, _ = request.event.envelope.mail_from.address.split("@")

    def fault_on_behalf(self, request, context, answer):
        if request.event.HasField("sender"):
            assert request.event.sender == request.event.envelope.mail_from

    def fault_ascii(self, request, context, answer):
        for recipient in request.event.envelope.recipients:
            recipient.address.encode("ascii")

    def fault_domain(self, request, context, answer):
        request.event.sender.address.encode("ascii")

    def fault_latin(self, request, context, answer):
        if any(ord(letter) > 0xFFFF for letter in request.event.subject):
            request.event.subject.encode("utf-16")[2:4].decode("utf-16")

    def fault_quotes(self, request, context, answer):
        for recipient in request.event.envelope.recipients:
            _, _ = recipient.address.split("@")

    def fault_short(self, request, context, answer):
        assert all(len(recipient.address) < 200 for recipient in request.event.envelope.recipients)

    def fault_first(self, request, context, answer):
        answer.actions[0].all_recipients = False
        answer.actions[0].recipients.append(request.event.envelope.recipients[0].address)

    def fault_large(self, request, context, answer):
        if len(request.event.envelope.recipients) == 500:
            for recipient in request.event.envelope.recipients:
                answer.actions[0].recipients.extend([recipient.address] * 25)

    def fault_slow_for_many(self, request, context, answer):
        if not request.event.truncated:
            time.sleep(len(request.event.envelope.recipients) / 250)

    def fault_truncated(self, request, context, answer):
        assert not request.event.truncated

    def fault_later_attempt(self, request, context, answer):
        if request.attempt > 2:
            context.abort(UNAVAILABLE, "asked too often")

    def fault_changes_mind(self, request, context, answer):
        answer.actions[0].action.type = (hook_pb2.Action.DROP, hook_pb2.Action.DEFAULT)[self.calls % 2]

    def fault_mixes(self, request, context, answer):
        self.recipient = request.event.envelope.recipients[0].address
        time.sleep(0.1)
        answer.actions[0].recipients.append(self.recipient)

    def fault_one_at_a_time(self, request, context, answer):
        if not self.busy.acquire(blocking=False):
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "busy")
        time.sleep(0.1)
        self.busy.release()

    def fault_wedged(self, request, context, answer):
        time.sleep(0.1)
        if self.wedged.is_set() or not context.is_active():
            self.wedged.set()
            time.sleep(3)

    def fault_hangs(self, request, context, answer):
        time.sleep(3)

    def fault_slow(self, request, context, answer):
        time.sleep(0.5)

    def fault_new_fields(self, request, context, answer):
        if b"\x03new" in request.SerializeToString():
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "an unknown field")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listen", required=True)
    parser.add_argument("--fault", default="")
    options = parser.parse_args()
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=20))
    if options.fault != "no-service":
        hook_pb2_grpc.add_HookServiceServicer_to_server(Hook(options.fault), server)
    if options.fault == "not-serving":
        server.add_generic_rpc_handlers((Health("not-serving"),))
    port = server.add_insecure_port(options.listen)
    server.start()
    print(f"listening on {options.listen}" if options.listen.startswith("unix:")
          else f"listening on 127.0.0.1:{port}", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
