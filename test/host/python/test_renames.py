"""Renamed directories: what is found of them, what is linked over there, and that no two names stay one file."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import unittest
import unittest.mock
from typing import List, Tuple

from group import OWNER, Group
from hostsync_host import modules, moving
from hostsync_host.deletions import FEW
from hostsync_host.finished import Finished
from hostsync_host.manifest import Manifest
from hostsync_host.move_lists import LEAST_FILES
from hostsync_host.renames import count_gone, find_moved
from hostsync_host.sending import Sending
from hostsync_host.store import Store
from test_manifest import Tree

MANY = LEAST_FILES + 20


class Found(Tree):
    """What the deletion limits take for gone."""

    def fill(self, directory: str, count: int = 30) -> None:
        for number in range(count):
            self.put(f"{directory}/d{number % 3}/f{number}")

    def rename(self, old: str, new: str) -> None:
        os.makedirs(os.path.dirname(os.path.join(self.root, os.fsencode(new))), exist_ok=True)
        os.rename(os.path.join(self.root, os.fsencode(old)), os.path.join(self.root, os.fsencode(new)))

    def moves(self, old: Manifest, new: Manifest) -> List[Tuple[bytes, bytes]]:
        return sorted({(one.move.old, one.move.new) for one in find_moved(old, new)})

    def test_whatever_way_it_went(self) -> None:
        for name in ("a", "z", "in/deep"):
            self.fill(name)
        self.put("stays")
        old = self.first()
        self.rename("a", "y")
        self.rename("z", "b")
        self.rename("in/deep", "other/place/deeper")
        new = self.first(old=old)
        self.assertEqual(self.moves(old, new), [(b"a", b"y"), (b"in/deep", b"other/place/deeper"), (b"z", b"b")])
        # the directory "in" is there still
        self.assertEqual(count_gone(old, new, "", FEW)[0], 0)

    def test_what_was_deleted_edited_or_only_looks_alike_is_gone(self) -> None:
        self.fill("a")
        self.fill("b")
        old = self.first()
        self.rename("a", "moved")
        subprocess.run(["chown", "-R", "0", os.path.join(self.root, b"moved/d2")], check=True)  # changes every ctime
        os.unlink(os.path.join(self.root, b"moved/d0/f0"))
        self.put("moved/d1/f1", "edited")
        shutil.copytree(os.path.join(self.root, b"b"), os.path.join(self.root, b"copy"))
        shutil.rmtree(os.path.join(self.root, b"b"))
        new = self.first(old=old)
        self.assertEqual(self.moves(old, new), [(b"a", b"moved")])
        # f0 and f1; b, three directories in it and 30 files
        self.assertEqual(count_gone(old, new, "", FEW)[0], 2 + 34)

    def test_a_few_are_not_looked_for(self) -> None:
        self.fill("a", 6)
        old = self.first()
        self.rename("a", "b")
        self.assertEqual(count_gone(old, self.first(old=old), "", FEW)[0], 10)


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("rsync"), "needs root and rsync, as on a host")
class Renames(unittest.TestCase):
    def setUp(self) -> None:
        self.group = Group()
        self.addCleanup(self.group.close)
        self.root = self.group.directories[0]
        for number in range(MANY):
            path = f"{self.root}/old/d{number % 4}/f{number}"
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="ascii") as file:
                file.write(f"{number}" * 1000)
        os.symlink("d1/f1", f"{self.root}/old/link")
        self.group.own()
        time.sleep(2.1)
        self.group.push()
        self.inodes = self.inodes_of("old")

    def inodes_of(self, name: str, secondary: int = 1) -> List[int]:
        top = f"{self.group.copy(secondary)}/{name}"
        return sorted(os.lstat(f"{at}/{file}").st_ino for at, _, files in os.walk(top) for file in files)

    def same(self) -> None:
        for secondary in (1, 2):
            self.assertEqual(self.group.differences(secondary), [])

    def rename(self, old: str = "old", new: str = "new name") -> None:
        os.rename(f"{self.root}/{old}", f"{self.root}/{new}")

    def test_its_files_stay_what_they_are_over_there(self) -> None:
        self.rename()
        pushed = self.group.push()
        self.assertEqual((pushed.code, pushed.of("deletions-held")), (0, []))
        self.same()
        self.assertEqual([line["files"] for line in pushed.secondaries], [0, 0])
        # the link was made anew
        self.assertEqual(len(set(self.inodes) & set(self.inodes_of("new name"))), MANY)
        self.assertLess(pushed.secondaries[0]["bytes"], MANY * 200)
        time.sleep(2.1)
        self.group.push()
        self.assertEqual(self.group.push().modes, ["none", "none"])

    def test_what_was_edited_replaced_or_added_on_the_way_is_sent(self) -> None:
        self.rename()
        with open(f"{self.root}/new name/d0/f0", "r+", encoding="ascii") as file:
            before = os.fstat(file.fileno())
            file.write("9")
        os.utime(file.name, ns=(before.st_atime_ns, before.st_mtime_ns))
        os.unlink(f"{self.root}/new name/d1/f1")
        os.rename(f"{self.root}/new name/d2/f2", f"{self.root}/new name/d1/f1")
        with open(f"{self.root}/new name/d1/more", "w", encoding="ascii") as file:
            os.fchown(file.fileno(), OWNER, OWNER)
        os.chmod(f"{self.root}/new name/d3/f3", 0o600)
        pushed = self.group.push()
        self.assertEqual(pushed.code, 0, pushed.log)
        self.assertLess(pushed.secondaries[0]["files"], 8)
        self.same()

    def test_a_file_that_went_missing_over_there_is_sent_and_one_that_changed_there_too(self) -> None:
        os.unlink(f"{self.group.copy()}/old/d0/f0")
        with open(f"{self.group.copy()}/old/d1/f1", "a", encoding="ascii") as file:
            file.write("more")
        self.rename()
        self.assertEqual([line["files"] for line in self.group.push().secondaries], [2, 0])
        self.same()

    def test_a_secondary_whose_daemon_does_not_link_gets_it_as_before(self) -> None:
        path = f"{self.group.top}/s-1.conf"
        with open(path, encoding="ascii") as file:
            text = file.read()
        with open(path, "w", encoding="ascii") as file:
            file.write(text.replace(" !link-dest", ""))
        self.assertIn("!link-dest", modules.PUSH_OPTIONS)
        self.rename()
        pushed = self.group.push()
        self.assertEqual((pushed.code, [line["files"] for line in pushed.secondaries]), (0, [MANY, 0]))
        self.same()
        self.rename("new name", "third")
        self.group.count("runs")
        self.assertEqual(self.group.push().code, 0)
        self.same()

    def test_killed_before_the_old_name_goes(self) -> None:
        self.rename()
        with unittest.mock.patch.object(Sending, "_delete_gone", side_effect=RuntimeError):
            self.group.push()
        memory = Store("web").read_secondary("s-1")
        assert memory is not None
        self.assertEqual(list(memory.moving.values()), [[["old", "new name"]]])
        self.assertEqual(len(self.links()), 2 * MANY)
        for _ in range(2):
            self.assertEqual(self.group.push().code, 0)
            self.same()
        self.assertEqual(len(self.links()), 0)

    def test_killed_before_the_old_name_goes_and_renamed_back(self) -> None:
        self.rename()
        with unittest.mock.patch.object(Sending, "_delete_gone", side_effect=RuntimeError):
            self.group.push()
        self.rename("new name", "old")
        pushed = self.group.push(max_delete_count=0)
        self.assertEqual((pushed.code, pushed.of("deletions-held")), (0, []))
        self.assertEqual([line["files"] for line in pushed.secondaries], [0, 0])
        self.same()
        self.assertEqual(self.links(), [])
        memory = Store("web").read_secondary("s-1")
        self.assertEqual(memory and memory.moving, {})
        self.assertEqual(os.listdir(Store("web").path("left")), [])

    def link(self, name: str, other: str) -> None:
        os.makedirs(os.path.dirname(f"{self.root}/{other}"), exist_ok=True)
        os.link(f"{self.root}/{name}", f"{self.root}/{other}")

    def links(self, secondary: int = 1) -> List[str]:
        said = subprocess.run(
            ["find", self.group.copy(secondary), "-type", "f", "-links", "+1"], stdout=subprocess.PIPE, check=True
        )
        return said.stdout.decode().splitlines()

    def test_cut_off_before_the_old_name_goes_and_it_comes_back(self) -> None:
        self.rename()
        linked = moving._link

        def link_and_lose(sending: Sending, *more: object) -> object:
            arrived = linked(sending, *more)  # type: ignore[arg-type]
            if sending.connection.secondary.id == "s-1":
                sending.judge(Finished(code=30))
            return arrived

        with unittest.mock.patch.object(moving, "_link", link_and_lose):
            self.group.push()
        self.assertEqual(len(self.links()), 2 * MANY)
        # a copy that keeps the times stands where the old name was
        subprocess.run(["cp", "-a", f"{self.root}/new name", f"{self.root}/old"], check=True)
        self.assertEqual(self.group.push().code, 0)
        self.same()
        self.assertEqual(self.links(), [])
        subprocess.run(["chmod", "-R", "o-r", f"{self.root}/old"], check=True)
        self.group.push()
        self.same()

    def test_an_old_name_that_cannot_go_does_not_share_its_files(self) -> None:
        mount = f"{self.group.copy()}/old/d0"
        subprocess.run(["mount", "--bind", mount, mount], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", mount], check=False)
        self.rename()
        self.assertEqual(self.group.push().code, 10)
        self.assertEqual(self.links(), [])
        subprocess.run(["umount", "-l", mount], check=True)
        self.assertEqual(self.group.push().code, 0)
        self.same()

    def test_what_is_parted_from_its_old_name_stays_linked_with_its_other_names(self) -> None:
        """Others: below the directory, and before and behind it."""
        for name, other in (("d0/f0", "old/d1/twin"), ("d0/f4", "aside/twin"), ("d2/f2", "zz/twin"), ("d2/f2", "a/b")):
            os.makedirs(os.path.dirname(f"{self.root}/{other}"), exist_ok=True)
            os.link(f"{self.root}/old/{name}", f"{self.root}/{other}")
        with open(f"{self.root}/old/d0/huge", "wb") as file:
            file.truncate(33 << 20)
        self.group.own()
        self.group.push(max_size=32)
        time.sleep(2.1)
        self.group.push(max_size=32)
        mount = f"{self.group.copy()}/old/d3"
        subprocess.run(["mount", "--bind", mount, mount], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", mount], check=False)
        self.rename()
        self.assertEqual(self.group.push(max_size=32).code, 10)
        self.assertFalse(os.path.exists(f"{self.group.copy()}/new name/d0/huge"))
        for twin in ("new name/d1/twin", "aside/twin", "zz/twin", "a/b"):
            self.assertGreater(os.stat(f"{self.group.copy()}/{twin}").st_nlink, 1, twin)
        subprocess.run(["umount", "-l", mount], check=True)
        os.unlink(f"{self.root}/new name/d0/huge")
        self.assertEqual(self.group.push(max_size=32).code, 0)
        self.same()

    def test_a_rename_is_no_deletion_of_all_that_is_in_it(self) -> None:
        self.rename()
        pushed = self.group.push(max_delete_count=20, max_delete_share=1)
        self.assertEqual((pushed.code, pushed.of("deletions-held")), (0, []))
        self.same()
        shutil.rmtree(f"{self.root}/new name")
        held = self.group.push(max_delete_count=20, max_delete_share=1).of("deletions-held")
        self.assertEqual([line["count"] for line in held], [MANY + 6])


if __name__ == "__main__":
    unittest.main()
