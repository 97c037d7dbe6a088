# SPDX-License-Identifier: Apache-2.0
"""The story of tools/quickstart. What it shows is read back: from `penstock … --output json`, the next
hop, and the Maildir. It starts the programs the way the end-to-end tests do (tests/e2e/harness.py)."""
import json
import pathlib
import signal
import sys
import tempfile
import textwrap
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/e2e"))
from harness import DOMAIN, PENSTOCK, SOURCE, Daemon, Hook  # noqa: E402
from next_hop import NextHop  # noqa: E402

MAIL = f"""\
From: Ada <ada@elsewhere.example>\r
To: Alice <alice@{DOMAIN}>, Closed <closed@{DOMAIN}>, noreply@{DOMAIN}, metrics@{DOMAIN}\r
Date: Sat, 21 Nov 2026 19:48:00 +0000\r
Subject: A mail through the whole house\r
Message-ID: <quickstart@elsewhere.example>\r
\r
Hello!\r
"""
RECIPIENTS = [f"{name}@{DOMAIN}" for name in ("alice", "closed", "noreply", "metrics")]
PATIENCE_SECONDS = 10  # how long the story waits for a mail that waits for its hook


def say(heading, text=""):
    print(f"\n== {heading}")
    if text:
        print(textwrap.indent(text.rstrip("\n"), "   "))


def run(daemon, *arguments):
    """Prints a command as a user would type it, and what it says."""
    print("   $ penstock " + " ".join(f"'{a}'" if a == "*" else a for a in arguments))
    output = daemon.penstock_ok(*arguments)
    if output:
        print(textwrap.indent(output.rstrip("\n"), "   "))


def set_up(daemon, hook):
    say("Setting up: who owns which domain, the hook, who may call it, and two rules")
    run(daemon, "org", "add-domain", "default", DOMAIN)
    run(daemon, "hook", "register", "decide", "--target", hook.target)
    run(daemon, "hook", "add-permission", "decide", "--statement-id", "all", "--principal", "default")
    run(daemon, "rule", "create", "ask", "--direction", "inbound", "--sender", "*", "--recipient", "*",
        "--hook", "decide", "--mode", "sync", "--fallback", "default", "--timeout", "5m")
    run(daemon, "rule", "create", "tell", "--direction", "inbound", "--sender", "*",
        "--recipient", f"metrics@{DOMAIN}", "--hook", "decide", "--mode", "async")


def wait_for_end(daemon, message):
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        shown = daemon.show(message)
        if shown["state"] == "CLOSED" or time.monotonic() > end:
            return shown
        time.sleep(0.2)


def tell_invocation(invocation):
    say(f"The event that hook \"{invocation['hook']}\" was sent", json.dumps(invocation["event"], indent=2, ensure_ascii=False))
    attempts = [f"attempt {one['number']} at {one['startTime']}, {one['duration']}: {one['code']}"
                + (f" ({one['error']})" if one["error"] else "") for one in invocation["attempts"]]
    say("The attempts to call it", "\n".join(attempts) or "none has ended yet")
    if invocation.get("answer"):
        say("What it answered", json.dumps(invocation["answer"]["actions"], indent=2, ensure_ascii=False))
    if invocation.get("nextAttemptTime"):
        say("It is asked again", f"at {invocation['nextAttemptTime']}; the rule's time is up at {invocation.get('deadline')}")


def tell_recipients(shown):
    lines = []
    for one in shown["recipients"]:
        verdict = (one.get("verdict") or {}).get("action", "undecided")
        added = ", added by the hook as BCC" if one["added"] else ""
        lines.append(f"{one['address']:<24} {verdict:<10} {one['state']:<10} by rule \"{one['flowRule']}\"{added}")
    say(f"Each recipient's outcome (the message is {shown['state']})", "\n".join(lines))


def tell_delivered(daemon, hop):
    files = sorted((daemon.folder / "mail").glob("*/new/*"))
    say("The delivered files", "\n".join(f"{file.parts[-3]}: {file}" for file in files) or "none yet")
    if files:
        say(f"One of them, for {files[0].parts[-3]}", files[0].read_text())
    for transaction in hop.transactions:
        say(f"The next hop got, from <{transaction.mail_from}> for {', '.join(transaction.recipients)}",
            transaction.data.decode("utf-8", "replace"))


def tell(daemon, hop, message):
    shown = wait_for_end(daemon, message)
    if shown["state"] == "CLOSED" and any(one["state"] == "BOUNCED" for one in shown["recipients"]):
        hop.wait(1)  # the bounce is a mail of its own and comes a moment later
    for invocation in shown["invocations"]:
        tell_invocation(invocation)
    tell_recipients(shown)
    tell_delivered(daemon, hop)
    say("The record")
    run(daemon, "message", "show", message)


def keep(daemon, hook):
    say("It stays up until Ctrl-C. Try, in another terminal:", f"""\
alias penstock='{PENSTOCK} --socket {daemon.socket}'
export PENSTOCK={SOURCE} SMTP=127.0.0.1:{daemon.ports['mx']}     # for hooks/README.md
penstock rule list --direction inbound
penstock message list
penstock status
swaks --server 127.0.0.1:{daemon.ports['mx']} --from you@elsewhere.example --to alice@{DOMAIN}
kill {hook.process.pid}        # the hook; send another mail, and see `penstock message show`
ls {daemon.folder}             # configuration, log, mail""")
    signal.sigwait([signal.SIGINT, signal.SIGTERM])


def main():
    options = sys.argv[1:]
    if "--keep" in options:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])
    with tempfile.TemporaryDirectory(prefix="penstock-quickstart-") as folder, NextHop() as hop:
        hook = Hook()
        daemon = Daemon(folder, hop.port, retry_first="1s")
        try:
            daemon.start()
            say("Started", f"penstockd, pid {daemon.process.pid}, SMTP on 127.0.0.1:{daemon.ports['mx']}\n"
                f"the hook examples/python_hook/hook.py, pid {hook.process.pid}, on {hook.target}\n"
                f"a next hop on 127.0.0.1:{hop.port}; everything is below {folder}")
            set_up(daemon, hook)
            if "--stop-hook" in options:
                hook.stop()
                say("The hook is stopped now")
            say("Sending, by SMTP", MAIL.replace("\r", ""))
            (message,) = daemon.send(RECIPIENTS, MAIL, sender="ada@elsewhere.example")
            print(f"   answered 250: it is on disk, as message {message}")
            tell(daemon, hop, message)
            if "--keep" in options:
                keep(daemon, hook)
        finally:
            daemon.stop()
            hook.stop()
    say("Stopped, and the temporary folder is gone", "tools/quickstart --keep leaves it running for you to try.")


if __name__ == "__main__":
    main()
