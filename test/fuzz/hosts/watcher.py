"""Says so when a file is away that nobody ever deleted: watcher.py COUNT DIRECTORY...

Whoever reads files of a secondary, as a web server does, must find them at every moment, whatever happens to pushes.
"""

from __future__ import annotations

import os
import sys
import time


def is_whole(path: str) -> bool:
    try:
        return os.stat(path).st_size > 0
    except OSError:
        return False


def main(count: str, *roots: str) -> None:
    numbers = range(1, int(count) + 1)
    paths = [f"{root}/stays/{sub}{number}" for root in roots for sub in ("", "sub/deep/") for number in numbers]
    while True:
        for path in paths:
            if not is_whole(path):
                print(path, flush=True)
        time.sleep(0.02)


if __name__ == "__main__":
    main(*sys.argv[1:])
