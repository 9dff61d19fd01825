"""What is done for a secondary, and why: one row for each thing that can be known of it."""

from __future__ import annotations

import unittest
from typing import Any

from hostsync_host.plan import Knowledge, Situation, Task, doubt, is_due, plan, retry_after

SAME: dict[str, Any] = {"received": "a", "newest": "a"}
OLDER: dict[str, Any] = {"received": "a", "newest": "b"}
KNOWN: dict[str, Any] = {
    "known": True,
    "target": "t",
    "target_now": "t",
    "broken_off": False,
    "boot": "b",
    "boot_now": "b",
    "began": 1,
    "began_now": 2,
}


class Plans(unittest.TestCase):
    def test_table(self) -> None:
        table: list[tuple[dict[str, Any], Task, str]] = [
            ({**SAME}, Task.NOTHING, "it has all of it"),
            ({**OLDER}, Task.LISTS, "it lacks changes"),
            ({**SAME, "leftovers": True}, Task.LISTS, "some names did not arrive"),
            ({**SAME, "leftovers": True, "waiting": True}, Task.WAIT, "single names are in the way over there"),
            ({**OLDER, "leftovers": True, "waiting": True}, Task.LISTS, "it lacks changes"),
            ({**SAME, "leftovers": True, "only_held": True}, Task.NOTHING, "all that differs is held"),
            ({"received": None, "newest": "a"}, Task.EVERYTHING, "nothing is known of what it has"),
            ({"received": None, "newest": "a", "doubt": "why"}, Task.EVERYTHING, "why"),
            ({**OLDER, "damaged": True}, Task.EVERYTHING, "the manifest of what it has is damaged"),
            ({**OLDER, "unsure": "why"}, Task.EVERYTHING, "why"),
            ({**SAME, "same_owner": False}, Task.EVERYTHING, "the directory has another owner"),
            ({**OLDER, "same_owner": False}, Task.LISTS_AND_EVERYTHING, "the directory has another owner"),
            ({**SAME, "doubt": "why"}, Task.EVERYTHING, "why"),
            ({**OLDER, "doubt": "why"}, Task.LISTS_AND_EVERYTHING, "why"),
            ({**SAME, "due": True}, Task.EVERYTHING, "it is time to compare everything"),
            ({**OLDER, "due": True}, Task.LISTS_AND_EVERYTHING, "it is time to compare everything"),
            ({**SAME, "due": True, "doubt": "why"}, Task.EVERYTHING, "why"),
        ]
        for given, task, reason in table:
            with self.subTest(given=given):
                made = plan(Situation(**given))
                self.assertEqual((made.task, made.reason), (task, reason))

    def test_content_is_read_where_more_was_known_than_is(self) -> None:
        nothing = {"received": None, "newest": "a"}
        lost = ({**OLDER, "damaged": True}, {**SAME, "unsure": "why"}, {**nothing, "forgotten": True})
        for given in lost:
            with self.subTest(given=given):
                self.assertTrue(plan(Situation(**given)).content)
        for given in (SAME, OLDER, nothing, {**OLDER, "doubt": "why"}, {**SAME, "due": True}):
            with self.subTest(given=given):
                self.assertFalse(plan(Situation(**given)).content)

    def test_doubts(self) -> None:
        table: list[tuple[dict[str, Any], str]] = [
            ({}, ""),
            ({"known": False}, "nothing is known of it"),
            ({"target_now": "u"}, "its key or address, the epoch or the excludes changed"),
            ({"broken_off": True}, "an earlier push to it broke off"),
            ({"boot_now": "c"}, "this host was booted"),
            ({"began": 3}, "the clock was set back"),
            ({"first": True, "known": False}, "it is a newcomer"),
        ]
        for changes, words in table:
            with self.subTest(changes=changes):
                self.assertEqual(doubt(Knowledge(**{**KNOWN, **changes})), words)

    def test_verification_comes_once_a_period_for_each_at_a_moment_of_its_own(self) -> None:
        moments = set()
        for secondary in ("i-0123456789abcdef0", "i-0aaaaaaaaaaaaaaaa", "web-3"):
            due = [now for now in range(86_400, 2 * 86_400, 60) if is_due(secondary, now - 60, now, 86_400)]
            self.assertEqual(len(due), 1)
            moments.add(due[0])
        self.assertEqual(len(moments), 3)
        self.assertFalse(is_due("i-1", 0, 10**9, 0))

    def test_names_in_the_way_are_tried_again_at_once_and_then_less_and_less(self) -> None:
        self.assertEqual([retry_after(tries) for tries in (1, 9, 10, 11, 30)], [0, 0, 60, 120, 3600])


if __name__ == "__main__":
    unittest.main()
