"""A secondary whose disk is full: nothing stays of what did not arrive, and what was to be done is done later."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import unittest

from group import OWNER, Group


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("rsync"), "needs root and rsync, as on a host")
class FullDisks(unittest.TestCase):
    def setUp(self) -> None:
        self.group = Group()
        self.addCleanup(self.group.close)
        self.root = self.group.directories[0]
        self.copy = self.group.copy()
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size=1m,uid={OWNER},gid={OWNER},mode=755", "none", self.copy], check=True
        )
        self.addCleanup(subprocess.run, ["umount", "-l", self.copy], check=False)

    def write(self, name: str, text: str = "x") -> None:
        self.group.write(f"{self.root}/{name}", text)

    def same(self) -> None:
        for secondary in (1, 2):
            self.assertEqual(self.group.differences(secondary), [])

    def test_what_was_linked_and_is_not_is_parted_also_after_a_failure(self) -> None:
        self.write("one", "x" * 300_000)
        os.link(f"{self.root}/one", f"{self.root}/two")
        self.group.own()
        self.assertEqual(self.group.push().code, 0)
        shutil.copy2(f"{self.root}/one", f"{self.root}/apart")
        os.rename(f"{self.root}/apart", f"{self.root}/two")
        self.write("big", "x" * 3_000_000)
        self.group.own()
        full = self.group.push()
        self.assertEqual((full.code, full.secondaries[0].get("error")), (10, "disk-full"))
        os.unlink(f"{self.root}/big")
        self.assertEqual(self.group.push().code, 0)
        self.same()

    def test_a_full_disk_over_there_keeps_nothing_of_what_did_not_arrive(self) -> None:
        self.assertEqual(self.group.push().code, 0)
        self.write("big", "x" * 3_000_000)
        for _ in range(2):
            full = self.group.push()
            self.assertEqual((full.code, full.secondaries[0].get("error")), (10, "disk-full"))
        os.unlink(f"{self.root}/big")
        self.write("small")
        self.assertEqual(self.group.push().code, 0)
        time.sleep(2.1)
        self.group.push()
        self.assertFalse(os.path.exists(f"{self.copy}/.~tmp~"), os.listdir(self.copy))
        self.same()


if __name__ == "__main__":
    unittest.main()
