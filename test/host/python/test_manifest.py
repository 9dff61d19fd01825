"""The manifest, the walk and the comparison: what a secondary lacks must be found, whatever happened to the tree."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
import unittest
from typing import Dict, List, Optional, Sequence

from hostsync_host.compare import Comparison, compare, lost_mounts
from hostsync_host.directories import Opened
from hostsync_host.excludes import compile_excludes
from hostsync_host.leftovers import Leftover, join, split
from hostsync_host.manifest import Damaged, Manifest, key_of
from hostsync_host.records import name_of
from hostsync_host.renames import gone
from hostsync_host.walkers import Joiner, Order, Walkers


class Tree(unittest.TestCase):
    """A tree, and a place for manifests."""

    def setUp(self) -> None:
        self.top = os.fsencode(tempfile.mkdtemp(prefix="hostsync-test-"))
        self.addCleanup(lambda: shutil.rmtree(self.top))
        self.root, self.place = os.path.join(self.top, b"root"), os.path.join(self.top, b"place")
        os.mkdir(self.root)
        os.mkdir(self.place)
        self.now = time.time_ns() + 10**10
        self.number = 0

    def put(self, name: str, text: str = "x") -> None:
        path = os.path.join(self.root, os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)

    def scan(
        self, old: Optional[Manifest] = None, young: bool = False, excludes: Sequence[bytes] = ()
    ) -> Optional[Manifest]:
        """A scan from long after the last change, unless `young`. Nothing if nothing changed."""
        descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        status = os.fstat(descriptor)
        self.number += 1
        scratch = os.path.join(self.top, b"scratch%d" % self.number)
        os.mkdir(scratch)
        opened = Opened(self.root, "0" * 16, descriptor, status.st_uid, status.st_gid, "volume")
        began = time.time_ns() if young else self.now
        walkers = Walkers(Order(opened, scratch, began, compile_excludes(excludes), old))
        self.found = walkers.found
        try:
            if not walkers.wait(lambda: None):
                return None
            name, _ = Joiner(self.place, old, walkers.pieces).join()
            return Manifest(self.place, name)
        finally:
            walkers.close()
            os.close(descriptor)

    def first(self, **how: object) -> Manifest:
        manifest = self.scan(**how)  # type: ignore[arg-type]
        assert manifest is not None
        return manifest

    def compare(self, old: Manifest, new: Manifest, leftovers: Sequence[Leftover] = ()) -> Comparison:
        self.number += 1
        new = Manifest(self.place, new.name)  # a stream of its own
        return compare(old, leftovers, new, os.path.join(self.top, b"lists%d" % self.number))

    def lists(self, comparison: Comparison) -> Dict[str, List[bytes]]:
        return {name: sorted(comparison.names(name)) for name, count in comparison.counts.items() if count}


def names(manifest: Manifest) -> List[bytes]:
    return sorted(join(entry.path, name_of(each)) for entry in manifest.entries() for each in manifest.records(entry))


class Walks(Tree):
    def test_everything_is_found_once(self) -> None:
        for name in ("a", "d/b", "d/e/c", "d.x/y", "d-/z", "é/ü"):
            self.put(name)
        os.symlink("a", os.path.join(self.root, b"l"))
        os.mkfifo(os.path.join(self.root, b"pipe"))
        os.makedirs(os.path.join(self.root, b".~tmp~/x"))
        os.makedirs(os.path.join(self.root, b"lost+found/x"))
        found = [name for name in names(self.first()) if name]
        expected = [
            "a",
            "d",
            "d/",
            "d/b",
            "d/e",
            "d/e/",
            "d/e/c",
            "d-",
            "d-/",
            "d-/z",
            "d.x",
            "d.x/",
            "d.x/y",
            "l",
            "é",
            "é/",
            "é/ü",
        ]
        self.assertEqual(found, sorted(os.fsencode(name) for name in expected))

    def test_nothing_changed(self) -> None:
        self.put("d/a")
        old = self.first()
        self.assertIsNone(self.scan(old))

    def test_a_directory_that_changed_keeps_the_records_of_what_did_not(self) -> None:
        for number in range(5000):
            self.put(f"d/f{number:05}")
        for number in range(50):
            self.put(f"d/sub{number}/x")
        os.symlink("f00000", os.path.join(self.root, b"d/link"))
        self.put("d/large")
        os.truncate(os.path.join(self.root, b"d/large"), 40 << 20)
        manifest = self.first()
        steps = [
            lambda path: self.put(path, "changed"),
            lambda path: os.unlink(os.path.join(self.root, os.fsencode(path))),
            lambda path: os.chmod(os.path.join(self.root, os.fsencode(path)), 0o600),
            lambda path: self.put(path + "-new"),
        ]
        for number, name in enumerate(("d/f00000", "d/f02047", "d/f02048", "d/f04999", "d/f03000", "d/link")):
            for step in steps:
                if os.path.lexists(os.path.join(self.root, os.fsencode(name))) or step is steps[3]:
                    step(name)
            shutil.rmtree(os.path.join(self.root, b"d/sub%d" % number))
            manifest = self.first(old=manifest, excludes=(b"f00009",) if number == 3 else ())
            if number == 3:
                manifest = self.first(old=manifest)
            fresh = self.first()
            self.assertEqual(self.everything(manifest), self.everything(fresh))
            self.assertIsNone(self.scan(manifest))

    def everything(self, manifest: Manifest) -> List[object]:
        return [
            (entry.path, entry.digest, entry.entries, entry.flags, list(manifest.records(entry)))
            for entry in manifest.entries()
        ]

    def test_what_changed_just_now_may_change_again(self) -> None:
        self.put("d/a")
        old = self.first(young=True)
        new = self.first(old=old)
        self.assertEqual(self.lists(self.compare(old, new)), {"checksum": [b"d/a"]})
        self.assertIsNone(self.scan(new))

    def test_an_update_is_what_a_new_scan_would_be(self) -> None:
        for number in range(200):
            self.put(f"d{number % 7}/e{number % 3}/f{number}")
        manifest = self.first()
        for step in range(12):
            self.put(f"d{step}/new/{step}")
            shutil.rmtree(os.path.join(self.root, b"d%d" % (step % 5)), ignore_errors=True)
            manifest = self.first(old=manifest)
            self.assertLessEqual(len(manifest.segments), 2)
            self.assertEqual(names(manifest), names(self.first()))
            keys = [entry.key for entry in manifest.entries()]
            self.assertEqual(keys, sorted(keys))
            self.assertEqual(manifest.total, sum(1 for name in names(manifest) if name and not name.endswith(b"/")))

    def test_paths_that_are_too_long_are_named_and_left_out(self) -> None:
        here = os.open(self.root, os.O_RDONLY)
        for _ in range(20):
            os.mkdir("n" * 255, dir_fd=here)
            here = os.open("n" * 255, os.O_RDONLY, dir_fd=here)
        manifest = self.first()
        self.assertEqual(self.found.long.count, 1)
        self.assertEqual(max(len(entry.path) for entry in manifest.entries()), 15 * 256 - 1)
        os.system(f"rm -rf {os.fsdecode(self.root)}/n*")

    def test_excluded_names_are_not_there(self) -> None:
        for name in ("a.tmp", "d/b.tmp", "cache/x", "d/cache/x", "d/y"):
            self.put(name)
        found = names(self.first(excludes=[b"*.tmp", b"/cache/"]))
        self.assertEqual([name for name in found if name], [b"d", b"d/", b"d/cache", b"d/cache/", b"d/cache/x", b"d/y"])


class Damage(Tree):
    def test_is_noticed(self) -> None:
        for number in range(50):
            self.put(f"d{number}/f")
        manifest = self.first()
        for kind, change in (("index", b"x\n"), ("records", b"x\n")):
            path = os.path.join(self.place, f"{manifest.name}.{kind}".encode())
            with open(path, "rb") as file:
                good = file.read()
            for bad in (good + change, good[:-20], good[:5000] + b"\xff" + good[5001:], b""):
                if bad == good:
                    continue
                with open(path, "wb") as file:
                    file.write(bad)
                with self.assertRaises((Damaged, OSError)):
                    names(Manifest(self.place, manifest.name))
            with open(path, "wb") as file:
                file.write(good)
        self.assertEqual(len(names(Manifest(self.place, manifest.name))), 151)


class Comparisons(Tree):
    def test_lists(self) -> None:
        for name in ("same", "grown", "mode", "rewritten", "replaced", "gone", "dir/inside", "swap/inside", "linked"):
            self.put(name)
        old = self.first()
        self.put("grown", "more")
        os.chmod(os.path.join(self.root, b"mode"), 0o600)
        path = os.path.join(self.root, b"rewritten")
        status = os.stat(path)
        self.put("rewritten", "y")
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        path = os.path.join(self.root, b"replaced")
        status = os.stat(path)
        self.put("other", "z")
        os.utime(os.path.join(self.root, b"other"), ns=(status.st_atime_ns, status.st_mtime_ns))
        os.rename(os.path.join(self.root, b"other"), path)
        os.unlink(os.path.join(self.root, b"gone"))
        shutil.rmtree(os.path.join(self.root, b"swap"))
        self.put("swap", "file")
        os.link(os.path.join(self.root, b"linked"), os.path.join(self.root, b"linked2"))
        os.symlink("same", os.path.join(self.root, b"link"))
        self.put("new/deep/file")
        new = self.first(old=old)
        self.assertEqual(
            self.lists(self.compare(old, new)),
            {
                "send": [b"grown", b"new/deep/file"],
                "checksum": [b"mode", b"rewritten"],
                "anew": [b"linked", b"linked2", b"replaced", b"swap"],
                "links": [b"link"],
                "dirs": [b"", b"new", b"new/deep"],
                "deleted": [b"-gone", b"-swap/inside"],
                "swapped": [b"swap"],
            },
        )
        self.assertEqual([(one.kind, one.path) for one in gone(old, new)], [(b"-", b"gone"), (b"-", b"swap/inside")])

    def test_leftovers_are_sent_anew_or_deleted(self) -> None:
        for name in ("back", "d/x", "dir"):
            self.put(name)
        manifest = self.first()
        leftovers = [
            Leftover(b"-", b"", b"back"),
            Leftover(b"D", b"", b"dir"),
            Leftover(b"-", b"", b"still-gone"),
            Leftover(b"?", b"d", b"x"),
            Leftover(b"-", b"nowhere", b"y"),
        ]
        leftovers.sort(key=lambda one: (key_of(one.directory), one.name))
        self.assertEqual(
            self.lists(self.compare(manifest, manifest, leftovers)),
            {
                "anew": [b"back", b"dir"],
                "checksum": [b"d/x"],
                "swapped": [b"dir"],
                "deleted": [b"-nowhere/y", b"-still-gone"],
            },
        )

    def test_hard_links_are_sent_together_though_one_alone_is_in_doubt(self) -> None:
        for name in ("a/one", "b/alone", "c/two", "c/other", "z"):
            self.put(name)
        for name in ("c/two", "d/lost+found", "0"):
            os.makedirs(os.path.join(self.root, os.path.dirname(name).encode()), exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(self.root, name.encode()))
            os.link(os.path.join(self.root, b"a/one"), os.path.join(self.root, name.encode()))
        manifest = self.first()
        group = [b"0", b"a/one", b"c/two", b"d/lost+found"]
        for path in group:
            compared = self.compare(manifest, manifest, [Leftover(b"?", *split(path))])
            self.assertEqual((self.lists(compared), compared.counts["anew"]), ({"anew": group}, 4))
        compared = self.compare(manifest, manifest, [Leftover(b"?", b"c", b"other")])
        self.assertEqual(self.lists(compared), {"checksum": [b"c/other"]})

    def test_nothing_differs(self) -> None:
        self.put("a/b")
        manifest = self.first()
        self.assertEqual(self.lists(self.compare(manifest, manifest)), {})
        self.assertEqual(lost_mounts(manifest, Manifest(self.place, manifest.name)), [])


if __name__ == "__main__":
    unittest.main()
