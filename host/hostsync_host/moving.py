"""Sending directories that were renamed: over there rsync links the files of the old name, and then the old name goes.

In between each file has two names there, and what is done to the mode, owner or times of one shows in the other. So
whoever cannot say that the old name is gone has the files written anew, which parts them.
"""

from __future__ import annotations

import contextlib
import heapq
import os
from dataclasses import replace
from typing import TYPE_CHECKING, List, Optional, Sequence, Tuple

from . import verdict
from .blame import NOBODY
from .compare import Comparison, Move
from .directories import open_beneath
from .leftovers import read_leftovers, read_names
from .manifest import Damaged, Manifest
from .other_names import add_other_names
from .renames import files_below
from .rsync import Within, listed
from .store import SecondaryMemory, Store, open_known

if TYPE_CHECKING:
    from .context import Deletion
    from .sending import Sending


def begin(memory: SecondaryMemory, store: Store, secondary: str, module: str, comparison: Comparison) -> Optional[str]:
    """Notes what may be there, and have two names, from now on. @returns the name of the leftovers, if that must be
    written before anything is sent"""
    if not comparison.moves or memory.no_links:
        return None
    known = memory.moving.setdefault(module, [])
    for move in comparison.moves:
        pair = [move.old.decode("latin-1"), move.new.decode("latin-1")]
        if pair not in known:
            known.append(pair)
    received = memory.received[module]
    earlier, more = store.leftovers(received), read_leftovers(comparison.file("doubtful"))
    name = store.write_leftovers(secondary, heapq.merge(earlier, more, key=lambda one: one.order))
    memory.received[module] = replace(received, leftovers=name)
    return name


def send(sending: Sending, comparison: Comparison, checked: bool) -> bool:
    """Sends the files of renamed directories. `checked`: see Sending.by_lists. @returns whether all arrived"""
    well = True
    for number, move in enumerate(comparison.moves):
        if sending.lost:
            return False
        name = f"moved.{number}"
        names = comparison.file(name)
        arrived = None if checked or not sending.links else _link(sending, comparison, number, move)
        if arrived is None and not sending.lost:
            options = ["--delay-updates", *(["--checksum"] if checked else []), *sending.flush(comparison)]
            arrived = sending.attempt([*listed(sending.make_list(comparison, name, (name,))), *options], names)
        well = bool(arrived) and well
    return well


def _link(sending: Sending, comparison: Comparison, number: int, move: Move) -> Optional[bool]:
    """@returns whether all arrived; nothing if it must be sent as if it were new"""
    try:
        descriptor = open_beneath(sending.scan.opened.descriptor, move.new, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        if os.fstat(descriptor).st_ino != move.inode:
            return None
        words = [*listed(comparison.file(f"linked.{number}")), b"--link-dest=/" + move.old, "--delay-updates"]
        finished = sending.run(words, within=Within(move.new, descriptor))
    finally:
        os.close(descriptor)
    if verdict.refuses(finished, "link-dest"):
        sending.links = False
        return None
    if not finished.whole and sending.connection.alive():
        return None
    return sending.conclude(finished, comparison.file(f"moved.{number}"))


def settle(sending: Sending, memory: SecondaryMemory, compared: Optional[Tuple[Comparison, Deletion]]) -> None:
    """After the lists: what is known to have one name again is taken off the memory, and the rest is parted."""
    module = sending.scan.module
    known = memory.moving.get(module, [])
    if not known or sending.lost:
        return
    going = frozenset[bytes]()
    if compared is not None and sending.deleted:
        going = frozenset(leftover.path for leftover in read_leftovers(compared[1].names) if leftover.kind == b"D")
    left = [pair for pair in known if going.isdisjoint(name.encode("latin-1") for name in pair)]
    if left and not _part(sending, [name.encode("latin-1") for pair in left for name in pair]):
        memory.moving[module] = left
        return
    del memory.moving[module]


def _part(sending: Sending, directories: Sequence[bytes]) -> bool:
    context = sending.context
    manifest = open_known(context.store.place, context.scratch, sending.scan.manifest)
    if manifest is None:
        return False
    path = os.path.join(context.scratch, f"part.{sending.connection.secondary.id}.{sending.scan.module}".encode())
    with contextlib.closing(manifest):
        try:
            count = _list_files(manifest, directories, path, context.largest)
        except Damaged:
            return False
    if not count:
        return True
    names = path + b".list"
    with open(names, "wb") as file:
        file.writelines(b"./" + name + b"\0" for name in read_names(path))
        file.write(NOBODY + b"\0")
    options: List[str] = ["--ignore-times", "--hard-links", "--delay-updates"]
    return sending.attempt([*listed(names), *options], names)


def _list_files(manifest: Manifest, directories: Sequence[bytes], path: bytes, most: int) -> int:
    """With the other names that they have elsewhere: those would be parted, too. @returns how many"""
    count, missing = 0, dict[int, int]()
    with open(path, "wb") as file:
        for name, record in files_below(manifest, directories):
            if record.size > most:
                continue
            file.write(name + b"\0")
            count += 1
            if record.links > 1:
                missing[record.inode] = missing.get(record.inode, record.links) - 1
    elsewhere = frozenset(inode for inode, links in missing.items() if links > 0)
    return count + (add_other_names(path, manifest, elsewhere) if elsewhere else 0)
