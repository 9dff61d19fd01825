"""What a command that was killed alone has left running."""

from __future__ import annotations

import signal
import subprocess
import sys
import unittest
from typing import List

from hostsync_host import processes

PLACE = b"/var/lib/hostsync/run/push.test"


class EndIdleTest(unittest.TestCase):
    def setUp(self) -> None:
        self.started: List[subprocess.Popen[bytes]] = []
        self.addCleanup(self.end)

    def end(self) -> None:
        for process in self.started:
            process.kill()
            process.wait()

    def start(self, name: str, place: bytes = PLACE) -> subprocess.Popen[bytes]:
        words = [name, "-c", "print(flush=True); import time; time.sleep(1000)", place.decode() + "/a"]
        process = subprocess.Popen(words, executable=sys.executable, stdout=subprocess.PIPE)
        assert process.stdout is not None
        self.addCleanup(process.stdout.close)
        # it has its own command line from now on
        process.stdout.readline()
        self.started.append(process)
        return process

    def test_connections_that_nobody_uses_are_ended_and_those_of_others_not(self) -> None:
        idle, other = self.start("ssh"), self.start("ssh", PLACE + b"2")
        processes.end_idle(PLACE)
        self.assertEqual(idle.wait(timeout=60), -signal.SIGKILL)
        self.assertIsNone(other.poll())

    def test_while_rsync_goes_over_them_all_stay_for_the_other_host_still_writes(self) -> None:
        both = [self.start("ssh"), self.start("rsync")]
        processes.end_idle(PLACE)
        self.assertEqual([process.poll() for process in both], [None, None])


if __name__ == "__main__":
    unittest.main()
