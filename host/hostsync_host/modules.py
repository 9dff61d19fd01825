"""The rsync daemon's configuration on a secondary: what the primary's key can write, and as whom."""

from __future__ import annotations

import os
import pwd
import re
import stat
from typing import Iterable, Optional, Sequence

from . import commands, files, freshness, hooks, layout, results
from .options import Options
from .request import Directory

# Without delete-during a daemon deletes before all else, and both ends have the names of the whole tree in memory.
# Every option is refused but those that a push uses: some have names looked up, by libraries that would be loaded from
# the module (usermap, groupmap, copy-as), some tell what the files hold (block-size, debug).
PUSH_OPTIONS = (
    "!r !l !p !t !g !o !H !S !numeric-ids !modify-window !timeout !stats"
    " !delete !delete-during !delete-delay !delete-before"
    " !delay-updates !existing !ignore-existing !R !d !no-r !c !I !delete-missing-args !max-delete"
    " !bwlimit !fsync !info !max-size !link-dest"
)
# For a rescue: whatever it does not use is refused. What is read there, the primary's key can read.
RESCUE_OPTIONS = "!r !l !p !t !H !S !R !u !numeric-ids !timeout !files-from !ignore-missing-args"

# The log goes to syslog: standard output is the connection. Below verbosity 9 daemons before 3.5 do not say how much
# they deleted. The message of the day is this boot's id: after another one a push looks for what the power took.
HEADING = f"""# Written by hostsync's join, which overwrites changes.
use chroot = yes
numeric ids = yes
munge symlinks = no
read only = no
write only = yes
list = no
max verbosity = 9
motd file = /proc/sys/kernel/random/boot_id
reverse lookup = no
forward lookup = no
refuse options = * {PUSH_OPTIONS} log-format
"""
READABLE = f"read only = yes\nwrite only = no\nrefuse options = * {RESCUE_OPTIONS} log-format\n"

# A list of names, and a run that sends nothing.
ARRIVED_OPTIONS = "refuse options = * !r !I !timeout !stats log-format\n"


def _walks_twice() -> bool:
    """From 3.5 on rsync walks to every new file twice more, for fear of symbolic links that lead out of the module.
    Nothing leads out of the chroot, and the walks take a quarter of the time of a first sync."""
    version = re.search(rb"version (\d+)\.(\d+)\.", commands.run([layout.RSYNC, "--version"]).out)
    return version is not None and (int(version[1]), int(version[2])) >= (3, 5)


def _groups(uid: int, gid: int) -> list[int]:
    """The owner's other groups too: a file may have one of them."""
    try:
        others: Iterable[int] = os.getgrouplist(pwd.getpwuid(uid).pw_name, gid)
    except KeyError:
        others = ()
    return list(dict.fromkeys((gid, *others)))


def _module(name: bytes, path: bytes, uid: int, groups: Sequence[int], more: str) -> bytes:
    ids = f"uid = {uid}\ngid = {' '.join(map(str, groups))}\n"
    return b"\n[" + name + b"]\npath = " + path + b"\n" + ids.encode() + more.encode()


def _modules_of(path: bytes, readable: bool, more: str) -> bytes:
    found = os.stat(path)
    groups = _groups(found.st_uid, found.st_gid)
    name = layout.module_name(path).encode()
    # Set-user-id means nothing good in files that a web server's user writes; on directories set-group-id stays. A
    # directory that its owner cannot enter would lock out every later push. Root needs neither.
    own = "" if found.st_uid == 0 else f"incoming chmod = Du+rx,Fu-s,Fg-s\n{more}"
    text = _module(name, path, found.st_uid, groups, own)
    if readable:
        text += _module(name + b"-read", path, found.st_uid, groups, READABLE)
    return text


def _after_sync() -> bytes:
    """Two modules for the operator's hook, where there is one: a list of names is written as the login, and a run to
    the second has the daemon, as root still, start what stands here."""
    entry = pwd.getpwnam(layout.LOGIN)
    return _told(layout.ARRIVED, layout.arrived(), layout.AFTER_SYNC, b"after-sync", entry)


