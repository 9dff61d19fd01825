"""Directories that their owner may not write to (mode 0555): what root, or a way round the mode, changes there
arrives."""

from __future__ import annotations

import os
import shutil
import time
import unittest
import unittest.mock

from group import Group
from hostsync_host import deleting


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("rsync"), "needs root and rsync, as on a host")
class WriteProtected(unittest.TestCase):
    def setUp(self) -> None:
        self.group = Group(secondaries=2)
        self.addCleanup(self.group.close)
        self.root = self.group.directories[0]
        for name in ("d/shut/gone", "d/shut/stays", "d/shut/sub/x", "d/shut/swap/x", "other"):
            self.group.write(f"{self.root}/{name}")
        os.chmod(f"{self.root}/d/shut", 0o555)
        self.group.push()
        time.sleep(2.1)
        self.group.push()

    def arrives(self) -> None:
        found = self.group.push()
        self.assertEqual((found.code, found.modes), (0, ["changes", "changes"]), found.log)
        self.assertEqual([self.group.differences(number) for number in (1, 2)], [[], []])

    def test_a_file_goes(self) -> None:
        os.unlink(f"{self.root}/d/shut/gone")
        self.arrives()

    def test_a_directory_goes(self) -> None:
        shutil.rmtree(f"{self.root}/d/shut/sub")
        self.arrives()

    def test_something_becomes_something_else(self) -> None:
        shutil.rmtree(f"{self.root}/d/shut/swap")
        self.group.write(f"{self.root}/d/shut/swap")
        self.arrives()

    def test_something_comes(self) -> None:
        self.group.write(f"{self.root}/d/shut/new/file")
        self.arrives()

    def test_all_of_it_goes(self) -> None:
        shutil.rmtree(f"{self.root}/d/shut")
        self.arrives()

    def test_many_of_them_go(self) -> None:
        for name in ("one", "two", "three", "*", "end "):
            self.group.write(f"{self.root}/d/{name}/file")
            os.chmod(f"{self.root}/d/{name}", 0o555)
            self.group.write(f"{self.root}/d/{name}.stays")
        self.group.push()
        time.sleep(2.1)
        self.group.push()
        for name in ("one", "two", "three", "*", "end "):
            shutil.rmtree(f"{self.root}/d/{name}")
        with unittest.mock.patch.object(deleting, "RULES_MOST", 2):
            self.arrives()

    def test_one_that_becomes_a_file(self) -> None:
        shutil.rmtree(f"{self.root}/d/shut")
        self.group.write(f"{self.root}/d/shut")
        self.arrives()

    def test_above_it_all_goes(self) -> None:
        shutil.rmtree(f"{self.root}/d")
        self.arrives()

    def test_it_is_shut_when_something_goes(self) -> None:
        os.chmod(f"{self.root}/d", 0o555)
        os.unlink(f"{self.root}/d/shut/gone")
        shutil.rmtree(f"{self.root}/d/shut/sub")
        self.arrives()


if __name__ == "__main__":
    unittest.main()
