"""The names of held deletions, by the id under which they were shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Optional

from .deletions import Batch
from .errors import bad_request, not_ready
from .layout import module_name
from .manifest import Damaged
from .request import Request
from .store import Store


@dataclass(frozen=True)
class Covered:
    """What an id stands for: its batch, and what was held before it in the same directory."""

    module: str
    ids: frozenset[str]


def find_covered(batches: Sequence[Batch], shown: str) -> Optional[Covered]:
    """None if nothing is held by that id any more."""
    there = [batch for batch in batches if batch.count > 0]
    index = next((index for index, batch in enumerate(there) if batch.id == shown), None)
    if index is None:
        return None
    module = there[index].module
    return Covered(module, frozenset(batch.id for batch in there[: index + 1] if batch.module == module))


def narrow(request: Request) -> Request:
    """The request for the directory of the held deletions alone. @raises HostError if nothing is held by that id"""
    shown = request.options.held
    if shown is None:
        return request
    covered = find_covered(Store(request.group).read_group().batches, shown)
    if covered is None:
        raise bad_request(
            f'option held "{shown}": nothing is held by this id any more: it was accepted, or is back; '
            "push, and take the id of the line deletions-held"
        )
    directories = tuple(each for each in request.directories if module_name(each.path) == covered.module)
    if not directories:
        raise bad_request(f'option held "{shown}": the request does not name its directory; add its line directory')
    return replace(request, directories=directories)


def held_names(request: Request) -> Iterator[bytes]:
    """Of everything but directories, which come with what is in them."""
    store = Store(request.group)
    covered = find_covered(store.read_group().batches, request.options.held or "")
    if covered is None:
        return
    try:
        for batch, leftover in store.held(covered.module):
            if batch in covered.ids and leftover.kind != b"D":
                yield leftover.path
    except Damaged as error:
        raise not_ready(f"{error}; push, and take the id of the line deletions-held") from error
