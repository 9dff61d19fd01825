"""Damages one file of what hostsync remembers, as a disk does that was full, broken or cut off: damage.py SEED"""

from __future__ import annotations

import os
import random
import sys

STATE = "/var/lib/hostsync"
# Locks and scratch space hold no memory; the login has no state of its own
NO_MEMORY = ("lock", "run", "login")


def files() -> list[str]:
    found: list[str] = []
    for directory, directories, names in os.walk(STATE):
        if directory == STATE:
            directories[:] = [name for name in directories if name not in NO_MEMORY]
        else:  # what lies at the top is written by joins and promotions
            found += [os.path.join(directory, name) for name in names]
    return sorted(found)


def damage(path: str, how: str, size: int) -> None:
    if how == "removed":
        os.unlink(path)
    elif how == "cut short":
        os.truncate(path, max(0, size - 20))
    elif how == "emptied":
        os.truncate(path, 0)
    elif how == "zeroed":
        with open(path, "r+b") as file:
            file.write(bytes(size))
    else:
        with open(path, "ab") as file:
            file.write(b"\xff garbage\n")


def main(seed: str) -> None:
    chosen = random.Random(int(seed))
    for path in files() and [chosen.choice(files())]:
        how = chosen.choice(["removed", "cut short", "emptied", "zeroed", "lengthened"])
        print(path, how)
        damage(path, how, os.path.getsize(path))


if __name__ == "__main__":
    main(*sys.argv[1:])
