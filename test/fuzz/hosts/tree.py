"""Prints a line for each entry of directories: all that must be the same on two hosts. tree.py DIRECTORY..."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections import defaultdict
from collections.abc import Iterator


def entries(top: bytes) -> Iterator[bytes]:
    yield top
    for directory, directories, files in os.walk(top):
        # rsync's own
        directories[:] = [name for name in directories if name != b".~tmp~"]
        for name in directories + files:
            yield directory + b"/" + name


def describe(path: bytes, now: os.stat_result) -> str:
    text = f"{now.st_mode:o} {now.st_uid} {now.st_gid} {now.st_mtime_ns}"
    if stat.S_ISREG(now.st_mode):
        with open(path, "rb") as file:
            text += f" {now.st_size} {hashlib.sha256(file.read()).hexdigest()}"
    elif stat.S_ISLNK(now.st_mode):
        text += f" {os.readlink(path)!r}"
    return text


def main(*roots: str) -> None:
    for root in roots:
        lines: dict[bytes, str] = {}
        linked: defaultdict[int, list[bytes]] = defaultdict(list)
        for path in entries(os.fsencode(root)):
            try:
                now = os.lstat(path)
                lines[path] = describe(path, now)
            except FileNotFoundError:
                # a watch brings something just now
                lines[path] = "went away"
                continue
            if stat.S_ISREG(now.st_mode) and now.st_nlink > 1:
                linked[now.st_ino].append(path)
        for paths in linked.values():
            for path in paths if len(paths) > 1 else ():
                lines[path] += f" linked with {min(paths)!r}"
        for path in sorted(lines):
            print(repr(path), lines[path])


if __name__ == "__main__":
    main(*sys.argv[1:])
