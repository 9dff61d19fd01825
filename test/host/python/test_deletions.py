"""Which deletions are held: a wrong answer loses files, or holds up a site for good."""

from __future__ import annotations

import unittest
from typing import Any, Sequence

from hostsync_host.deletions import Accepted, Batch, Decision, Limits, Observation, Sample, decide, excess, sampled

USUAL = Limits(20, 10_000)
NOW = 1_000_000.0


def seen(gone: int, before: int = 1000, now: int = 0, **more: Any) -> Observation:
    more.setdefault("module", "m")
    return Observation(path="/srv/a", before=before, now=now or before - gone, gone=gone, id="new", **more)


def batch(identity: str, count: int, module: str = "m", limits: Limits = USUAL) -> Batch:
    return Batch(identity, module, count, "1 of 2 entries, more than max-delete-share, 20 %", limits, NOW - 60)


def judge(observations: Sequence[Observation], batches: Sequence[Batch] = (), **more: Any) -> Decision:
    given: dict[str, Any] = {"limits": USUAL, "accept": None, "accepted": (), "unpushable": (), "now": NOW, **more}
    return decide(observations, batches, **given)


class WhatIsHeld(unittest.TestCase):
    def test_limits(self) -> None:
        table = [
            (0, 100, ""),
            (20, 20, ""),
            (21, 1000, ""),
            (21, 100, "21 of 100 entries of x, more than max-delete-share, 20 %"),
            (200, 1000, ""),
            (201, 1000, "201 of 1000 entries of x, more than max-delete-share, 20 %"),
            (10_001, 10**9, "10001 entries, more than max-delete-count, 10000"),
        ]
        for count, total, reason in table:
            self.assertEqual(excess(count, total, "x", USUAL), reason)
        self.assertEqual(excess(1, 9, "x", Limits(20, 0)), "1 entries, more than max-delete-count, 0")

    def test_few_go_through(self) -> None:
        decision = judge([seen(200)])
        self.assertEqual((decision.held, decision.added), ([], {}))

    def test_causes(self) -> None:
        table = [
            (seen(201), "more than max-delete-share"),
            (Observation("m", "/srv/a", 5, 0, 5, "new"), "nothing is left in /srv/a"),
            (seen(1, other_volume=True), "/srv/a is on another file system than before"),
            (seen(1, lost_mounts=("/srv/a/2019",)), "mounted at /srv/a/2019 is not there any more"),
        ]
        for observation, words in table:
            self.assertIn(words, judge([observation]).held[0].reason)

    def test_a_little_each_time_is_held_when_it_is_much_of_an_hour_or_a_day(self) -> None:
        for age, period in ((600, "an hour"), (7200, "a day")):
            samples = (Sample(NOW - age, 1000),)
            decision = judge([seen(100, before=850, samples=samples)])
            self.assertIn(f"250 of 1000 entries of /srv/a within {period}", decision.held[0].reason)
        self.assertEqual(judge([seen(100, before=850, samples=(Sample(NOW - 90_000, 1000),))]).held, [])

    def test_files_that_come_and_go_are_no_loss(self) -> None:
        samples = (Sample(NOW - 600, 1000),)
        self.assertEqual(judge([seen(150, before=1000, now=1000, samples=samples)]).held, [])

    def test_trouble_in_one_directory_holds_the_others_each_with_an_id_of_its_own(self) -> None:
        other = Observation("n", "/srv/b", 100, 99, 1, "other")
        decision = judge([seen(500), other])
        self.assertEqual([(one.module, one.id) for one in decision.held], [("m", "new"), ("n", "other")])
        self.assertEqual(decision.held[1].reason, decision.held[0].reason)

    def test_a_directory_that_went_away_holds_what_goes_elsewhere(self) -> None:
        decision = judge([seen(1)], unpushable=["/srv/b"])
        self.assertEqual(decision.held[0].reason, "/srv/b was there and cannot be pushed now")
        self.assertEqual(judge([], unpushable=["/srv/b"]).held, [])


class WhatStaysHeld(unittest.TestCase):
    def test_until_it_is_accepted_or_back(self) -> None:
        self.assertEqual([one.id for one in judge([seen(0)], [batch("a", 500)]).held], ["a"])
        self.assertEqual(judge([seen(0)], [batch("a", 0)]).held, [])

    def test_what_goes_meanwhile_joins_it(self) -> None:
        decision = judge([seen(1, before=10)], [batch("a", 500)])
        self.assertEqual([one.id for one in decision.held], ["a", "new"])

    def test_accepting_covers_what_the_id_was_shown_for_and_what_was_held_before(self) -> None:
        held = [batch("a", 300), batch("b", 2), batch("c", 500)]
        decision = judge([seen(0)], held, accept="b")
        self.assertEqual([one.id for one in decision.held], ["c"])
        self.assertEqual([one.id for one in decision.released], ["a", "b"])
        assert decision.answer is not None and decision.accepted is not None
        self.assertEqual((decision.answer.count, decision.accepted.count), (302, 302))

    def test_what_was_held_only_beside_it_goes_through_with_it(self) -> None:
        self.assertEqual(judge([seen(1)], [batch("a", 300), batch("b", 2), batch("c", 5)], accept="a").held, [])

    def test_accepting_one_directory_releases_no_other(self) -> None:
        decision = judge([seen(0)], [batch("a", 300, "other"), batch("b", 300)], accept="b")
        self.assertEqual([one.id for one in decision.held], ["a"])

    def test_after_that_the_rest_is_judged_by_itself(self) -> None:
        decision = judge([seen(3, before=700)], [batch("a", 300)], accept="a")
        self.assertEqual(decision.held, [])

    def test_an_id_that_was_accepted_is_answered_again_and_does_nothing(self) -> None:
        decision = judge([seen(500)], accept="old", accepted=[Accepted("old", 7, NOW - 60)])
        assert decision.answer is not None
        self.assertEqual((decision.answer.count, len(decision.held)), (7, 1))
        self.assertIn("before", decision.answer.message)

    def test_limits_that_were_raised_are_the_operators_word(self) -> None:
        held = [batch("a", 1, limits=Limits(20, 0))]
        held[0] = Batch("a", "m", 1, "1 entries, more than max-delete-count, 0", Limits(20, 0), NOW)
        self.assertEqual(judge([seen(0)], held).held, [])
        self.assertEqual(len(judge([seen(0)], held, limits=Limits(20, 0)).held), 1)
        missing = [Batch("a", "m", 1, "/srv/b was there and cannot be pushed now", Limits(20, 0), NOW)]
        self.assertEqual(len(judge([seen(0)], missing).held), 1)


class Samples(unittest.TestCase):
    def test_one_in_five_minutes_for_a_day(self) -> None:
        samples = sampled((), 5, NOW)
        samples = sampled(samples, 6, NOW + 60)
        self.assertEqual(samples, (Sample(NOW, 5),))
        samples = sampled(samples, 7, NOW + 300)
        self.assertEqual([sample.entries for sample in samples], [5, 7])
        self.assertEqual([sample.entries for sample in sampled(samples, 8, NOW + 86_500)], [7, 8])


if __name__ == "__main__":
    unittest.main()
