"""What earlier commands left here: which group and epoch this host follows, its key, the package, files of a rescue."""

from __future__ import annotations

import os
from collections.abc import Iterable

from .. import epoch, layout, results
from ..errors import HostError
from ..request import Request
from .check import Check, error, ok, warning


def own_release() -> str:
    """The directory that this very command runs from."""
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return os.path.basename(here)


def find_release() -> Iterable[Check]:
    link = layout.RELEASES + b"/current"
    current = results.show(os.readlink(link)) if os.path.islink(link) else "none"
    if current == own_release():
        yield ok("release", current)
        return
    what = f"the link {results.show(link)} names {current}, and the deployment runs {own_release()}"
    why = "What runs by hand or by cron is of another release than what the service runs."
    yield warning("release", what, why, f"ln -sfn {own_release()} {results.show(link)}")


def find_group(request: Request) -> Iterable[Check]:
    path = results.show(layout.group_file())
    try:
        state = epoch.require_not_older(request)
    except HostError as problem:
        what = problem.message.partition("; ")[0]
        why = "It refuses the commands of this group."
        mend = f"cat {path}; if the host was moved to this group, or is a copy of another: rm {path}"
        yield error("epoch", what, why, mend)
        return
    if state is None:
        yield ok("epoch", "follows no group yet")
    elif state.epoch < request.epoch:
        yield ok("epoch", f"follows epoch {state.epoch}, and hears of epoch {request.epoch} with the next command")
    else:
        yield ok("epoch", f"follows epoch {state.epoch}")


def find_key(request: Request) -> Iterable[Check]:
    path = results.show(layout.key())
    is_there = os.path.exists(layout.key())
    if request.options.role == "primary":
        if not is_there:
            why = "It cannot push."
            yield error("key", f"there is no key {path}", why, f"hostsync rotate-keys {request.group}")
        else:
            yield ok("key", "there")
    elif is_there:
        why = "A host that is not the primary has a primary's key, as from an image or a promotion that was given up."
        yield warning("key", f"there is a key {path}", why, "hostsync resync HOST: a join removes it")


def find_readable(group: str) -> Iterable[Check]:
    if os.path.exists(layout.readable()):
        what = "the primary's key can read files here"
        why = "That is so while files are fetched from here; a command that was broken off may have left it."
        yield warning("readable", what, why, f"if no failover or restore is under way: hostsync resync HOST {group}")


def find_rescued() -> Iterable[Check]:
    try:
        kept = sorted(entry.name for entry in os.scandir(layout.rescued()) if entry.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return
    if kept:
        path = results.show(layout.rescued())
        what = f"{path} has files of {len(kept)} rescues, such as {results.show(kept[-1])}"
        why = "They differ from what is served, and nobody but you can say which is right."
        mend = f"copy what you want from {path} (docs/runbooks/files-rescued.md), then remove it"
        yield warning("rescued", what, why, mend)
