"""Who watches: one command at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import unittest.mock
from typing import List

from hostsync_host.watch import lease

HOLDER = """
import subprocess, sys, time
sys.path.insert(0, sys.argv[1])
from hostsync_host.watch import lease
post = lease.Post(sys.argv[2].encode(), int(sys.argv[3]))
post.take()
print("holds", flush=True)
if sys.argv[4] == "hang":
    print(subprocess.Popen(["sleep", "1000"]).pid, flush=True)
    time.sleep(1000)
if sys.argv[4] == "work":
    with post.at_work():
        time.sleep(4)
while not post.has_successor():
    time.sleep(0.01)
post.leave(lease.Handover("boot", "scope", 1.0, [[0, "d", ["n"], False]]))
"""


def _runs(process: int) -> bool:
    try:
        with open(f"/proc/{process}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class LeaseTest(unittest.TestCase):
    def setUp(self) -> None:
        self.place = tempfile.mkdtemp()
        self.children: List[subprocess.Popen[bytes]] = []

    def tearDown(self) -> None:
        for child in self.children:
            child.kill()
            child.wait()
            if child.stdout is not None:
                child.stdout.close()
        subprocess.run(["rm", "-rf", self.place], check=True)

    def hold(self, tick: int, how: str) -> subprocess.Popen[bytes]:
        host = os.path.dirname(os.path.dirname(os.path.dirname(lease.__file__)))
        words = [sys.executable, "-I", "-c", HOLDER, host, self.place, str(tick), how]
        child = subprocess.Popen(words, stdout=subprocess.PIPE)
        self.children.append(child)
        assert child.stdout is not None
        self.assertEqual(child.stdout.readline(), b"holds\n")
        return child

    def post(self, tick: int) -> lease.Post:
        return lease.Post(self.place.encode(), tick)

    def test_what_is_pending_goes_to_the_successor(self) -> None:
        self.hold(1, "answer")
        left = self.post(2).take()
        assert left is not None
        self.assertEqual(left.pending, [[0, "d", ["n"], False]])

    def test_one_whose_memory_was_removed_holds_nothing_any_more(self) -> None:
        post = self.post(1)
        post.take()
        self.assertFalse(post.is_lost())
        subprocess.run(["rm", "-rf", self.place], check=True)
        self.assertTrue(post.is_lost())
        other = self.post(2)
        other.take()
        self.assertTrue(post.is_lost())
        self.assertFalse(other.is_lost())

    def test_a_tick_that_comes_late_or_twice_ends_nothing(self) -> None:
        child = self.hold(7, "answer")
        for tick in (6, 7):
            with self.assertRaises(lease.SupersededError):
                self.post(tick).take()
        self.assertIsNone(child.poll())

    def test_one_that_does_not_answer_is_ended_and_the_chain_is_broken(self) -> None:
        for frozen in (False, True):
            child = self.hold(1, "hang")
            assert child.stdout is not None
            connection = int(child.stdout.readline())
            if frozen:
                child.send_signal(signal.SIGSTOP)
            post = self.post(2)
            self.assertIsNone(post.take(patience=0.3))
            self.assertEqual(child.wait(), -signal.SIGKILL)
            # it would keep the lock of a secondary
            end = time.monotonic() + 30
            while _runs(connection) and time.monotonic() < end:
                time.sleep(0.01)
            self.assertFalse(_runs(connection))
            post.leave(None)

    def test_one_that_walks_is_waited_for(self) -> None:
        child = self.hold(1, "work")
        self.assertIsNotNone(self.post(2).take(patience=2.5))
        self.assertEqual(child.wait(), 0)

    def test_one_waits_and_no_third(self) -> None:
        self.hold(1, "hang")
        waits = threading.Thread(target=lambda: self.post(2).take(patience=3.0))
        waits.start()
        while not self.post(3).has_successor():
            time.sleep(0.01)
        with self.assertRaises(lease.SupersededError):
            self.post(3).take()
        waits.join()

    def test_a_handover_to_one_that_was_killed_is_worth_nothing_to_the_next(self) -> None:
        post = self.post(1)
        post.take()
        with open(f"{self.place}/successor", "w", encoding="ascii") as file:
            file.write(f"{os.getpid()} 1")
        self.assertFalse(post.has_successor())
        post.leave(lease.Handover("boot", "scope", 1.0))
        self.assertIsNone(self.post(2).take())

    def test_a_failure_and_its_end_may_be_told_at_once_and_no_more_for_ten_minutes(self) -> None:
        at = 1000.0
        with unittest.mock.patch.object(lease, "now", lambda: at):
            self.assertTrue(self.post(1).may_end_early())
            self.post(1).note_early()
            at += 1
            self.assertTrue(self.post(2).may_end_early())
            self.post(2).note_early()
            self.assertFalse(self.post(3).may_end_early())
            at += lease.EARLY_SPAN - 2
            self.assertFalse(self.post(4).may_end_early())
            at += 1
            self.assertTrue(self.post(5).may_end_early())
            self.post(5).note_early()
            self.assertFalse(self.post(6).may_end_early())
            at = 5.0  # booted
            self.assertTrue(self.post(7).may_end_early())
        with open(f"{self.place}/early", "wb") as file:
            file.write(b"\xff damaged")
        self.assertTrue(self.post(8).may_end_early())


if __name__ == "__main__":
    unittest.main()
