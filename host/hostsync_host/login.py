"""The login of a secondary: one command, the rsync daemon, whose modules chroot and drop to the directories' owners."""

from __future__ import annotations

import grp
import os
import pwd

from . import commands, files, layout, results, sessions
from .errors import not_ready

SHELL = "/bin/sh"
# No terminal is there for use_pty to protect, and its relay would stand between ssh and rsync; a log of a push's output
# would be the files themselves. requiretty would refuse us. Older sudo and sudo-rs do not know all of them.
SETTINGS = (
    "!requiretty, !use_pty, !log_input, !log_output, !log_subcmds, !intercept",
    "!requiretty, !use_pty, !log_input, !log_output",
    "!requiretty, !use_pty",
    "!use_pty",
)


def forced_command() -> list[bytes]:
    """An empty environment, for no variable is to choose what is loaded. rsync before 3.5 starts OpenSSL after the
    chroot, so its configuration, which can name code to run, would come from the module: an empty name is no file."""
    return [b"/usr/bin/env", b"-i", b"OPENSSL_CONF=", *layout.daemon()]


def make_login() -> bool:
    """Password "*": none fits. ("!" means locked, and an sshd without PAM then refuses keys too.) A forced command is
    run by the login's shell, so nologin would block it."""
    name, home = layout.LOGIN, layout.home().decode()
    changed = False
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        _useradd(name, home)
        results.log(f"made the login {name}")
        changed = True
        entry = pwd.getpwnam(name)
    if entry.pw_dir != home or entry.pw_uid == 0:
        raise not_ready(f"the user {name} on this host is not ours (home {entry.pw_dir}); rename that user")
    shadow = commands.run(["getent", "shadow", name]).out
    if entry.pw_shell != SHELL or not shadow.startswith(f"{name}:*:".encode()):
        _must(["usermod", "--shell", SHELL, "--password", "*", name])
        changed = True
    return changed


def _useradd(name: str, home: str) -> None:
    try:
        grp.getgrnam(name)
        group = ["--gid", name]
    except KeyError:
        group = ["--user-group"]
    options = ["--system", *group, "--home-dir", home, "--no-create-home", "--shell", SHELL, "--password", "*"]
    _must(["useradd", *options, name])


def _must(arguments: list[str]) -> None:
    done = commands.run(arguments)
    if not done.ok:
        raise not_ready(f"{arguments[0]} failed: {done.first_line()}; run it by hand: {' '.join(arguments)}")


def make_state_directories() -> None:
    """Root's, so that the login cannot add a key."""
    for path in (layout.ETC, layout.STATE, layout.home(), layout.home() + b"/.ssh"):
        files.make_directory(path)
    _make_fresh()


def _make_fresh() -> None:
    """The login's, for as the login the daemon writes there; not root's, whose files the primary could then be."""
    path, entry = layout.fresh(), pwd.getpwnam(layout.LOGIN)
    files.make_directory(path, 0o700)
    os.chown(path, entry.pw_uid, entry.pw_gid)


def install_key(public_key: str, group: str) -> bool:
    """The one key that may push. Whatever another key has open is ended."""
    ssh = layout.home() + b"/.ssh"
    # In place of /etc/ssh/sshrc, which may print, and the connection is rsync's
    changed = files.install(ssh + b"/rc", b": # nothing: what is said here would go to the primary's rsync\n", 0o644)
    command = b" ".join([b"/usr/bin/sudo -n", *forced_command()]).decode()
    line = f'restrict,user-rc,command="{command}" {public_key} hostsync:{group}\n'
    is_new_key = files.install(ssh + b"/authorized_keys", line.encode(), 0o644)
    _label(ssh)
    if is_new_key:
        sessions.end_sessions()
    return changed or is_new_key


def _label(path: bytes) -> None:
    """Enforcing SELinux lets sshd read keys of this type only."""
    if commands.find("selinuxenabled") is None or not commands.run(["selinuxenabled"]).ok:
        return
    if not commands.run(["chcon", "-R", "-t", "ssh_home_t", path]).ok:
        name = results.show(path)
        results.log(f"chcon failed on {name}; if pushes are refused, label it ssh_home_t")


def _rule(settings: str) -> bytes:
    command = b" ".join(forced_command()).replace(b"=", b"\\=")
    name = layout.LOGIN.encode()
    return b"Defaults:%s %s\n%s ALL=(root) NOPASSWD: %s\n" % (name, settings.encode(), name, command)


def install_sudoers() -> bool:
    temporary = os.path.dirname(layout.SUDOERS) + b"/.hostsync.try"
    said = ""
    for settings in SETTINGS:
        rule = _rule(settings)
        files.write_atomic(temporary, rule, 0o440, sync=False)
        try:
            checked = commands.run(["visudo", "-cqf", temporary])
        finally:
            files.remove(temporary)
        # some versions only warn of a setting that they do not know, and sudo then says so at every login
        if checked.ok and not checked.err.strip():
            break
        said = checked.first_line()
    else:
        raise not_ready(f"visudo refuses our rule: {said}; update sudo")
    changed = files.install(layout.SUDOERS, rule, 0o440)
    allowed = commands.run(["sudo", "-n", "-l", "-U", layout.LOGIN, *forced_command()])
    if not allowed.ok and not allowed.err.strip():
        raise not_ready(
            f"sudo does not let {layout.LOGIN} run rsync; "
            'add the line "@includedir /etc/sudoers.d" to the end of /etc/sudoers, and look for a later rule'
        )
    if not allowed.ok:  # a sudo that cannot be asked
        results.log(f"sudo does not say whether {layout.LOGIN} may run rsync: {allowed.first_line()}")
    return changed
