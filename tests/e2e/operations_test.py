# SPDX-License-Identifier: Apache-2.0
"""The daemon as an operator sees it: signals, metrics, health, logs."""
import json
import resource
import signal
import unittest

from harness import DOMAIN, PenstockTest, wait_until


class Operations(PenstockTest):
    def test_metrics_and_health(self):
        (message,) = self.daemon.send([f"alice@{DOMAIN}"])
        self.daemon.wait_closed(message)
        self.assertEqual(self.daemon.http("/healthz"), (200, "ok\n"))
        _, page = self.daemon.http("/metrics")
        self.assertIn('penstock_messages_accepted_total{direction="INBOUND",organization="default"} 1', page)
        self.assertIn('penstock_outcomes_total{action="DEFAULT",direction="INBOUND",organization="default"} 1', page)

    def test_sigterm_stops_cleanly_and_quickly(self):
        client = self.daemon.smtp()
        self.addCleanup(client.close)
        client.ehlo("idle.example")
        self.assertEqual(self.daemon.stop(), 0)
        self.assertIn("stopped drained=yes", self.daemon.log.read_text())
        self.assertTrue(client.file.readline().startswith(b"421 4.3.2"))

    def test_sighup_takes_on_a_new_configuration(self):
        (message,) = self.daemon.send([f"alice@{DOMAIN}"])
        self.daemon.wait_closed(message)
        config = self.daemon.config.read_text()
        self.daemon.config.write_text(config.replace("/mail/", "/moved/"))
        self.daemon.process.send_signal(signal.SIGHUP)
        wait_until("the reload", lambda: "reloaded" in self.daemon.log.read_text())
        (message,) = self.daemon.send([f"alice@{DOMAIN}"])
        self.daemon.wait_closed(message)
        self.assertEqual(len(list((self.daemon.folder / "moved/alice/new").iterdir())), 1)
        self.assertEqual(len(self.daemon.mail_of("alice")), 1)

    def test_sighup_with_a_bad_configuration_changes_nothing(self):
        self.daemon.config.write_text(self.daemon.config.read_text() + "nonsense: 1\n")
        self.daemon.process.send_signal(signal.SIGHUP)
        wait_until("the refusal", lambda: "reload_refused" in self.daemon.log.read_text())
        (message,) = self.daemon.send([f"alice@{DOMAIN}"])
        self.daemon.wait_closed(message)

    def test_idle_clients_do_not_use_up_the_descriptors_of_a_shell(self):
        self.daemon.stop()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
        self.daemon.start()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        idle = [self.daemon.smtp() for _ in range(90)]
        for client in idle:
            self.addCleanup(client.close)
        (message,) = self.daemon.send([f"alice@{DOMAIN}"])
        self.daemon.wait_closed(message)

    def test_one_line_a_decision_and_never_content(self):
        secret = "the content is nobody's business"
        (message,) = self.daemon.send([f"alice@{DOMAIN}"], f"From: a@b.example\r\nSubject: {secret}\r\n\r\n{secret}\r\n")
        self.daemon.wait_closed(message)
        log = self.daemon.log.read_text()
        lines = [one for one in log.splitlines() if " outcome " in one and message in one]
        self.assertEqual(len(lines), 1, log)
        self.assertNotIn(secret, log)


class JsonLog(PenstockTest):
    def test_json_lines(self):
        self.daemon.stop()
        self.daemon.config.write_text(self.daemon.config.read_text() + "log: {format: json}\n")
        self.daemon.log.write_text("")
        self.daemon.start()
        (message,) = self.daemon.send([f"alice@{DOMAIN}"])
        self.daemon.wait_closed(message)
        events = [json.loads(line) for line in self.daemon.log.read_text().splitlines()]
        self.assertIn(("outcome", message), [(one["event"], one.get("message")) for one in events])


if __name__ == "__main__":
    unittest.main()
