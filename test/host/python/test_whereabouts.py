"""What may have been elsewhere while rsync looked is sent again; what was not must never be, or lists grow for ever."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import unittest
from typing import Iterable, List, Optional

from hostsync_host.whereabouts import Whereabouts, in_doubt


class WhereaboutsTest(unittest.TestCase):
    def setUp(self) -> None:
        self.top = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.top)
        for name in ("busy/quiet", "busy/other", "still/deep/er"):
            os.makedirs(os.path.join(self.top, name))
        self.root = os.open(self.top, os.O_RDONLY | os.O_DIRECTORY)
        self.addCleanup(os.close, self.root)
        # the kernel's clock for files has a coarse tick
        time.sleep(0.05)
        self.since = time.time_ns()
        time.sleep(0.05)

    def path(self, name: str) -> str:
        return os.path.join(self.top, name)

    def put(self, name: str) -> None:
        with open(self.path(name), "w", encoding="ascii"):
            pass

    def move_and_back(self, name: str) -> None:
        os.rename(self.path(name), self.path("busy/away"))
        os.rename(self.path("busy/away"), self.path(name))

    def moved(self, *directories: bytes) -> List[bool]:
        whereabouts = Whereabouts(self.root, self.since)
        return [whereabouts.may_have_moved(directory) for directory in directories]

    def test_files_that_come_into_a_directory_do_not_move_it(self) -> None:
        self.put("busy/quiet/new")
        self.put("still/deep/new")
        self.put("new")
        self.assertEqual(self.moved(b"", b"busy/quiet", b"busy", b"still/deep", b"still/deep/er"), [False] * 5)

    def test_a_directory_that_was_away_and_is_back(self) -> None:
        self.move_and_back("busy/quiet")
        self.assertEqual(self.moved(b"busy/quiet", b"busy", b"busy/other"), [True, False, False])
        self.move_and_back("still")
        self.assertEqual(self.moved(b"still", b"still/deep", b"still/deep/er"), [True, True, True])

    def test_what_is_gone_is_in_doubt(self) -> None:
        shutil.rmtree(self.path("still/deep"))
        self.assertEqual(self.moved(b"still/deep", b"still/deep/er"), [True, True])

    def test_names_that_are_known_to_have_changed_decide_where_times_do_not(self) -> None:
        self.put("busy/new")
        self.put("new")
        paths = [b"busy/new", b"busy/quiet/a", b"still/b", b"new"]

        def doubts(late: Optional[Iterable[bytes]]) -> List[bytes]:
            return in_doubt(paths, Whereabouts(self.root, self.since), lambda: late)

        self.assertEqual(doubts(None), [b"busy/new", b"busy/quiet/a"])
        self.assertEqual(doubts([b"busy/new", b"new"]), [])
        self.assertEqual(doubts([b"busy/quiet"]), [b"busy/quiet/a"])
        self.assertEqual(doubts([b"busy"]), [b"busy/new", b"busy/quiet/a"])

    def test_nobody_is_asked_where_times_tell(self) -> None:
        def ask() -> Iterable[bytes]:
            raise AssertionError("asked")

        self.assertEqual(in_doubt([b"still/b"], Whereabouts(self.root, self.since), ask), [])


if __name__ == "__main__":
    unittest.main()
