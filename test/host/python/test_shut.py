"""Files that their owner shut for himself (mode 0200) arrive, and their hard links stay hard links."""

from __future__ import annotations

import os
import shutil
import time
import unittest

from group import Group


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("rsync"), "needs root and rsync, as on a host")
class Shut(unittest.TestCase):
    def setUp(self) -> None:
        self.group = Group(secondaries=1)
        self.addCleanup(self.group.close)
        self.root = self.group.directories[0]
        self.copy = self.group.copy()

    def inodes(self, *names: str) -> int:
        return len({os.stat(f"{self.copy}/{name}").st_ino for name in names})

    def test_names_of_one_file_are_names_of_one_file_over_there(self) -> None:
        self.group.write(f"{self.root}/d/one", "secret")
        self.group.write(f"{self.root}/alone", "secret")
        os.mkdir(f"{self.root}/e")
        os.link(f"{self.root}/d/one", f"{self.root}/e/two")
        for name in ("d/one", "alone"):
            os.chmod(f"{self.root}/{name}", 0o200)
        self.group.own()
        self.assertEqual(self.group.push().code, 0)
        self.assertEqual(self.group.differences(), [])
        self.assertEqual((self.inodes("d/one", "e/two"), self.inodes("d/one", "alone")), (1, 2))
        time.sleep(2.1)
        self.group.push()
        with open(f"{self.root}/e/two", "w", encoding="ascii") as file:
            file.write("another secret")
        os.link(f"{self.root}/e/two", f"{self.root}/three")
        changed = self.group.push()
        self.assertEqual((changed.code, changed.modes), (0, ["changes"]))
        self.assertEqual(self.group.differences(), [])
        self.assertEqual(self.inodes("d/one", "e/two", "three"), 1)
        os.unlink(f"{self.root}/d/one")
        self.assertEqual(self.group.push().code, 0)
        self.assertEqual(self.group.differences(), [])
        self.assertEqual(self.inodes("e/two", "three"), 1)


if __name__ == "__main__":
    unittest.main()
