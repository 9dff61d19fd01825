"""One directory to one secondary: the runs of rsync, in the order that leaves no moment in which something is missing.

Directories that give way to something else go first. Then come files, then symbolic links, so that none points to what
is not there yet; then deletions, which are made from an empty tree, so that nothing can be sent by them; large files
come last.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import Callable, Iterable, Iterator, List, Optional, Sequence, Set, Tuple

from . import moving, rsync, to_keep, verdict
from .blame import NOBODY, named, pick
from .compare import Comparison
from .context import Context, Deletion, Scanned
from .deleting import delete
from .leftovers import Leftover, read_leftovers, read_names, split
from .outcome import Tally
from .rsync import Within, listed
from .shut import Copies
from .ssh import Connection
from .verdict import Fault
from .whereabouts import Whereabouts, in_doubt

CLEAR = ["--recursive", "--existing", "--ignore-existing", "--delete"]

FSYNC = "--fsync"
_NEW = {FSYNC: "fsync", rsync.NAMED: "info"}
"""What daemons of earlier releases refuse, and what they call it."""

MERGED = 256
FSYNC_MOST = 2000


@dataclass
class Sending:
    """Sends one directory to one secondary."""

    context: Context
    scan: Scanned
    connection: Connection
    tally: Tally
    lock: int
    deadline: float
    refused: Set[str] = field(default_factory=set[str])
    """Options that its daemon, of an earlier release, does not take."""
    by_rules: bool = False
    """Its rsync takes no list of what is to be deleted."""
    links: bool = True
    """Its daemon links what was renamed."""
    deleted: bool = False
    """What was to be deleted is gone over there."""
    late: Callable[[], Optional[Iterable[bytes]]] = lambda: None
    """Every name that changed since the walk, where that is known."""
    remote_boot: str = ""
    faults: List[Fault] = field(default_factory=list[Fault])
    unsure: List[Leftover] = field(default_factory=list[Leftover])
    """Names of which it is not known what they are over there now."""
    extras: int = 0
    """What a run would have deleted, and was not allowed to."""
    entries: int = 0
    blind: bool = False
    """The last run may have left what it was to delete: see Finished."""
    sent: bool = False
    named: List[bytes] = field(default_factory=list[bytes])
    """Some of what was deleted without being known by name before."""
    blocked_by_directory: bool = False
    """A directory over there stands in the way of something else."""

    @property
    def lost(self) -> bool:
        return any(fault.lost for fault in self.faults)

    # --- one run

    def run(
        self,
        arguments: Sequence[object],
        *,
        place: Optional[bytes] = None,
        as_owner: bool = True,
        within: Optional[Within] = None,
        output: Optional[int] = None,
    ) -> rsync.Finished:
        options = self.context.request.options
        opened = self.scan.opened
        base = rsync.base_arguments(
            options, owner=opened.owner if as_owner else 0, group=opened.group, can=self.context.can
        )
        if not as_owner and opened.owner != 0:
            base = [word for word in base if word not in ("--owner", "--group")]
        words: List[object] = [*base, *arguments, *rsync.exclude_arguments(self.context.request.excludes)]
        self.sent = True
        finished = rsync.run(
            words,
            place=within.place if within is not None else place or opened.place,
            connection=self.connection,
            module=self.scan.module,
            below=within.path if within is not None else b"",
            deadline=self.deadline,
            inherit=(self.lock, opened.descriptor if within is None else within.descriptor),
            prefix=self.context.prefix,
            output=output,
        )
        self.tally.add(finished)
        self.extras, self.entries, self.blind = finished.spared, finished.entries, finished.blind
        self.named += finished.named
        self.blocked_by_directory = any(line.startswith("could not make way for new ") for line in finished.lines)
        if finished.boot:
            self.remote_boot = finished.boot
        return finished

    def judge(self, finished: rsync.Finished) -> Optional[Fault]:
        fault = verdict.judge(finished, self.connection, self.context.request.options.push_timeout)
        if fault is not None:
            path = os.fsdecode(self.scan.opened.path)
            self.faults.append(Fault(fault.error, f"{path}: {fault.message}", fault.lost, fault.blocked))
        return fault

    def attempt(self, arguments: Sequence[object], names: Optional[bytes] = None, **how: object) -> bool:
        """One run, and what it leaves in doubt. `names`: the list that it was given. @returns whether all arrived"""
        # what was to be written anew may be a second name over there of what it is not here: a comparison parts nothing
        doubtful = b"-" if "--ignore-times" in arguments else b"?"
        finished = self.run(arguments, **how)  # type: ignore[arg-type]
        for word, option in _NEW.items():
            if word in arguments and not finished.whole and verdict.refuses(finished, option):
                self.refused.add(word)
                arguments = [other for other in arguments if other != word]
                finished = self.run(arguments, **how)  # type: ignore[arg-type]
        if verdict.mode_unset(finished):
            arguments = [word for word in arguments if word not in ("--ignore-times", "--checksum")]
            finished = self.run(arguments, **how)  # type: ignore[arg-type]
        return self.conclude(finished, names, doubtful)

    def conclude(self, finished: rsync.Finished, names: Optional[bytes], kind: bytes = b"?") -> bool:
        """Notes what a run leaves in doubt, as that kind of leftover. @returns whether all arrived"""
        fault = self.judge(finished)
        if fault is not None or finished.vanished:
            found = named(finished) if finished.code == rsync.PARTIAL and fault is not None else None
            if names is not None:
                self.unsure += pick(names, found, kind)
            elif found:
                self.unsure += [Leftover(b"?", *split(path)) for path in sorted(found)]
        elif names is not None:
            self.unsure += self._moved(names, kind)
        return fault is None

    def _moved(self, names: bytes, kind: bytes) -> List[Leftover]:
        """Of a list, what may have been elsewhere when rsync looked."""
        whereabouts = Whereabouts(self.scan.opened.descriptor, self.context.started * 1000 - 20_000_000)
        paths = (line[2:] if line.startswith(b"./") else line for line in read_names(names))
        sent = (path for path in paths if path != NOBODY[2:])
        return [Leftover(kind, *split(path)) for path in in_doubt(sent, whereabouts, self.late)]

    def keep(self, names: Iterable[bytes]) -> None:
        """What is deleted or replaced next is kept over there, where the operator wants that."""
        if self.context.request.options.keep_deleted:
            path, scratch = self.scan.opened.path, self.context.scratch
            problem = to_keep.keep(path, names, self.connection, scratch, self.lock)
            self.tally.not_kept = self.tally.not_kept or problem

    # --- by lists

    def by_lists(self, comparison: Comparison, deletion: Deletion, checked: bool) -> bool:
        """Sends what differs by name, without large files. `checked`: what is there may be of the same size and time by
        accident."""
        self.keep(to_keep.names_of(comparison, deletion))
        if deletion.swaps and not delete(self, deletion.swap_list, deletion.swaps + deletion.allowed):
            return False
        well = True
        for names, options in self._lists(comparison, checked):
            well = self.attempt([*listed(names), "--delay-updates", *options, *self.flush(comparison)], names) and well
            if self.lost:
                return False
        well = moving.send(self, comparison, checked) and well
        if self.lost:
            return False
        if not well:
            self.tidy()
        if comparison.counts["shut"]:
            self.shut(comparison.names("shut"))
        if comparison.counts["links"] and not self.lost:
            self.attempt(listed(self.make_list(comparison, "links", ("links",))), comparison.file("links"))
        if deletion.topmost and not self.lost:
            self._delete_gone(comparison, deletion)
        return not self.lost

    def tidy(self) -> None:
        """Removes what rsync keeps over there of files that did not arrive: it would stay, and fill a full disk."""
        tally, self.tally = self.tally, Tally()
        self.run([*CLEAR, f"--filter=R {os.fsdecode(rsync.TEMPORARY)}/***", "--filter=P *"])
        self.tally = tally

    def _lists(self, comparison: Comparison, checked: bool) -> Iterator[Tuple[bytes, List[str]]]:
        counts = comparison.counts
        plain = counts["send"] + counts["dirs"]
        if checked or (counts["checksum"] and plain and counts["send"] <= MERGED):
            if plain + counts["checksum"]:
                yield self.make_list(comparison, "most", ("send", "checksum", "dirs")), ["--checksum"]
        else:
            if plain:
                yield self.make_list(comparison, "plain", ("send", "dirs")), []
            if counts["checksum"]:
                yield self.make_list(comparison, "same", ("checksum",)), ["--checksum"]
        if counts["anew"]:
            yield self.make_list(comparison, "again", ("anew",)), ["--ignore-times", "--hard-links"]

    def make_list(
        self, comparison: Comparison, name: str, sources: Sequence[str], more: Optional[bytes] = None
    ) -> bytes:
        """A list for rsync. Its names begin with ./, which brings what the directory itself is, too."""
        path = comparison.file(f"list.{name}")
        if not os.path.exists(path):
            with open(f"{os.fsdecode(path)}.{self.connection.secondary.id}", "wb") as file:
                for source in sources:
                    for line in comparison.names(source):
                        if line:  # "./" would be all that is in the directory; what it is itself comes with any name
                            file.write(b"./" + line + b"\0")
                if more is not None:
                    with open(more, "rb") as lines:
                        shutil.copyfileobj(lines, file)
                file.write(NOBODY + b"\0")
            os.rename(file.name, path)
        return path

    def flush(self, comparison: Comparison) -> List[str]:
        """What was just received must not be lost with the power. Of very many files each would be waited for."""
        few = sum(comparison.counts.values()) <= FSYNC_MOST
        return [FSYNC] if few and FSYNC not in self.refused and self.context.can.fsync else []

    def _delete_gone(self, comparison: Comparison, deletion: Deletion) -> None:
        self.deleted = delete(self, deletion.list, deletion.allowed)
        if not self.deleted:
            self.unsure += read_leftovers(deletion.names)
        if not self.lost:
            self.attempt(listed(self.make_list(comparison, "times", ("dirs",), deletion.parents)), None)

    def shut(self, paths: Iterable[bytes]) -> None:
        """Files that their owner shut for himself: root opens them, if they are his, and sends copies."""
        place = os.path.join(self.context.scratch, f"open.{self.connection.secondary.id}.{self.scan.module}".encode())
        copies = Copies(self.scan.opened.descriptor, self.scan.opened.owner, place)
        copied: List[bytes] = []
        for path in paths:
            if copies.add(path):
                copied.append(path)
            else:
                self.unsure.append(Leftover(b"?", *split(path)))
        copies.end()
        names = place + b".list"
        with open(names, "wb") as file:
            file.write(b"".join(b"./" + path + b"\0" for path in [*copied, NOBODY[2:]]))
        self.attempt([*listed(names), "--ignore-times", "--hard-links"], names, place=place, as_owner=False)
        subprocess.run(["rm", "-rf", "--", os.fsdecode(place)], check=False)

    def touch(self) -> bool:
        """A login and a run that sends nothing: is all well over there?"""
        names = os.path.join(self.context.scratch, f"touch.{self.connection.secondary.id}".encode())
        with open(names, "wb") as file:
            file.write(NOBODY + b"\0")
        return self.attempt(listed(names))

    # --- large files

    def large(self, comparison: Comparison) -> bool:
        """Files of which one takes long, in runs of their own."""
        well = True
        for name, options in (("large", []), ("large_same", ["--checksum"])):
            if comparison.counts[name] and not self.lost:
                self.keep(comparison.names(name) if name == "large" else ())
                names = self.make_list(comparison, name, (name,))
                well = self.attempt([*listed(names), *options], comparison.file(name)) and well
        return well
