"""What an id of held deletions stands for, when an operator wants the files back."""

from __future__ import annotations

import shutil
import tempfile
import unittest
from typing import Optional
from unittest import mock

from hostsync_host import held_names, layout
from hostsync_host.deletions import Batch, Limits
from hostsync_host.errors import HostError
from hostsync_host.layout import module_name
from hostsync_host.leftovers import Leftover
from hostsync_host.options import make_options
from hostsync_host.request import Directory, Request
from hostsync_host.store import GroupMemory, Store

A, B = b"/srv/a", b"/srv/b"


def batch(number: int, path: bytes, count: int = 2) -> Batch:
    return Batch(f"{number:016x}", module_name(path), count, "too many", Limits(20, 100), 1.0)


def request(shown: Optional[str], *paths: bytes) -> Request:
    return Request(
        command="rescue",
        group="web",
        epoch=1,
        holder="i-1",
        directories=tuple(Directory(each, None, None) for each in paths),
        excludes=(),
        secondaries=(),
        public_key=None,
        options=make_options({} if shown is None else {"held": shown}),
    )


class HeldNames(unittest.TestCase):
    def setUp(self) -> None:
        top = tempfile.mkdtemp(prefix="hostsync-held-")
        self.addCleanup(shutil.rmtree, top)
        patch = mock.patch.object(layout, "STATE", top.encode())
        patch.start()
        self.addCleanup(patch.stop)
        self.batches = [batch(1, A), batch(2, B), batch(3, A), batch(4, A), batch(5, A, 0)]
        store = Store("web")
        store.write_group(GroupMemory(batches=self.batches))
        names = ((1, b"-", b"x", b"one"), (3, b"D", b"", b"y"), (3, b"-", b"y", b"new\nline"), (4, b"-", b"", b"four"))
        held = [(f"{number:016x}", Leftover(kind, directory, name)) for number, kind, directory, name in names]
        store.write_held(module_name(A), held)

    def test_an_id_stands_for_its_batch_and_those_before_it_in_its_directory(self) -> None:
        found = held_names.find_covered(self.batches, f"{3:016x}")
        self.assertEqual(found, held_names.Covered(module_name(A), frozenset([f"{1:016x}", f"{3:016x}"])))
        self.assertEqual(list(held_names.held_names(request(f"{3:016x}", A))), [b"x/one", b"y/new\nline"])

    def test_what_is_held_no_more_brings_nothing(self) -> None:
        for shown in (f"{5:016x}", f"{9:016x}"):
            self.assertIsNone(held_names.find_covered(self.batches, shown))
            self.assertEqual(list(held_names.held_names(request(shown, A))), [])
            with self.assertRaises(HostError) as caught:
                held_names.narrow(request(shown, A))
            self.assertIn("nothing is held by this id", caught.exception.message)

    def test_only_the_directory_of_the_id_is_touched(self) -> None:
        narrowed = held_names.narrow(request(f"{3:016x}", A, B))
        self.assertEqual([each.path for each in narrowed.directories], [A])
        with self.assertRaises(HostError):
            held_names.narrow(request(f"{3:016x}", B))
        self.assertEqual(len(held_names.narrow(request(None, A, B)).directories), 2)


if __name__ == "__main__":
    unittest.main()
