"""The primary's key: made anew for every epoch, so that no two hosts ever share one. The private half never leaves."""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import Optional

from . import commands, files, layout, results
from .errors import not_ready

# FIPS hosts have no ed25519
KINDS = (("ed25519",), ("ecdsa", "-b", "256"))


def _epoch_file() -> bytes:
    return layout.STATE + b"/key-epoch"


def make(group: str) -> None:
    """A new key in place of whatever is there."""
    scratch = tempfile.mkdtemp(dir=layout.ETC, prefix=b".hostsync.")
    try:
        said = ""
        for kind in KINDS:
            path = scratch + b"/key"
            made = commands.run(["ssh-keygen", "-q", "-t", *kind, "-N", "", "-C", f"hostsync:{group}", "-f", path])
            if made.ok:
                break
            said = said or made.first_line()
            results.log(f"ssh-keygen makes no {kind[0]} key: {made.first_line()}")
        else:
            raise not_ready(f"ssh-keygen makes no key: {said}; run ssh-keygen -t ed25519 by hand to see why")
        _sync(path)
        os.rename(path, layout.key())
        files.sync_directory(layout.ETC)
    finally:
        shutil.rmtree(scratch)
    results.log(f"made {results.show(layout.key())}")


def _sync(path: bytes) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def public_half() -> str:
    """TYPE KEY, from the private half, so that the two always belong together."""
    shown = commands.run(["ssh-keygen", "-y", "-P", "", "-f", layout.key()])
    words = shown.out.decode("ascii", "replace").split()
    if not shown.ok or len(words) < 2:
        name = results.show(layout.key())
        raise not_ready(f"{name} cannot be used: {shown.first_line()}; move it away, and promote this host again")
    return f"{words[0]} {words[1]}"


def trusted_key() -> Optional[str]:
    """The key that may push to this host: the former primary's, where this one is promoted."""
    data = files.read_small(layout.home() + b"/.ssh/authorized_keys")
    words = results.show(data).split() if data is not None else []
    for index, word in enumerate(words[:-1]):
        if word.startswith(("ssh-", "ecdsa-")):
            return f"{word} {words[index + 1]}"
    return None


def ensure(group: str, epoch: int) -> tuple[str, bool]:
    """The public key of this epoch, and whether it is new. A key that an image brought is never kept."""
    made_for = files.read_small(_epoch_file())
    is_new = not os.path.exists(layout.key()) or made_for != f"{epoch}\n".encode()
    if not is_new and public_half() == trusted_key():
        results.log("the key here is the former primary's; makes another")
        is_new = True
    if is_new:
        # gone first: a key without a word of its epoch is replaced by the next run
        files.remove(_epoch_file())
        make(group)
    public = public_half()
    files.install(layout.key() + b".pub", f"{public} hostsync:{group}\n".encode(), 0o644)
    files.install(_epoch_file(), f"{epoch}\n".encode(), 0o600)
    return public, is_new


def remove() -> bool:
    """A secondary has no key of a primary, whatever its image had. Says whether there was one."""
    removed = files.remove(layout.key())
    files.remove(layout.key() + b".pub")
    files.remove(_epoch_file())
    if removed:
        files.sync_directory(layout.ETC)
        results.log(f"removed {results.show(layout.key())}: this host is a secondary")
    return removed
