"""A former primary pushes no more: what still runs is found by its locks, and nobody else is."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

from hostsync_host import fence, layout

HOLDER = """
import fcntl, subprocess, sys, time
lock = open(sys.argv[1], "a")
if sys.argv[2] == "lock":
    fcntl.flock(lock, fcntl.LOCK_EX)
child = subprocess.Popen(["sleep", "100"])
print(child.pid, flush=True)
time.sleep(100)
"""


class FenceTest(unittest.TestCase):
    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        patched = mock.patch.object(layout, "STATE", os.fsencode(os.path.realpath(temporary.name)))
        patched.start()
        self.addCleanup(patched.stop)
        os.makedirs(layout.locks("web"))

    def start(self, how: str, group: str = "web") -> set[int]:
        """A process that has a file of ours open, and its child."""
        os.makedirs(layout.locks(group), exist_ok=True)
        path = os.fsdecode(layout.locks(group)) + "/s-1"
        process = subprocess.Popen([sys.executable, "-c", HOLDER, path, how], stdout=subprocess.PIPE)
        assert process.stdout is not None
        child = int(process.stdout.readline())
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(os.kill, child, 9)
        self.addCleanup(process.kill)
        return {process.pid, child}

    def test_who_holds_a_lock_is_found_with_all_that_it_started(self) -> None:
        pushing = self.start("lock")
        self.assertEqual(fence.find_pushes("web"), pushing)

    def test_who_looks_around_is_not_and_another_group_neither(self) -> None:
        self.start("look")
        self.start("lock", "other")
        self.assertEqual(fence.find_pushes("web"), set())


if __name__ == "__main__":
    unittest.main()
