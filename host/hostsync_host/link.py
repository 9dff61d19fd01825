"""The way to one secondary: the lock that keeps other pushes from it, and the one connection."""

from __future__ import annotations

import os
from typing import Optional

from . import layout, ssh
from .context import Context
from .locks import Lock, try_lock
from .request import Secondary


class Link:
    """Of one push to one secondary."""

    def __init__(self, context: Context, secondary: Secondary) -> None:
        self.context = context
        self.secondary = secondary
        self.id = secondary.id
        self.connection: Optional[ssh.Connection] = None
        self.lock: Optional[Lock] = None

    def connect_early(self) -> None:
        """There will be something to send: the connection is made while the walk goes on."""
        if self.connection is None and self.take_lock():
            self.new_connection().start()

    def stop(self) -> None:
        if self.connection is not None and self.connection.process is not None:
            self.connection.process.terminate()

    def take_lock(self) -> bool:
        """rsync and ssh inherit it: as long as one of them runs, however we ended, nobody else pushes to this
        secondary."""
        if self.lock is None:
            locks = layout.locks(self.context.request.group)
            os.makedirs(locks, mode=0o700, exist_ok=True)
            self.lock = try_lock(os.path.join(locks, self.id.encode()))
        return self.lock is not None

    def lock_number(self) -> int:
        assert self.lock is not None
        return self.lock.fileno()

    def new_connection(self) -> ssh.Connection:
        options = self.context.request.options
        self.connection = ssh.Connection(self.secondary, self.context.scratch, options, (self.lock_number(),))
        return self.connection

    def give_lock_up(self) -> None:
        # the connection inherited it, and would keep it
        if self.connection is not None:
            self.connection.close()
        if self.lock is not None:
            self.lock.release()
            self.lock = None
