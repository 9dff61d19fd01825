"""Takes away what a push cannot bring as it is, as docs/host-package.md says: normalise.py OWNER DIRECTORY...

Named pipes and sockets, what is called as rsync's own directory, modes that shut the owner out, owners other than the
directory's, and setuid and setgid. A mode or owner that is right is not set again: that would change the ctime.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys


def mode_for(path: bytes, now: os.stat_result) -> int:
    mode = stat.S_IMODE(now.st_mode)
    if stat.S_ISDIR(now.st_mode):
        return (mode | stat.S_IRWXU) & ~stat.S_ISGID
    return (mode | stat.S_IRUSR | stat.S_IWUSR) & ~(stat.S_ISUID | stat.S_ISGID)


def normalise(path: bytes, name: bytes, owner: int, is_top: bool) -> None:
    now = os.lstat(path)
    if name == b".~tmp~" or (is_top and name == b"lost+found"):
        shutil.rmtree(path) if stat.S_ISDIR(now.st_mode) else os.unlink(path)
    elif not (stat.S_ISDIR(now.st_mode) or stat.S_ISREG(now.st_mode) or stat.S_ISLNK(now.st_mode)):
        os.unlink(path)
    else:
        if (now.st_uid, now.st_gid) != (owner, owner):
            os.chown(path, owner, owner, follow_symlinks=False)
        if not stat.S_ISLNK(now.st_mode) and mode_for(path, now) != stat.S_IMODE(os.lstat(path).st_mode):
            os.chmod(path, mode_for(path, now))


def main(owner: str, *roots: str) -> None:
    for root in roots:
        top = os.fsencode(root)
        for directory, directories, files in os.walk(top, topdown=False):
            for name in directories + files:
                normalise(directory + b"/" + name, name, int(owner), directory == top)
        normalise(top, b"", int(owner), False)


if __name__ == "__main__":
    main(*sys.argv[1:])
