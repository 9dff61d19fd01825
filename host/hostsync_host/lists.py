"""The lists of what only a former primary holds, which rescue on the new primary comes for."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Optional, Union

from . import acknowledged, files, layout
from .acknowledged import Acknowledged
from .conflicts import Conflicts
from .directories import Opened, Problem, Unfit, expected_mounts, is_empty, open_directory, open_even_empty
from .errors import not_ready
from .excludes import compile_excludes
from .fence import held_epoch
from .fetch import read_names
from .manifest import Damaged
from .request import Request
from .results import emit, log, show
from .unreadable import files_in_shut_directories
from .unreplicated import Lister, Listing, Seen, Sinks
from .walkers import WalkFailed

_EXAMPLES = 5


@dataclass
class Lists:
    """The lists of all directories. None of them counts until all are there."""

    request: Request
    scratch: bytes
    # of directories that cannot be listed
    tells: bool = True
    total: int = 0
    new: int = 0
    unfit: int = 0
    too_long: int = 0
    known: bool = True
    examples: list[bytes] = field(default_factory=list[bytes])
    kept: int = 0

    def make(self) -> None:
        done = layout.stranded() + b"/epoch"
        files.remove(done)
        self._clear()
        started = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        self.aside = Conflicts(f"epoch-{self.request.epoch}", started, munged=False)
        mounts = expected_mounts()
        known = acknowledged.read(self.request.group, self.request.options.peer, held_epoch())
        for directory in self.request.directories:
            opened = self._open(directory.path, mounts)
            if isinstance(opened, Unfit):
                self._tell(opened)
                continue
            try:
                self._list(opened, known.get(opened.module))
            finally:
                os.close(opened.descriptor)
        self.aside.close()
        files.install(done, b"%d\n" % self.request.epoch, 0o600)

    def _open(self, path: bytes, mounts: Sequence[bytes]) -> Union[Opened, Unfit]:
        """One that is empty may be a volume that is not mounted, unless no push has ever found a file in it."""
        found = open_directory(path, mounts)
        if isinstance(found, Opened) or found.problem is not Problem.EMPTY:
            return found
        never = acknowledged.was_never_filled(self.request.group, layout.module_name(path))
        return open_even_empty(path, mounts) if never else found

    def _clear(self) -> None:
        """What an earlier run said is remembered to tell what is new, but is no list."""
        for name in os.listdir(layout.stranded()):
            if name.endswith((b".list", b".new")):
                files.remove(layout.stranded() + b"/" + name)

    def _list(self, opened: Opened, known: Optional[Acknowledged]) -> None:
        try:
            listing = self._write(opened, known)
        except Damaged as error:
            log(f"{show(opened.path)}: what the peer has is not known: {error}")
            known = None
            listing = self._write(opened, None)
        except WalkFailed as error:
            self._tell(Unfit(opened.path, Problem.UNREADABLE, str(error)))
            return
        # Where nothing is, nothing can be missing elsewhere
        self.known = self.known and (known is not None or is_empty(opened.descriptor))
        self.total += listing.count
        self.new += listing.new
        self.too_long += listing.found.long.count
        self.examples += listing.examples

    def _write(self, opened: Opened, known: Optional[Acknowledged]) -> Listing:
        base = layout.stranded() + b"/" + opened.module.encode()
        excluded = compile_excludes(self.request.excludes)
        lister = Lister(opened, self.scratch, time.time_ns(), excluded)
        seen = Seen(base + b".seen", self.request.epoch, self.request.options.peer or "")
        later, shut = self.scratch + b"/later", self.scratch + b"/unreadable"
        with open(base + b".new", "wb") as names, open(later, "wb") as news, open(shut, "wb") as others:
            listing = lister.list(known, Sinks(names, news, others), seen)
            names.flush()
            os.fsync(names.fileno())
        # Nobody can come for what only root can read, nor in time for what came since the last list but one
        self._keep(opened, read_names(os.fsdecode(shut)))
        if listing.found.unreadable.count:
            self._keep(opened, files_in_shut_directories(opened, excluded, self.scratch))
        if self.request.options.keep:
            self._keep(opened, read_names(os.fsdecode(later)))
        seen.end()
        os.rename(base + b".new", base + b".list")
        return listing

    def _keep(self, opened: Opened, names: Iterable[bytes]) -> None:
        """Copies files to where the first push from the new primary, which deletes, does not come."""
        for name in names:
            try:
                path = self.aside.keep(opened.descriptor, name, opened.path)
            except OSError as error:
                raise not_ready(f"{show(opened.path + b'/' + name)} cannot be kept aside: {error.strerror}") from error
            if path is not None:
                log(f"{show(opened.path + b'/' + name)} is kept as {show(path)}")
                self.kept += 1

    def _tell(self, unfit: Unfit) -> None:
        self.unfit += 1
        path, error = show(unfit.path), unfit.problem.value
        log(f"{path} is not listed: {error}: {unfit.explanation}")
        if self.tells:
            emit("directory", directory=path, error=error, message=unfit.explanation)

    def summary(self) -> dict[str, object]:
        fields: dict[str, object] = {"stranded": self.total, "new": self.new, "known": self.known}
        fields["examples"] = self.examples[:_EXAMPLES]
        if self.too_long:
            fields["tooLong"] = self.too_long
        if self.kept:
            fields.update(kept=self.kept, keptIn=self.aside.path)
        return fields
