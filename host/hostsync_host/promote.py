"""Makes this host the primary of an epoch: makes its key and prints the public half. From then on the host takes no
pushes: the key of an earlier primary is trusted no more, what it has open is ended, and no older epoch is followed."""

from __future__ import annotations

from typing import Optional

from . import commands, epoch, files, freshness, hooks, keys, layout, locks, results, sessions
from .epoch import GroupState
from .errors import ExitCode
from .request import Request

HOOK_SECONDS = 30


def refuse_pushes() -> bool:
    """A host that was a secondary still trusts the primary before it, which may have a session open."""
    removed = files.remove(layout.home() + b"/.ssh/authorized_keys")
    if removed:
        results.log("an earlier primary can no longer push to this host")
    sessions.end_sessions()
    return removed


def run_hooks(request: Request, before: Optional[GroupState]) -> tuple[str, hooks.HookResult]:
    """Which hook ran, and how it went."""
    number = str(request.epoch).encode()
    if files.read_small(layout.pending_hook()) == number + b"\n":
        result = hooks.run_hook("after-promotion", HOOK_SECONDS, request.group, request.epoch)
        files.remove(layout.pending_hook())
        files.remove(layout.demotion_prepared())
        return "after-promotion", result
    prepared = files.read_small(layout.demotion_prepared())
    if prepared is None or before is None or before.epoch != request.epoch or prepared.strip() != number:
        return "", hooks.NO_HOOK
    # before-demotion ran here, and now the demotion does not come
    name = "demotion-cancelled" if hooks.is_there("demotion-cancelled") else "after-promotion"
    result = hooks.run_hook(name, HOOK_SECONDS, request.group, request.epoch)
    if result.status != "failed":
        # else it is asked for again, and the hook runs again
        files.remove(layout.demotion_prepared())
    return name, result


def run(request: Request) -> ExitCode:
    commands.need({"ssh-keygen": "openssh-client/openssh", "timeout": "coreutils/coreutils"})
    with locks.take_turn():
        before = epoch.require_not_older(request)
        files.make_directory(layout.ETC)
        files.make_directory(layout.STATE)
        public, changed = keys.ensure(request.group, request.epoch)
        changed = refuse_pushes() or changed
        # The marker before the epoch: if we are stopped between the two, the next run still knows of the hook.
        if before is None or (before.group, before.epoch) != (request.group, request.epoch):
            files.install(layout.pending_hook(), f"{request.epoch}\n".encode(), 0o600)
        changed = epoch.follow(request) or changed
        name, hook = run_hooks(request, before)
    said: dict[str, object] = {"hook": hook.status, **freshness.said()}
    if hook.status != "none":
        said["hookName"] = name
    if hook.message:
        said["hookMessage"] = hook.message
    results.emit("promote", group=request.group, epoch=request.epoch, changed=changed, publicKey=public, **said)
    return ExitCode.DONE
