"""What a push remembers may be damaged or gone, as after a full or broken disk: no file stays as it was for that."""

from __future__ import annotations

import os
import shutil
import time
import unittest
from typing import Callable, Dict

from group import Group
from hostsync_host import layout
from hostsync_host.leftovers import Leftover
from hostsync_host.manifest import Damaged
from hostsync_host.store import Received, Store


def _cut(path: bytes) -> None:
    os.truncate(path, max(0, os.path.getsize(path) - 20))


def _zero(path: bytes) -> None:
    with open(path, "r+b") as file:
        file.write(bytes(os.path.getsize(path)))


MANY = 40
LIMITS = {"max_delete_share": 20, "max_delete_count": 1000}
HOW: Dict[str, Callable[[bytes], None]] = {"gone": os.unlink, "cut": _cut, "zeroed": _zero}


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("rsync"), "needs root and rsync, as on a host")
class Damages(unittest.TestCase):
    def setUp(self) -> None:
        self.group = Group()
        self.addCleanup(self.group.close)
        self.root = self.group.directories[0]
        self.place = layout.manifests("web")

    def write(self, name: str, text: str = "x") -> None:
        self.group.write(f"{self.root}/{name}", text)

    def remembered(self) -> Dict[str, bytes]:
        found: Dict[str, bytes] = {}
        for directory, _, names in os.walk(self.place):
            for name in names:
                path = os.path.join(directory, name)
                if os.path.getsize(path):
                    # of the files of one kind, one
                    stem, _, end = name.partition(b".")
                    kind = end if end in (b"index", b"records") else stem
                    found[f"{os.path.basename(directory).decode()}/{kind.decode()}"] = path
        return found

    def test_what_changed_and_kept_its_size_and_time_arrives_whatever_is_damaged(self) -> None:
        self.write("a/one", "1111")
        self.write("a/two", "2222")
        self.group.push()
        kinds = set(self.remembered())
        self.assertTrue(any("index" in kind for kind in kinds) and any("records" in kind for kind in kinds), kinds)
        for kind in sorted(kinds):
            for how, damage in HOW.items():
                with self.subTest(kind=kind, how=how):
                    os.link(f"{self.root}/a/one", f"{self.root}/linked")
                    self.group.own()
                    self.group.push()
                    path = self.remembered().get(kind)
                    if path is None:
                        os.unlink(f"{self.root}/linked")
                        continue
                    before = os.stat(f"{self.root}/a/one")
                    with open(f"{self.root}/a/one", "w", encoding="ascii") as file:
                        file.write(os.urandom(2).hex())
                    shutil.copy2(f"{self.root}/a/one", f"{self.root}/apart")
                    os.rename(f"{self.root}/apart", f"{self.root}/linked")
                    self.group.own()
                    for name in ("a/one", "linked"):
                        os.utime(f"{self.root}/{name}", ns=(before.st_atime_ns, before.st_mtime_ns))
                    os.rename(f"{self.root}/a/two", f"{self.root}/a/three")
                    damage(path)
                    time.sleep(0.1)
                    self.assertEqual(self.group.push().code, 0)
                    for secondary in (1, 2):
                        self.assertEqual(self.group.differences(secondary), [])
                    os.rename(f"{self.root}/a/three", f"{self.root}/a/two")
                    os.unlink(f"{self.root}/linked")

    def test_no_deletion_goes_unjudged_whatever_is_damaged(self) -> None:
        for kind in sorted(self._held()):
            for how, damage in HOW.items():
                with self.subTest(kind=kind, how=how):
                    self.group.close()
                    self.group = Group()
                    self.root = self.group.directories[0]
                    self.place = layout.manifests("web")
                    damage(self._held()[kind])
                    # another deletion, in the same push
                    for number in range(MANY):
                        os.unlink(f"{self.root}/later/{number}")
                    self.assertEqual(self.group.push(**LIMITS).code, 11)
                    for secondary in (1, 2):
                        copy = self.group.copy(secondary)
                        there = [len(os.listdir(f"{copy}/{name}")) for name in ("held", "later")]
                        self.assertEqual(there, [MANY, MANY])

    def _held(self) -> Dict[str, bytes]:
        """Deletions of one directory are held. @returns what is remembered"""
        for number in range(MANY):
            self.write(f"held/{number}")
            self.write(f"later/{number}")
        self.group.push(**LIMITS)
        for number in range(MANY):
            os.unlink(f"{self.root}/held/{number}")
        time.sleep(0.1)
        self.assertEqual(self.group.push(**LIMITS).code, 11)
        return self.remembered()

    def test_also_what_did_not_change_since_long_is_found_again(self) -> None:
        for number in range(30):
            self.write(f"stays/{number}/file")
        os.link(f"{self.root}/stays/1/file", f"{self.root}/stays/2/linked")
        self.group.own()
        self.group.push()
        time.sleep(2.1)
        self.group.push()
        for how, damage in HOW.items():
            with self.subTest(how=how):
                for name in os.listdir(self.place):
                    if name.endswith(b".records"):
                        damage(os.path.join(self.place, name))
                self.write("stays/5/new")
                os.rename(f"{self.root}/stays/2/linked", f"{self.root}/stays/2/{how}")
                # the first may find that what it has read is damaged only when it has sent
                self.assertIn(self.group.push().code, (0, 10))
                self.assertEqual(self.group.push().code, 0)
                for secondary in (1, 2):
                    self.assertEqual(self.group.differences(secondary), [])
                os.rename(f"{self.root}/stays/2/{how}", f"{self.root}/stays/2/linked")
                time.sleep(2.1)
                self.group.push()
                self.assertEqual(self.group.push().modes, ["none", "none"])

    def test_leftovers_that_are_damaged_are_not_taken_for_none(self) -> None:
        store = Store("web")
        left = [Leftover(b"D", b"a", b"one"), Leftover(b"?", b"a/b", b"two")]
        self.assertEqual(store.write_leftovers("s-1", []), "-")
        for damage in HOW.values():
            name = store.write_leftovers("s-1", left)
            self.assertEqual(list(store.leftovers(Received("", "", name))), left)
            damage(store.path("left", name))
            with self.assertRaises(Damaged):
                store.leftovers(Received("", "", name))


if __name__ == "__main__":
    unittest.main()
