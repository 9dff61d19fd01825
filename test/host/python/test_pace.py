"""How often a watch pushes: one costly cycle holds up nothing, many keep to the limit."""

from __future__ import annotations

import unittest
from typing import Iterator, List

from hostsync_host.watch.pace import LEAST, PAUSE, Pace


def pauses(costs: List[float], share: float = 0.25) -> Iterator[float]:
    pace = Pace(share)
    for cost in costs:
        yield pace.pause(cost)


class PaceTest(unittest.TestCase):
    def test_small_costs_are_a_part_of_the_time(self) -> None:
        self.assertEqual(list(pauses([0.2, 0.25, 0.2])), [0.8, 1.0, 0.8])

    def test_what_goes_on_and_on_is_sent_together(self) -> None:
        self.assertEqual(list(pauses([0.0, 0.1, 0.24, 0.1])), [LEAST, LEAST, 0.96, LEAST])
        self.assertEqual(list(pauses([0.0, 0.05], 0.05)), [LEAST, 1.0])
        # who allows more has more
        self.assertEqual(list(pauses([0.0, 0.5], 1.0)), [LEAST / 4, 0.5])

    def test_a_single_costly_cycle_holds_up_nothing(self) -> None:
        self.assertEqual(list(pauses([100.0, 0.2, 100.0, 0.2, 0.2, 100.0])), [PAUSE, 0.8, PAUSE, 0.8, 0.8, PAUSE])

    def test_one_after_the_other_they_keep_to_the_limit(self) -> None:
        for share in (0.05, 0.25, 1.0):
            found = list(pauses([10.0] * 200, share))
            self.assertLessEqual(max(found), 10 / share)
            self.assertGreater(sum(found[20:]), 0.99 * 180 * 10 / share)


if __name__ == "__main__":
    unittest.main()
