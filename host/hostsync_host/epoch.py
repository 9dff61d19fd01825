"""Which group, epoch and primary this host follows. An older epoch never wins, and no epoch has two primaries."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Optional

from . import files, layout, results
from .errors import HostError, bad_request, not_ready
from .request import Request


@dataclass(frozen=True)
class GroupState:
    group: str
    epoch: int
    # the primary of the epoch; None where a release that did not know it wrote the file, or an operator asked without
    holder: Optional[str]


def read_group() -> Optional[GroupState]:
    """None on a host that follows nothing yet."""
    path = layout.group_file()
    try:
        data = files.read_small(path)
    except OSError as error:
        raise _damaged(path) from error
    if data is None:
        return None
    values = dict(line.split("\t", 1) for line in results.show(data).splitlines() if "\t" in line)
    group, epoch = values.get("group", ""), values.get("epoch", "")
    if not group or not re.fullmatch(r"[1-9][0-9]{0,14}", epoch):
        raise _damaged(path)
    return GroupState(group, int(epoch), values.get("holder") or None)


def _damaged(path: bytes) -> HostError:
    name = results.show(path)
    return not_ready(f"{name} is damaged; rm {name} and join this host again")


def require_not_older(request: Request) -> Optional[GroupState]:
    """Refuses a request of another group, of an older epoch, or of another primary of the same epoch."""
    state = read_group()
    if state is None:
        return None
    if state.group != request.group:
        raise bad_request(
            f'group "{request.group}": this host belongs to the group "{state.group}"; '
            f"to move it, rm {results.show(layout.group_file())} first"
        )
    if state.epoch > request.epoch:
        raise HostError(
            "older-epoch",
            f"epoch {request.epoch}: this host follows epoch {state.epoch}; ask with epoch {state.epoch} or newer",
        )
    if state.epoch == request.epoch and state.holder and request.holder and state.holder != request.holder:
        raise HostError(
            "older-epoch",
            f"epoch {request.epoch} of {request.holder}: this host follows {state.holder} in that epoch, "
            f"and an epoch has one primary; ask with epoch {request.epoch + 1} or newer",
        )
    return state


def follow(request: Request) -> bool:
    """Writes what this host follows from now on; says whether that is new. First `require_not_older`."""
    before = read_group()
    holder = request.holder
    if holder is None and before is not None and before.epoch == request.epoch:
        holder = before.holder
    text = f"group\t{request.group}\nepoch\t{request.epoch}\n"
    if holder is not None:
        text += f"holder\t{holder}\n"
    return files.install(layout.group_file(), text.encode(), 0o644)
