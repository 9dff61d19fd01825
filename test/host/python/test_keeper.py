"""The trash of a secondary: what was deleted by mistake is there, and the site cannot have root fetch anything."""

from __future__ import annotations

import errno
import os
import subprocess
import tempfile
import time
import unittest
from typing import Dict
from unittest import mock

from hostsync_host import keeper, layout, trash

OWNER = 12345
PLENTY = 1 << 30


@unittest.skipUnless(os.geteuid() == 0, "needs root, as on a host")
class Keeping(unittest.TestCase):
    def setUp(self) -> None:
        self.top = tempfile.mkdtemp().encode()
        self.addCleanup(subprocess.run, ["rm", "-rf", self.top], check=True)
        os.chmod(self.top, 0o755)
        self.state, self.site = self.top + b"/state", self.top + b"/site"
        os.mkdir(self.state, 0o755)
        os.mkdir(self.site)
        os.chown(self.site, OWNER, OWNER)
        patched = mock.patch.object(layout, "STATE", self.state)
        patched.start()
        self.addCleanup(patched.stop)

    def write(self, path: bytes, data: bytes = b"old", owner: int = OWNER) -> None:
        folder = os.path.dirname(path)
        os.makedirs(folder, exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        for each in (folder, path):
            os.chown(each, owner, owner)

    def keep(self, *names: bytes, most: int = PLENTY, now: float = 1e9) -> keeper.Kept:
        each = keeper.Keeper(self.site, most, now)
        try:
            return each.keep(names)
        finally:
            each.close()

    def kept(self) -> Dict[bytes, bytes]:
        found: Dict[bytes, bytes] = {}
        for run in trash.runs():
            for folder, _, names in os.walk(run.path):
                for name in names:
                    path = os.path.join(folder, name)
                    with open(path, "rb") as file:
                        found[os.path.relpath(path, run.path)] = file.read()
        return found

    def test_what_is_deleted_or_replaced_afterwards_is_still_there(self) -> None:
        odd = b"a/line\nbreak \xff"
        self.write(self.site + b"/" + odd)
        self.write(self.site + b"/b")
        end = self.keep(odd, b"b", b"never/was", b"a")
        self.assertEqual((end.count, end.missed), (2, 0))
        os.unlink(self.site + b"/" + odd)
        self.write(self.site + b"/new", b"new")
        os.rename(self.site + b"/new", self.site + b"/b")
        self.assertEqual(self.kept(), {odd: b"old", b"b": b"old"})
        self.assertEqual(os.stat(layout.kept()).st_mode & 0o777, 0o700)
        self.assertEqual([run.name for run in trash.runs()], [b"20010909T014640Z"])

    def test_two_runs_of_one_second_do_not_mix(self) -> None:
        self.write(self.site + b"/a")
        self.keep(b"a")
        self.keep(b"a")
        self.assertEqual(len(trash.runs()), 2)

    def test_nothing_is_made_where_nothing_is_kept(self) -> None:
        self.keep(b"never/was")
        self.assertFalse(os.path.exists(layout.kept()))

    def test_root_follows_no_link_and_takes_nothing_of_others(self) -> None:
        self.write(self.top + b"/secret/s", b"secret", owner=0)
        os.symlink(self.top + b"/secret/s", self.site + b"/link")
        os.symlink(self.top + b"/secret", self.site + b"/folder")
        os.link(self.top + b"/secret/s", self.site + b"/hard")
        os.mkfifo(self.site + b"/pipe")
        end = self.keep(b"link", b"folder/s", b"hard", b"pipe", b"../secret/s", b"/secret/s", b"")
        self.assertEqual((end.count, self.kept()), (0, {}))

    def test_what_the_owner_cannot_enter_is_not_entered_for_him(self) -> None:
        self.write(self.site + b"/roots/f")
        os.chown(self.site + b"/roots", 0, 0)
        os.chmod(self.site + b"/roots", 0o700)
        self.assertEqual(self.keep(b"roots/f").missed, 1)
        self.assertEqual((os.geteuid(), self.kept()), (0, {}))

    def test_a_file_with_another_name_is_copied_as_that_name_could_change_it(self) -> None:
        self.write(self.site + b"/a")
        os.link(self.site + b"/a", self.site + b"/b")
        self.keep(b"a")
        with open(self.site + b"/b", "wb") as file:
            file.write(b"changed")
        self.assertEqual(self.kept(), {b"a": b"old"})

    def test_on_another_file_system_it_is_copied(self) -> None:
        self.write(self.site + b"/d/a")
        with mock.patch.object(os, "link", side_effect=OSError(errno.EXDEV, "other")):
            end = self.keep(b"d/a")
        self.assertEqual((end.count, end.size, self.kept()), (1, 3, {b"d/a": b"old"}))

    def test_a_full_disk_leaves_no_half_and_stops_nothing(self) -> None:
        self.write(self.site + b"/a")
        self.write(self.site + b"/b")
        other = OSError(errno.EXDEV, "other")
        full = OSError(errno.ENOSPC, "No space left on device")
        owners = mock.patch.object(os, "fchown", side_effect=[full, None])
        with mock.patch.object(os, "link", side_effect=other), owners:
            end = self.keep(b"a", b"b")
        self.assertEqual((end.count, end.missed, end.reason), (1, 1, "No space left on device"))
        self.assertEqual(self.kept(), {b"b": b"old"})

    def test_no_more_is_kept_than_may_be(self) -> None:
        for name in (b"/a", b"/b"):
            self.write(self.site + name, b"x" * 8192)
        self.write(self.site + b"/small", b"x")
        end = self.keep(b"a", b"b", b"small", most=8192 + 4096)
        self.assertEqual((end.count, end.missed), (2, 1))
        self.assertEqual(sorted(self.kept()), [b"a", b"small"])

    def test_a_directory_that_goes_is_kept_with_all_that_is_in_it(self) -> None:
        self.write(self.site + b"/d/a")
        self.write(self.site + b"/d/e/b")
        os.symlink(self.top, self.site + b"/d/out")
        os.mkfifo(self.site + b"/d/pipe")
        self.write(self.site + b"/other/c")
        end = self.keep(b"d/", b"d/a", b"other", b"nothing/")
        self.assertEqual((end.count, end.missed, self.kept()), (2, 0, {b"d/a": b"old", b"d/e/b": b"old"}))

    def test_what_cannot_be_listed_as_the_owner_is_not_listed_for_him(self) -> None:
        self.write(self.site + b"/d/f")
        os.chown(self.site + b"/d", 0, 0)
        os.chmod(self.site + b"/d", 0o711)
        self.assertEqual((self.keep(b"d/").missed, self.kept()), (1, {}))

    def test_a_directory_without_end_holds_nobody_up(self) -> None:
        deep = self.site
        for _ in range(1500):
            deep = b"/proc/self/fd/%d" % self.down(deep)
        end = self.keep(b"d/", b"/".join([b"d"] * 1500))
        self.assertEqual((end.count, end.missed, end.reason), (0, 2, "it is more than 200 directories deep"))
        each = keeper.Keeper(self.site, PLENTY, 1e9, deadline=time.monotonic() - 1)
        self.addCleanup(each.close)
        self.assertEqual(each.keep([b"d/", b"e"]).reason, "there was no time left")

    def down(self, place: bytes) -> int:
        opened = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
        os.mkdir(b"d", 0o755, dir_fd=opened)
        os.chown(b"d", OWNER, OWNER, dir_fd=opened)
        below = os.open(b"d", os.O_RDONLY | os.O_DIRECTORY, dir_fd=opened)
        os.close(opened)
        if place.startswith(b"/proc/"):
            os.close(int(place.rpartition(b"/")[2]))
        return below

    def sweep(self, days: int, most: int, now: float) -> int:
        return len(trash.sweep(trash.stock(), days, most, now).runs)

    def test_what_is_too_old_goes_and_then_the_oldest(self) -> None:
        now = time.time()
        for age in (10, 3, 2, 1):
            self.write(self.site + b"/f", b"x" * 8192)
            self.keep(b"f", now=now - age * trash.DAY)
            os.unlink(self.site + b"/f")
        self.assertEqual(self.sweep(7, PLENTY, now), 3)
        self.assertEqual(self.sweep(7, 2 * 8192, now), 2)
        left = [round((now - run.time) / trash.DAY) for run in trash.runs()]
        self.assertEqual(left, [2, 1])
        self.assertEqual(trash.room(5, 0), 5)
        self.assertLessEqual(trash.room(1 << 60, 1 << 20), (trash.free() + (2 << 20)) // 2)
        self.assertEqual(self.sweep(7, PLENTY, now), 2)


if __name__ == "__main__":
    unittest.main()
