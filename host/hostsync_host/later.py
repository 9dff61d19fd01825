"""What came to a former primary after its last list: nobody comes for it any more, and the first push deletes it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Optional

from . import files, layout
from .lists import Lists
from .request import Request
from .results import log, show
from .scratch import Scratch


def _path() -> bytes:
    return layout.stranded() + b"/last"


def remember(request: Request) -> None:
    """What the last list was made with: a join does not know all of it."""
    last = {
        "epoch": request.epoch,
        "peer": request.options.peer,
        "excludes": [pattern.decode("latin-1") for pattern in request.excludes],
    }
    files.install(_path(), json.dumps(last).encode("ascii"), 0o600)


def _read(request: Request) -> Optional[Request]:
    try:
        data = files.read_small(_path(), 4 * 1024 * 1024)
        last = json.loads(data) if data is not None else None
    except (OSError, ValueError):
        return None
    if last is None or last["epoch"] != request.epoch:
        return None
    excludes = tuple(pattern.encode("latin-1") for pattern in last["excludes"])
    return replace(request, excludes=excludes, options=replace(request.options, peer=last["peer"], keep=True))


def keep(request: Request) -> None:
    """Copies it to where no push comes, once: from then on this host is a secondary, and changes by pushes."""
    last = _read(request)
    if last is None:
        return
    with Scratch("join") as scratch:
        lists = Lists(last, scratch, tells=False)
        lists.make()
    if lists.kept:
        log(f"{lists.kept} files that came after the last list are kept in {show(lists.aside.path)}")
    files.remove(_path())
