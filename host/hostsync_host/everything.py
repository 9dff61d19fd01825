"""Comparing everything on a secondary, where it is not known what is there: one directory is sent as a whole, and what
is over there alone is counted, judged and deleted."""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence

from . import deletions, doomed
from .blame import NOBODY
from .compare import Comparison
from .excludes import compile_excludes
from .leftovers import Leftover, in_order, join, split
from .manifest import Damaged, Manifest
from .meanwhile import Late, Meanwhile
from .outcome import EXAMPLES, Extras
from .results import emit, log, show
from .rsync import LINE_OF_NAME, NAMED, is_temporary, listed
from .rules import is_plain
from .selected import files_above, files_changed, large_files, shut_files
from .sending import CLEAR, Sending
from .specials import special_names
from .store import SecondaryMemory, open_known
from .verdict import Fault

DELAYED_MOST = 100_000
"""Entries of a directory that come into place all at once: rsync has all of their names in memory for that, on both
ends."""
RULES_MOST = 200
CHECKSUM_MOST = 1 << 30
"""Bytes: a larger file is not read for its checksum, for no byte moves meanwhile, and io-timeout would end that."""


@dataclass
class Whole:
    """What is known when everything of a directory is compared."""

    fresh: bool
    """Nothing was ever sent to the secondary: nobody is served from it."""
    newcomer: bool
    """It was never in service: what it has alone is worth nothing."""
    litter: bool
    """An earlier push broke off: what it left is nobody's content."""
    started_ns: int
    checksum: bool = False
    """It is time to read all content, here and there."""
    known_ns: Optional[int] = None
    """It was known until then what the secondary has, and is not any more; nothing if it is, or never was."""


