"""What is to be done for one secondary and directory, and why. Nothing here reads or writes anything."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Optional


class Task(enum.Enum):
    """What is to be done."""

    NOTHING = "nothing"
    WAIT = "wait"
    """Single names are in the way over there: not yet again."""
    LISTS = "lists"
    """Send and delete what differs by name."""
    LISTS_AND_EVERYTHING = "lists and everything"
    EVERYTHING = "everything"
    """Compare everything: it is not known what is there."""


@dataclass(frozen=True)
class Situation:
    """What is known of one secondary and directory."""

    received: Optional[str]
    """The manifest that it has."""
    newest: str
    """The manifest of this push."""
    leftovers: bool = False
    """Some names over there are not as its manifest says."""
    damaged: bool = False
    """Its manifest cannot be compared."""
    unsure: str = ""
    """Why this host does not know what was there at the last push."""
    same_owner: bool = True
    doubt: str = ""
    """Why everything is to be compared on the secondary as a whole."""
    due: bool = False
    """It is time to compare everything."""
    only_held: bool = False
    """All that differs are deletions that are held."""
    forgotten: bool = False
    """More was known of the secondary than is now."""
    waiting: bool = False
    """Names are in the way, and it is not time to try again."""


@dataclass(frozen=True)
class Plan:
    task: Task
    reason: str
    content: bool = False
    """What is of the same size and time may differ all the same: nobody knows any more what changed."""

    @property
    def everything(self) -> bool:
        return self.task in (Task.EVERYTHING, Task.LISTS_AND_EVERYTHING)

    @property
    def lists(self) -> bool:
        return self.task in (Task.LISTS, Task.LISTS_AND_EVERYTHING)


def plan(it: Situation) -> Plan:
    """What is to be done, with the first reason that holds."""
    if it.received is None:
        return Plan(Task.EVERYTHING, it.doubt or "nothing is known of what it has", content=it.forgotten)
    if it.damaged:
        return Plan(Task.EVERYTHING, "the manifest of what it has is damaged", content=True)
    if it.unsure:
        return Plan(Task.EVERYTHING, it.unsure, content=True)
    differs = it.received != it.newest or (it.leftovers and not it.only_held)
    if it.doubt or it.due or not it.same_owner:
        due = "it is time to compare everything" if it.same_owner else "the directory has another owner"
        reason = it.doubt or due
        return Plan(Task.LISTS_AND_EVERYTHING if differs else Task.EVERYTHING, reason)
    if not differs:
        return Plan(Task.NOTHING, "all that differs is held" if it.only_held else "it has all of it")
    if it.waiting and it.received == it.newest:
        return Plan(Task.WAIT, "single names are in the way over there")
    return Plan(Task.LISTS, "it lacks changes" if it.received != it.newest else "some names did not arrive")


@dataclass(frozen=True)
class Knowledge:
    """What is known of a secondary as a whole."""

    known: bool
    target: str
    """Key or address, epoch and excludes, as they were."""
    target_now: str
    broken_off: bool
    """An earlier push to it did not come to its end."""
    boot: str
    boot_now: str
    began: int
    began_now: int
    """Microseconds since 1970."""
    first: bool = False


def doubt(it: Knowledge) -> str:
    """Why everything is to be compared on a secondary; empty if nothing speaks for it."""
    if it.first:
        return "it is a newcomer"
    if not it.known:
        return "nothing is known of it"
    if it.target != it.target_now:
        return "its key or address, the epoch or the excludes changed"
    if it.broken_off:
        return "an earlier push to it broke off"
    if it.boot != it.boot_now:
        return "this host was booted"
    if it.began > it.began_now:
        return "the clock was set back"
    return ""


def is_due(secondary: str, verified: int, now: int, every: int) -> bool:
    """Is it time to compare everything? Each secondary has its own second of the period, so that they take turns."""
    if every <= 0:
        return False
    offset = 0
    for char in secondary:
        offset = (offset * 31 + ord(char)) % 1000003
    offset %= every
    return (now + offset) // every > (verified + offset) // every


def retry_after(tries: int) -> float:
    """Seconds until a name that is in the way over there is tried again: at each push at first, for that costs one
    connection and no comparison."""
    return 0.0 if tries < 10 else min(3600.0, 60.0 * 2 ** (tries - 10))