def _keep(options: Options) -> bytes:
    """The same for what is to be kept. The limits stand here, so that the primary's key cannot choose them."""
    words = b"keep %d %d" % (options.keep_deleted, options.keep_max)
    return _told(layout.TO_KEEP, layout.to_keep(), layout.KEEP, words, pwd.getpwnam(layout.LOGIN))


def _told(names: str, path: bytes, start: str, words: bytes, entry: pwd.struct_passwd) -> bytes:
    command = b" ".join((layout.PYTHON, b"-I", layout.RELEASES + b"/current", words))
    text = b""
    for name, more in ((names, b"incoming chmod = F600\n"), (start, b"pre-xfer exec = " + command + b"\n")):
        text += _module(name.encode(), path, entry.pw_uid, [entry.pw_gid], ARRIVED_OPTIONS) + more
    return text


def make_told(path: bytes) -> None:
    """The directory of these names."""
    entry = pwd.getpwnam(layout.LOGIN)
    files.make_directory(path, 0o700)
    os.chown(path, entry.pw_uid, entry.pw_gid)


def _is_roots(path: bytes) -> bool:
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == 0


def _kept_of(path: bytes) -> bytes:
    """What is kept of a directory; root's, as the directories around it are."""
    name = layout.module_name(path).encode()
    place = os.path.join(layout.kept(), name)
    return _module(name + b"-kept", place, 0, [0], READABLE) if _is_roots(place) else b""


def configuration(directories: Sequence[Directory], options: Options) -> bytes:
    """The file rsyncd.conf. With `readable`, a rescue reads the directories and the lists of leave, or what is kept."""
    readable = options.readable == "yes"
    more = "insecure links = yes\n" if _walks_twice() else ""
    text = HEADING.encode()
    for each in directories:
        text += _modules_of(each.path, readable, more)
    if hooks.is_there("after-sync"):
        make_told(layout.arrived())
        text += _after_sync()
    if options.keep_deleted:
        make_told(layout.to_keep())
        text += _keep(options)
    login = pwd.getpwnam(layout.LOGIN)
    text += _module(freshness.MODULE.encode(), layout.fresh(), login.pw_uid, [login.pw_gid], more)
    # root's, as the names of files are nobody's business
    if readable and _is_roots(layout.stranded()):
        text += _module(b"stranded", layout.stranded(), 0, [0], READABLE)
    if options.readable == "kept":
        for each in directories:
            text += _kept_of(each.path)
    return text


def mend_directories(directories: Sequence[Directory]) -> bool:
    """Gives owners back the way into their directories, where an earlier mode keeps pushes out. As the owner, who can
    change nothing but what is the owner's own; says whether something was mended."""
    mended = False
    for each in directories:
        owner = os.stat(each.path)
        if owner.st_uid == 0:
            continue
        child = os.fork()
        if child == 0:
            os._exit(_mend_as(each.path, owner))
        code = os.waitpid(child, 0)[1]
        if code != 0:
            mended = True
            results.log(f"{results.show(each.path)}: its owner could not enter some directories below it; mended")
    return mended


def _mend_as(path: bytes, owner: os.stat_result) -> int:
    """In a process of its own: 1 if something was mended."""
    try:
        os.setgroups([])
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)
        return 1 if _mend_tree(path, owner.st_uid) else 0
    except OSError:
        return 0  # rsync will say it


def _mend_tree(path: bytes, uid: int) -> bool:
    mended = _mend_one(path, uid)
    for _, names, _, descriptor in os.fwalk(path, follow_symlinks=False):
        for name in names:
            mended = _mend_one(name, uid, descriptor) or mended
    return mended


def _mend_one(name: bytes, uid: int, descriptor: Optional[int] = None) -> bool:
    found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or found.st_mode & 0o500 == 0o500:
        return False
    os.chmod(name, stat.S_IMODE(found.st_mode) | 0o500, dir_fd=descriptor)
    return True
