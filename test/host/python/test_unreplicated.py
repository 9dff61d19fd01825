"""What a former primary lists: everything that only it may hold, and what the group had received stays out."""

from __future__ import annotations

import io
import os
import tempfile
import time
import unittest
from typing import Optional

from hostsync_host.acknowledged import Acknowledged
from hostsync_host.directories import Opened
from hostsync_host.manifest import Manifest
from hostsync_host.unreplicated import Lister, Listing, Seen, Sinks
from hostsync_host.walkers import Joiner, Order, Walkers


class ListerTest(unittest.TestCase):
    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.base = os.fsencode(temporary.name)
        self.root, self.scratch = self.base + b"/root", self.base + b"/scratch"
        for path in (self.root, self.scratch):
            os.mkdir(path)
        self.write(b"keep", b"x")
        self.write(b"d/e/deep", b"x")

    def write(self, name: bytes, data: bytes) -> None:
        os.makedirs(os.path.dirname(self.root + b"/" + name), exist_ok=True)
        with open(self.root + b"/" + name, "wb") as file:
            file.write(data)

    def opened(self) -> Opened:
        descriptor = os.open(self.root, os.O_RDONLY)
        self.addCleanup(os.close, descriptor)
        return Opened(self.root, "0" * 16, descriptor, 0, 0, "volume")

    def acknowledge(self, doubtful: Optional[dict[bytes, set[bytes]]] = None) -> Acknowledged:
        """As a push does that began long after the last change."""
        walkers = Walkers(Order(self.opened(), self.scratch, time.time_ns() + 10**10, None, None))
        walkers.wait(lambda: None)
        name, _ = Joiner(self.base, None, walkers.pieces).join()
        walkers.close()
        manifest = Manifest(self.base, name)
        self.addCleanup(manifest.close)
        return Acknowledged(manifest, doubtful or {})

    def list(self, known: Optional[Acknowledged], epoch: int = 2) -> tuple[list[bytes], Listing]:
        names = io.BytesIO()
        seen = Seen(self.base + b"/seen", epoch, "i-0abc")
        lister = Lister(self.opened(), self.scratch, time.time_ns() + 10**10, None)
        listing = lister.list(known, Sinks(names, io.BytesIO(), io.BytesIO()), seen)
        seen.end()
        return sorted(names.getvalue().split(b"\0")[:-1]), listing

    def test_without_a_manifest_everything_is_listed(self) -> None:
        names, listing = self.list(None)
        self.assertEqual(names, [b"d/e/deep", b"keep"])
        self.assertEqual((listing.count, listing.new), (2, 2))

    def test_what_was_received_is_not_listed_and_what_changed_since_is(self) -> None:
        known = self.acknowledge()
        self.assertEqual(self.list(known)[0], [])
        self.write(b"d/new", b"x")
        self.write(b"d/e/deep", b"y")
        os.rename(self.root + b"/keep", self.root + b"/renamed")
        os.symlink(b"x", self.root + b"/link")
        self.assertEqual(self.list(known)[0], [b"d/e/deep", b"d/new", b"link", b"renamed"])

    def test_what_was_being_sent_when_something_went_wrong_is_listed(self) -> None:
        known = self.acknowledge({b"d/e": {b"deep", b"gone"}, b"": {b"d"}})
        self.assertEqual(self.list(known)[0], [b"d/e/deep"])

    def test_each_run_says_what_is_new_since_the_last_one(self) -> None:
        known = self.acknowledge()
        self.write(b"one", b"1")
        self.assertEqual(self.list(known)[1].new, 1)
        self.assertEqual(self.list(known)[1].new, 0)
        self.write(b"two", b"2")
        # the same name, with other content
        self.write(b"one", b"changed")
        listing = self.list(known)[1]
        self.assertEqual((listing.count, listing.new), (2, 2))
        self.assertEqual(self.list(known, epoch=3)[1].new, 2)


if __name__ == "__main__":
    unittest.main()
