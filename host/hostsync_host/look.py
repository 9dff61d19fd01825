"""What concerns all secondaries: the walk of the directories, and the decision about deletions. One push at a time."""

from __future__ import annotations

import contextlib
import heapq
import os
import time
from typing import Callable, Dict, Generator, Iterator, List, Mapping, Optional, Tuple

from . import deletions
from .compare import lost_mounts, still_there
from .context import Context, Scanned
from .directories import Opened
from .dirty import Dirty
from .excludes import compile_excludes
from .layout import module_name
from .leftovers import Leftover
from .manifest import Damaged, Manifest, open_manifest
from .renames import Moved, count_gone, gone
from .results import emit, log, show
from .scan import Found
from .store import DirectoryMemory, GroupMemory
from .unsent import tell_unsent
from .walkers import Joiner, Order, Walkers, WalkFailed

_EXAMPLES = 5


class Look:
    """Walks, compares with the last push, decides and remembers."""

    def __init__(
        self,
        context: Context,
        opened: List[Opened],
        on_change: Callable[[], None],
        dirty: Optional[Mapping[str, Mapping[bytes, Dirty]]] = None,
        emit: Callable[..., None] = emit,
    ) -> None:
        """`dirty`: by module, where alone something may have changed since the last push. None: anywhere."""
        self.dirty = dirty
        self.emit = emit
        self.context = context
        self.opened = opened
        self.on_change = on_change
        self.request = context.request
        self.store = context.store
        self.memory = self._read()
        self.now = time.time()
        self.gone: Dict[str, int] = {}
        self.before: Dict[str, int] = {}
        self.old: Dict[str, str] = {}
        self.volumes: Dict[str, bool] = {}
        self.moved: Dict[str, List[Moved]] = {}

    def _read(self) -> GroupMemory:
        """It is worth nothing if the excludes were others."""
        memory = self.store.read_group()
        if memory.excludes != self.context.scope.partition(":")[2]:
            return GroupMemory(batches=memory.batches, accepted=memory.accepted)
        return memory

    def run(self) -> None:
        excluded = compile_excludes(self.request.excludes)
        for opened in self.opened:
            try:
                self._walk(opened, excluded)
            except (WalkFailed, OSError) as error:
                self.context.unfit += 1
                log(f"{show(opened.path)}: {error}")
                self.emit(
                    "directory", directory=opened.path, error="unreadable", message=f"could not be walked: {error}"
                )
        self._decide()
        self._remember()

    # --- the walk

    def _walk(self, opened: Opened, excluded: object) -> None:
        known = self.memory.directories.get(opened.module)
        is_sound = known is not None and not self.store.marked("damaged", opened.module)
        old = open_manifest(self.store.place, known.manifest) if known is not None and is_sound else None
        unsure = ""
        if known is None:
            unsure = "there was no earlier push to compare with"
        elif old is None:
            unsure = "the manifest of the last push is damaged"
        try:
            name, entries, found = self._manifest(opened, excluded, old)
        except Damaged:
            unsure = "the manifest of the last push is damaged"
            name, entries, found = self._manifest(opened, excluded, None)
            if old is not None:
                old.close()
            old = None
        scan = Scanned(opened, name, entries, unsure, found.unreadable.examples, linked=found.linked > 0)
        self.context.scans.append(scan)
        if old is not None and known is not None:
            self.before[opened.module] = old.total
            self.old[opened.module] = known.manifest
            self.volumes[opened.module] = known.volume != opened.volume
            old.close()

    def _manifest(self, opened: Opened, excluded: object, old: Optional[Manifest]) -> Tuple[str, int, Found]:
        if old is not None and self.dirty is not None and opened.module not in self.dirty:
            return old.name, old.total, Found()
        order = Order(
            opened,
            self.context.scratch,
            self.context.started * 1000,
            excluded,  # type: ignore[arg-type]
            old,
            self.request.options.nice,
            self.dirty.get(opened.module) if self.dirty is not None and old is not None else None,
        )
        walkers = Walkers(order)
        try:
            if walkers.wait(self.on_change) or old is None:
                name, total = Joiner(self.store.place, old, walkers.pieces).join()
            else:
                name, total = old.name, old.total
            tell_unsent(self.context, opened, walkers.found, name, self.emit)
            return name, total, walkers.found
        finally:
            walkers.close()

    # --- deletions

    def _decide(self) -> None:
        options = self.request.options
        limits = deletions.Limits(options.max_delete_share, options.max_delete_count)
        self._count_held()
        observations = [self._observe(scan) for scan in self.context.scans if not scan.unsure]
        scanned = {scan.module for scan in self.context.scans}
        unpushable = [
            show(directory.path)
            for directory in self.request.directories
            if (module := module_name(directory.path)) in self.memory.directories and module not in scanned
        ]
        self.decision = deletions.decide(
            observations,
            self.memory.batches,
            limits=limits,
            accept=options.accept_deletions,
            accepted=self.memory.accepted,
            unpushable=unpushable,
            now=self.now,
        )
        self._write_held()
        self._tell_held(observations)

    def _observe(self, scan: Scanned) -> deletions.Observation:
        module = scan.module
        count, identity = 0, ""
        mounts: List[bytes] = []
        if self.old[module] != scan.manifest:
            try:
                with self._both(scan) as (old, new):
                    # what was renamed with its directory is not gone; on another file system inodes say nothing
                    looks = self.request.options.link_renames == "yes" and not self.volumes[module]
                    look_from = deletions.FEW if looks else old.total
                    count, identity, self.moved[module] = count_gone(old, new, f"{module} {self.now}", look_from)
                    mounts = lost_mounts(old, new) if count else []
            except Damaged:
                self.store.mark("damaged", module, True)
                scan.unsure, count, mounts = "the manifest of the last push is damaged", 0, []
        memory = self.memory.directories[module]
        root = show(scan.opened.path)
        return deletions.Observation(
            module=module,
            path=root,
            before=self.before[module],
            now=scan.entries,
            gone=count,
            id=identity,
            other_volume=self.volumes[module],
            lost_mounts=tuple(f"{root}/{show(path)}" for path in mounts),
            samples=memory.samples,
        )

    @contextlib.contextmanager
    def _both(self, scan: Scanned) -> Generator[Tuple[Manifest, Manifest], None, None]:
        try:
            old, new = Manifest(self.store.place, self.old[scan.module]), Manifest(self.store.place, scan.manifest)
        except OSError as error:
            raise Damaged(str(error)) from error
        with contextlib.closing(old), contextlib.closing(new):
            yield old, new

    def _count_held(self) -> None:
        """What is back is not held any more."""
        for scan in self.context.scans:
            if not any(batch.module == scan.module for batch in self.memory.batches):
                continue
            try:
                counts = self.store.write_held(scan.module, self._away(scan))
            except Damaged:
                # who has these names still says so when everything is compared there, and they are judged anew
                scan.unsure, counts = "the list of held deletions is damaged", {}
                self.store.forget_held(scan.module)
            self.memory.batches = [
                deletions.Batch(one.id, one.module, counts.get(one.id, 0), one.reason, one.limits, one.at)
                if one.module == scan.module
                else one
                for one in self.memory.batches
            ]

    def _away(self, scan: Scanned) -> Iterator[Tuple[str, Leftover]]:
        if not os.path.exists(self.store.path(f"held.{scan.module}")):
            raise Damaged("it is not there")
        manifest = open_manifest(self.store.place, scan.manifest)
        if manifest is None:
            yield from self.store.held(scan.module)
            return
        with contextlib.closing(manifest):
            pairs = list(self.store.held(scan.module))
            for (batch, leftover), (_, there) in zip(pairs, still_there((pair[1] for pair in pairs), manifest)):
                if not there:
                    yield batch, leftover

    def _write_held(self) -> None:
        kept = {batch.id for batch in self.decision.held}
        modules = {batch.module for batch in [*self.decision.released, *self.decision.added.values()]}
        for scan in self.context.scans:
            if scan.module in modules:
                self.store.write_held(scan.module, self._held_now(scan, kept))
            scan.held = sum(batch.count for batch in self.decision.held if batch.module == scan.module)
            source = self.store.path(f"held.{scan.module}")
            with open(os.path.join(self.context.scratch, f"held.{scan.module}".encode()), "wb") as file:
                if os.path.exists(source):
                    for _, leftover in self.store.held(scan.module):
                        file.write(leftover.kind + leftover.path + b"\0")

    def _held_now(self, scan: Scanned, kept: set[str]) -> Iterator[Tuple[str, Leftover]]:
        earlier = (pair for pair in list(self.store.held(scan.module)) if pair[0] in kept)
        added = self.decision.added.get(scan.module)
        if added is None:
            yield from earlier
            return
        with self._both(scan) as (old, new):
            more = ((added.id, leftover) for leftover in gone(old, new, self.moved.get(scan.module, ())))
            yield from heapq.merge(earlier, more, key=lambda pair: pair[1].order)

    def _tell_held(self, observations: List[deletions.Observation]) -> None:
        answer = self.decision.answer
        if answer is not None:
            log(f"deletions {answer.id}: {answer.message} ({answer.count})")
            self.emit("deletions-accepted", id=answer.id, count=answer.count, message=answer.message)
        for scan in sorted(self.context.scans, key=self._trouble, reverse=True):
            mine = [batch for batch in self.decision.held if batch.module == scan.module]
            if not mine:
                continue
            count = sum(batch.count for batch in mine)
            total = next((seen.before for seen in observations if seen.module == scan.module), scan.entries)
            total += count - (mine[-1].count if scan.module in self.decision.added else 0)
            self.emit(
                "deletions-held",
                id=mine[-1].id,
                count=count,
                total=total,
                reason=mine[-1].reason,
                examples=self._examples(scan),
            )
            remedy = f"to accept them, once: option accept-deletions {mine[-1].id}"
            log(f"{count} deletions are held: {mine[-1].reason}; {remedy}")

    def _trouble(self, scan: Scanned) -> bool:
        """The directory that the reason speaks of comes first."""
        path = show(scan.opened.path)
        return any(path in batch.reason for batch in self.decision.held if batch.module == scan.module)

    def _examples(self, scan: Scanned) -> List[bytes]:
        paths = heapq.nsmallest(_EXAMPLES, (leftover.path for leftover in self.context.held(scan)))
        return [scan.opened.path + b"/" + path for path in paths]

    # --- memory

    def _remember(self) -> None:
        """Written before anything is sent, so that what was decided stays decided."""
        memory = self.memory
        asked = {module_name(directory.path) for directory in self.request.directories}
        memory.directories = {module: one for module, one in memory.directories.items() if module in asked}
        accepted = {batch.module for batch in self.decision.released}
        for scan in self.context.scans:
            was = memory.directories.get(scan.module)
            samples = was.samples if was is not None and scan.module not in accepted else ()
            total = scan.entries + scan.held
            volume = was.volume if was is not None and scan.held else scan.opened.volume
            memory.directories[scan.module] = DirectoryMemory(
                scan.manifest, scan.entries, volume, deletions.sampled(samples, total, self.now)
            )
            self.store.pin(scan.manifest, self.context.scratch)
            if scan.module not in self.old:  # nothing of the new one is from before
                self.store.mark("damaged", scan.module, False)
        memory.boot, memory.excludes = self.context.boot, self.context.scope.partition(":")[2]
        memory.batches = self.decision.held
        memory.accepted = deletions.remembered(memory.accepted, self.decision.accepted)
        self.store.write_group(memory)
        self.store.clear({secondary.id for secondary in self.request.secondaries}, memory)
