"""What two looks at a directory have alike is passed over, and nothing else: a change that is missed is never sent."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import unittest
import zlib
from typing import List, Sequence, Tuple

from hostsync_host import differing as module
from hostsync_host.differing import differing
from hostsync_host.manifest import Damaged, Entry, Manifest, Segment


class Kept:
    """A manifest with one directory."""

    def __init__(self, place: str, name: str, records: Sequence[bytes]) -> None:
        self.name = name
        data = b"".join(record + b"\0" for record in records)
        self.descriptors = [os.open(os.path.join(place, name), os.O_RDWR | os.O_CREAT | os.O_TRUNC)]
        os.write(self.descriptors[0], b"before" + data + b"after\0")
        self.entry = Entry(b"", b"", b"", 0, 6, len(data), 0, zlib.crc32(data), 0)
        self.segments = [Segment(name, len(data))]

    chunks = Manifest.chunks


class Differing(unittest.TestCase):
    def setUp(self) -> None:
        self.place = tempfile.mkdtemp(prefix="hostsync-test-")
        self.addCleanup(lambda: shutil.rmtree(self.place))

    def compare(self, one: Sequence[bytes], two: Sequence[bytes]) -> Tuple[List[bytes], List[bytes]]:
        old, new = Kept(self.place, "old", one), Kept(self.place, "new", two)
        try:
            before, after = differing(old, old.entry, new, new.entry)  # type: ignore[arg-type]
            return list(before), list(after)
        finally:
            os.close(old.descriptors[0])
            os.close(new.descriptors[0])

    def test_nothing_that_differs_is_passed_over_and_little_else_is_kept(self) -> None:
        chance = random.Random(4)
        for chunk in (1 << 18, 7, 64):
            module.CHUNK = chunk
            for _ in range(300):
                one = [b"f %d same size %03d" % (chance.randrange(3), number) for number in range(chance.randrange(12))]
                two = [record for record in one if chance.random() < 0.8]
                for _ in range(chance.randrange(3)):
                    two.insert(chance.randrange(len(two) + 1), b"f 9 new %d" % chance.randrange(3))
                own = [b". 1", b". 22"][: chance.randrange(1, 3)]
                before, after = self.compare([own[0], *one], [own[-1], *two])
                self.assertEqual((before[0], after[0]), (own[0], own[-1]))
                self.assertEqual(set(one) - set(two), set(before[1:]) - set(after[1:]))
                self.assertEqual(set(two) - set(one), set(after[1:]) - set(before[1:]))
                # each is a piece of the whole
                self.assertIn(before[1:], [one[at : at + len(before) - 1] for at in range(len(one) + 1)])
                self.assertIn(after[1:], [two[at : at + len(after) - 1] for at in range(len(two) + 1)])
        module.CHUNK = 1 << 18

    def test_of_many_that_are_alike_a_few_are_read(self) -> None:
        one = [b". 1", *(b"f %0*d" % (40, number) for number in range(20_000))]
        two = [*one[:9000], b"f changed", *one[9001:]]
        before, after = self.compare(one, two)
        self.assertLess(len(before) + len(after), 10)
        self.assertIn(b"f changed", after)

    def test_what_is_damaged_is_found_also_where_it_is_not_read(self) -> None:
        one = [b". 1", *(b"f %d" % number for number in range(100))]
        old, new = Kept(self.place, "old", one), Kept(self.place, "new", one)
        os.pwrite(new.descriptors[0], b"X", 60)
        with self.assertRaises(Damaged):
            differing(old, old.entry, new, new.entry)  # type: ignore[arg-type]


if __name__ == "__main__":
    unittest.main()
