"""rsync's exclude patterns as a matcher for the walk: what rsync would leave out is left out, no more and no less.

It follows wildmatch.c and exclude.c of rsync, byte by byte: a pattern with a slash or `**` in it is matched against the
path, any other against the last name; a slash at the end means directories alone; `***` at the end means a directory
and all that is in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Callable, Dict, List, Optional, Sequence, Tuple

Matcher = Callable[[bytes, bytes, bool], bool]
"""(path relative to the root, its last name, is it a directory) -> is it excluded?"""

_CLASSES = {
    b"alnum": rb"0-9A-Za-z",
    b"alpha": rb"A-Za-z",
    b"blank": rb" \t",
    b"cntrl": rb"\x00-\x1f\x7f",
    b"digit": rb"0-9",
    b"graph": rb"!-~",
    b"lower": rb"a-z",
    b"print": rb" -~",
    b"punct": rb"!-/:-@\[-`{-~",
    b"space": rb" \t\n\v\f\r",
    b"upper": rb"A-Z",
    b"xdigit": rb"0-9A-Fa-f",
}
NEVER = rb"(?!)"


def literal(byte: int) -> bytes:
    return re.escape(bytes([byte]))


def translate(pattern: bytes) -> bytes:
    """A pattern of wildmatch as a regular expression for the whole of a text."""
    out: List[bytes] = []
    at = 0
    while at < len(pattern):
        byte = pattern[at : at + 1]
        if byte == b"\\":
            # The byte after a backslash is itself; a backslash at the end is compared with the end of the pattern
            if at + 1 >= len(pattern):
                return NEVER
            out.append(literal(pattern[at + 1]))
            at += 2
        elif byte == b"?":
            out.append(rb"[^/]")
            at += 1
        elif byte == b"*":
            stars = len(pattern) - at - len(pattern[at:].lstrip(b"*"))
            out.append(rb"[^/]*" if stars == 1 else rb".*")
            at += stars
        elif byte == b"[":
            part, at = _bracket(pattern, at + 1)
            if part is None:
                return NEVER
            out.append(part)
        else:
            out.append(literal(byte[0]))
            at += 1
    return b"".join(out)


def _bracket(pattern: bytes, at: int) -> Tuple[Optional[bytes], int]:
    """The part of a bracket, after `[` on, and where it ends; nothing if it has no end: then it matches nothing."""
    invert = pattern[at : at + 1] in (b"!", b"^")
    at += 1 if invert else 0
    first, previous = True, 0
    items: List[bytes] = []
    while True:
        if at >= len(pattern):
            return None, at
        byte = pattern[at]
        if byte == 0x5D and not first:
            break
        first = False
        item, previous, at = _item(pattern, at, previous)
        if item is None:
            return None, at
        items.append(item)
    inside = b"".join(items)
    if invert:
        # No bracket matches a slash
        return b"[^/" + inside + b"]", at + 1
    return (b"(?!/)[" + inside + b"]" if inside else NEVER), at + 1


def _item(pattern: bytes, at: int, previous: int) -> Tuple[Optional[bytes], int, int]:
    """One member of a bracket: (its part, the byte that a range would begin with, where the next one is)."""
    byte = pattern[at]
    if byte == 0x5C:  # backslash
        if at + 1 >= len(pattern):
            return None, 0, at
        return literal(pattern[at + 1]), pattern[at + 1], at + 2
    following = pattern[at + 1 : at + 2]
    if byte == 0x2D and previous and following and following != b"]":
        end, at = pattern[at + 1], at + 2
        if end == 0x5C:
            if at >= len(pattern):
                return None, 0, at
            end, at = pattern[at], at + 1
        part = b"" if end < previous else literal(previous) + b"-" + literal(end)
        return part, 0, at
    if byte == 0x5B and following == b":":
        end = pattern.find(b"]", at + 2)
        if end < 0:
            return None, 0, at
        name = pattern[at + 2 : end - 1]
        if end - at - 3 < 0 or pattern[end - 1] != 0x3A:
            return literal(byte), byte, at + 1  # didn't find ":]", so it is a bracket like any other
        if name not in _CLASSES:
            return None, 0, at
        return _CLASSES[name], 0, end + 1
    return literal(byte), byte, at + 1


@dataclass(frozen=True)
class _Form:
    """What a pattern is matched against."""

    whole: bool
    """The path, not only its last name."""
    before: bool
    """With a slash before it."""
    after: bool
    """With a slash behind it, for a directory."""
    directory: bool
    """Directories alone."""


def _rule(pattern: bytes) -> Tuple[_Form, bytes]:
    """The form and the regular expression of an exclude pattern (add_rule and rule_matches in exclude.c)."""
    directory = len(pattern) > 1 and pattern.endswith(b"/")
    if directory:
        pattern = pattern[:-1]
    slashes = pattern.count(b"/")
    wild = any(byte in b"*[?" for byte in pattern)
    double = wild and b"**" in pattern
    before = double and pattern.startswith(b"**")
    form = _Form(bool(slashes) or double, before, double and pattern.endswith(b"***"), directory)
    anchored = pattern.startswith(b"/")
    if anchored:
        pattern = pattern[1:]
    expression = translate(pattern) if wild else re.escape(pattern)
    if anchored or before or not form.whole:
        return form, expression
    if not double and _outside(pattern, wild) != slashes:
        # It is matched against so many last elements as it has slashes, those in brackets included
        return form, NEVER
    return form, rb"(?:.*/)?(?:" + expression + b")"


def _outside(pattern: bytes, wild: bool) -> int:
    """The slashes that are not in a bracket."""
    count = at = 0
    while at < len(pattern):
        if wild and pattern[at : at + 1] == b"[":
            at = _bracket(pattern, at + 1)[1]
            continue
        count += pattern[at : at + 1] == b"/"
        at += 1
    return count


def compile_excludes(patterns: Sequence[bytes]) -> Optional[Matcher]:
    """A matcher, or nothing where nothing is excluded."""
    forms: Dict[_Form, List[bytes]] = {}
    for pattern in patterns:
        form, expression = _rule(pattern)
        forms.setdefault(form, []).append(b"(?:" + expression + b")")
    if not forms:
        return None
    tests = [(form, re.compile(b"|".join(each), re.DOTALL).fullmatch) for form, each in forms.items()]

    def excluded(path: bytes, name: bytes, is_directory: bool) -> bool:
        for form, matches in tests:
            if form.directory and not is_directory:
                continue
            text = path if form.whole else name
            if form.before:
                text = b"/" + text
            if form.after and is_directory:
                text += b"/"
            if matches(text):
                return True
        return False

    return excluded
