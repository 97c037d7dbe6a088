import unittest

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


if __name__ == "__main__":
    unittest.main()
