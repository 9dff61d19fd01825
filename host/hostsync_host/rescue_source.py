"""Brings what one other host holds to this one, and overwrites nothing."""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Optional

from . import fetch, held_names, kept_names, layout, owner
from .conflicts import Conflicts
from .directories import Opened
from .place import Fate, Placed, Placer
from .request import Request, Secondary
from .results import log, show
from .ssh import Connection, environment
from .stage import Stage
from .verdict import Fault

_EXAMPLES = 5
_PLACE_OF_LISTS = "stranded"


@dataclass
class Outcome:
    """What became of a source."""

    files: int = 0
    # entries that differ from what is here and are kept elsewhere
    conflicts: int = 0
    received: int = 0
    new: list[bytes] = field(default_factory=list[bytes])
    kept: list[bytes] = field(default_factory=list[bytes])
    # paths of at least one more byte than any program can name
    too_long: int = 0
    too_long_examples: list[str] = field(default_factory=list[str])
    # the first of what went wrong
    fault: Optional[Fault] = None

    def note(self, fault: Optional[Fault]) -> None:
        if self.fault is None:
            self.fault = fault

    def note_too_long(self, text: str) -> None:
        self.too_long += 1
        if len(self.too_long_examples) < _EXAMPLES:
            self.too_long_examples.append(text)


class Source:
    """One run for one source. The lock of its pushes is held: neither is to see the half of the other."""

    def __init__(self, request: Request, secondary: Secondary, scratch: bytes, conflicts: Conflicts, lock: int) -> None:
        """lock: its descriptor. rsync and ssh hold it, too: so what a killed run left is found."""
        self.outcome = Outcome()
        self.request = request
        self.id = secondary.id
        self.scratch = os.fsdecode(scratch) + "/" + hashlib.sha256(secondary.id.encode()).hexdigest()[:16]
        os.mkdir(self.scratch, 0o700)
        self.locks = layout.locks(request.group)
        self.conflicts = conflicts
        self._deadline = time.monotonic() + request.options.push_timeout
        self._connection = Connection(secondary, self.scratch.encode(), request.options, inherit=[lock])
        self.fetch = fetch.Fetch(self._connection, request.options, self._deadline)

    def rescue(self, directories: Sequence[Opened], brought: io.FileIO) -> Outcome:
        """brought: gets the absolute path of each entry that was brought or kept, ended by NUL, as it happens."""
        try:
            refusal = self._connection.ready(self._deadline)
            if refusal is not None:
                self.outcome.note(Fault(refusal.failure.value, refusal.message, lost=True))
                return self.outcome
            for opened in directories:
                if not self.fetch.lost:
                    _Directory(self, opened, brought).rescue()
        finally:
            self._connection.close()
            self.conflicts.close()
            self.outcome.received = self.fetch.received
        return self.outcome


