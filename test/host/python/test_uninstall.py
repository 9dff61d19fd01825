"""What uninstall is told. It takes everything, so it takes nothing that it was not told for certain."""

from __future__ import annotations

import unittest
from unittest import mock

from hostsync_host import epoch, uninstall
from hostsync_host.epoch import GroupState
from hostsync_host.errors import HostError


class Uninstall(unittest.TestCase):
    def test_arguments(self) -> None:
        for words, expected in (
            ([], (False, None)),
            (["--purge"], (True, None)),
            (["--group", "web"], (False, "web")),
            (["--group", "web", "--purge"], (True, "web")),
        ):
            self.assertEqual(uninstall.read_arguments(words), expected)
        for wrong in (["web"], ["--group"], ["--all"], ["--group", "web", "shop"]):
            with self.assertRaises(HostError):
                uninstall.read_arguments(wrong)

    def test_a_host_that_was_moved_to_another_group_stays_as_it_is(self) -> None:
        with mock.patch.object(epoch, "read_group", return_value=GroupState("shop", 1, "i-1")):
            uninstall.require_group(None)
            uninstall.require_group("shop")
            with self.assertRaises(HostError):
                uninstall.require_group("web")
        with mock.patch.object(epoch, "read_group", return_value=None):
            uninstall.require_group("web")


if __name__ == "__main__":
    unittest.main()
