"""Takes hostsync off this host: the login, its rule for sudo, keys, state and the package itself.

What the operator put there or may still need stays unless `--purge` is given: hooks, known_hosts, and files that a
rescue kept beside others. The directories themselves are never touched."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
from typing import Optional, Sequence

from . import commands, epoch, files, layout, locks, results, sessions
from .errors import ExitCode, bad_request, not_ready

USAGE = "call uninstall, with --purge or --group NAME or both"


def operators() -> list[bytes]:
    """What stays without --purge."""
    return [layout.hooks(), layout.known_hosts(), layout.rescued()]


def end_commands() -> None:
    """Ends what runs here: pushes, rescues and their children, which hold locks or the scratch of ours open."""
    mine = {os.getpid(), os.getppid()}
    for process in os.listdir("/proc"):
        if not process.isdigit() or int(process) in mine:
            continue
        try:
            with open(f"/proc/{process}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
            if any(word.startswith(layout.RELEASES + b"/") for word in words[:4]):
                os.kill(int(process), signal.SIGKILL)
                results.log(f"ended process {process}")
        except OSError:
            continue  # it is gone


def remove_login() -> bool:
    try:
        entry = pwd.getpwnam(layout.LOGIN)
    except KeyError:
        return False
    if entry.pw_dir.encode() != layout.home():
        results.log(f"the user {layout.LOGIN} is not ours (home {entry.pw_dir}); it stays")
        return False
    removed = commands.run(["userdel", layout.LOGIN])
    if not removed.ok:
        raise not_ready(f"userdel {layout.LOGIN} failed: {removed.first_line()}; end its processes and retry")
    return True


def remove_tree(path: bytes, keep: Sequence[bytes]) -> list[bytes]:
    """Removes a directory but for what is to be kept; says what was kept."""
    if not os.path.lexists(path):
        return []
    kept = [each for each in keep if each.startswith(path + b"/") and os.path.lexists(each) and not _is_empty(each)]
    if not kept:
        shutil.rmtree(path)
        return []
    for name in os.listdir(path):
        each = path + b"/" + name
        if each in kept:
            continue
        if os.path.isdir(each) and not os.path.islink(each):
            shutil.rmtree(each)
        else:
            os.unlink(each)
    return kept


def _is_empty(path: bytes) -> bool:
    return os.path.isdir(path) and not os.listdir(path)


def read_arguments(arguments: Sequence[str]) -> tuple[bool, Optional[str]]:
    """Whether to purge, and the group whose hosts are meant."""
    rest = [each for each in arguments if each != "--purge"]
    if rest and (len(rest) != 2 or rest[0] != "--group"):
        raise bad_request(f'arguments "{" ".join(arguments)}": {USAGE}')
    return "--purge" in arguments, rest[1] if rest else None


def require_group(group: Optional[str]) -> None:
    """A host that was moved to another group since is that group's."""
    state = None if group is None else epoch.read_group()
    if state is not None and state.group != group:
        raise bad_request(f'group "{group}": this host belongs to the group "{state.group}", so everything stays')


def run(arguments: Sequence[str]) -> ExitCode:
    purges, group = read_arguments(arguments)
    commands.need({"userdel": "passwd/shadow-utils"})
    with locks.take_turn():
        require_group(group)
        # the way in first, then who is in
        files.remove(layout.home() + b"/.ssh/authorized_keys")
        files.remove(layout.SUDOERS)
        sessions.end_sessions()
        end_commands()
        remove_login()
        keep = [] if purges else operators()
        kept = remove_tree(layout.ETC, keep) + remove_tree(layout.STATE, keep)
        remove_tree(layout.RELEASES, ())
        files.remove(layout.TURN)
    for each in kept:
        results.log(f"{results.show(each)} stays: it is yours. To remove it, too: rm -r {results.show(each)}")
    results.emit("uninstall", kept=kept)
    return ExitCode.DONE
