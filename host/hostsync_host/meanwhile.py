"""What changed while everything of a directory was compared: its names are in doubt, and the next push asks for them.

What came after the scan was sent as well, and no manifest has it; what was elsewhere for a moment was not sent, or
counts as what the secondary has alone. Where each name that changed is known, these are the names. Where not, this
tells: a name that comes or goes leaves a trace in its directory, and rsync names what it sends. The kernel's clock for
traces ticks every 10 ms or more often.
"""

from __future__ import annotations

import os
import re
from typing import Callable, Container, Dict, Iterable, Iterator, Mapping, Optional, Tuple

from .directories import open_beneath
from .excludes import Matcher
from .finished import plain
from .leftovers import join, split
from .manifest import Damaged, Entry, Manifest
from .records import name_of
from .rsync import is_temporary
from .whereabouts import Whereabouts

MOST = 50_000
"""Names. With more of them in doubt it is as well to compare everything again."""
_MARK, _ESCAPED = b"\x01+ ", b"\\#001+ "
_LINE = re.compile(rb"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[\d+\] (.*)\n")

Late = Callable[[], Optional[Mapping[bytes, bool]]]
"""Each name that changed since the scan began, and whether it was a directory lately; nothing if they are not known."""


class Meanwhile:
    """The names in doubt in one directory; `add` is called once or several times."""

    def __init__(self, root: int, since_ns: int, said: bytes, excluded: Optional[Matcher]) -> None:
        """`root`: its descriptor. `said`: rsync's log file. `excluded`: what is not sent."""
        self.said = said
        self.names: Dict[bytes, bool] = {}
        """And whether it may be a directory over there."""
        self.unknown = False
        """There are more than are known."""
        self.guessed = False
        """Something changed, and traces alone tell what."""
        self._root, self._since = root, since_ns - 20_000_000
        self._heard = 0
        self._excluded = excluded

    def add(self, manifest: Manifest, late: Late) -> None:
        """Looks at what changed up to now. `late` is asked where something did."""
        try:
            self._add(manifest, late)
        except (OSError, Damaged):
            self.unknown = True
        self.unknown = self.unknown or len(self.names) > MOST

    def _add(self, manifest: Manifest, late: Late) -> None:
        whereabouts = Whereabouts(self._root, self._since)
        changed = self._changed(manifest, whereabouts)
        if not changed:
            return
        known = late()
        if known is not None:
            self._take(known.items())
            changed = {path: entry for path, entry in changed.items() if _is_at_or_below(path, known)}
        else:
            self.guessed = True
        for path, entry in changed.items():
            had = frozenset(name for name in map(name_of, manifest.records(entry)) if name)
            if known is not None or whereabouts.may_have_moved(path):
                self._take((join(path, name), False) for name in had)
            self._take(self._new(path, had))
        if known is None:
            self._take(self._unsteady(whereabouts))

    def _changed(self, manifest: Manifest, whereabouts: Whereabouts) -> Dict[bytes, Entry]:
        return {
            entry.path: entry
            for entry in manifest.entries()
            if whereabouts.has_changed(entry.path) or whereabouts.may_have_moved(entry.path)
        }

    def _take(self, names: Iterable[Tuple[bytes, bool]]) -> None:
        for path, is_directory in names:
            self.names[path] = is_directory or self.names.get(path, False)
            if len(self.names) > MOST:
                self.unknown = True
                return

    def _new(self, path: bytes, had: Iterable[bytes]) -> Iterator[Tuple[bytes, bool]]:
        """What is in a directory and was not, with all that is below it."""
        try:
            directory = open_beneath(self._root, path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            return  # it went away
        try:
            with os.scandir(directory) as entries:
                found = [(os.fsencode(entry.name), entry.is_dir(follow_symlinks=False)) for entry in entries]
        finally:
            os.close(directory)
        known = frozenset(had)
        for name, is_directory in found:
            if name not in known and self._is_sent(path, name, is_directory):
                yield join(path, name), is_directory
                if is_directory:
                    yield from self._new(join(path, name), ())

    def _is_sent(self, path: bytes, name: bytes, is_directory: bool) -> bool:
        if is_temporary(name) or (not path and name == b"lost+found"):
            return False
        return self._excluded is None or not self._excluded(join(path, name), name, is_directory)

    def _sent(self) -> Iterator[Tuple[bytes, bool]]:
        """What rsync named since the last time."""
        with open(self.said, "rb") as log:
            log.seek(self._heard)
            for line in log:
                found = _LINE.match(line)
                if found is None:
                    # a name with an end of line in it
                    self.unknown = True
                elif found.group(1).startswith((_MARK, _ESCAPED)):
                    said = found.group(1)
                    name = plain(said[len(_ESCAPED) :]) if said.startswith(_ESCAPED) else said[len(_MARK) :]
                    yield name.rstrip(b"/"), name.endswith(b"/")
            self._heard = log.tell()

    def _unsteady(self, whereabouts: Whereabouts) -> Iterator[Tuple[bytes, bool]]:
        """What was sent, and is not what it was at the scan, or may not be."""
        for path, is_directory in self._sent():
            if path != b"." and (whereabouts.may_have_moved(split(path)[0]) or whereabouts.is_new(path)):
                yield path, is_directory


def _is_at_or_below(path: bytes, names: Container[bytes]) -> bool:
    while path:
        if path in names:
            return True
        path = split(path)[0]
    return False
