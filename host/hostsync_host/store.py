"""What a push knows of earlier ones, in /var/lib/hostsync/manifest/GROUP (docs/host-package.md).

Everything is written aside and renamed. What cannot be read is as if it were not there: then everything is compared.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass, field
from typing import Any, Dict, Iterable, Iterator, List, Optional, Set, Tuple

from . import layout
from .deletions import Accepted, Batch, Limits, Sample
from .files import remove, write_atomic
from .kept_leftovers import keep, read_kept, read_sealed, seal
from .leftovers import Leftover, write_leftovers
from .manifest import Manifest, open_manifest
from .marks import Marks, age

_DAY = 86400
_MODULE = re.compile(r"[0-9a-f]{16}")
_NAME = re.compile(r"[0-9a-f]{32}")


@dataclass
class DirectoryMemory:
    """What the last push knew of one directory."""

    manifest: str
    entries: int
    volume: str
    samples: Tuple[Sample, ...] = ()


@dataclass
class GroupMemory:
    """What concerns all secondaries."""

    boot: str = ""
    excludes: str = ""
    directories: Dict[str, DirectoryMemory] = field(default_factory=dict[str, DirectoryMemory])
    batches: List[Batch] = field(default_factory=list[Batch])
    accepted: Tuple[Accepted, ...] = ()


@dataclass
class Received:
    """What a secondary has of one directory: a manifest, and names that are not as it says."""

    manifest: str
    owner: str
    leftovers: str = "-"
    """The file of them."""


_MORE = ("remote_boot", "contact", "fsync", "extras", "blocked", "checked", "by_rules")
_IF_SET = ("no_links", "moving")  # an earlier release does not know them


@dataclass
class SecondaryMemory:
    """What one secondary has received."""

    target: str = ""
    started: int = 0
    """Microseconds since 1970: when the scan of the last push began."""
    verified: int = 0
    boot: str = ""
    remote_boot: str = ""
    contact: float = 0.0
    """When a login last succeeded."""
    fsync: bool = True
    by_rules: bool = False
    no_links: bool = False
    moving: Dict[str, List[List[str]]] = field(default_factory=dict[str, List[List[str]]])  # see moving.py
    checked: int = 0
    """When all content was read last, or from when on that is counted: seconds since 1970."""
    extras: Dict[str, List[object]] = field(default_factory=dict[str, List[object]])
    """By module: id and number of held deletions of what only the secondary has."""
    blocked: Dict[str, List[object]] = field(default_factory=dict[str, List[object]])
    """By module: error, message, tries, and when to try again."""
    received: Dict[str, Received] = field(default_factory=dict[str, Received])


class Store(Marks):
    """The files of a group."""

    def __init__(self, group: str) -> None:
        self.place = layout.manifests(group)
        for name in (b"", b"secondary", b"known", b"sending", b"failed", b"absent", b"left", b"damaged"):
            os.makedirs(os.path.join(self.place, name), mode=0o700, exist_ok=True)

    # --- the group

    def read_group(self) -> GroupMemory:
        try:
            with open(self.path("last"), "rb") as file:
                data = json.loads(file.read())
            if data["version"] != 2:
                return GroupMemory()
            return GroupMemory(
                data["boot"],
                data["excludes"],
                {
                    module: DirectoryMemory(
                        one["manifest"], one["entries"], one["volume"], tuple(Sample(*pair) for pair in one["samples"])
                    )
                    for module, one in data["directories"].items()
                },
                [_batch(one) for one in data["batches"]],
                tuple(Accepted(**one) for one in data["accepted"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return GroupMemory()

    def write_group(self, memory: GroupMemory) -> None:
        data = {
            "version": 2,
            "boot": memory.boot,
            "excludes": memory.excludes,
            "directories": {
                module: {
                    "manifest": one.manifest,
                    "entries": one.entries,
                    "volume": one.volume,
                    "samples": [[sample.at, sample.entries] for sample in one.samples],
                }
                for module, one in memory.directories.items()
            },
            "batches": [asdict(batch) for batch in memory.batches],
            "accepted": [asdict(one) for one in memory.accepted],
        }
        write_atomic(self.path("last"), json.dumps(data).encode("ascii"), sync=False)

    # --- names that are held

    def held(self, module: str) -> Iterator[Tuple[str, Leftover]]:
        """The names that are held in a directory, in order, each with the id of its batch. @raises Damaged"""
        for leftover in read_sealed(self.path(f"held.{module}")):
            batch, _, name = leftover.name.partition(b"\x01")
            yield batch.decode(), Leftover(leftover.kind, leftover.directory, name)

    def forget_held(self, module: str) -> None:
        remove(self.path(f"held.{module}"))

    def write_held(self, module: str, names: Iterable[Tuple[str, Leftover]]) -> Dict[str, int]:
        """Writes them, in order. @returns how many each batch has"""
        path = self.path(f"held.{module}")
        counts: Dict[str, int] = {}
        with open(path + b".new", "wb") as file:
            for batch, leftover in names:
                counts[batch] = counts.get(batch, 0) + 1
                tagged = Leftover(leftover.kind, leftover.directory, batch.encode() + b"\x01" + leftover.name)
                write_leftovers(file, [tagged])
        if counts:
            seal(path + b".new")
            os.rename(path + b".new", path)
        else:
            os.unlink(path + b".new")
            remove(path)
        return counts

    # --- one secondary

    def read_secondary(self, secondary: str) -> Optional[SecondaryMemory]:
        try:
            with open(self.path("secondary", secondary), encoding="ascii") as file:
                lines = file.read().splitlines()
            if len(lines) < 4 or lines[-1] != "end" or not lines[0].startswith("2 "):
                return None
            started, verified, boot = lines[1].split(" ")
            if not re.fullmatch(r"[0-9]{1,17}", started) or not re.fullmatch(r"[0-9]{1,15}", verified):
                return None
            memory = SecondaryMemory(lines[0][2:], int(started), int(verified), boot, **json.loads(lines[2]))
            for line in lines[3:-1]:
                module, manifest, owner, leftovers = line.split(" ")
                if _MODULE.fullmatch(module) and _NAME.fullmatch(manifest):
                    memory.received[module] = Received(manifest, owner, leftovers)
            return memory
        except (OSError, ValueError, TypeError):
            return None

    def write_secondary(self, secondary: str, memory: SecondaryMemory) -> None:
        more = {name: getattr(memory, name) for name in (*_MORE, *(one for one in _IF_SET if getattr(memory, one)))}
        lines = [
            f"2 {memory.target}",
            f"{memory.started} {memory.verified} {memory.boot}",
            json.dumps(more),
            *(f"{module} {one.manifest} {one.owner} {one.leftovers}" for module, one in memory.received.items()),
            "end",
            "",
        ]
        self.mark("known", secondary, True)
        os.utime(self.path("known", secondary), ns=(memory.started * 1000, memory.started * 1000))
        write_atomic(self.path("secondary", secondary), "\n".join(lines).encode("ascii"), sync=False)

    def leftovers(self, received: Received) -> Iterator[Leftover]:
        """@raises Damaged"""
        return read_kept(self.path("left"), received.leftovers)

    def write_leftovers(self, secondary: str, leftovers: Iterable[Leftover]) -> str:
        """@returns the name for `Received.leftovers`"""
        return keep(self.path("left"), secondary, leftovers)

    # --- manifests

    def pin(self, name: str, scratch: bytes) -> None:
        """Keeps a manifest for the length of a push, whatever others clear away."""
        for file in self._files(name):
            try:
                os.link(os.path.join(self.place, file), os.path.join(scratch, file))
            except FileExistsError:
                pass

    def restore(self, name: str, scratch: bytes) -> None:
        """Brings back a manifest that was cleared away meanwhile."""
        if os.path.exists(self.path(f"{name}.index")):
            return
        for file in sorted(os.listdir(scratch)):
            if file.endswith((b".index", b".records")):
                try:
                    os.link(os.path.join(scratch, file), os.path.join(self.place, file))
                except FileExistsError:
                    pass

    def _files(self, name: str) -> List[bytes]:
        manifest = open_manifest(self.place, name)
        if manifest is None:
            return []
        files = [f"{name}.index".encode(), *(f"{segment.name}.records".encode() for segment in manifest.segments)]
        manifest.close()
        return files

    def clear(self, secondaries: Set[str], memory: GroupMemory) -> None:
        """Removes manifests that nobody needs, and what is known of secondaries that are off the list for a day."""
        names = {one.manifest for one in memory.directories.values()}
        left: Set[str] = set()
        for secondary in os.listdir(self.path("secondary")):
            known = secondary.decode()
            if not self._keeps(known, known in secondaries):
                continue
            state = self.read_secondary(known)
            for received in state.received.values() if state is not None else ():
                names.add(received.manifest)
                left.add(received.leftovers)
        files = {file for name in names for file in self._files(name)}
        for file in os.listdir(self.place):
            if file.endswith((b".index", b".records")) and file not in files:
                os.unlink(os.path.join(self.place, file))
        for file in os.listdir(self.path("left")):
            # another push may be about to name it
            if file.decode() not in left and age(self.path("left", file.decode())) > _DAY:
                os.unlink(self.path("left", file.decode()))

    def _keeps(self, secondary: str, listed: bool) -> bool:
        if secondary.startswith("."):
            return False
        if listed or not self.marked("absent", secondary):
            self.mark("absent", secondary, not listed)
            return True
        if age(self.path("absent", secondary)) < _DAY:
            return True
        for kind in ("secondary", "known", "sending", "failed", "absent"):
            self.mark(kind, secondary, False)
        return False


def open_known(place: bytes, scratch: bytes, name: str) -> Optional[Manifest]:
    """A manifest that is kept, here or for the length of this push."""
    return open_manifest(place, name) or open_manifest(scratch, name)


def _batch(told: Dict[str, Any]) -> Batch:
    limits = Limits(**told["limits"])
    return Batch(told["id"], told["module"], told["count"], told["reason"], limits, told["at"])
