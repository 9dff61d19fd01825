"""Names for a secondary, and the start of the command there that reads them: two modules of its daemon."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from typing import BinaryIO, Callable

from . import rsync
from .ssh import Connection

_SECONDS = 60.0
_BARE = ("--recursive", f"--timeout={int(_SECONDS)}", "--stats", "--no-h", "--8-bit-output")


@dataclass(frozen=True)
class Told:
    """What became of it."""

    there: bool = True
    """The secondary has these modules."""
    problem: str = ""


def tell(
    write: Callable[[BinaryIO], object], names: str, start: str, connection: Connection, scratch: bytes, lock: int
) -> Told:
    """`write`: writes the names, to a file. `names`, `start`: the modules that take them and that run the command."""
    place = os.path.join(scratch, f"{names}.{connection.secondary.id}.{time.monotonic_ns()}".encode())
    empty, full = os.path.join(place, b"empty"), os.path.join(place, b"names")
    try:
        for directory in (place, empty, full):
            os.mkdir(directory, 0o700)
        with open(os.path.join(full, b"names"), "wb") as file:
            write(file)
    except OSError as error:
        return Told(problem=f"the names could not be written on the primary: {error.strerror}")
    deadline = time.monotonic() + 2 * _SECONDS
    for source, module, more in ((full, names, ("--ignore-times",)), (empty, start, ())):
        finished = rsync.run(
            [*_BARE, *more], place=source, connection=connection, module=module, deadline=deadline, inherit=(lock,)
        )
        if any("Unknown module" in line for line in finished.lines):
            return Told(there=False)
        if finished.code != rsync.DONE or finished.late or finished.stuck:
            return Told(problem=_words(finished, start))
    return Told()


def _words(finished: rsync.Finished, start: str) -> str:
    for line in (*finished.greeting, *finished.lines):
        found = re.match(rf"{start}: (.*)", line)
        if found is not None:
            return found[1]
    return f"rsync exit code {finished.code}: {finished.lines[0] if finished.lines else 'no words'}"
