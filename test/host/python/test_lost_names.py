"""A secondary that falls silent in the middle of a push."""

from __future__ import annotations

import os
import shutil
import time
import unittest

from group import Group


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("rsync"), "needs root and rsync, as on a host")
class LostNames(unittest.TestCase):
    def setUp(self) -> None:
        self.group = Group()
        self.addCleanup(self.group.close)
        self.root = self.group.directories[0]

    def write(self, name: str, text: str = "x") -> None:
        self.group.write(f"{self.root}/{name}", text)

    def test_one_that_fell_silent_is_caught_up_by_names(self) -> None:
        """Comparing everything takes minutes where there are many files, and each cut would cost that."""
        for when in ("before", "after"):
            for name in ("stays", "changes", "goes", "d/replaced", "m/inner"):
                self.write(name)
            self.group.push()
            # what changed just now is sent once more
            time.sleep(2.1)
            self.group.push()
            self.group.cut_off(1, when)
            self.write("changes", "changed")
            self.write("new/one")
            os.unlink(f"{self.root}/goes")
            os.rename(f"{self.root}/m", f"{self.root}/n")
            self.write("m")
            silent = self.group.push()
            self.assertEqual([line.get("error", "") for line in silent.of("secondary")].count("unreachable"), 1)
            # of what it may have, some is as it was again, and some is gone
            os.unlink(f"{self.root}/m")
            os.rename(f"{self.root}/n", f"{self.root}/m")
            self.write("goes", "again")
            shutil.rmtree(f"{self.root}/new")
            self.assertFalse(self.group.push().of("push")[0]["ok"])
            self.group.heal(1)
            back = self.group.push()
            self.assertEqual((back.code, back.modes[0]), (0, "changes"), back.log)
            for secondary in (1, 2):
                self.assertEqual(self.group.differences(secondary), [])


if __name__ == "__main__":
    unittest.main()
