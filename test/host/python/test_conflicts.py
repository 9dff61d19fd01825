"""What differs from the primary's own files is kept where no web server serves it."""

from __future__ import annotations

import os
import stat
import tempfile
import unittest
from typing import Optional
from unittest import mock

from hostsync_host import layout
from hostsync_host.conflicts import Conflicts

WHEN = "20261122T185325Z"
DIRECTORY = b"/srv/uploads"


class ConflictsTest(unittest.TestCase):
    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        state = os.fsencode(temporary.name)
        patched = mock.patch.object(layout, "STATE", state)
        patched.start()
        self.addCleanup(patched.stop)
        self.rescued = state + b"/rescued"
        os.mkdir(self.rescued)
        self.stage = state + b"/stage"
        os.mkdir(self.stage)

    def stage_file(self, name: bytes, text: bytes) -> None:
        path = self.stage + b"/" + name
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(text)
        os.chmod(path, 0o644)
        os.utime(path, (5, 5))

    def keep(self, conflicts: Conflicts, name: bytes) -> Optional[bytes]:
        stage = os.open(self.stage, os.O_RDONLY)
        try:
            return conflicts.keep(stage, name, DIRECTORY)
        finally:
            os.close(stage)

    def test_it_is_kept_under_its_whole_path_for_root_alone(self) -> None:
        self.stage_file(b"d/config.php", b"secret")
        conflicts = Conflicts("i-0abc", WHEN)
        path = self.keep(conflicts, b"d/config.php")
        self.assertEqual(path, self.rescued + b"/20261122T185325Z-i-0abc/srv/uploads/d/config.php")
        assert path is not None
        status = os.stat(path)
        self.assertEqual((stat.S_IMODE(status.st_mode), status.st_mtime), (0o600, 5))
        self.assertEqual(stat.S_IMODE(os.stat(conflicts.path).st_mode), 0o700)
        self.assertEqual(os.listdir(os.path.dirname(path)), [b"config.php"])

    def test_the_same_is_kept_once_and_another_version_beside_it_in_a_directory_of_its_own(self) -> None:
        self.stage_file(b"a", b"one")
        first = self.keep(Conflicts("i-0abc", WHEN), b"a")
        self.assertIsNone(self.keep(Conflicts("i-0abc", WHEN), b"a"))
        self.stage_file(b"a", b"two")
        # in the same second
        second = self.keep(Conflicts("i-0abc", WHEN), b"a")
        self.assertEqual(second, self.rescued + b"/20261122T185325Z.2-i-0abc/srv/uploads/a")
        # what came from another host is another thing
        self.assertIsNotNone(self.keep(Conflicts("abc", WHEN), b"a"))
        assert first is not None
        with open(first, "rb") as file:
            self.assertEqual(file.read(), b"one")

    def test_a_link_is_kept_with_its_target(self) -> None:
        os.symlink(b"/rsyncd-munged/../x", self.stage + b"/link")
        path = self.keep(Conflicts("i-0abc", WHEN), b"link")
        assert path is not None
        self.assertEqual(os.readlink(path), b"../x")
        self.assertIsNone(self.keep(Conflicts("i-0abc", WHEN), b"link"))

    def test_a_run_without_any_leaves_no_directory(self) -> None:
        conflicts = Conflicts("i-0abc", WHEN)
        conflicts.close()
        self.assertEqual((conflicts.path, os.listdir(self.rescued)), (b"", []))


if __name__ == "__main__":
    unittest.main()
