"""A push that watches, with a group of two secondaries and two directories."""

from __future__ import annotations

import os
import signal
import threading
import time
import unittest
from typing import Any, Callable, List
from unittest import mock

from group import OWNER, Group
from group import Push as Pushed
from hostsync_host.watch import cycles


def watching(group: Group, work: Callable[[], None], **options: Any) -> Pushed:
    """Pushes with a watch, and works meanwhile. The work ends it."""
    errors: List[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        ended = group.push(**{"watch": "auto", "lease": 120, **options})
    finally:
        thread.join()
    if errors:
        raise errors[0]
    return ended


class WatchCase(unittest.TestCase):
    def setUp(self) -> None:
        self.group = Group(2, ("uploads", "other"))
        self.top = self.group.directories[0]
        logged = mock.patch.object(cycles, "log", wraps=cycles.log)
        self.logged = logged.start()
        self.addCleanup(logged.stop)

    def tearDown(self) -> None:
        self.group.close()

    def wait(self, what: Callable[[], bool], why: Callable[[], str]) -> None:
        end = time.monotonic() + 60
        while not what():
            if time.monotonic() > end:
                self.fail(why())
            time.sleep(0.05)

    def same(self, *but: str) -> None:
        def well() -> bool:
            return not any(
                [line for line in self.group.differences(secondary, directory) if not any(name in line for name in but)]
                for secondary in (1, 2)
                for directory in (0, 1)
            )

        self.wait(well, lambda: f"{self.group.differences(1)} {self.group.differences(2)}")

    def walks(self) -> int:
        return sum(call.args[0].startswith("everything is walked") for call in self.logged.call_args_list)

    def put(self, name: str, text: str) -> None:
        path = f"{self.top}/{name}"
        with open(path, "w", encoding="ascii") as file:
            os.chown(path, OWNER, OWNER)
            file.write(text)
