"""The primary's half of keep-deleted: before a run that deletes or replaces, the secondary gets the names. What fails
here is said, and changes nothing else."""

from __future__ import annotations

import time
from typing import Iterable, Iterator, List

from . import layout
from .compare import Comparison
from .context import Deletion
from .leftovers import join, read_names
from .results import log
from .ssh import Connection
from .telling import tell

BATCH = 8 * 1024 * 1024
KINDS = ("send", "anew", "links", "shut", "dirs", "moved")
"""Not what is compared by its content: nearly all of that is the same, as after chown -R of a site, and would push out
what is worth something."""
_SECONDS = 120.0
"""For all of it."""


def names_of(comparison: Comparison, deletion: Deletion) -> Iterator[bytes]:
    """What is there, and will not be or not be the same. What is new is not there, and costs its name."""
    for kind in KINDS:
        if comparison.counts[kind]:
            yield from (name for name in comparison.names(kind) if name)
    # a directory goes with all that is in it, also what nobody here knows of
    for count, names in ((deletion.swaps, deletion.swap_list), (deletion.topmost, deletion.list)):
        if count:
            yield from (name[2:] + b"/" for name in read_names(names))


def keep(directory: bytes, names: Iterable[bytes], connection: Connection, scratch: bytes, lock: int) -> str:
    """@returns what went wrong, which is nobody else's business: the push goes on"""
    try:
        problem = _keep(directory, names, connection, scratch, lock)
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
    if problem:
        log(f"{connection.secondary.id}: keep-deleted: {problem}")
    return problem


def expire(connection: Connection, scratch: bytes, lock: int) -> None:
    """What is too old goes over there, also where nothing is deleted for long. What fails here is only late."""
    try:
        problem = _tell([], connection, scratch, lock)
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
    if problem:
        log(f"{connection.secondary.id}: keep-deleted: what is too old may still be there: {problem}")


def _keep(directory: bytes, names: Iterable[bytes], connection: Connection, scratch: bytes, lock: int) -> str:
    problem, end = "", time.monotonic() + _SECONDS
    for batch in _batches(directory, names):
        if time.monotonic() >= end:
            return "there was no time left"
        problem = _tell(batch, connection, scratch, lock) or problem
    return problem


def _batches(directory: bytes, names: Iterable[bytes]) -> Iterator[List[bytes]]:
    batch, size = list[bytes](), 0
    for name in names:
        batch.append(join(directory, name) + b"\0")
        size += len(batch[-1])
        if size > BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _tell(batch: List[bytes], connection: Connection, scratch: bytes, lock: int) -> str:
    told = tell(lambda file: file.writelines(batch), layout.TO_KEEP, layout.KEEP, connection, scratch, lock)
    return told.problem if told.there else "it was not joined with this option"
