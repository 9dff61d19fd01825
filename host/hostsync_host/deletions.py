"""Which deletions are carried out. A decision is about names, it is one for all secondaries, and it stays.

Nothing here reads or writes anything: what is known goes in, what is decided comes out, with reasons.

What is gone since the last push, in one directory, is a *batch*: it is let through, or held as a whole. What was held
stays held until it is accepted by its id, or is back. An id stands for what was held in its directory when it was
shown, and for nothing that came later.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Dict, List, Optional, Sequence, Tuple

FEW = 20
"""A deletion of so many entries is no share of anything."""
HOUR, DAY = 3600.0, 86400.0
SAMPLE_EVERY = 300.0
ACCEPTED_KEPT = 100


@dataclass(frozen=True)
class Limits:
    """More than `count` entries of all directories together, or `share` percent of a directory's, are not deleted just
    so."""

    share: int
    count: int


@dataclass(frozen=True)
class Batch:
    """Names of one directory that went together and are held."""

    id: str
    module: str
    count: int
    """How many of them are still away."""
    reason: str
    limits: Limits
    """Under which they were held."""
    at: float

    @property
    def reason_is_limit(self) -> bool:
        """Was it too much, and not that something is missing?"""
        return "more than max-delete-" in self.reason


@dataclass(frozen=True)
class Sample:
    """How many entries a directory had, what was held included."""

    at: float
    entries: int


@dataclass(frozen=True)
class Observation:
    """One directory, since the last push."""

    module: str
    path: str
    before: int
    """Entries in the last manifest."""
    now: int
    """Entries in this one."""
    gone: int
    """Names that were in the last manifest and are not in this one."""
    id: str = ""
    """For the batch of them, should it be held."""
    other_volume: bool = False
    lost_mounts: Tuple[str, ...] = ()
    """File systems inside it that are not there any more."""
    samples: Tuple[Sample, ...] = ()


@dataclass(frozen=True)
class Accepted:
    """An id that was accepted: what became of it."""

    id: str
    count: int
    at: float


@dataclass(frozen=True)
class Answer:
    """To an id that was sent with the request."""

    id: str
    count: int
    message: str
    known: bool


@dataclass
class Decision:
    """What is held from now on, and what was said to the id of the request."""

    held: List[Batch] = field(default_factory=list[Batch])
    added: Dict[str, Batch] = field(default_factory=dict[str, Batch])
    """By module: the batch that is new."""
    released: List[Batch] = field(default_factory=list[Batch])
    accepted: Optional[Accepted] = None
    answer: Optional[Answer] = None


def excess(count: int, total: int, where: str, limits: Limits) -> str:
    """Why so many of so many are not deleted just so; empty if they are."""
    if count > limits.count:
        return f"{count} entries, more than max-delete-count, {limits.count}"
    if count > FEW and count * 100 > limits.share * total:
        return f"{count} of {total} entries of {where}, more than max-delete-share, {limits.share} %"
    return ""


def baseline(samples: Sequence[Sample], now: float, period: float) -> Optional[int]:
    """The entries at the beginning of a period, as far as they are known."""
    inside = [sample for sample in samples if now - sample.at <= period]
    return inside[0].entries if inside else None


def shrinking(seen: Observation, held: int, limits: Limits, now: float) -> str:
    """Why a directory that loses a little each time loses too much; empty if it does not."""
    left = seen.now + held
    for period, name in ((HOUR, "an hour"), (DAY, "a day")):
        entries = baseline(seen.samples, now, period)
        if entries is None or entries - left <= FEW:
            continue
        if (entries - left) * 100 > limits.share * entries:
            return (
                f"{entries - left} of {entries} entries of {seen.path} within {name}, "
                f"more than max-delete-share, {limits.share} %"
            )
    return ""


def cause(seen: Observation, held: int, limits: Limits, now: float) -> str:
    """Why the batch of a directory must not go through by itself; empty if it may."""
    if seen.now == 0:
        return f"nothing is left in {seen.path}"
    if seen.other_volume:
        return f"{seen.path} is on another file system than before"
    if seen.lost_mounts:
        return f"the file system that was mounted at {seen.lost_mounts[0]} is not there any more"
    reason = excess(seen.gone + held, seen.before + held, seen.path, Limits(limits.share, 10**12))
    return reason or shrinking(seen, held, limits, now)


def decide(
    observations: Sequence[Observation],
    batches: Sequence[Batch],
    *,
    limits: Limits,
    accept: Optional[str],
    accepted: Sequence[Accepted],
    unpushable: Sequence[str],
    now: float,
) -> Decision:
    """Decides what of the names that are gone is held. `unpushable` are directories that were there and cannot be
    looked at."""
    decision = Decision()
    held = [batch for batch in batches if batch.count > 0]
    held = _accept(decision, held, accept, accepted, now)
    held = _afresh(decision, held, observations, limits)
    counts = {seen.module: sum(batch.count for batch in held if batch.module == seen.module) for seen in observations}
    # What was accepted is no loss of this hour
    fresh = {batch.module for batch in decision.released}
    observations = [replace(seen, samples=()) if seen.module in fresh else seen for seen in observations]
    reason = f"{unpushable[0]} was there and cannot be pushed now" if unpushable else ""
    # The directory that is in trouble speaks before those that are held with it
    causes = {seen.module: cause(seen, counts[seen.module], limits, now) for seen in observations if seen.gone > 0}
    reason = reason or next((text for text in causes.values() if text), "")
    total = sum(seen.gone for seen in observations) + sum(batch.count for batch in held)
    if not reason and total > limits.count:
        reason = excess(total, total, "", limits)
    for seen in observations:
        if seen.gone > 0 and reason:
            batch = Batch(seen.id, seen.module, seen.gone, causes[seen.module] or reason, limits, now)
            decision.added[seen.module] = batch
            held.append(batch)
    decision.held = held
    return decision


def _accept(
    decision: Decision, held: List[Batch], accept: Optional[str], accepted: Sequence[Accepted], now: float
) -> List[Batch]:
    """An id stands for its batch and for what was held before it in the same directory."""
    if not accept:
        return held
    chosen = next((index for index, batch in enumerate(held) if batch.id == accept), None)
    if chosen is None:
        earlier = next((one for one in accepted if one.id == accept), None)
        if earlier is not None:
            message = "was accepted before, and covers nothing that went since"
            decision.answer = Answer(accept, earlier.count, message, True)
        return held
    module = held[chosen].module
    covered = [batch for batch in held[: chosen + 1] if batch.module == module]
    count = sum(batch.count for batch in covered)
    decision.released += covered
    decision.accepted = Accepted(accept, count, now)
    decision.answer = Answer(accept, count, "accepted", True)
    return [batch for batch in held if batch not in covered]


def _afresh(decision: Decision, held: List[Batch], observations: Sequence[Observation], limits: Limits) -> List[Batch]:
    """What is judged again: under limits that were raised since, for that is the operator's word, and what was held
    only beside something that is accepted now."""
    freed = {batch.module for batch in decision.released}
    entries = {seen.module: seen.before for seen in observations}
    total = sum(batch.count for batch in held)
    keep: List[Batch] = []
    for batch in held:
        mine = sum(other.count for other in held if other.module == batch.module)
        before = entries.get(batch.module)
        raised = limits.share > batch.limits.share or limits.count > batch.limits.count
        open_again = (
            (raised or batch.module in freed) and before is not None and batch.reason_is_limit and total <= limits.count
        )
        if open_again and not excess(mine, (before or 0) + mine, "", limits):
            decision.released.append(batch)
        else:
            keep.append(batch)
    return keep


def sampled(samples: Sequence[Sample], entries: int, now: float) -> Tuple[Sample, ...]:
    """The samples of a day, with one of now if the last one is old enough."""
    kept = [sample for sample in samples if now - DAY <= sample.at <= now]
    if not kept or now - kept[-1].at >= SAMPLE_EVERY:
        kept.append(Sample(now, entries))
    return tuple(kept)


def remembered(accepted: Sequence[Accepted], more: Optional[Accepted]) -> Tuple[Accepted, ...]:
    """What was accepted, the newest last, so that an id that comes again is answered."""
    both = [*accepted, *([more] if more is not None else [])]
    return tuple(both[-ACCEPTED_KEPT:])
