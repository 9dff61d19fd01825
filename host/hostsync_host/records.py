"""Records of a manifest, taken apart."""

from __future__ import annotations

from typing import NamedTuple


class Record(NamedTuple):
    """A record, taken apart. Times are in nanoseconds."""

    kind: str
    """`.` the directory itself, `d` a directory in it, `l` a symbolic link, `f` a file; `s` one that its owner shut for
    himself, `u` one that the owner of the root cannot read."""
    name: bytes
    mode: int
    owner: int
    group: int
    links: int
    inode: int
    size: int
    modified: int
    changed: int
    young: bool
    """It changed so shortly before the scan that it may change again without a trace."""


def parse_record(record: bytes) -> Record:
    kind = chr(record[0])
    if kind == "d":
        _, inode, name = record.split(b" ", 2)
        return Record(kind, name, 0, 0, 0, 0, int(inode), 0, 0, 0, False)
    if kind == ".":
        _, mode, owner, group, inode, modified, changed = record.split(b" ")
        return Record(
            kind, b"", int(mode, 8), int(owner), int(group), 0, int(inode), 0, int(modified), int(changed), False
        )
    _, mode, owner, group, links, inode, size, modified, changed, name = record.split(b" ", 9)
    young = changed.startswith(b"r")
    return Record(
        kind,
        name,
        int(mode, 8),
        int(owner),
        int(group),
        int(links),
        int(inode),
        int(size),
        int(modified),
        int(changed.lstrip(b"r").split(b":")[-1]),
        young,
    )


def name_of(record: bytes) -> bytes:
    """The name in a record; empty for the directory itself."""
    first = record[0]
    if first == 0x64:  # d
        return record.split(b" ", 2)[2]
    return b"" if first == 0x2E else record.split(b" ", 9)[9]
