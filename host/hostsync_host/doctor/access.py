"""Would this host let the primary in, and run what the operator wants run?"""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterable
from typing import Optional

from .. import commands, files, hooks, layout, login, probe, results, sshd
from .check import Check, error, ok, unknown, warning

ROLE_WHY = "It does not run, so writes go on, or do not begin, at a change of the primary."
HOOKS = {
    "before-demotion": ROLE_WHY,
    "after-promotion": ROLE_WHY,
    "demotion-cancelled": ROLE_WHY,
    layout.AFTER_SYNC: "It does not run, so what depends on new files does not hear of them.",
}
KEY_TYPE = "ssh-ed25519"
NO_FILES = "This host receives no files."


def _login() -> Optional[pwd.struct_passwd]:
    try:
        return pwd.getpwnam(layout.LOGIN)
    except KeyError:
        return None


def sshd_problem() -> Optional[str]:
    """As join asks, also on a host that has no login yet."""
    groups = [layout.LOGIN] if _login() is None else sshd.login_groups()
    problem: Optional[str] = None
    for address in (sshd.own_address(), "127.0.0.1"):
        settings = sshd.read_settings(address)
        found = (
            sshd.access_problem(settings, groups)
            or sshd.key_problem(settings, KEY_TYPE)
            or sshd.session_problem(settings)
        )
        if found is None:
            return None
        problem = problem or found
    return problem


def find_sshd() -> Iterable[Check]:
    if not sshd.read_settings("127.0.0.1"):
        yield unknown("sshd", "sshd -T does not say its settings")
        return
    problem = sshd_problem()
    if problem is not None:
        what, _, mend = problem.partition("; ")
        yield error("sshd", what, NO_FILES, mend or "docs/host-package.md, Keys, and what sshd allows")
    if sshd.find_host_key(KEY_TYPE) is None:
        yield error("sshd", "sshd has no host key", NO_FILES, "ssh-keygen -A, and start sshd")
    ports = sshd.ports() or [22]
    addresses = (sshd.own_address(), "127.0.0.1")
    answers = [port for port in ports if any(probe.reach(each, port) is None for each in addresses)]
    if not answers:
        listed = ", ".join(str(port) for port in ports)
        what = f"no SSH server answers on this host, port {listed}"
        yield error("sshd", what, NO_FILES, "systemctl enable --now sshd (on Debian and Ubuntu: ssh)")
    elif problem is None:
        yield ok("sshd", f"lets {layout.LOGIN} in, and answers on port {answers[0]}")


def find_login() -> Iterable[Check]:
    entry = _login()
    if entry is None:
        yield ok("login", f"no login {layout.LOGIN} yet: join makes it")
        return
    if entry.pw_dir.encode() != layout.home() or entry.pw_uid == 0:
        what = f"the user {layout.LOGIN} is not hostsync's (home {entry.pw_dir})"
        yield error("login", what, "The host cannot join.", f"usermod --login OTHER-NAME {layout.LOGIN}")
        return
    if not os.path.lexists(layout.SUDOERS):
        yield ok("login", f"{layout.LOGIN} may not run rsync yet: join lets it")
        return
    allowed = commands.run(["sudo", "-n", "-l", "-U", layout.LOGIN, *login.forced_command()])
    if allowed.ok:
        yield ok("login", f"sudo lets {layout.LOGIN} run rsync and nothing else")
    elif allowed.err.strip():
        yield unknown("login", f"sudo does not say whether {layout.LOGIN} may run rsync: {allowed.first_line()}")
    else:
        mend = 'add the line "@includedir /etc/sudoers.d" to the end of /etc/sudoers, and look for a later rule'
        yield error("login", f"sudo does not let {layout.LOGIN} run rsync", NO_FILES, mend)


def find_hooks() -> Iterable[Check]:
    there = [name for name in HOOKS if os.path.lexists(layout.hooks() + b"/" + name.encode())]
    found = [each for name in there for each in _find_hook(name)]
    if "before-demotion" in there and "after-promotion" not in there:
        why = "What before-demotion stops on a host is not started again when that host is promoted."
        what = "the hook before-demotion is there, and after-promotion is not"
        found.append(warning("hooks", what, why, f"write {results.show(layout.hooks())}/after-promotion"))
    if "after-sync" in there and not _runs_after_sync():
        what = "the hook after-sync came after this host had joined, which prepares it"
        why = "The hook does not run, so caches may go on serving older files."
        found.append(warning("hooks", what, why, "remove the tag hostsync:joined: the host joins again"))
    yield from found
    if not found:
        yield ok("hooks", f"there: {', '.join(there)}" if there else "none")


def _runs_after_sync() -> bool:
    """Also where this host receives nothing: then there is nothing to run it for."""
    text = files.read_small(layout.rsyncd_conf(), 1 << 20)
    return text is None or f"[{layout.AFTER_SYNC}]".encode() in text


def _find_hook(name: str) -> Iterable[Check]:
    path = layout.hooks() + b"/" + name.encode()
    shown = results.show(path)
    why = HOOKS[name]
    for each in (layout.hooks(), path):
        problem = hooks.stranger(each)
        if problem is not None:
            what, _, mend = problem.partition(", so it was not run: ")
            yield error("hooks", what, why, mend)
            return
    if not os.path.isfile(path) or not os.access(path, os.X_OK):
        yield error("hooks", f"{shown} is not executable", why, f"chmod 755 {shown}")
    elif os.statvfs(path).f_flag & os.ST_NOEXEC:
        mend = f"mount -o remount,exec on its file system: {results.show(layout.hooks())}"
        yield error("hooks", f"{shown} lies on a file system that is mounted noexec", why, mend)


def find_setuid() -> Iterable[Check]:
    path = commands.find("sudo")
    if path is not None and os.statvfs(path).f_flag & os.ST_NOSUID:
        yield error("sudo", f"{path} lies on a file system that is mounted nosuid", NO_FILES, "mount it without nosuid")
