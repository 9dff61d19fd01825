"""One SSH connection to a secondary for a whole push.

The master is a foreground child (`ssh -N`): it stays in our process group, which the SSM agent ends with SIGKILL, and
ControlPersist would leave it. What ssh says stands on a pipe of its own, where no name of a file can come: so its words
may be told apart.
"""

from __future__ import annotations

import enum
import hashlib
import os
import re
import socket
import subprocess
import time
from dataclasses import dataclass
from typing import List, Optional, Sequence

from .layout import ETC
from .options import Options
from .request import Secondary

LOGIN = "hostsync"
_STDERR_LIMIT = 8192
_GREETING_SECONDS = 3.0


class Failure(enum.Enum):
    """Why there is no connection; the words of the contract."""

    UNREACHABLE = "unreachable"
    HOST_KEY_UNKNOWN = "host-key-unknown"
    HOST_KEY_CHANGED = "host-key-changed"
    KEY_REFUSED = "key-refused"
    NOT_PREPARED = "not-prepared"
    TIMEOUT = "timeout"


@dataclass(frozen=True)
class Refusal:
    """No connection: the error of the contract, and a message with the remedy."""

    failure: Failure
    message: str


def _short_name(secondary: Secondary) -> str:
    """A socket's path has 108 bytes at most, and a host's name may have 253."""
    return hashlib.sha256(secondary.id.encode()).hexdigest()[:12]


def configuration(secondary: Secondary, scratch: bytes, options: Options) -> str:
    """The whole configuration of ssh: it reads no other. ServerAlive ends it when rsync is gone and the host hangs."""
    hosts = os.path.join(os.fsdecode(ETC), "known_hosts")
    if secondary.host_key is not None:
        hosts = os.path.join(os.fsdecode(scratch), f"{_short_name(secondary)}.known_hosts")
    return "\n".join(
        [
            f"HostName {secondary.address}",
            f"Port {secondary.port}",
            f"User {LOGIN}",
            f"HostKeyAlias {secondary.id}",
            f"UserKnownHostsFile {hosts}",
            "GlobalKnownHostsFile /dev/null",
            "StrictHostKeyChecking yes",
            "CheckHostIP no",
            "UpdateHostKeys no",
            f"IdentityFile {key_path()}",
            "IdentitiesOnly yes",
            "IdentityAgent none",
            "Ciphers ^aes128-gcm@openssh.com",
            "PreferredAuthentications publickey",
            "BatchMode yes",
            "EscapeChar none",
            f"ConnectTimeout {options.connect_timeout}",
            f"ServerAliveInterval {(options.io_timeout + 2) // 3}",
            f"ControlPath {os.fsdecode(scratch)}/{_short_name(secondary)}.master",
            "LogLevel ERROR",
            "",
        ]
    )


def key_path() -> str:
    """The primary's own key."""
    return os.path.join(os.fsdecode(ETC), "id_ed25519")


