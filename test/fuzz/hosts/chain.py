"""Prints how what a push remembers of directories differs from what is there now. chain.py GROUP DIRECTORY..."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator

sys.path.insert(0, os.path.realpath("/usr/local/lib/hostsync/current"))

from hostsync_host.layout import module_name
from hostsync_host.manifest import open_manifest
from hostsync_host.records import Record, parse_record
from hostsync_host.scan import GONE
from hostsync_host.store import Store

# rsync's own, and what is sent nowhere
PASSED_OVER = {b".~tmp~"}


def seen(kind: str, now: os.stat_result) -> tuple[object, ...]:
    """What a record has of an entry; of a directory, its own record has the rest. Another name that goes changes the
    ctime of a file, and no event says so; nothing is to be sent for it."""
    if kind == "d":
        return (now.st_ino,)
    own = (stat.S_IMODE(now.st_mode), now.st_uid, now.st_gid, now.st_ino, now.st_mtime_ns)
    return (*own, now.st_ctime_ns) if kind == "." else (*own, now.st_size)


def remembered(record: Record) -> tuple[object, ...]:
    if record.kind == "d":
        return (record.inode,)
    mode = stat.S_IMODE(record.mode)
    own = (mode, record.owner, record.group, record.inode, record.modified)
    return (*own, record.changed) if record.kind == "." else (*own, record.size)


def kind_of(now: os.stat_result) -> str:
    if stat.S_ISDIR(now.st_mode):
        return "d"
    return "l" if stat.S_ISLNK(now.st_mode) else "f" if stat.S_ISREG(now.st_mode) else ""


def differences(top: bytes, records: Iterator[Record]) -> Iterator[str]:
    names = {name for name in os.listdir(top) if name not in PASSED_OVER and kind_of(os.lstat(top + b"/" + name))}
    for record in records:
        path = top + b"/" + record.name if record.name else top
        names.discard(record.name)
        try:
            now = os.lstat(path)
        except FileNotFoundError:
            yield f"{path!r} is gone, and remembered"
            continue
        if remembered(record) != seen(record.kind, now):
            yield f"{path!r}: remembered {remembered(record)}, is {seen(record.kind, now)}"
    for name in names:
        yield f"{top + b'/' + name!r} is there, and not remembered"


def main(group: str, *roots: str) -> None:
    store = Store(group)
    known = store.read_group().directories
    for root in map(os.fsencode, roots):
        manifest = open_manifest(store.place, known[module_name(root)].manifest)
        if manifest is None:
            print(f"{root!r}: its manifest is damaged")
            continue
        there = {os.path.relpath(path, root) for path, _, _ in os.walk(root) if b".~tmp~" not in path.split(b"/")}
        for entry in manifest.entries():
            if entry.flags & GONE:
                continue
            there.discard(entry.path or b".")
            path = root + b"/" + entry.path if entry.path else root
            for line in differences(path, map(parse_record, manifest.records(entry))):
                print(line)
        for path in there:
            print(f"{path!r} is there, and not remembered")


if __name__ == "__main__":
    main(*sys.argv[1:])
