"""A walk of those directories alone in which something may have changed, as events or times of directories tell."""

from __future__ import annotations

import heapq
import os
from dataclasses import dataclass, replace
from typing import BinaryIO, Callable, Dict, FrozenSet, List, Mapping, Optional, Tuple

from .looker import Seen
from .manifest import MOUNT, NEVER, Entry, Manifest, key_of, path_of
from .named import look_at_names
from .records import name_of
from .scan import GONE, NAME_MOST, Old, Walk, room

EVENT_YOUNG_NS = 40_000_000
"""With events a later change is told of, so that only one in the same tick of the kernel's clock could be missed."""

Emit = Callable[[Entry], None]


@dataclass(frozen=True)
class Dirty:
    """What may have changed in a directory."""

    names: Optional[FrozenSet[bytes]] = None
    """These names alone, for every change is known. None: any name."""
    deep: bool = False
    """Everything below it, too: it is new, or came from elsewhere."""
    held: FrozenSet[bytes] = frozenset()
    """Files that are open for writing: as they were known, or not there yet."""
    idle: bool = False
    """Only `held` is said: it is looked at if there is another reason."""


_GONE, _HERE = 0, 1


class _DirtyWalk:
    def __init__(self, walk: Walk, manifest: Manifest, sink: BinaryIO, emit: Emit) -> None:
        self.walk, self.manifest, self.sink, self.emit = walk, manifest, sink, emit
        self.old = Old(manifest, b"", None)
        self.heap: List[Tuple[bytes, int]] = []
        self.dirty: Dict[bytes, Dirty] = {}
        self.listed: Dict[bytes, bool] = {}
        """Keys that the look at the directory above found, each with whether it was known."""

    def run(self, dirty: Mapping[bytes, Dirty]) -> None:
        for path, one in dirty.items():
            self.dirty[key_of(path)] = one
            if not one.idle:
                heapq.heappush(self.heap, (key_of(path), _HERE))
        done: Optional[bytes] = None
        while self.heap:
            key, kind = heapq.heappop(self.heap)
            if key == done:
                continue
            done = key
            while self.old.now is not None and self.old.now.key < key:
                self.old.next()
            if kind == _GONE:
                self._gone(key)
            else:
                self._here(key)
        while self.old.now is not None:
            self.old.next()  # to its end, which says whether it is whole

    def _gone(self, key: bytes) -> None:
        """It and all below it; nothing below it is looked at."""
        while self.old.now is not None and (self.old.now.key == key or self.old.now.key.startswith(key + b"\0")):
            self.emit(self.old.now._replace(flags=GONE))
            self.old.next()
        self._drop_below(key)

    def _drop_below(self, key: bytes) -> None:
        self.heap = [item for item in self.heap if not item[0].startswith(key + b"\0")]
        heapq.heapify(self.heap)

    def _here(self, key: bytes) -> None:
        path = path_of(key)
        was = self.old.take(key)
        if was is None and key not in self.listed:
            return  # excluded, or below something that is gone: the directory above would have named it
        one = self.dirty.get(key) or Dirty(deep=True)
        if was is None or one.idle:
            one = replace(one, names=None, deep=True)
        records = {name_of(record): record for record in self.manifest.records(was)} if was is not None else {}
        self.walk.stays = {name: records[name] for name in one.held if name in records}
        self.walk.hidden = one.held.difference(records)
        start = self.sink.tell()
        try:
            seen = self._look(path, one, was, records)
        except PermissionError:
            self.walk.found.unreadable.add(path or b".")
            while self.old.now is not None and (self.old.now.key == key or self.old.now.key.startswith(key + b"\0")):
                self.old.next()
            self._drop_below(key)
            return
        finally:
            self.walk.stays, self.walk.hidden = {}, ()
        if seen is None:
            self._gone(key)
            return
        if was is not None:
            self.old.next()
        self._found(key, path, was, seen, start)
        self._below(path, one, records, seen)

    def _look(self, path: bytes, one: Dirty, was: Optional[Entry], records: Mapping[bytes, bytes]) -> Optional[Seen]:
        if was is not None and one.names is not None and not one.deep and room(path) >= NAME_MOST:
            seen = look_at_names(self.walk, path, one.names | one.held, records, was.flags, self.sink)
            if seen is not None:
                return seen
        return self.walk.look(path, self.sink)

    def _found(self, key: bytes, path: bytes, was: Optional[Entry], seen: Seen, start: int) -> None:
        self.walk.found.directories += 1
        mount = was.flags & MOUNT if was is not None else 0
        if path:
            try:
                above = os.stat(os.path.dirname(path) or b".", dir_fd=self.walk.root, follow_symlinks=False)
                mount = MOUNT if above.st_dev != seen.device else 0
            except OSError:
                pass
        if was is not None and seen.digest == was.digest != NEVER and mount == was.flags & MOUNT:
            return
        self.walk.found.changed += 1
        self.emit(Entry(key, path, seen.digest, 0, start, seen.size, seen.entries, seen.check, mount | seen.flags))

    def _below(self, path: bytes, one: Dirty, records: Mapping[bytes, bytes], seen: Seen) -> None:
        known = {name for name, record in records.items() if record.startswith(b"d")}
        for name in seen.names:
            key = key_of(path + b"/" + name if path else name)
            self.listed[key] = name in known
            if name not in known or one.deep:
                held = self.dirty[key].held if key in self.dirty else frozenset[bytes]()
                self.dirty[key] = Dirty(deep=True, held=held)
                heapq.heappush(self.heap, (key, _HERE))
        for name in known.difference(seen.names):
            heapq.heappush(self.heap, (key_of(path + b"/" + name if path else name), _GONE))


def walk_dirty(walk: Walk, manifest: Manifest, dirty: Mapping[bytes, Dirty], sink: BinaryIO, emit: Emit) -> None:
    """Emits those of the dirty directories, and of what is new or gone below them, that are not as in the manifest."""
    if all(one.names is not None or one.deep for one in dirty.values()):
        walk.young_ns = EVENT_YOUNG_NS
    _DirtyWalk(walk, manifest, sink, emit).run(dirty)
