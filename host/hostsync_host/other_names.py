"""The other names of a file that is sent: hard links.

Sent by one of its names alone it would be parted from the others over there. So all go in one run, though of the others
nothing is known to differ.
"""

from __future__ import annotations

import os
from typing import FrozenSet

from .leftovers import join, read_names
from .manifest import Manifest
from .records import name_of


def add_other_names(names: bytes, manifest: Manifest, inodes: FrozenSet[int]) -> int:
    """Adds all names of these inodes to a file of names in the order of the manifest. @returns how many were not there
    @raises Damaged"""
    wanted = frozenset(b"%d" % inode for inode in inodes)
    listed = read_names(names)
    following = next(listed, None)
    count = 0
    with open(names + b".whole", "wb", 1 << 16) as file:
        for entry in manifest.entries():
            for record in manifest.records(entry):
                if not record.startswith(b"f"):
                    continue
                path = join(entry.path, name_of(record))
                if path == following:
                    following = next(listed, None)
                elif record.split(b" ", 6)[5] in wanted:
                    count += 1
                else:
                    continue
                file.write(path + b"\0")
    os.rename(names + b".whole", names)
    return count
