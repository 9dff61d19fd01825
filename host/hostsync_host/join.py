"""Makes this host ready to receive from the group's primary and prints its host key; a second run changes nothing.

What the primary's key can do afterwards: write below the directories of the request, as their owner, and in
`fresh/`, as the login. It starts one command, the rsync daemon, whose modules chroot and drop to that owner."""

from __future__ import annotations

import grp
import os
import pwd
import tempfile
from typing import Callable, Optional

from . import commands, epoch, files, keys, later, layout, locks, login, modules, results, sessions, sshd
from .errors import ExitCode, not_ready
from .request import Directory, Request

PROGRAMS = {
    "rsync": "rsync/rsync",
    "sshd": "openssh-server/openssh-server",
    "ssh-keygen": "openssh-client/openssh",
    "sudo": "sudo/sudo",
    "visudo": "sudo/sudo",
    "useradd": "passwd/shadow-utils",
}


def account(name: str, look: Callable[[str], int]) -> int:
    """A user's or group's number. A number needs no entry."""
    try:
        return look(name)
    except KeyError:
        if not name.isdecimal():
            raise
        return int(name)


def _user(name: str) -> int:
    return pwd.getpwnam(name).pw_uid


def _group(name: str) -> int:
    return grp.getgrnam(name).gr_gid


def check_directory(directory: Directory) -> None:
    path = results.show(directory.path)
    real = os.path.realpath(directory.path)
    if real != directory.path:
        raise not_ready(f'directory "{path}" goes through a symbolic link; name the real path, {results.show(real)}')
    if os.path.isdir(directory.path):
        return
    if os.path.lexists(directory.path):
        raise not_ready(f'directory "{path}" is no directory; move it away')
    if directory.owner is None or directory.group is None:
        raise not_ready(f'directory "{path}" is not there; make it, or add owner and group to its line')
    for name, look, kind in ((directory.owner, _user, "user"), (directory.group, _group, "group")):
        try:
            account(name, look)
        except KeyError as error:
            raise not_ready(
                f'directory "{path}": no {kind} "{name}" on this host; make the {kind}, or the directory'
            ) from error


def make_directory(directory: Directory) -> None:
    """Missing parents are root's."""
    if directory.owner is None or directory.group is None:
        return  # it is there: check_directory has seen it
    parent = os.path.dirname(directory.path)
    before = os.umask(0o022)
    try:
        os.makedirs(parent, exist_ok=True)
    finally:
        os.umask(before)
    # with its owner from the first moment: the owner decides as whom the daemon writes
    temporary = tempfile.mkdtemp(dir=parent, prefix=b".hostsync.")
    os.chmod(temporary, 0o755)
    os.chown(temporary, account(directory.owner, _user), account(directory.group, _group))
    os.rename(temporary, directory.path)
    results.log(f"made {results.show(directory.path)}, owner {directory.owner}, group {directory.group}")


def make_directories(request: Request) -> bool:
    for each in request.directories:
        check_directory(each)
    missing = [each for each in request.directories if not os.path.isdir(each.path)]
    for each in missing:
        make_directory(each)
    return bool(missing)


def prepare(request: Request, public_key: str) -> bool:
    """Everything but sshd; says whether something changed."""
    changed = make_directories(request)
    changed = login.make_login() or changed
    login.make_state_directories()
    # The epoch before the key: if we are stopped between the two, the older key can no longer come back.
    is_new_epoch = epoch.follow(request)
    changed = keys.remove() or is_new_epoch or changed
    changed = modules.mend_directories(request.directories) or changed
    configuration = modules.configuration(request.directories, request.options)
    was_readable, readable = _was_readable(), request.options.readable
    if was_readable is None:
        _note_readable(readable)
    changed = files.install(layout.rsyncd_conf(), configuration, 0o644) or changed
    changed = login.install_sudoers() or changed
    changed = login.install_key(public_key, request.group) or changed
    # What could be read can be read no more, and what an epoch allowed not in the next, also not by what is open
    if was_readable not in (None, readable) or is_new_epoch:
        sessions.end_sessions()
    _note_readable(readable)
    return changed


def _was_readable() -> Optional[str]:
    """What could be read until now. Earlier releases said it with an empty file."""
    data = files.read_small(layout.readable(), 64)
    return None if data is None else data.decode("ascii", "replace") or "yes"


def _note_readable(readable: Optional[str]) -> None:
    if readable is None:
        files.remove(layout.readable())
    else:
        files.install(layout.readable(), readable.encode(), 0o600)


def host_key(key_type: str) -> tuple[str, bool]:
    """The host key that sshd shows, and whether it had to be made."""
    found = sshd.find_host_key(key_type)
    if found is not None:
        return found, False
    sshd.make_host_keys()
    found = sshd.find_host_key(key_type)
    if found is None:
        raise not_ready("this host has no SSH host key; run ssh-keygen -A and start sshd")
    return found, True


def run(request: Request) -> ExitCode:
    commands.need(PROGRAMS)
    if not os.access(layout.RSYNC, os.X_OK):
        raise not_ready(
            f"{results.show(layout.RSYNC)} is missing, rsync is at {commands.find('rsync')}; "
            "install the distribution's rsync"
        )
    public_key = request.public_key or ""
    key_type = public_key.split(" ")[0]
    with locks.take_turn():
        epoch.require_not_older(request)
        if request.options.readable is None:
            later.keep(request)
        changed = prepare(request, public_key)
        changed = sshd.start() or changed
        key, is_new = host_key(key_type)
        problem = sshd.find_problem(key_type)
    if problem is not None:
        raise not_ready(problem)
    ports = sshd.ports()
    if ports and 22 not in ports:
        results.log(
            f"sshd listens on port {ports[0]}: the tag hostsync:port, or the list of secondaries, has to say so"
        )
    results.emit("join", group=request.group, epoch=request.epoch, changed=changed or is_new, hostKey=key, ports=ports)
    return ExitCode.DONE
