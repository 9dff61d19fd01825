"""Says what on this host would stop the next push, join or promotion, and what mends it. It changes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from .. import commands, kept_names, results
from ..errors import ExitCode
from ..request import Request
from . import access, programs, state
from .check import LEVELS, Check, guarded
from .places import Places

Look = Callable[[], Iterable[Check]]


def looks(request: Request, places: Places) -> dict[str, Look]:
    """Each by the name under which a failure of the check itself is shown."""
    return {
        "release": state.find_release,
        "epoch": lambda: state.find_group(request),
        "key": lambda: state.find_key(request),
        "readable": lambda: state.find_readable(request.group),
        "rescued": state.find_rescued,
        "programs": programs.find,
        "sudo": access.find_setuid,
        "sshd": access.find_sshd,
        "login": access.find_login,
        "hooks": access.find_hooks,
        "directory": places.find_directories,
        "mounts": places.find_mounts,
        "disk": places.find_room,
        "leftovers": places.find_leftovers,
        "watch": places.find_rung,
    }


def run(request: Request) -> ExitCode:
    commands.need({})
    if request.options.list_kept:
        return kept_names.list_kept(request)
    now = time.time()
    places = Places(request)
    try:
        # The clock first: nothing that takes time may come before it
        results.emit("host", now=round(now, 3), release=state.own_release(), owners=places.owners())
        found = [each for name, look in looks(request, places).items() for each in guarded(name, look)]
    finally:
        places.close()
    for each in sorted(found, key=lambda one: LEVELS.index(one.level)):
        each.emit()
    return ExitCode.DONE
