"""What a rescue brings: it must overwrite nothing, and lead nowhere."""

from __future__ import annotations

import os
import tempfile
import unittest
from unittest import mock

from hostsync_host.place import Fate, Placed, Placer

LINK = "/rsyncd-munged/"


def write(path: str, text: str, mtime: int = 1_000_000_000) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.utime(path, (mtime, mtime))


def read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


class PlacerTest(unittest.TestCase):
    def setUp(self) -> None:
        self.temporary = tempfile.TemporaryDirectory()
        self.addCleanup(self.temporary.cleanup)
        self.root = self.temporary.name + "/root"
        self.stage = self.temporary.name + "/stage"
        os.mkdir(self.root)
        os.mkdir(self.stage)

    def place(self, *names: str, only_newer: bool = False) -> list[tuple[str, str]]:
        told: list[Placed] = []
        root, stage = (os.open(path, os.O_RDONLY) for path in (self.root, self.stage))
        try:
            Placer(root, stage, only_newer, told.append).place([os.fsencode(name) for name in names])
        finally:
            os.close(root)
            os.close(stage)
        return [(placed.fate.name, os.fsdecode(placed.name)) for placed in told]

    def test_new_files_come_with_their_directories_and_what_did_not_arrive_is_passed_over(self) -> None:
        write(f"{self.stage}/a/b/c", "theirs")
        os.chmod(f"{self.stage}/a", 0o750)
        self.assertEqual(self.place("a/b/c", "a/missing", "gone/x"), [("NEW", "a/b/c")])
        self.assertEqual(read(f"{self.root}/a/b/c"), "theirs")
        self.assertEqual(os.stat(f"{self.root}/a").st_mode & 0o7777, 0o750)
        self.assertEqual(os.stat(f"{self.root}/a/b/c").st_mtime, 1_000_000_000)
        self.assertEqual(os.listdir(f"{self.stage}/a/b"), [])

    def test_hard_links_stay_hard_links(self) -> None:
        write(f"{self.stage}/one", "x")
        os.link(f"{self.stage}/one", f"{self.stage}/two")
        self.place("one", "two")
        self.assertTrue(os.path.samefile(f"{self.root}/one", f"{self.root}/two"))
        self.assertEqual(os.stat(f"{self.root}/one").st_nlink, 2)

    def test_what_is_here_stays_and_the_other_waits_in_the_stage(self) -> None:
        write(f"{self.root}/both", "ours")
        write(f"{self.stage}/both", "theirs")
        write(f"{self.root}/same", "same", mtime=5)
        write(f"{self.stage}/same", "same")
        self.assertEqual(self.place("both", "same"), [("CONFLICT", "both")])
        self.assertEqual(read(f"{self.root}/both"), "ours")
        self.assertEqual(os.listdir(self.stage), ["both"])

    def test_only_what_is_newer_counts_where_a_secondary_is_asked(self) -> None:
        for name, ours, theirs in (("newer", 1, 2), ("older", 2, 1)):
            write(f"{self.root}/{name}", "ours", mtime=ours)
            write(f"{self.stage}/{name}", "theirs", mtime=theirs)
        os.mkdir(f"{self.root}/directory")
        write(f"{self.stage}/directory", "old", mtime=1)
        told = self.place("directory", "newer", "older", only_newer=True)
        self.assertEqual(told, [("CONFLICT", "directory"), ("CONFLICT", "newer")])

    def test_a_link_or_file_in_the_place_of_a_directory_leads_nowhere(self) -> None:
        outside = self.temporary.name + "/outside"
        os.mkdir(outside)
        os.symlink(outside, f"{self.root}/link")
        write(f"{self.root}/file", "ours")
        for name in ("link/x", "file/deep/y", "file/z"):
            write(f"{self.stage}/{name}", "theirs")
        told = self.place("file/deep/y", "file/z", "link/x")
        self.assertEqual({fate for fate, _ in told}, {"CONFLICT"})
        self.assertEqual(os.listdir(outside), [])
        self.assertEqual(sorted(os.listdir(self.root)), ["file", "link"])

    def test_links_have_their_targets_again_and_one_without_is_refused(self) -> None:
        os.symlink(LINK + "/etc/passwd", f"{self.stage}/good")
        os.symlink("/etc/passwd", f"{self.stage}/bad")
        os.symlink("here", f"{self.root}/same")
        os.symlink(LINK + "here", f"{self.stage}/same")
        self.assertEqual(self.place("bad", "good", "same"), [("FAILED", "bad"), ("NEW", "good")])
        self.assertEqual(os.readlink(f"{self.root}/good"), "/etc/passwd")

    def test_devices_and_pipes_do_not_come(self) -> None:
        os.mkfifo(f"{self.stage}/pipe")
        self.assertEqual(self.place("pipe"), [])
        self.assertEqual(os.listdir(self.root), [])

    def test_on_another_file_system_a_file_is_copied_and_appears_whole(self) -> None:
        write(f"{self.stage}/d/sparse", "x")
        os.truncate(f"{self.stage}/d/sparse", 10_000_000)
        write(f"{self.stage}/d/taken", "theirs")
        write(f"{self.root}/d/taken", "ours")
        real = os.link

        def link(source: bytes, target: bytes, **options: int) -> None:
            if options["src_dir_fd"] and source == target:
                raise OSError(18, "Invalid cross-device link")
            real(source, target, **options)  # type: ignore[arg-type]

        with mock.patch("os.link", link):
            told = self.place("d/sparse", "d/taken")
        self.assertEqual(told, [("NEW", "d/sparse"), ("CONFLICT", "d/taken")])
        self.assertEqual(os.stat(f"{self.root}/d/sparse").st_size, 10_000_000)
        self.assertLess(os.stat(f"{self.root}/d/sparse").st_blocks, 1000)
        self.assertEqual(sorted(os.listdir(f"{self.root}/d")), ["sparse", "taken"])
        self.assertEqual(read(f"{self.root}/d/taken"), "ours")

    def test_a_path_longer_than_any_program_can_name_is_placed_name_by_name(self) -> None:
        parts = ["d" * 250] * 20
        current = os.open(self.stage, os.O_RDONLY)
        for part in parts:
            os.mkdir(part, dir_fd=current)
            current = os.open(part, os.O_RDONLY, dir_fd=current)
        os.close(os.open("x", os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=current))
        name = "/".join([*parts, "x"])
        self.assertEqual(self.place(name), [("NEW", name)])

    def test_every_fate_has_a_letter_of_its_own(self) -> None:
        self.assertEqual(len({fate.value for fate in Fate}), len(Fate))


if __name__ == "__main__":
    unittest.main()