class _Directory:
    def __init__(self, source: Source, opened: Opened, brought: io.FileIO) -> None:
        self._source = source
        self._fetch = source.fetch
        self._outcome = source.outcome
        self._opened = opened
        self._brought = brought
        self._name = show(opened.path)

    def _path(self, name: str) -> str:
        return f"{self._source.scratch}/{name}"

    def rescue(self) -> None:
        ordinary, huge = self._path("ordinary"), self._path("huge")
        if not self._find_differing(ordinary, huge) or self._fetch.lost:
            return
        stage = Stage(self._opened, self._source.id)
        fault = stage.open()
        if fault is not None:
            self._outcome.note(fault)
            return
        try:
            for names in self._pieces(ordinary, huge):
                if self._fetch.lost:
                    break
                self._bring(names, stage.descriptor)
        finally:
            stage.close()
        self._sync()
        if not self._fetch.lost:
            stage.clear()

    # --- what is to be brought

    def _find_differing(self, ordinary: str, huge: str) -> int:
        """Writes the names of what differs into two files, by size; returns how many there are."""
        all_output, wanted = self._path("differing"), self._path("wanted")
        options = self._source.request.options
        if options.held is not None:
            fetch.write_names(wanted, self._nameable(held_names.held_names(self._source.request)))
            self._compare_listed(wanted, all_output)
        elif options.kept is not None:
            names = kept_names.names_below(self._source.request, self._opened.path)
            fetch.write_names(wanted, self._nameable(iter(names)))
            selection = ["--recursive", *(fetch.listed(wanted) if names else [])]
            self._note(self._fetch.differing(self._opened, selection, all_output))
        elif not options.lists:
            selection = fetch.everything(self._source.request.excludes)
            self._note(self._fetch.differing(self._opened, selection, all_output))
        elif self._fetch_list(wanted):
            self._compare_listed(wanted, all_output)
        else:
            return 0
        for text in self._fetch.too_long:
            self._outcome.note_too_long(text)
        self._fetch.too_long.clear()
        count = fetch.split_output(all_output, ordinary, huge)
        fetch.sort_names(ordinary, self._source.scratch)
        return count

    def _compare_listed(self, wanted: str, all_output: str) -> None:
        """Some names at a time: rsync's memory grows with them."""
        output, chunk = self._path("output"), self._path("chunk")
        with open(all_output, "wb") as together:
            for names in fetch.chunks(fetch.read_names(wanted)):
                fetch.write_names(chunk, names)
                self._note(self._fetch.differing(self._opened, fetch.listed(chunk), output))
                with open(output, "rb") as said:
                    together.write(said.read())
                if self._fetch.lost:
                    break

    def _fetch_list(self, wanted: str) -> bool:
        """The list that leave made there, for this epoch."""
        epoch, here = self._source.request.epoch, self._source.scratch
        module = self._opened.module
        faults = [self._fetch.file(_PLACE_OF_LISTS, name, here) for name in ("epoch", f"{module}.list")]
        if self._fetch.lost:
            self._note(faults[0] or faults[1])
            return False
        try:
            with open(f"{here}/epoch", "rb") as file:
                is_ours = file.read(20).strip() == b"%d" % epoch
            os.rename(f"{here}/{module}.list", wanted + ".all")
        except FileNotFoundError:
            is_ours = False
        if not is_ours:
            text = f"{self._name}: there is no list of epoch {epoch}; run leave there, and then join"
            self._outcome.note(Fault("not-prepared", text))
            return False
        fetch.write_names(wanted, self._nameable(fetch.read_names(wanted + ".all")))
        return True

    def _nameable(self, names: Iterator[bytes]) -> Iterator[bytes]:
        for name in names:
            if fetch.is_too_long(self._opened.path, name):
                self._outcome.note_too_long(show(self._opened.path + b"/" + name[:200]) + "...")
            elif fetch.is_name(name):
                yield name

    def _pieces(self, ordinary: str, huge: str) -> Iterator[list[bytes]]:
        yield from fetch.chunks(fetch.read_names(ordinary))
        # One at a time: where the time is over, the others have come
        yield from fetch.chunks(sorted(set(fetch.read_names(huge))), 1)

    # --- bringing

    def _bring(self, names: list[bytes], stage: int) -> None:
        listed = self._path("names")
        fetch.write_names(listed, names)
        self._note(self._fetch.files(self._opened, stage, listed))
        # One at a time: what one source brings must not change under the feet of the next
        lock = self._source.locks + b"/.place." + self._opened.module.encode()
        turn = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(turn, fcntl.LOCK_EX)
            self._place(names, stage)
        finally:
            os.close(turn)

    def _place(self, names: list[bytes], stage: int) -> None:
        reader, writer = os.pipe()

        def work() -> int:
            os.close(reader)
            os.umask(0)
            with open(writer, "wb") as records:

                def report(placed: Placed) -> None:
                    records.write(b"%s%s\0%s\0" % (placed.fate.value, placed.name, placed.message.encode()))

                Placer(self._opened.descriptor, stage, self._only_newer(), report).place(names)
            return 0

        child = owner.fork_as(self._opened.owner, self._opened.group, work)
        os.close(writer)
        with open(reader, "rb") as records:
            for placed in _parse(records.read()):
                self._take(placed, stage)
        if owner.wait(child) != 0:
            why = "what arrived could not be put into its place; see standard error"
            self._outcome.note(Fault("failed", f"{self._name}: {why}"))

    def _only_newer(self) -> bool:
        """Of what was asked for by name or time, what is older is wanted, too."""
        options = self._source.request.options
        return not options.lists and options.kept is None

    def _take(self, placed: Placed, stage: int) -> None:
        path = self._opened.path + b"/" + placed.name
        if placed.fate is Fate.NEW:
            self._outcome.files += 1
            self._example(self._outcome.new, path)
            self._brought.write(path + b"\0")
        elif placed.fate is Fate.FAILED:
            self._outcome.note(Fault("partial", f"{show(path)}: {placed.message}"))
            log(f"{self._source.id}: {show(path)}: {placed.message}")
        else:
            self._keep(placed.name, stage)

    def _keep(self, name: bytes, stage: int) -> None:
        try:
            path = self._source.conflicts.keep(stage, name, self._opened.path)
        except OSError as error:
            text = f"{show(self._opened.path + b'/' + name)}: it cannot be kept aside: {error.strerror}"
            self._outcome.note(Fault("partial", text))
            return
        if path is not None:
            self._outcome.conflicts += 1
            self._example(self._outcome.kept, path)
            self._brought.write(path + b"\0")

    def _example(self, examples: list[bytes], path: bytes) -> None:
        if len(examples) < _EXAMPLES:
            examples.append(path)

    def _note(self, fault: Optional[Fault]) -> None:
        if fault is not None:
            self._outcome.note(Fault(fault.error, f"{self._name}: {fault.message}", fault.lost))

    def _sync(self) -> None:
        """The other host gives up what it has once this is done: so it must be on the disk."""
        words = ["sync", "--file-system", "."]
        if subprocess.run(words, cwd=self._opened.place, env=environment(), check=False).returncode != 0:
            self._outcome.note(Fault("failed", f"{self._name}: what arrived could not be written to the disk"))


def _parse(records: bytes) -> Iterator[Placed]:
    parts = records.split(b"\0")
    for name, message in zip(parts[0::2], parts[1::2]):
        yield Placed(Fate(name[:1]), name[1:], message.decode("utf-8", "replace"))
