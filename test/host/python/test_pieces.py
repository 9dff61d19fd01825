"""A tree that several processes walk: what one of them cannot look at concerns the others."""

from __future__ import annotations

import io
import os
import subprocess
from typing import List, Optional
from unittest import mock

from hostsync_host import walkers
from hostsync_host.manifest import Manifest
from hostsync_host.scan import Walk
from test_manifest import Tree

OWNER = 4711


class Pieces(Tree):
    def setUp(self) -> None:
        super().setUp()
        for patch in (
            mock.patch.object(walkers, "MANY", 1),
            mock.patch.object(os, "sched_getaffinity", lambda _: {0, 1}),
        ):
            patch.start()
            self.addCleanup(patch.stop)
        for directory in ("a", "big", "z"):
            for number in range(30):
                for name in range(100 if directory == "big" else 3):
                    self.put(f"{directory}/{number:02}/deep/f{name}")
        subprocess.run(["chown", "-R", f"{OWNER}:{OWNER}", self.root], check=True)
        self.old = self.first()
        self.assertTrue(any(cut.startswith(b"big/") for cut in self.old.cuts), self.old.cuts)

    def paths(self, manifest: Optional[Manifest]) -> List[bytes]:
        """Of all directories; as before where nothing differs."""
        return [entry.path for entry in Manifest(self.place, (manifest or self.old).name).entries()]

    def test_what_its_owner_cannot_look_at_stays_as_it_was_known(self) -> None:
        before = self.paths(self.old)
        for mode in (0o000, 0o100, 0o300, 0o400, 0o600):
            with self.subTest(oct(mode)):
                os.chmod(os.path.join(self.root, b"big"), mode)
                self.assertEqual(self.paths(self.scan(self.old)), before)
                self.assertIn(b"big", self.found.unreadable.examples)

    def test_what_went_away_is_gone(self) -> None:
        os.rename(os.path.join(self.root, b"big"), os.path.join(self.top, b"elsewhere"))
        self.assertEqual([path for path in self.paths(self.scan(self.old)) if path.startswith(b"big")], [])

    def test_directories_are_found_as_by_a_look(self) -> None:
        os.symlink("big", os.path.join(self.root, b"link"))
        os.makedirs(os.path.join(self.root, b".~tmp~/x"))
        os.makedirs(os.path.join(self.root, b"lost+found/x"))
        descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        self.addCleanup(os.close, descriptor)
        walk = Walk(descriptor, self.now, lambda path, name, is_directory: is_directory and name == b"05", 0, 0)
        for path in (b"", b"big", b"big/00/deep", b"link", b"nowhere"):
            seen = walk.look(path, io.BytesIO())
            self.assertEqual(walk.directories(path), None if seen is None else (seen.names, seen.device), path)
