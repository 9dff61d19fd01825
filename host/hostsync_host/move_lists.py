"""Lists of the files that only have another path now: rsync links them over there, instead of sending them."""

from __future__ import annotations

import contextlib
import heapq
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Dict, Iterator, List, Optional, Sequence, Set, Tuple

from .compare import Comparison, Move
from .leftovers import Leftover, in_order, join, read_leftovers, split, write_leftovers
from .looker import LARGE_SIZE
from .manifest import Manifest
from .records import Record, parse_record
from .renames import Moved, find_moved, same_names

if TYPE_CHECKING:
    from .context import Deletion

MOST_RUNS = 10
"""Each renamed directory takes a run of rsync."""
LEAST_FILES, LEAST_BYTES = 100, 4 * 1024 * 1024
"""Fewer are sent sooner than linked."""
MOST_LEFTOVERS = 50_000
# Paths stand in arguments, which some daemons take for patterns
_PLAIN = re.compile(rb"[A-Za-z0-9\x80-\xff._@+,=/-]+( [A-Za-z0-9\x80-\xff._@+,=/-]+)*")
_LONGEST = 1000


@dataclass
class _Found:
    """The files of one move, in a file of names."""

    move: Move
    path: bytes
    files: int = 0
    size: int = 0
    large: int = 0
    directories: List[Moved] = field(default_factory=list[Moved])

    @property
    def is_worth(self) -> bool:
        return self.files >= LEAST_FILES or self.size >= LEAST_BYTES


def set_apart(
    comparison: Comparison,
    deletion: Deletion,
    manifests: Tuple[Manifest, Manifest],
    leftovers: Iterator[Leftover],
    most: int,
) -> List[Move]:
    """Takes files that only have another path now off the other lists. @returns the renamed directories, each with the
    lists `moved.N`, of whole paths, and `linked.N`, of those below it. @raises Damaged"""
    if not (comparison.some_new and comparison.some_gone and deletion.topmost):
        return []
    old, new = manifests
    unsure = {leftover.path for leftover, _ in zip(leftovers, range(MOST_LEFTOVERS + 1))}
    if len(unsure) > MOST_LEFTOVERS:
        return []
    found: Dict[Move, _Found] = {}
    for one in find_moved(old, new):
        if _can_be_named(one.move):
            place = comparison.file(f"found.{len(found)}")
            found.setdefault(one.move, _Found(one.move, place)).directories.append(one)
    going = _going(deletion, {move.old for move in found})
    chosen = [each for move, each in found.items() if move.old in going and not _any_below(unsure, move.new)]
    for each in chosen:
        _write(each, old, new, unsure, most)
    chosen = [each for each in chosen if each.is_worth]
    best = sorted(chosen, key=lambda each: each.size + 10_000 * each.files, reverse=True)[:MOST_RUNS]
    chosen = [each for each in chosen if each in best]
    if not chosen or not _take_off(comparison, chosen):
        return []
    for number, each in enumerate(chosen):
        _list(comparison, number, each)
    comparison.counts["moved"] = sum(each.files for each in chosen)
    moves = [each.move for each in chosen]
    with open(comparison.file("doubtful"), "wb") as file:
        write_leftovers(file, _doubtful(comparison, moves))
    return moves


def _doubtful(comparison: Comparison, moves: Sequence[Move]) -> Iterator[Leftover]:
    """Until all is done, nobody knows which of these names are there."""
    tops = {move.new for move in moves}
    paths = (path for path in comparison.names("dirs") if path in tops or _any_above(tops, path))
    directories = in_order([Leftover(b"D", *split(path)) for path in paths])
    files = (Leftover(b"?", *split(path)) for path in comparison.names("moved"))
    return heapq.merge(directories, files, key=lambda one: one.order)


def _any_above(directories: Set[bytes], path: bytes) -> bool:
    return any(path.startswith(directory + b"/") for directory in directories)


def _can_be_named(move: Move) -> bool:
    return all(len(path) < _LONGEST and _PLAIN.fullmatch(path) is not None for path in (move.old, move.new))


def _going(deletion: Deletion, wanted: Set[bytes]) -> Set[bytes]:
    return {leftover.path for leftover in read_leftovers(deletion.names) if leftover.path in wanted}


def _any_below(paths: Set[bytes], directory: bytes) -> bool:
    return any(path == directory or path.startswith(directory + b"/") for path in paths)


def _write(each: _Found, old: Manifest, new: Manifest, unsure: Set[bytes], most: int) -> None:
    with open(each.path, "wb") as file:
        for one in each.directories:
            for was, now in same_names(old.records(one.was), new.records(one.now)):
                record = _unchanged(was, now)
                if record is None or record.size > most or join(one.was.path, record.name) in unsure:
                    continue
                each.files += 1
                each.size += record.size
                each.large += record.size >= LARGE_SIZE
                kind = b"L" if record.size >= LARGE_SIZE else b"-"
                file.write(kind + join(one.now.path, record.name) + b"\0")


def _unchanged(was: bytes, now: bytes) -> Optional[Record]:
    """A file that secondaries have as it is: not one that may have changed without a trace, and none of several
    names."""
    if was != now or not now.startswith(b"f"):
        return None
    record = parse_record(now)
    return None if record.young or record.links != 1 else record


def _take_off(comparison: Comparison, chosen: List[_Found]) -> bool:
    """@returns whether they were on the lists; if not, the lists stay as they are"""
    for name, is_large in (("send", False), ("large", True)):
        expected = sum(each.large if is_large else each.files - each.large for each in chosen)
        moving = (
            leftover.path
            for each in chosen
            for leftover in read_leftovers(each.path)
            if (leftover.kind == b"L") == is_large
        )
        taken, following = 0, next(moving, None)
        with open(comparison.file(f"{name}.rest"), "wb") as rest:
            for path in comparison.names(name):
                if path == following:
                    taken, following = taken + 1, next(moving, None)
                else:
                    rest.write(path + b"\0")
        if taken != expected:
            return False
    for name, count in (
        ("send", sum(each.files - each.large for each in chosen)),
        ("large", sum(each.large for each in chosen)),
    ):
        os.rename(comparison.file(f"{name}.rest"), comparison.file(name))
        comparison.counts[name] -= count
    return True


def _list(comparison: Comparison, number: int, each: _Found) -> None:
    with contextlib.ExitStack() as stack:
        every, whole, inside = (
            stack.enter_context(open(comparison.file(name), "ab"))
            for name in ("moved", f"moved.{number}", f"linked.{number}")
        )
        for leftover in read_leftovers(each.path):
            every.write(leftover.path + b"\0")
            whole.write(leftover.path + b"\0")
            inside.write(b"./" + leftover.path[len(each.move.new) + 1 :] + b"\0")
    os.unlink(each.path)
