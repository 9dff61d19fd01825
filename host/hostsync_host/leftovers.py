"""Names of which it is not known what they are on a secondary, and files of names."""

from __future__ import annotations

from typing import BinaryIO, Dict, Iterable, Iterator, List, NamedTuple, Tuple

from .manifest import key_of


class Leftover(NamedTuple):
    """`D`: a directory, `-`: anything else, `?`: what it was sent as, or not. A file is compared if it is `?`, and else
    written anew."""

    kind: bytes
    directory: bytes
    name: bytes

    @property
    def path(self) -> bytes:
        return join(self.directory, self.name)

    @property
    def order(self) -> Tuple[bytes, bytes]:
        return key_of(self.directory), self.name


def join(directory: bytes, name: bytes) -> bytes:
    return directory + b"/" + name if directory else name


def split(path: bytes) -> Tuple[bytes, bytes]:
    directory, _, name = path.rpartition(b"/")
    return directory, name


def write_leftovers(file: BinaryIO, leftovers: Iterable[Leftover]) -> int:
    """Writes them, in order. @returns how many"""
    count = 0
    for leftover in leftovers:
        file.write(leftover.kind + leftover.path + b"\0")
        count += 1
    return count


def read_leftovers(path: bytes) -> Iterator[Leftover]:
    """Reads what was written; nothing if there is no such file."""
    for text in read_names(path):
        directory, name = split(text[1:])
        yield Leftover(text[:1], directory, name)


def read_names(path: bytes) -> Iterator[bytes]:
    """The names of a file that end in NUL."""
    try:
        file = open(path, "rb")
    except FileNotFoundError:
        return
    with file:
        rest = b""
        while True:
            chunk = file.read(1 << 16)
            if not chunk:
                return
            *names, rest = (rest + chunk).split(b"\0")
            yield from names


def in_order(leftovers: List[Leftover]) -> List[Leftover]:
    return sorted(leftovers, key=lambda one: one.order)


def once(leftovers: List[Leftover]) -> List[Leftover]:
    """The first of each name; any is more than `?`, which may only be compared. The directory itself is none."""
    seen: Dict[bytes, Leftover] = {}
    for leftover in leftovers:
        if leftover.name in (b"", b"."):
            continue
        if seen.setdefault(leftover.path, leftover).kind == b"?":
            seen[leftover.path] = leftover
    return list(seen.values())
