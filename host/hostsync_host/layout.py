"""Where things are on a host. Use as `layout.NAME`: tests put other paths there."""

from __future__ import annotations

import hashlib

ETC = b"/etc/hostsync"
STATE = b"/var/lib/hostsync"
RELEASES = b"/usr/local/lib/hostsync"
SUDOERS = b"/etc/sudoers.d/hostsync"
# join, promote and leave take turns
TURN = b"/run/hostsync.lock"

LOGIN = "hostsync"
PYTHON = b"/usr/bin/python3"
RSYNC = b"/usr/bin/rsync"


def key() -> bytes:
    """The primary's private key; the public half is beside it, with .pub."""
    return ETC + b"/id_ed25519"


def group_file() -> bytes:
    return ETC + b"/group"


ARRIVED = "arrived"
"""Module of names for the hook after-sync."""
AFTER_SYNC = "after-sync"
"""Module that runs it."""


TO_KEEP = "to-keep"
"""Module of names that a push is about to delete or replace."""
KEEP = "keep"
"""Module that keeps them."""


def to_keep() -> bytes:
    """As `arrived`, of names to keep."""
    return STATE + b"/to-keep"


def arrived() -> bytes:
    """What the primary says has arrived, until the hook has read it. The login's: the primary's key writes there."""
    return STATE + b"/arrived"


def known_hosts() -> bytes:
    """Host keys of secondaries outside EC2, kept by the operator."""
    return ETC + b"/known_hosts"


def rsyncd_conf() -> bytes:
    return ETC + b"/rsyncd.conf"


def hooks() -> bytes:
    return ETC + b"/hooks"


def home() -> bytes:
    """The login's home; root's, so that the login cannot add a key."""
    return STATE + b"/login"


def scratch() -> bytes:
    return STATE + b"/run"


def locks(group: str) -> bytes:
    return STATE + b"/lock/" + group.encode()


def manifests(group: str) -> bytes:
    return STATE + b"/manifest/" + group.encode()


def stranded() -> bytes:
    """What leave listed, for root alone."""
    return STATE + b"/stranded"


def rescued() -> bytes:
    return STATE + b"/rescued"


def kept() -> bytes:
    """What pushes deleted or replaced here, for root alone."""
    return STATE + b"/kept"


def held_epoch() -> bytes:
    """The epoch in which this host was the primary."""
    return STATE + b"/held-epoch"


def pending_hook() -> bytes:
    """The epoch whose hook after-promotion has not run to its end."""
    return STATE + b"/after-promotion"


def demotion_prepared() -> bytes:
    """The epoch in which before-demotion ran."""
    return STATE + b"/demotion-prepared"


def readable() -> bytes:
    """Is there while something can be read with the primary's key, and says what: the option of join."""
    return STATE + b"/readable"


def fresh() -> bytes:
    """What the primary may write beside the directories: how fresh this host is."""
    return STATE + b"/fresh"


def module_name(path: bytes) -> str:
    """The rsync daemon's name for a directory, which both sides derive from the path."""
    return hashlib.sha256(path).hexdigest()[:16]


def daemon() -> list[bytes]:
    """The one command line that the primary's key can start on a secondary."""
    return [RSYNC, b"--server", b"--daemon", b"--config=" + rsyncd_conf(), b"."]
