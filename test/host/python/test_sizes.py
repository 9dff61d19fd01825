"""What is too large to be sent stays as it is over there; and content that nobody saw change is found once a month."""

from __future__ import annotations

import os
import shutil
import time
import unittest
import unittest.mock

from group import Group
from hostsync_host import known, layout

MIB = 1024 * 1024


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("rsync"), "needs root and rsync, as on a host")
class Sizes(unittest.TestCase):
    def setUp(self) -> None:
        self.group = Group(secondaries=1)
        self.addCleanup(self.group.close)
        self.root = self.group.directories[0]
        self.copy = self.group.copy()

    def grow(self, name: str, size: int) -> None:
        with open(f"{self.root}/{name}", "ab") as file:
            file.truncate(size)
        self.group.own()

    def size(self, name: str) -> int:
        try:
            return os.stat(f"{self.copy}/{name}").st_size
        except FileNotFoundError:
            return -1

    def test_larger_files_are_named_and_left_as_they_are(self) -> None:
        for name in ("grows", "x[y]", "linked"):
            self.group.write(f"{self.root}/{name}", "old")
        self.group.push(max_size=40)
        self.grow("grows", 41 * MIB)
        self.grow("x[y]", 41 * MIB)
        self.grow("linked", 41 * MIB)
        os.link(f"{self.root}/linked", f"{self.root}/other")
        self.grow("new", 41 * MIB)
        self.grow("fits", 40 * MIB)
        os.unlink(f"{self.root}/keep")
        for _ in range(2):
            found = self.group.push(max_size=40)
            self.assertEqual((found.code, found.secondaries[0]["ok"]), (0, True), found.log)
            (line,) = found.of("too-large")
            self.assertEqual((line["directory"], line["count"]), (self.root, 5))
            self.assertEqual(line["examples"][0], f"{self.root}/grows")
        sizes = [self.size(name) for name in ("grows", "x[y]", "linked", "other", "new", "fits", "keep")]
        self.assertEqual(sizes, [3, 3, 3, -1, -1, 40 * MIB, -1])
        time.sleep(1.1)
        verified = self.group.push(max_size=40, verify_every=1)
        self.assertEqual((verified.code, verified.modes, verified.of("extras-deleted")), (0, ["verify"], []))
        self.assertEqual([self.size(name) for name in ("grows", "new")], [3, -1])
        # who allows more gets all
        self.assertEqual(self.group.push(max_size=41).code, 0)
        self.assertEqual(self.group.differences(), [])

    def test_content_that_changed_unseen_is_found(self) -> None:
        self.group.write(f"{self.root}/page", "right")
        self.grow("film", 33 * MIB)
        self.group.push()
        time.sleep(2.1)
        self.group.push()
        for name in ("page", "film"):
            path = f"{self.copy}/{name}"
            before = os.stat(path)
            with open(path, "r+b") as file:
                file.write(b"wrong")
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        with unittest.mock.patch.object(known, "CHECKSUM_EVERY", 4):
            self.group.push(verify_every=1, verify="checksum")  # it counts from now on
            with open(f"{self.copy}/page", "rb") as file:
                self.assertEqual(file.read(), b"wrong")
            for _ in range(6):
                time.sleep(1.1)
                found = self.group.push(verify_every=1, verify="checksum")
                self.assertEqual(found.code, 0)
        self.assertEqual(self.group.differences(), [])
        with open(f"{self.copy}/film", "rb") as file:
            self.assertEqual(file.read(5), bytes(5))
        memory = layout.manifests("web") + b"/secondary/s-1"
        with open(memory, encoding="ascii") as file:
            self.assertIn('"checked": 1', file.read())


if __name__ == "__main__":
    unittest.main()
