"""What has changed and was not pushed yet: from events and the time to what the next cycle looks at.

A change waits until nothing has come for the quiet time, and at most the longest delay; a file that is open for writing
waits for its close, and at most `hold`. Nothing here reads a clock or a file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Optional, Set, Tuple, cast

from ..dirty import Dirty
from .fanotify import ATTRIB, CLOSE_WRITE, CREATE, DELETE, MOVED_FROM, MOVED_TO, Event

QUIET, LONGEST = 0.05, 0.3
"""Seconds."""
AGAIN = 0.5
"""Seconds after which it is looked again whether a file is still open for writing."""
BIRTHS_MOST = 5000
NAMES_MOST = 50_000

Place = Tuple[int, bytes]
"""The index of the directory of the request, and a directory below it."""
Name = Tuple[int, bytes, bytes]
"""The same, and a name in it."""


@dataclass
class Batch:
    """What one cycle looks at."""

    dirty: Dict[int, Dict[bytes, Dirty]] = field(default_factory=dict[int, Dict[bytes, Dirty]])
    births: List[float] = field(default_factory=list[float])
    """When the changes came, by the clock of the events."""


@dataclass
class _Names:
    names: Optional[Set[bytes]] = field(default_factory=set[bytes])
    """None: any of them."""
    deep: bool = False


@dataclass
class Pending:
    """Seconds are of one clock that never goes back."""

    quiet: float = QUIET
    longest: float = LONGEST
    hold: float = 30.0
    first: Optional[float] = None
    last: float = 0.0
    overfull: bool = False
    """So many names that a walk is cheaper."""
    _changed: Dict[Place, _Names] = field(default_factory=dict[Place, _Names])
    _births: Dict[Name, float] = field(default_factory=dict[Name, float])
    _waiting: Dict[Name, Tuple[float, float]] = field(default_factory=dict[Name, Tuple[float, float]])
    """Files that may be open for writing: since when, and when they are looked at again."""

    def add(self, event: Event, now: float) -> None:
        key = (event.root, event.directory, event.name)
        if event.of_directory:
            self._waiting.pop(key, None)
            self._add_directory(event, now)
        elif event.mask & (CREATE | MOVED_TO | ATTRIB) and not event.mask & (CLOSE_WRITE | DELETE | MOVED_FROM):
            # events of one name may be merged; one alone does not say whether its writer is through
            began, _ = self._waiting.get(key, (now, now))
            self._waiting[key] = (began, now + self.quiet)
        else:
            self._waiting.pop(key, None)
            self._note(key, now)
        if len(self._waiting) + len(self._births) > NAMES_MOST:
            self.overfull = True

    def _add_directory(self, event: Event, now: float) -> None:
        path = event.directory + b"/" + event.name if event.directory else event.name
        if event.name == b".":
            self.note_directory(event.root, event.directory, now, set())
            return
        self._note((event.root, event.directory, event.name), now)
        if event.mask & (CREATE | MOVED_TO):
            self._changed[event.root, path] = _Names(None, True)
        elif event.mask & ATTRIB:
            self._changed.setdefault((event.root, path), _Names())

    def _note(self, key: Name, now: float) -> None:
        root, directory, name = key
        found = self._changed.setdefault((root, directory), _Names())
        if found.names is not None:
            found.names.add(name)
        if len(self._births) < BIRTHS_MOST:
            self._births[key] = now
        self._touch(now)

    def _touch(self, now: float) -> None:
        self.first = now if self.first is None else self.first
        self.last = now

    def note_directory(self, root: int, directory: bytes, now: float, names: Optional[Set[bytes]] = None) -> None:
        """Something in a directory changed; without `names` it is not known what."""
        found = self._changed.setdefault((root, directory), _Names())
        if names is None or found.names is None:
            found.names = None
        else:
            found.names |= names
        self._births.setdefault((root, directory, b"."), now)
        self._touch(now)

    def due(self) -> Optional[float]:
        """When there is something to do at the earliest; nothing if nothing is pending."""
        times = [again for _, again in self._waiting.values()]
        if self.first is not None:
            times.append(min(self.last + self.quiet, self.first + self.longest))
        return min(times, default=None)

    def settle(self, now: float, is_written: Callable[[int, bytes, bytes], bool]) -> None:
        """Lets go of the files that are not open for writing any more, or have been for too long."""
        for key, (began, again) in list(self._waiting.items()):
            if again > now:
                continue
            if now - began < self.hold and is_written(*key):
                self._waiting[key] = (began, now + AGAIN)
            else:
                del self._waiting[key]
                root, directory, name = key
                self._note(key, now)
                if len(self._births) < BIRTHS_MOST:
                    self._births[root, directory, name] = began
                self.last = min(self.last, now - self.quiet)

    def ready(self, now: float) -> bool:
        return self.first is not None and now >= min(self.last + self.quiet, self.first + self.longest)

    def take(self) -> Batch:
        """All that is ready. What waits for its close stays."""
        batch = Batch(births=list(self._births.values()))
        held: Dict[Place, Set[bytes]] = {}
        for root, directory, name in self._waiting:
            held.setdefault((root, directory), set()).add(name)
        for (root, directory), found in self._changed.items():
            names = None if found.names is None else frozenset(found.names)
            one = Dirty(names, found.deep, frozenset(held.pop((root, directory), ())))
            batch.dirty.setdefault(root, {})[directory] = one
        for (root, directory), left in held.items():
            if root in batch.dirty:
                batch.dirty[root][directory] = Dirty(frozenset(), held=frozenset(left), idle=True)
        self._changed, self._births, self.first, self.overfull = {}, {}, None, False
        return batch

    def waiting(self, root: int) -> List[bytes]:
        """The paths of files that wait for their close."""
        return [directory + b"/" + name if directory else name for its, directory, name in self._waiting if its == root]

    # --- handover

    def export(self) -> List[List[object]]:
        """Everything that is not pushed, as JSON has it: root, directory, names or null, deep."""
        changed: Dict[Place, _Names] = {place: _Names(one.names, one.deep) for place, one in self._changed.items()}
        for root, directory, name in self._waiting:
            found = changed.setdefault((root, directory), _Names())
            if found.names is not None:
                found.names = found.names | {name}
        return [
            [root, _text(directory), None if one.names is None else sorted(_text(name) for name in one.names), one.deep]
            for (root, directory), one in changed.items()
        ]

    def put_back(self, dirty: Mapping[int, Mapping[bytes, Dirty]], now: float) -> None:
        """A cycle did not look at them after all."""
        for root, places in dirty.items():
            for directory, one in places.items():
                found = self._changed.setdefault((root, directory), _Names())
                found.deep = found.deep or one.deep
                if one.names is None or found.names is None:
                    found.names = None
                else:
                    found.names |= one.names
                self._touch(now)


def imported(data: object) -> Optional[Dict[int, Dict[bytes, Dirty]]]:
    """What `export` gave; nothing if it is not that."""
    dirty: Dict[int, Dict[bytes, Dirty]] = {}
    try:
        for root, directory, names, deep in cast(List[List[Any]], data):
            known = None if names is None else frozenset(_bytes(name) for name in names)
            dirty.setdefault(int(root), {})[_bytes(directory)] = Dirty(known, bool(deep))
        return dirty
    except (ValueError, TypeError, AttributeError):
        return None


def _text(name: bytes) -> str:
    return name.decode("latin-1")


def _bytes(text: str) -> bytes:
    return text.encode("latin-1")
