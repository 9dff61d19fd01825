"""Deletes names of a directory on one secondary, from an empty tree: by that nothing can be sent."""

from __future__ import annotations

import os
from itertools import islice
from typing import TYPE_CHECKING, Iterator, List, Sequence

from . import rsync, rules, verdict
from .leftovers import read_names

if TYPE_CHECKING:
    from .sending import Sending

RULES_MOST = 5000
"""Names in one run: the other host compares each name that it finds with each rule."""
_FEW = 20


def delete(sending: Sending, names: bytes, most: int) -> bool:
    """`names`: a list as for --files-from, each name with ./ before it. @returns whether all of them are gone"""
    if not sending.by_rules:
        by_names = [f"--files-from={os.fsdecode(names)}", "--from0", "--dirs", "--delete-missing-args", "--delete"]
        finished = _run(sending, by_names, names, most)
        if verdict.refuses_missing(finished):
            sending.by_rules = True
        else:
            sending.tally.add(finished)
            # a directory that its owner shut for himself rsync opens where it finds it, and not where it is named
            if not verdict.is_denied_there(finished):
                return _is_well(sending, finished)
    return _delete_by_rules(sending, names, most)


def _is_well(sending: Sending, finished: rsync.Finished) -> bool:
    return sending.judge(finished) is None and finished.spared == 0


def _delete_by_rules(sending: Sending, names: bytes, most: int) -> bool:
    well = True
    path = b"%s.rules.%s" % (names, sending.connection.secondary.id.encode())
    for some in _pieces(names):
        finished = _run(sending, rules.delete_arguments(some, path), names, most)
        sending.tally.add(finished)
        well = _is_well(sending, finished) and well
        if sending.lost:
            return False
    return well


def _pieces(names: bytes) -> Iterator[List[bytes]]:
    each = (line[2:] for line in read_names(names))
    while some := list(islice(each, RULES_MOST)):
        yield some


def _run(sending: Sending, options: Sequence[str], names: bytes, most: int) -> rsync.Finished:
    context = sending.context
    bare = [f"--timeout={context.request.options.io_timeout}", "--stats", "--no-h", "--8-bit-output"]
    sending.sent = True
    return rsync.run(
        [*bare, *options, f"--max-delete={most + _FEW}"],
        place=os.path.join(os.path.dirname(names), b"skeleton"),
        connection=sending.connection,
        module=sending.scan.module,
        deadline=sending.deadline,
        inherit=(sending.lock,),
        prefix=context.prefix,
    )