class Connection:
    """The connection to one secondary: opened once, shared by every rsync of a push, closed at its end."""

    def __init__(self, secondary: Secondary, scratch: bytes, options: Options, inherit: Sequence[int] = ()) -> None:
        self.secondary = secondary
        self.options = options
        self.inherit = tuple(inherit)
        self.directory = os.fsdecode(scratch)
        self.config = os.path.join(self.directory, f"{_short_name(secondary)}.ssh")
        self.control = os.path.join(self.directory, f"{_short_name(secondary)}.master")
        self.process: Optional[subprocess.Popen[bytes]] = None
        self.began = 0.0
        if secondary.host_key is not None:
            with open(
                os.path.join(self.directory, f"{_short_name(secondary)}.known_hosts"), "w", encoding="ascii"
            ) as file:
                file.write(f"{secondary.id} {secondary.host_key}\n")
        with open(self.config, "w", encoding="ascii") as file:
            file.write(configuration(secondary, scratch, options))

    def start(self, prefix: Sequence[str] = ()) -> None:
        """Begins to connect, and waits for nothing."""
        if self.process is not None:
            return
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [*prefix, "ssh", "-F", self.config, "-N", "-M", self.secondary.id],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=self.inherit,
            env=environment(),
        )

    def ready(self, deadline: float) -> Optional[Refusal]:
        """Waits until the connection stands; says why, if it does not. `deadline` is of time.monotonic."""
        self.start()
        process = self.process
        assert process is not None
        # ssh itself ends earlier; this is for one that hangs after the handshake
        limit = min(deadline, self.began + self.options.connect_timeout * 2 + 5)
        pause = 0.002
        while process.poll() is None:
            if os.path.exists(self.control):
                return None
            if time.monotonic() >= limit:
                self.close()
                return Refusal(Failure.TIMEOUT, self._advice("the connection did not stand in time"))
            time.sleep(pause)
            pause = min(pause * 1.3, 0.05)
        refusal = refused(self._words(), self.secondary)
        self.process = None
        return refusal

    def alive(self) -> bool:
        """Does the connection still stand?"""
        return self.process is not None and self.process.poll() is None and os.path.exists(self.control)

    def lost(self) -> Refusal:
        """Why a connection that stood has ended."""
        words = self._words() if self.process is not None and self.process.poll() is not None else ""
        return refused(words or "the connection was lost", self.secondary)

    def remote_shell(self) -> str:
        """For rsync's --rsh, which splits it at blanks: the scratch directory has none."""
        return f"ssh -F {self.config} -oControlMaster=no"

    def close(self) -> None:
        """Ends the connection."""
        process, self.process = self.process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stderr is not None:
            process.stderr.close()

    def _words(self) -> str:
        process = self.process
        if process is None or process.stderr is None:
            return ""
        said = process.stderr.read(_STDERR_LIMIT)
        process.stderr.close()
        return said.decode("utf-8", "replace").replace("\r\n", "\n").strip()

    def _advice(self, words: str) -> str:
        return refused(words, self.secondary).message


def environment() -> dict[str, str]:
    """~/.popt, RSYNC_* and an agent would change what rsync and ssh do."""
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL": "C",
        "HOME": "/nonexistent",
    }


_CHANGED = re.compile(r"REMOTE HOST IDENTIFICATION HAS CHANGED")
_UNVERIFIED = re.compile(
    r"^(No .* host key is known|Host key verification failed|Unable to negotiate .* host key)", re.M
)
_REFUSED = re.compile(
    r"^(\S+@\S+: Permission denied \(|Received disconnect .*: Too many authentication failures"
    r"|Connection closed by .*\[preauth\])",
    re.M,
)
_NOT_OPEN = re.compile(r"^(This account is|System is booting up|.*account (has )?expired)", re.M | re.I)


def refused(words: str, secondary: Secondary) -> Refusal:
    """What ssh's own words, and nobody else's, mean."""
    first = _first_line(words)
    if _CHANGED.search(words) or (secondary.host_key is not None and _UNVERIFIED.search(words)):
        remedy = "If the host was rebuilt, run join there and pin the key that it prints"
        message = f"it showed another host key than the pinned one; nothing was sent. {remedy}"
        return Refusal(Failure.HOST_KEY_CHANGED, message)
    if _UNVERIFIED.search(words):
        known = os.path.join(os.fsdecode(ETC), "known_hosts")
        message = f"{first}; nothing was sent. Put its key into {known} under the name {secondary.id}"
        return Refusal(Failure.HOST_KEY_UNKNOWN, message)
    if _REFUSED.search(words):
        return Refusal(Failure.KEY_REFUSED, f"{first}; run join there with this primary's public key")
    if _NOT_OPEN.search(words):
        return Refusal(Failure.NOT_PREPARED, f"{first}; let the login {LOGIN} in there")
    where = (
        f"look at the host, its address {secondary.address}, port {secondary.port} and the firewall (security group)"
    )
    return Refusal(Failure.UNREACHABLE, f"{first or 'ssh ended without a word'}; {where}")


def _first_line(words: str) -> str:
    lines: List[str] = [line.strip() for line in words.splitlines() if line.strip() and not line.startswith("@@@")]
    return (lines[0] if lines else "")[:190]


def greets(secondary: Secondary, timeout: float) -> Optional[Refusal]:
    """Is there an SSH server? It is sent a banner, so that it counts no failed login. For when nothing is sent."""
    try:
        with socket.create_connection((secondary.address, secondary.port), timeout=timeout) as connection:
            connection.settimeout(_GREETING_SECONDS)
            said = connection.recv(4)
            if said == b"SSH-":
                connection.sendall(b"SSH-2.0-hostsync\r\n")
                return None
        return refused("what answers is no SSH server", secondary)
    except OSError as error:
        return refused(error.strerror or "timed out", secondary)
