"""Which names a run of rsync speaks of when something was in the way."""

from __future__ import annotations

import re
from typing import List, Optional, Set

from . import rsync
from .leftovers import Leftover, in_order, read_names, split

NOBODY = b"./.~tmp~/-"
"""A name that is never there, for a list without a name would be no list."""

_NAMED = re.compile(r'"(.*?)" \(in [0-9a-f]{16}\)')
_ESCAPED = re.compile(rb"\\#([0-7]{3})")
_HIDDEN = re.compile(rb"^\.(.*)\.[A-Za-z0-9]{6}$", re.S)


def named(finished: rsync.Finished) -> Optional[Set[bytes]]:
    """The names in rsync's reports of errors, relative to the directory; nothing if one has no name, or speaks of the
    directory itself: whatever is in it may be meant."""
    names: Set[bytes] = set()
    for report in finished.troubles:
        found = _NAMED.search(report.text)
        if found is None or "\ufffd" in found.group(1):
            return None
        path = _ESCAPED.sub(lambda match: bytes([int(match.group(1), 8)]), found.group(1).encode()).lstrip(b"/")
        parts = [part for part in path.split(b"/") if part not in (b"", b".", rsync.TEMPORARY)]
        if not parts:
            return None
        names.add(b"/".join(parts))
    return names or None


def pick(names: bytes, found: Optional[Set[bytes]], kind: bytes = b"?") -> List[Leftover]:
    """Those of a list that were named; all of them if one of the named is not on it."""
    listed = [
        line[2:] if line.startswith(b"./") else line for line in read_names(names) if line not in (NOBODY, NOBODY[2:])
    ]
    if found:
        known = set(listed)
        wanted = {path if path in known else _unhidden(path) for path in found}
        if wanted <= known:
            listed = [path for path in listed if path in wanted]
    return in_order([Leftover(kind, *split(path)) for path in listed if path])


def _unhidden(path: bytes) -> bytes:
    """Of a temporary file, the name of what it is to become."""
    directory, name = split(path)
    found = _HIDDEN.match(name)
    name = found.group(1) if found else name
    return directory + b"/" + name if directory else name
