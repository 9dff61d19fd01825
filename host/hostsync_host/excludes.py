"""rsync's exclude patterns as a matcher for the walk: what rsync would leave out is left out, no more and no less.

It follows wildmatch.c and exclude.c of rsync, byte by byte: a pattern with a slash or `**` in it is matched against the
path, any other against the last name; a slash at the end means directories alone; `***` at the end means a directory and
all that is in it.
"""

from __future__ import annotations

import re
from typing import Callable, List, Optional, Sequence, Tuple

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
    """The part of a bracket, from after `[` on, and where it ends; nothing if it has no end: then it matches nothing."""
    invert = pattern[at : at + 1] in (b"!", b"^")
    at += 1 if invert else 0
    first, previous, items = True, 0, []
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


def _rule(pattern: bytes) -> Tuple[bytes, bool, bool]:
    """(regular expression, is it for the path, is it for directories alone) of an exclude pattern."""
    directory = False
    whole = False
    if pattern.endswith(b"/") and len(pattern) > 1:
        pattern, directory = pattern[:-1], True
    tail = b""
    if len(pattern) > 3 and pattern.endswith(b"***"):
        # "dir/***" is "dir/" and "dir/**": what is in an excluded directory is not looked at
        pattern, tail = pattern[:-3], b"***"
    anchored = pattern.startswith(b"/")
    if b"/" in pattern.lstrip(b"/") or b"**" in pattern or anchored or tail:
        whole = True
    body = pattern
    return _path_rule(body, tail, anchored, directory) if whole else (translate(body), False, directory)


def _path_rule(body: bytes, tail: bytes, anchored: bool, directory: bool) -> Tuple[bytes, bool, bool]:
    if tail and body.endswith(b"/"):
        # matches a directory by "dir/", and what is below it by the stars
        expression = translate(body[:-1].lstrip(b"/") if anchored else body[:-1])
        return _begin(body, anchored) + b"(?:" + expression + b")", True, True
    full = body + tail
    expression = translate(full[1:] if anchored else full)
    return _begin(full, anchored) + b"(?:" + expression + b")", True, directory


def _begin(pattern: bytes, anchored: bool) -> bytes:
    if anchored:
        return b""
    # A pattern that begins with ** is matched against the path with a slash before it
    return rb"(?:.*/)?"


def compile_excludes(patterns: Sequence[bytes]) -> Optional[Matcher]:
    """A matcher, or nothing where nothing is excluded."""
    names: List[bytes] = []
    directories: List[bytes] = []
    paths: List[bytes] = []
    deep: List[bytes] = []
    for pattern in patterns:
        expression, whole, directory = _rule(pattern)
        (((deep if directory else paths) if whole else (directories if directory else names))).append(expression)
    if not patterns:
        return None
    match_name, match_directory = _any(names), _any(directories)
    match_path, match_deep = _any(paths), _any(deep)

    def excluded(path: bytes, name: bytes, is_directory: bool) -> bool:
        if match_name is not None and match_name(name):
            return True
        if match_path is not None and match_path(path):
            return True
        if not is_directory:
            return False
        if match_directory is not None and match_directory(name):
            return True
        return match_deep is not None and match_deep(path) is not None

    return excluded


def _any(expressions: List[bytes]) -> Optional[Callable[[bytes], object]]:
    if not expressions:
        return None
    return re.compile(b"|".join(b"(?:" + expression + b")" for expression in expressions), re.DOTALL).fullmatch
