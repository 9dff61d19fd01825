"""Files of a manifest that are sent, or told of, apart."""

from __future__ import annotations

from typing import Iterable, Iterator, Tuple

from .leftovers import join
from .looker import LARGE_SIZE, YOUNG_NS
from .manifest import LARGE, SHUT, Manifest
from .records import Record, name_of, parse_record


def large_files(manifest: Manifest) -> Iterator[Tuple[bytes, int]]:
    """The files that are sent in a run of their own, with their sizes. @raises Damaged"""
    for entry in manifest.entries():
        if entry.flags & LARGE:
            for record in manifest.records(entry):
                found = parse_record(record) if record.startswith(b"f") else None
                if found is not None and _is_large(found):
                    yield join(entry.path, name_of(record)), found.size


def files_above(manifest: Manifest, most: int) -> Iterator[bytes]:
    """The files of more bytes than that, which is LARGE_SIZE or more. @raises Damaged"""
    for entry in manifest.entries():
        if entry.flags & LARGE:
            for record in manifest.records(entry):
                if record.startswith((b"f", b"s")) and parse_record(record).size > most:
                    yield join(entry.path, name_of(record))


def files_changed(manifest: Manifest, since_ns: int, most: int) -> Iterator[bytes]:
    """The files of at most so many bytes whose inode changed since then, or a moment before. @raises Damaged"""
    since_ns -= YOUNG_NS
    for entry in manifest.entries():
        for record in manifest.records(entry):
            if record.startswith(b"f"):
                found = parse_record(record)
                if found.changed >= since_ns and found.size <= most:
                    yield join(entry.path, found.name)


def _is_large(record: Record) -> bool:
    """Of hard links all go in one run, with the small files."""
    return record.size >= LARGE_SIZE and record.links == 1


def shut_files(manifest: Manifest) -> Iterator[bytes]:
    """The files that their owner shut for himself. @raises Damaged"""
    for entry in manifest.entries():
        if entry.flags & SHUT:
            for record in manifest.records(entry):
                if record.startswith(b"s"):
                    yield join(entry.path, name_of(record))


def unreadable_files(manifest: Manifest, directories: Iterable[bytes]) -> Iterator[bytes]:
    """The files in these directories that their owner cannot read. @raises Damaged"""
    wanted = frozenset(directories)
    for entry in manifest.entries():
        if entry.path in wanted:
            for record in manifest.records(entry):
                if record.startswith(b"u"):
                    yield join(entry.path, name_of(record))
