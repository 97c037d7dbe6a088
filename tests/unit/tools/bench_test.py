import contextlib
import io
import os
import pathlib
import tempfile
import time
import unittest
from unittest import mock

import planted

bench = planted.load("bench")


def run(name, nanoseconds, **counters):
    return {"name": name, "run_name": name, "run_type": "iteration", "cpu_time": nanoseconds,
            "real_time": 2 * nanoseconds, "time_unit": "ns", "iterations": 9, "repetitions": 3,
            "repetition_index": 0, "threads": 1, "family_index": 0, "per_family_instance_index": 0, **counters}


class Medians(unittest.TestCase):
    def test_the_median_of_the_repetitions_counts(self):
        report = {"benchmarks": [run("Ours/a", 1), run("Ours/a", 100, octets=5), run("Ours/a", 3),
                                 {**run("Ours/a", 50), "run_type": "aggregate"}]}
        self.assertEqual(bench.medians(report), {"Ours/a": {None: 3, "octets": 5}})

    def test_real_time_where_the_name_says_so(self):
        self.assertEqual(bench.medians({"benchmarks": [run("Ours/a/real_time", 7)]}), {"Ours/a": {None: 14}})


class Rows(unittest.TestCase):
    FOUND = {"Ours/a/1": {None: 100.0, "octets": 30.0}, "Rival/a/1": {None: 1500.0}, "Limit/a/1": {None: 50.0}}

    def rows(self, *goals):
        goals = [{"bench": "x", "row": "a/1", "why": "", **goal} for goal in goals]
        return bench.rows_of("x", self.FOUND, goals)

    def met(self, **goal):
        return [row["met"] for row in self.rows(goal) if row["goal"]]

    def test_rival_and_limit_stand_beside_ours(self):
        rows = self.rows()
        self.assertEqual([(r["other"], r["ratio"]) for r in rows], [("rival 1.5 us", "15 x"), ("limit 50 ns", "2 x")])

    def test_goals_are_judged(self):
        self.assertEqual(self.met(ratio_at_least=15), ["yes"])
        self.assertEqual(self.met(ratio_at_least=15.1), ["NO"])
        self.assertEqual(self.met(ratio_at_most=2), ["yes"])
        self.assertEqual(self.met(ratio_at_most=1.9), ["NO"])
        self.assertEqual(self.met(at_most="0.1us"), ["yes"])
        self.assertEqual(self.met(at_most="99ns"), ["NO"])
        self.assertEqual(self.met(counter="octets", at_most=30), ["yes"])
        self.assertEqual(self.met(counter="octets", at_most=29), ["NO"])

    def test_a_goal_that_nothing_measures_is_not_met(self):
        self.assertEqual(self.met(row="gone", at_most="1s"), ["not measured"])
        self.assertEqual(self.met(counter="gone", at_most=1), ["not measured"])

    def test_the_goals_of_the_house_can_be_read(self):
        goals = bench.load_goals(planted.ROOT / "tests" / "bench" / "goals.json")
        for goal in goals:
            self.assertIn(goal["bench"], bench.names())
            bench.judge(goal, {}, None)


# A benchmark that aborts beside Exim, with a child that would stay.
PROGRAM = """#!/bin/sh
echo 'exim: 1024 octets, 10 sessions'
case $PENSTOCK_RELAY_SERVERS in *exim*) sleep 600 & echo $! > "$FOLDER/child"; kill -ABRT $$;; esac
echo "{\\"servers\\": \\"$PENSTOCK_RELAY_SERVERS\\"}" > "${1#--benchmark_out=}"
"""


def lives(process):
    try:
        return pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Servers(unittest.TestCase):
    def failing(self, *begun):
        log = "".join(f"{name}: 1024 octets, 10 sessions\n" for name in begun)
        return bench.failing_server(log + "3 of 20 messages are lost\n", "postfix=4711 exim=4712")

    def test_the_one_that_was_measured_last_has_failed(self):
        self.assertEqual(self.failing("ours", "postfix", "exim"), "exim")

    def test_what_fails_at_us_or_without_a_server_ends_the_run(self):
        self.assertEqual(self.failing("exim", "ours"), "")
        self.assertEqual(self.failing("exim", "bare"), "")
        self.assertEqual(self.failing(), "")

    def test_a_run_is_repeated_without_what_has_failed_and_leaves_no_child(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            (folder / "build/release").mkdir(parents=True)
            program = folder / "relay_bench"
            program.write_text(PROGRAM)
            program.chmod(0o755)

            @contextlib.contextmanager
            def environment_of(_, without):
                servers = " ".join({"exim=4711", "haraka=4712"} - {f"{one}=4711" for one in without})
                yield {**os.environ, "PENSTOCK_RELAY_SERVERS": servers, "FOLDER": name}

            with mock.patch.multiple(bench, ROOT=folder, program_of=lambda _: program, environment_of=environment_of), \
                    contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as told:
                report, failed = bench.measure("relay", mock.Mock(repetitions=3, filter=""))
            self.assertEqual((report, failed), ({"servers": "haraka=4712"}, {"exim"}))
            self.assertIn("exim failed; again without it", told.getvalue())
            child = int((folder / "child").read_text())
            end = time.monotonic() + 60
            while lives(child):
                self.assertLess(time.monotonic(), end)
                time.sleep(0.01)


if __name__ == "__main__":
    unittest.main()
