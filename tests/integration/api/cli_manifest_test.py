#!/usr/bin/env python3
"""Runs `penstock apply`, `diff` and `export` against the admin services.
"""
import json
import pathlib
import unittest

from cli_harness import DATA, Daemon, main

SHAPES = ("table", "yaml", "json")


class RulesAsCode(unittest.TestCase):
    def apply(self, daemon, manifest, *options):
        done = daemon.run("apply", "-f", "-", *options, stdin=manifest)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def test_what_is_exported_changes_nothing_when_it_is_applied(self):
        first = pathlib.Path(DATA, "input/manifest_first.yaml").read_text(encoding="utf-8")
        with Daemon() as daemon:
            self.apply(daemon, first)
            for form in SHAPES:
                with self.subTest(form):
                    exported = daemon.run("export", "--output", form)
                    self.assertEqual((exported.returncode, exported.stderr), (0, ""))
                    compared = daemon.run("diff", "-f", "-", stdin=exported.stdout)
                    self.assertEqual((compared.returncode, compared.stdout), (0, "no difference\n"))
            self.apply(daemon, exported.stdout)
            listed = json.loads(daemon.run("change", "list", "--output", "json").stdout)
            self.assertEqual(len(listed["changes"]), 6)

    def test_an_etag_of_diff_lets_one_of_two_apply(self):
        first = pathlib.Path(DATA, "input/manifest_first.yaml").read_text(encoding="utf-8")
        with Daemon() as daemon:
            compared = daemon.run("diff", "-f", "-", "--output", "json", stdin=first)
            self.assertEqual(compared.returncode, 4)
            etag = json.loads(compared.stdout)["etag"]
            self.apply(daemon, first, "--etag", etag)
            late = daemon.run("apply", "-f", "-", "--etag", etag, stdin="organizations: [{name: default}]")
            self.assertEqual(late.returncode, 1)
            self.assertIn("somebody else has changed it", late.stderr)
            self.assertEqual(daemon.run("diff", "-f", "-", stdin=first).returncode, 0)

    def test_ten_thousand_rules(self):
        rules = "\n".join(
            f"- {{name: r{i}, direction: inbound, sender_patterns: [s{i}.example], recipient_patterns: ['*'], "
            f"verdict: {{action: drop}}}}" for i in range(10_000))
        manifest = f"organizations: [{{name: default}}]\nrules:\n{rules}\n"
        with Daemon() as daemon:
            applied = self.apply(daemon, manifest)
            self.assertIn("read 10000 rules; applying them", applied.stderr)
            self.assertIn("10000 created, 0 updated, 0 removed", applied.stdout)
            self.assertIn("nothing to change", self.apply(daemon, manifest).stdout)
            linted = daemon.run("rule", "lint", "--output", "json")
            self.assertEqual(linted.returncode, 4)
            self.assertEqual([one["kind"] for one in json.loads(linted.stdout)["findings"]],
                             ["ORGANIZATION_QUOTA"])
            self.assertEqual(daemon.run("apply", "-f", "-", "--compat", stdin=manifest).returncode, 1)


if __name__ == "__main__":
    main()