class Everything:
    """Compares everything of one directory."""

    def __init__(self, sending: Sending, memory: SecondaryMemory, whole: Whole, late: Late) -> None:
        self.sending = sending
        self.late = late
        self.memory = memory
        self.whole = whole
        self.withheld = False
        self.uneven = False
        """Something may be over there that nobody knows of."""
        self.extras: Optional[Extras] = None
        self.scan = sending.scan
        excluded = compile_excludes(sending.context.request.excludes)
        self.meanwhile = Meanwhile(self.scan.opened.descriptor, whole.started_ns, self._scratch("said"), excluded)
        self.in_the_way = False
        self.large: Optional[Comparison] = None
        """Large files, which are still to be sent."""

    def run(self) -> None:
        try:
            self._run()
            self.uneven = self.uneven or self.meanwhile.unknown
            names = self.meanwhile.names.items()
            self.sending.unsure += in_order([Leftover(b"D" if was else b"?", *split(path)) for path, was in names])
        except Damaged as error:
            # what did not change is as it was remembered, and that is no more what was written
            self.sending.context.store.mark("damaged", self.scan.module, True)
            self.uneven = True
            words = f"{show(self.scan.opened.path)}: {error}; the next push looks at everything anew"
            self.sending.faults.append(Fault("partial", words))

    def _run(self) -> None:
        options = ["--recursive", "--hard-links"]
        if self.whole.fresh:
            # Nobody is served from what is new: there it need not come into place all at once, which takes as long
            # again, and what is over there alone is counted on the way.
            options += ["--delete", "--max-delete=0"]
        elif self.scan.entries <= DELAYED_MOST:
            options.append("--delay-updates")
        if self.whole.checksum or self.whole.known_ns is not None:
            options.append("--checksum")
        if self.sending.context.request.options.max_size:
            options.append(f"--max-size={self.sending.context.largest}")
        before = list(self.sending.faults)
        well = self._attempt_naming([*options, *self._without_large()])
        if self.sending.blocked_by_directory:
            # what stands in the way of something else is deleted as what is over there alone is
            self.in_the_way, self.sending.faults = True, before
        counted = self.whole.fresh and well and self.sending.extras == 0 and not self.sending.blind
        if self.whole.known_ns is not None and not self.sending.lost:
            self._write_anew(self.whole.known_ns)
        self._look_meanwhile()
        if not self.sending.lost:
            self._shut()
        if self.sending.lost:
            return
        if not well and not self.in_the_way:
            self.uneven = not any(fault.blocked for fault in self.sending.faults) or not self.sending.unsure
        # A full disk would stay full for good if what was deleted here only went after all updates arrived
        if not counted or self.meanwhile.guessed:
            self._clear([*self._hide_specials(), *self._pass_unreadable()])
            self._look_meanwhile()

    def _scratch(self, name: str) -> bytes:
        file = f"{name}.{self.sending.connection.secondary.id}.{self.scan.module}"
        return os.path.join(self.sending.context.scratch, file.encode())

    def _open_manifest(self) -> Optional[Manifest]:
        context = self.sending.context
        return open_known(context.store.place, context.scratch, self.scan.manifest)

    def _write_anew(self, since_ns: int) -> None:
        """What had a second name and has none any more differs in nothing that a comparison sees."""
        manifest = self._open_manifest()
        if manifest is None:
            return
        path, count = self._scratch("anew"), 0
        with contextlib.closing(manifest), open(path, "wb") as file:
            for name in files_changed(manifest, since_ns, self.sending.context.largest):
                file.write(b"./" + name + b"\0")
                count += 1
            file.write(NOBODY + b"\0")
        if count:
            self.sending.attempt([*listed(path), "--ignore-times", "--hard-links", "--delay-updates"], path)

    def _shut(self) -> None:
        """What the owner cannot open is not in what is sent as the owner."""
        context = self.sending.context
        manifest = self._open_manifest()
        if manifest is None:
            return
        with contextlib.closing(manifest):
            paths, unsent = list(shut_files(manifest)), set(files_above(manifest, context.largest))
            paths = [path for path in paths if path not in unsent]
        if paths:
            self.sending.shut(paths)

    def _without_large(self) -> List[bytes]:
        """Large files would hold up all others; they come with their own list."""
        manifest = self._open_manifest()
        if manifest is None:
            return []
        rules: List[bytes] = []
        large: Dict[str, List[bytes]] = {"large": [], "large_same": []}
        try:
            for path, size in large_files(manifest):
                if size > self.sending.context.largest:
                    continue
                if is_plain(path) and len(rules) < RULES_MOST:
                    rules.append(b"--filter=- /" + path)
                    same = self.whole.checksum and size <= CHECKSUM_MOST
                    large["large_same" if same else "large"].append(path)
        except Damaged:
            return []
        finally:
            manifest.close()
        if rules:
            self.large = Comparison(self._scratch("large"))
            os.mkdir(self.large.place)
            for name, paths in large.items():
                self.large.counts[name] = len(paths)
                with open(self.large.file(name), "wb") as file:
                    file.write(b"".join(path + b"\0" for path in paths))
        return rules

    def _look_meanwhile(self) -> None:
        manifest = self._open_manifest()
        if manifest is None:
            self.uneven = True
            return
        with contextlib.closing(manifest):
            self.meanwhile.add(manifest, self.late)

    def _attempt_naming(self, arguments: Sequence[object]) -> bool:
        """One run that may send what is not in the manifest."""
        naming = [f"--log-file={os.fsdecode(self.meanwhile.said)}", LINE_OF_NAME]
        return self.sending.attempt([*arguments, *naming])

    def _hide_specials(self) -> List[bytes]:
        """Rules by which rsync takes what is not sent for what is not there. What it cannot be told of is deleted by
        name in the next push."""
        manifest = self._open_manifest()
        if manifest is None:
            return []
        rules: List[bytes] = []
        with contextlib.closing(manifest):
            for path in special_names(manifest, self.scan.opened.descriptor):
                if is_plain(path) and len(rules) < RULES_MOST:
                    rules.append(b"--filter=H /" + path)
                else:
                    self.sending.unsure.append(Leftover(b"?", *split(path)))
        return rules

    def _pass_unreadable(self) -> List[bytes]:
        """Rules by which rsync passes over what it cannot list, and what is there of it stays."""
        paths = [path for path in self.scan.unreadable if is_plain(path) and path != b"."]
        return [b"--filter=- /" + path for path in paths[:RULES_MOST]]

    # --- what only the secondary has

    def _clear(self, rules: Sequence[bytes]) -> None:
        sending = self.sending
        clear = [*rules, *CLEAR]
        if self.whole.newcomer and not self.scan.held:
            self._attempt(clear)
            return
        self._attempt([*clear, "--max-delete=0"])
        extras, entries = sending.extras, sending.entries
        if extras > deletions.FEW and self.whole.litter and not sending.lost:
            sending.tidy()
            self._attempt([*clear, "--max-delete=0"])
            extras, entries = sending.extras, sending.entries
        if (extras == 0 and not self.in_the_way) or sending.lost:
            self.memory.extras.pop(self.scan.module, None)
            return
        if self._may_delete(extras, entries):
            self.memory.extras.pop(self.scan.module, None)
            self._delete(rules)
        else:
            self.withheld = True

    def _attempt(self, arguments: Sequence[object]) -> None:
        """What could not be listed may have kept other things from being deleted, or counted: the next push looks."""
        self.sending.attempt(arguments)
        self.uneven = self.uneven or self.sending.blind

    def _delete(self, rules: Sequence[bytes]) -> None:
        """The result names what nobody knew of: it may have been somebody's upload. What a broken push left is not."""
        sending, before = self.sending, self.sending.tally.deleted
        options = ["--recursive", "--hard-links", "--delete-delay"] if self.in_the_way else CLEAR
        found = doomed.find(sending, [*rules, *options])
        if found is None and NAMED not in sending.refused:
            self.uneven = True
            return
        doomed.keep(sending, found)
        if self.in_the_way or found is None:
            self._attempt_naming([*rules, *options, NAMED])
            self.uneven = self.uneven or sending.blind
            found = sending.named
        else:
            doomed.delete(sending, found, self._scratch("alone"))
        names = [name for name in found if not is_temporary(name.rstrip(b"/"))]
        count = sending.tally.deleted - before - (len(found) - len(names))
        if count > 0:
            path = self.scan.opened.path
            self.extras = Extras(path, count, [join(path, name) for name in names[:EXAMPLES]])
            log(f"{sending.connection.secondary.id}: {count} entries that only it had were deleted in {show(path)}")

    def _may_delete(self, count: int, entries: int) -> bool:
        """May so many entries be deleted that only the secondary has? Their names are not known here."""
        options = self.sending.context.request.options
        limits = deletions.Limits(options.max_delete_share, options.max_delete_count)
        total = entries + count - 1
        path = os.fsdecode(self.scan.opened.path)
        reason = "deletions in this directory are held" if self.scan.held else ""
        reason = reason or deletions.excess(count, total, f"{path} there", limits)
        if not reason:
            return True
        secondary = self.sending.connection.secondary.id
        shown = self._shown(secondary, count)
        if shown == options.accept_deletions:
            log(f"{secondary}: {count} held deletions are accepted: {shown}")
            emit("deletions-accepted", id=shown, count=count, message=f"accepted for {secondary}")
            return True
        emit(
            "deletions-held",
            id=shown,
            count=count,
            total=total,
            reason=f"{secondary}: {reason}",
            examples=[],
        )
        log(f"{secondary}: {count} deletions are held: {reason}; to accept them, once: option accept-deletions {shown}")
        return False

    def _shown(self, secondary: str, count: int) -> str:
        """The id stays while there are no more of them than when it was shown: it covers so many."""
        known: Optional[List[object]] = self.memory.extras.get(self.scan.module)
        if known is not None and isinstance(known[1], int) and known[1] - deletions.FEW <= count <= known[1]:
            return str(known[0])
        text = f"{secondary} {self.scan.module} {count} {self.sending.context.started}"
        identity = hashlib.sha256(text.encode()).hexdigest()[:16]
        self.memory.extras[self.scan.module] = [identity, count]
        return identity
