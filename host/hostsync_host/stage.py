"""The stage of a rescue: a directory that rsync writes to, below a name that no push sends."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable
from typing import Optional

from . import owner
from .directories import Opened, open_beneath
from .results import log, show
from .rsync import TEMPORARY
from .ssh import environment
from .verdict import Fault

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY


class Stage:
    """Of one source and directory. What a killed run left in it is used again."""

    def __init__(self, opened: Opened, source: str) -> None:
        self._opened = opened
        self._name = TEMPORARY + b"/rescue-" + hashlib.sha256(source.encode()).hexdigest()[:16].encode()
        self.descriptor = -1

    def open(self) -> Optional[Fault]:
        """Makes it, and opens it for root."""
        if self._as_owner(self._prepare) != 0:
            why = "is no directory of its owner's, or none can be made; move it away"
            return self._fault(f"{show(TEMPORARY)} in it {why}")
        try:
            self.descriptor = open_beneath(self._opened.descriptor, self._name, _DIRECTORY)
        except OSError:
            return self._fault(f"{show(self._name)} in it was moved")
        return None

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def clear(self) -> None:
        """Takes it away, when everything has its place."""
        if self._as_owner(self._clear) != 0:
            log(f"{show(self._opened.path + b'/' + self._name)} could not be removed")

    def _fault(self, text: str) -> Fault:
        return Fault("failed", f"{show(self._opened.path)}: {text}")

    def _as_owner(self, work: Callable[[], int]) -> int:
        return owner.wait(owner.fork_as(self._opened.owner, self._opened.group, work))

    def _prepare(self) -> int:
        """What a killed run put into its place already has two names: it goes, and comes again."""
        os.umask(0o077)
        os.fchdir(self._opened.descriptor)
        for path in (TEMPORARY, self._name):
            try:
                os.mkdir(path)
            except FileExistsError:
                pass
            descriptor = os.open(path, _DIRECTORY | os.O_NOFOLLOW)
            if os.fstat(descriptor).st_uid != os.geteuid():
                return 1
        words = ["find", ".", "-type", "f", "-links", "+1", "-delete"]
        return subprocess.run(words, cwd=self._name, env=environment(), check=False).returncode

    def _clear(self) -> int:
        os.fchdir(self._opened.descriptor)
        code = subprocess.run(["rm", "-rf", "--", self._name], env=environment(), check=False).returncode
        try:
            os.rmdir(TEMPORARY)
        except OSError:
            pass  # other runs have theirs in it
        return code
