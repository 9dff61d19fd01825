"""Makes a primary push no more, and lists what only it may hold, for rescue on the new primary.

With the option prepare it asks the operator's hook alone, before anything is given up. It may be run again and again:
each run lists anew and says what is new since the last one.
"""

from __future__ import annotations

import os

from . import commands, epoch, files, hooks, later, layout, locks
from .errors import ExitCode, HostError, bad_request, not_ready
from .fence import fence, held_epoch
from .hooks import HookResult
from .lists import Lists
from .request import Request
from .results import emit
from .scratch import Scratch

_HOOK, _HOOK_SECONDS = "before-demotion", 60


def run(request: Request) -> ExitCode:
    commands.need({"timeout": "coreutils/coreutils"})
    if not request.options.peer and not request.options.prepare:
        raise bad_request("option peer is missing; add the id of the new primary")
    with locks.take_turn():
        epoch.require_not_older(request)
        return prepare(request) if request.options.prepare else leave(request)


# --- before a planned switchover


def prepare(request: Request) -> ExitCode:
    """Asks the operator's hook; nothing else changes. A promotion of the same epoch undoes it."""
    state = epoch.read_group()
    if not os.path.exists(layout.key()) or state is None or state.epoch != request.epoch:
        raise not_ready(f"this host is not the primary of epoch {request.epoch}; ask the one that is")
    result = hooks.run_hook(_HOOK, _HOOK_SECONDS, request.group, request.epoch)
    if result.status == "failed":
        raise HostError("hook-failed", result.message)
    if result.status == "ok":
        _remember_hook(request.epoch)
    emit("leave", prepared=True, hook=result.status)
    return ExitCode.DONE


def _remember_hook(number: int) -> None:
    files.make_directory(layout.STATE)
    files.install(layout.demotion_prepared(), b"%d\n" % number, 0o600)


# --- at the demotion itself, and when a former primary comes back


def leave(request: Request) -> ExitCode:
    files.make_directory(layout.ETC)
    files.make_directory(layout.STATE)
    for path in (layout.stranded(), layout.rescued()):
        files.make_directory(path, 0o700)
    fence(request)
    hook = _run_hook(request)
    with Scratch("leave") as scratch:
        lists = Lists(request, scratch)
        lists.make()
    later.remember(request)
    said: dict[str, object] = {"hook": hook.status}
    if hook.message:
        said["hookMessage"] = hook.message
    emit("leave", prepared=False, epoch=request.epoch, **lists.summary(), **said)
    return ExitCode.DIRECTORY_SKIPPED if lists.unfit else ExitCode.DONE


def _run_hook(request: Request) -> HookResult:
    """The software here may still write: the hook stops that before anything is listed.

    It runs once for each demotion, unless it fails: what it did not do must still be done.
    """
    held = held_epoch()
    if held == 0 or files.read_small(layout.demotion_prepared()) == b"%d\n" % held:
        return hooks.NO_HOOK
    result = hooks.run_hook(_HOOK, _HOOK_SECONDS, request.group, request.epoch)
    if result.status == "ok":
        _remember_hook(held)
    return result
